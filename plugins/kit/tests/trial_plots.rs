//! The charts of clinical trials with plain and with ugly data. With HEDDLE_PLOT_GALLERY set to a directory the pictures
//! are written there, to be looked at.
#![allow(clippy::unwrap_used)]

use heddle_kit::plot::*;
use proptest::prelude::*;

/// Renders twice, writes the picture where it is asked for, and returns it.
fn figure(name: &str, render: impl Fn() -> Result<Figure, PlotError>) -> Figure {
    let made = render().unwrap();
    assert_eq!(made, render().unwrap(), "{name} is not the same twice");
    if let Ok(directory) = std::env::var("HEDDLE_PLOT_GALLERY") {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(format!("{directory}/{name}.png"), &made.png).unwrap();
        std::fs::write(format!("{directory}/{name}.svg"), &made.svg).unwrap();
    }
    made
}

const LONG: &str =
    "Pembrolizumab-like investigational antibody 200 mg every three weeks plus best supportive care";

/// A curve of `subjects` whose exits are spread by a fixed rule; every `censor`-th is censored.
fn arm(name: &str, subjects: u64, scale: f64, censor: u64) -> KmCurve {
    let mut times: Vec<(f64, bool)> = (1..=subjects)
        .map(|i| {
            let u = (i as f64 * 0.618_034).fract().max(1e-6);
            let t = -u.ln() * scale;
            (t.min(36.0), t < 36.0 && (censor == 0 || !i.is_multiple_of(censor)))
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut survival, mut greenwood, mut events) = (1.0, 0.0, 0);
    let mut median = None;
    let (mut steps, mut censored, mut at_risk) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (time, event)) in times.iter().enumerate() {
        let n = subjects - at as u64;
        at_risk.push((*time, n));
        if *event {
            events += 1;
            survival *= 1.0 - 1.0 / n as f64;
            greenwood += if n > 1 { 1.0 / (n as f64 * (n - 1) as f64) } else { f64::INFINITY };
            let half = 1.96 * survival * greenwood.sqrt();
            let limits = half.is_finite().then(|| ((survival - half).max(0.0), (survival + half).min(1.0)));
            steps.push(KmStep { time: *time, survival, limits });
            median = median.or((survival <= 0.5).then_some(*time));
        } else {
            censored.push(*time);
        }
    }
    let written = median.map_or("not reached".to_owned(), |m| format!("{m:.1}"));
    KmCurve::new(name)
        .summary(format!("n = {subjects}, {events} events, median {written}"))
        .steps(steps)
        .censored(censored)
        .at_risk(at_risk)
        .median(median)
}

fn survival(curves: impl IntoIterator<Item = KmCurve>) -> KaplanMeier {
    curves
        .into_iter()
        .fold(KaplanMeier::new("Progression-free survival"), KaplanMeier::curve)
        .subtitle("Intention-to-treat population; bands are 95 % log-log confidence intervals, ticks are censored subjects")
        .time_axis(Axis::new("Time since randomisation").unit("months"))
        .survival_axis(Axis::new("Progression-free probability"))
        .annotation("Log-rank p = 0.0021")
        .annotation("Hazard ratio 0.68 (95 % CI 0.53–0.87)")
        .note("Dashed lines mark the medians.")
}

#[test]
fn kaplan_meier() {
    let two = figure("km_two", || {
        survival([arm("Drug", 120, 20.0, 4), arm("Placebo", 118, 11.0, 5)])
            .ticks_every(6.0)
            .render(Size::default())
    });
    // The numbers at risk are those of the data: all at 0, none after the last.
    assert!(two.svg.contains("\n120\n") && two.svg.contains("\n118\n") && two.svg.contains("Number at risk"));
    figure("km_six", || {
        let arms =
            (0..6).map(|i| arm(&format!("Dose {} mg", 10 << i), 40 + i * 7, 6.0 + i as f64 * 4.0, 3 + i));
        survival(arms).render(Size::default())
    });
    figure("km_long_names", || {
        survival([arm(LONG, 60, 30.0, 3), arm(&LONG[..50], 61, 9.0, 4)]).render(Size::new(900, 640))
    });
    figure("km_no_events", || {
        let idle = KmCurve::new("Drug").summary("n = 12, no events").censored([3.0, 9.0, 12.0]).at_risk([
            (3.0, 12),
            (9.0, 5),
            (12.0, 1),
        ]);
        survival([idle]).render(Size::default())
    });
    figure("km_one_subject", || survival([arm("Drug", 1, 8.0, 0)]).render(Size::default()));
    let big = figure("km_large", || {
        survival([arm("Drug", 50_000, 20.0, 4), arm("Placebo", 50_000, 14.0, 3)]).render(Size::default())
    });
    assert!(big.svg.len() < 600_000, "a hundred thousand subjects make an SVG of {} bytes", big.svg.len());
    let none = figure("km_empty", || {
        KaplanMeier::new("Overall survival")
            .no_data_reason("no subject has a follow-up time")
            .render(Size::default())
    });
    assert!(none.svg.contains("no subject has a follow-up time"));
}

#[test]
fn numbers_at_risk_stand_under_their_ticks() {
    let numbers = [(0.0, 9), (6.0, 7), (12.0, 4), (18.0, 2)];
    let made = figure("km_at_risk", || {
        let curve = KmCurve::new("A").at_risk(numbers).followed_to(18.0);
        KaplanMeier::new("T").curve(curve).ticks_every(6.0).render(Size::default())
    });
    // Ticks and numbers share their x, so both texts of a column have the same attribute.
    let x_of = |text: &str| -> Vec<String> {
        let parts: Vec<&str> = made
            .svg
            .split("<text")
            .filter(|t| t.contains(&format!(">\n{text}\n<")) || t.contains(&format!(">{text}<")))
            .collect();
        parts.iter().filter_map(|t| Some(t.split(" x=\"").nth(1)?.split('"').next()?.to_owned())).collect()
    };
    for (tick, number) in [("6", "7"), ("12", "4"), ("18", "2")] {
        let (ticks, numbers) = (x_of(tick), x_of(number));
        assert!(
            !ticks.is_empty() && numbers.iter().any(|x| ticks.contains(x)),
            "{tick}: {ticks:?}, {number}: {numbers:?}"
        );
    }
}

fn subgroups() -> ForestPlot {
    let measure = Measure::ratio("Hazard ratio (95 % CI)").favours("Favours drug", "Favours placebo");
    ForestPlot::new("Progression-free survival by subgroup", measure)
        .subtitle("Cox models with treatment alone in each subgroup; the area of a square stands for the number of events")
        .columns(["Drug\nn/N", "Placebo\nn/N"])
        .row(ForestRow::summary("All subjects", ["45/120", "60/118"], Effect::new(0.68, 0.53, 0.87)))
        .row(ForestRow::heading("Sex").interaction("0.48"))
        .row(ForestRow::entry("Female", ["20/60", "31/61"], Effect::weighted(0.61, 0.41, 0.92, 51.0)))
        .row(ForestRow::entry("Male", ["25/60", "29/57"], Effect::weighted(0.74, 0.50, 1.10, 54.0)))
        .row(ForestRow::heading("Age").interaction("0.83"))
        .row(ForestRow::entry("< 65 years", ["23/71", "30/66"], Effect::weighted(0.70, 0.44, 1.12, 53.0)))
        .row(ForestRow::entry("≥ 65 years", ["22/49", "30/52"], Effect::weighted(0.66, 0.40, 1.09, 52.0)))
        .row(ForestRow::heading("Region").interaction("not computable: a level without events"))
        .row(ForestRow::entry("Europe", ["40/90", "55/92"], Effect::weighted(0.65, 0.48, 0.88, 95.0)))
        .row(ForestRow::entry("North America", ["5/22", "5/20"], Effect::weighted(0.9, 0.26, 3.1, 10.0)))
        .row(ForestRow::entry("Asia-Pacific and the rest of the world", ["0/8", "0/6"], Effect::NotComputable("not estimable: no events".into())))
        .row(ForestRow::entry("One event", ["1/4", "1/3"], Effect::weighted(0.2, 0.001, 41.0, 2.0)))
        .note("An arrow shows an interval that goes on beyond the axis. n/N: subjects with an event of all.")
}

#[test]
fn forest() {
    let plot = figure("forest", || subgroups().render(Size::default()));
    assert!(plot.svg.contains("0.68 (0.53–0.87)") && plot.svg.contains("not estimable: no events"));
    figure("forest_many", || {
        (0..60)
            .fold(subgroups(), |plot, i| {
                let v = 0.4 + f64::from(i % 13) * 0.1;
                plot.row(ForestRow::entry(
                    format!("Level {i}"),
                    ["1/9", "2/9"],
                    Effect::new(v, v / 2.2, v * 2.2),
                ))
            })
            .render(Size::default())
    });
    figure("forest_difference", || {
        let measure =
            Measure::difference("Mean difference (95 % CI)").decimals(1).favours(LONG, "Placebo better");
        ForestPlot::new("Change of systolic pressure", measure)
            .row(ForestRow::entry("Week 4", Vec::<String>::new(), Effect::new(-2.1, -4.0, -0.2)))
            .row(ForestRow::entry("Week 12", Vec::<String>::new(), Effect::new(-5.4, -8.0, -2.8)))
            .row(ForestRow::entry(
                LONG,
                Vec::<String>::new(),
                Effect::new(1.0, f64::NEG_INFINITY, f64::INFINITY),
            ))
            .render(Size::default())
    });
    figure("forest_none", || {
        ForestPlot::new("None", Measure::ratio("HR"))
            .row(ForestRow::entry(
                "All",
                Vec::<String>::new(),
                Effect::NotComputable("no events in either arm".into()),
            ))
            .render(Size::default())
    });
}

fn adverse_events() -> DotPlot {
    let terms = [
        (
            "Gastrointestinal disorders",
            vec![("Nausea", 0.31, 0.12), ("Diarrhoea", 0.22, 0.14), ("Vomiting", 0.11, 0.05)],
        ),
        ("Nervous system disorders", vec![("Headache", 0.18, 0.19), ("Dizziness", 0.09, 0.04)]),
        (
            "Skin and subcutaneous tissue disorders",
            vec![("Palmar-plantar erythrodysaesthesia syndrome", 0.07, 0.0)],
        ),
    ];
    let mut plot = DotPlot::new("Most frequent adverse events")
        .subtitle("Treatment-emergent, by system organ class and preferred term; at least 5 % in an arm")
        .series(["Drug (N = 120)", "Placebo (N = 118)"])
        .value_axis(Axis::new("Subjects with the event").unit("%"))
        .effects(
            Measure::difference("Risk difference, % (95 % CI)").favours("Less with drug", "More with drug"),
        );
    for (class, rows) in terms {
        plot = plot.row(DotRow::heading(class));
        for (term, a, b) in rows {
            let (d, half) = ((a - b) * 100.0, 9.0);
            let effect = if b > 0.0 {
                Effect::new(d, d - half, d + half)
            } else {
                Effect::NotComputable("no event on placebo".into())
            };
            plot = plot.row(DotRow::new(term, [Some(a * 100.0), Some(b * 100.0)]).effect(effect));
        }
    }
    plot
}

#[test]
fn dots() {
    figure("dots_events", || adverse_events().render(Size::default()));
    figure("dots_love", || {
        let names = [
            "Age",
            "Female",
            "Body-mass index",
            "Diabetes mellitus",
            "Prior myocardial infarction",
            "Propensity score (logit)",
        ];
        names
            .iter()
            .enumerate()
            .fold(DotPlot::new("Balance before and after matching"), |plot, (at, name)| {
                let before = 0.05 + at as f64 * 0.11;
                plot.row(DotRow::new(*name, [Some(before), (at != 3).then_some(before / 9.0)]))
            })
            .series(["Before matching", "After matching"])
            .hollow(0)
            .guide(0.1, "0.1")
            .value_axis(Axis::new("Absolute standardised mean difference"))
            .render(Size::default())
    });
    figure("dots_six", || {
        (0..30)
            .fold(DotPlot::new("Six arms").series((0..6).map(|i| format!("Arm {i}"))), |plot, row| {
                plot.row(DotRow::new(
                    format!("{row} {LONG}"),
                    (0..6).map(move |i| Some(f64::from((row * 7 + i * 5) % 31))),
                ))
            })
            .render(Size::default())
    });
}

#[test]
fn distributions() {
    let values = |scale: f64, n: u32| {
        (0..n).map(move |i| {
            60.0 + scale * f64::from((i * 7919) % 1009) / 100.0 * if i % 2 == 0 { 1.0 } else { -1.0 }
        })
    };
    let ages = move |name: &str, scale, n| {
        BoxStats::of(name, &values(scale, n).chain([120.0, 3.0]).collect::<Vec<_>>()).unwrap()
    };
    figure("boxes", || {
        BoxChart::new("Age")
            .boxes([ages("Drug", 1.4, 120), ages("Placebo", 1.9, 118)])
            .value_axis(Axis::new("Age").unit("years"))
            .render(Size::new(640, 480))
    });
    figure("baseline", || {
        Panels::new("Baseline", 2)
            .subtitle("All randomised subjects")
            .panel(
                BoxChart::new("Age")
                    .boxes([ages("Drug", 1.4, 120), ages(LONG, 1.9, 118), ages("Placebo", 1.0, 9)])
                    .value_axis(Axis::new("Age").unit("years")),
            )
            .panel(
                Histogram::new("Body-mass index")
                    .group("Drug", values(1.2, 120))
                    .group("Placebo", values(1.7, 118))
                    .value_axis(Axis::new("Body-mass index").unit("kg/m²")),
            )
            .panel(
                BarChart::new("Missing values by field")
                    .bars([("Weight", 4.2), ("Baseline creatinine clearance", 11.0), ("Smoking status", 0.0)])
                    .value_axis(Axis::new("Missing").unit("%")),
            )
            .panel(BoxChart::new("Empty").no_data_reason("no subject has a value"))
            .render(Size::new(1400, 1100))
    });
    assert_eq!(BoxStats::of("none", &[f64::NAN]), None);
    let one = BoxStats::of("one", &[5.0]).unwrap();
    assert_eq!((one.low, one.median, one.high, one.count), (5.0, 5.0, 5.0, 1));
}

fn flow(arms: usize) -> FlowDiagram {
    let each = |make: &dyn Fn(u64) -> FlowBox| (0..arms as u64).map(make).collect::<Vec<_>>();
    FlowDiagram::new("Participant flow")
        .enrolment("Enrolment")
        .all(FlowBox::new("Assessed for eligibility", 1420))
        .leave(
            FlowBox::new("Excluded", 60)
                .part("Did not meet the inclusion criteria", 40)
                .part("Declined to participate", 15)
                .part("Other reasons, among them a withdrawn consent before randomisation", 5),
        )
        .all(FlowBox::new("Randomised", 1360))
        .stage(FlowStage::new(
            "Allocation",
            each(&|i| {
                FlowBox::new(format!("Allocated to arm {i}"), 680)
                    .part("Received the allocated intervention", 670 - i)
                    .part("Did not receive it", 10 + i)
            }),
        ))
        .stage(FlowStage::new(
            "Follow-up",
            each(&|i| {
                FlowBox::new("Discontinued", 30 + i)
                    .part("Lost to follow-up", 12)
                    .part("Adverse event", 11 + i)
                    .part("Withdrew consent", 7)
            }),
        ))
        .stage(FlowStage::new("Analysis", each(&|_| FlowBox::new("Analysed", 680))))
}

#[test]
fn flows() {
    for arms in [1, 2, 3, 6] {
        let made = figure(&format!("flow_{arms}"), || flow(arms).render(Size::new(1000, 600)));
        assert_eq!(made.svg.matches("Analysed").count(), arms);
    }
    figure("flow_observational", || {
        FlowDiagram::new("Participants")
            .all(FlowBox::new("In the registry", 9))
            .leave(FlowBox::new("Excluded", 2).part(LONG, 2))
            .render(Size::new(700, 400))
    });
    let ragged =
        flow(2).stage(FlowStage::new("Odd", [FlowBox::new("one", 1)])).render(Size::default()).unwrap_err();
    assert!(ragged.to_string().contains("1 boxes for 2 arms"), "{ragged}");
}

#[test]
fn what_has_no_place_is_refused() {
    let km = |steps: Vec<KmStep>| {
        KaplanMeier::new("T")
            .curve(KmCurve::new("a").steps(steps))
            .render(Size::default())
            .unwrap_err()
            .to_string()
    };
    let step = |time, survival| KmStep { time, survival, limits: None };
    assert!(km(vec![step(-1.0, 0.5)]).contains("start of follow-up"));
    assert!(km(vec![step(1.0, 1.5)]).contains("give 0 to 1"));
    assert!(km(vec![step(2.0, 0.9), step(1.0, 0.8)]).contains("ascending"));
    assert!(km(vec![step(f64::NAN, 0.9)]).contains("NaN"));
    let forest = |effect| {
        ForestPlot::new("T", Measure::ratio("HR"))
            .row(ForestRow::entry("x", Vec::<String>::new(), effect))
            .render(Size::default())
            .unwrap_err()
            .to_string()
    };
    assert!(forest(Effect::new(0.0, 0.0, 1.0)).contains("above 0"));
    assert!(forest(Effect::new(2.0, 3.0, 4.0)).contains("does not hold"));
    assert!(forest(Effect::new(1.0, f64::NAN, 4.0)).contains("does not hold"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_curve_panics(
        exits in prop::collection::vec((0.0..1e4f64, any::<bool>()), 0..60),
        scale in prop::sample::select(vec![1e-6, 1.0, 1e9]),
        name in "\\PC{0,40}",
        tick in prop::option::of(0.0001..1e5f64),
    ) {
        let mut exits: Vec<(f64, bool)> = exits.into_iter().map(|(t, e)| (t * scale, e)).collect();
        exits.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = exits.len() as f64;
        let steps = exits.iter().enumerate().map(|(i, (time, _))| {
            let survival = 1.0 - (i as f64 + 1.0) / n;
            KmStep { time: *time, survival, limits: (i % 3 > 0).then_some((survival / 2.0, 1.0)) }
        });
        let curve = KmCurve::new(name).steps(steps).censored(exits.iter().filter(|e| e.1).map(|e| e.0)).at_risk(exits.iter().map(|e| (e.0, 7)));
        let chart = KaplanMeier::new("T").curve(curve);
        let chart = match tick { Some(step) => chart.ticks_every(step), None => chart };
        prop_assert!(chart.render(Size::new(480, 320)).is_ok());
    }

    #[test]
    fn no_effect_panics(
        rows in prop::collection::vec((1e-12..1e12f64, 0.0..1.0f64, 1.0..1e15f64), 1..12),
        ratio in any::<bool>(),
        text in "\\PC{0,60}",
    ) {
        let measure = if ratio { Measure::ratio(text.clone()) } else { Measure::difference(text.clone()) };
        let plot = rows.into_iter().fold(ForestPlot::new(text.clone(), measure.favours(text.clone(), text.clone())), |plot, (v, low, high)| {
            plot.row(ForestRow::entry(text.clone(), Vec::<String>::new(), Effect::weighted(v, v * low, v * high, low)).interaction(text.clone()))
        });
        prop_assert!(plot.render(Size::new(480, 320)).is_ok());
    }
}
