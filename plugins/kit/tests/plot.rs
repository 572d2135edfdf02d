//! Every chart with plain and with ugly data. With HEDDLE_PLOT_GALLERY set to a directory the pictures are written
//! there, to be looked at.
#![allow(clippy::unwrap_used)]

use heddle_kit::plot::*;
use jiff::civil::date;

/// Renders twice, checks what every figure must hold, and returns the width and height.
fn figure(name: &str, render: impl Fn() -> Result<Figure, PlotError>) -> (u32, u32) {
    let made = render().unwrap();
    assert_eq!(made, render().unwrap(), "{name} is not the same twice");
    assert!(made.svg.starts_with("<svg"), "{name}");
    let decoder = png::Decoder::new(std::io::Cursor::new(&made.png));
    let mut reader = decoder.read_info().unwrap();
    let (width, height) = (reader.info().width, reader.info().height);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let dark = pixels.chunks_exact(3).filter(|p| p.iter().all(|c| *c < 0x60)).count();
    assert!(dark > 100, "{name} has no text: the font is missing");
    if let Ok(directory) = std::env::var("HEDDLE_PLOT_GALLERY") {
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(format!("{directory}/{name}.png"), &made.png).unwrap();
        std::fs::write(format!("{directory}/{name}.svg"), &made.svg).unwrap();
    }
    (width, height)
}

const LONG: &str =
    "Authentication and single sign-on failures after the rollout of the new identity provider";

fn named(count: usize) -> Vec<(String, f64)> {
    (0..count)
        .map(|i| (format!("Category {} {}", i + 1, &LONG[..(i * 7) % 60]), ((i * 37) % 101) as f64))
        .collect()
}

#[test]
fn bars() {
    let plain = || {
        BarChart::new("Tickets by category")
            .subtitle("1,178 tickets, January 2021 to September 2024")
            .bars([("Bug", 512.0), ("Feature request", 231.0), ("Question", 187.0), ("Documentation", 44.0)])
            .category_axis(Axis::new("Category"))
            .value_axis(Axis::new("Tickets"))
            .note("Categories by the highest probability; a ticket counts once.")
    };
    assert_eq!(figure("bar_plain", || plain().render(Size::default())), (1280, 760));
    figure("bar_plain_vertical", || plain().orientation(Orientation::Vertical).render(Size::default()));
    figure("bar_one", || {
        BarChart::new(LONG).subtitle(LONG.repeat(3)).bars([(LONG, 3.0)]).render(Size::default())
    });
    figure("bar_one_vertical", || {
        BarChart::new("One").bars([("only", 3.0)]).orientation(Orientation::Vertical).render(Size::default())
    });
    let (_, height) = figure("bar_40", || {
        BarChart::new("Forty bars").bars(named(40)).value_axis(Axis::new("Tickets")).render(Size::default())
    });
    assert!(height > 900, "forty rows need more than 760 pixels, got {height}");
    for count in [12, 24, 40, 90] {
        figure(&format!("bar_{count}_vertical"), || {
            BarChart::new("Many bars")
                .bars(named(count))
                .orientation(Orientation::Vertical)
                .render(Size::default())
        });
    }
    figure("bar_zeros", || BarChart::new("All zero").bars([("a", 0.0), ("b", 0.0)]).render(Size::default()));
    figure("bar_huge", || {
        BarChart::new("Huge").bars([("a", 1.5e299), ("b", 3e12), ("c", -7e298)]).render(Size::default())
    });
    figure("bar_negative", || {
        BarChart::new("Change against last month")
            .bars([("Bug", -12.5), ("Question", 7.25), (LONG, -0.5)])
            .value_axis(Axis::new("Change").unit("%"))
            .orientation(Orientation::Vertical)
            .render(Size::default())
    });
    figure("bar_unicode", || {
        BarChart::new("Ünïcödé: Ελληνικά, Кириллица, 中文 & <b>\"quoted\"</b>")
            .bars([("naïve café & co <x>", 2.0), ("Привет мир", 3.0), ("中文标签", 1.0), ("a\u{0}b\nc", 1.0)])
            .render(Size::default())
    });
}

fn grouped() -> BarChart {
    BarChart::new("Tickets by priority and team")
        .categories(["P0", "P1", "P2", "P3"])
        .series("Platform", [3.0, 12.0, 40.0, 7.0])
        .series("Payments and billing", [1.0, 4.0, 22.0, 18.0])
        .series("Mobile", [0.0, 6.0, 11.0, 9.0])
        .category_axis(Axis::new("Priority"))
        .value_axis(Axis::new("Tickets"))
}

#[test]
fn grouped_and_stacked_bars() {
    figure("bar_grouped", || grouped().render(Size::default()));
    figure("bar_grouped_vertical", || grouped().orientation(Orientation::Vertical).render(Size::default()));
    figure("bar_stacked", || grouped().grouping(Grouping::Stacked).render(Size::default()));
    figure("bar_stacked_vertical", || {
        grouped().grouping(Grouping::Stacked).orientation(Orientation::Vertical).render(Size::default())
    });
    figure("bar_stacked_weeks", || {
        let weeks: Vec<String> = (1..=52).map(|w| format!("2024-W{w:02}")).collect();
        (0..10)
            .fold(BarChart::new("Categories by week").categories(weeks), |chart, s| {
                chart.series(format!("Series {s}"), (0..52).map(move |w| ((w * 7 + s * 3) % 11) as f64))
            })
            .grouping(Grouping::Stacked)
            .orientation(Orientation::Vertical)
            .render(Size::default())
    });
}

fn weekly() -> LineChart {
    let weeks =
        (0..120).map(|w| (date(2022, 1, 3) + jiff::Span::new().days(w * 7), ((w * 13) % 17 + w / 12) as f64));
    let last = day_number(date(2024, 4, 15));
    let ahead = |f: fn(f64) -> f64| (0..8).map(move |w| (last + f64::from(w) * 7.0, f(f64::from(w))));
    LineChart::new("New tickets per week")
        .subtitle("Complete weeks, Monday to Sunday (UTC), and a forecast of eight weeks")
        .dates()
        .series(LineSeries::dated("Observed", weeks))
        .series(
            LineSeries::new("Forecast", ahead(|w| 14.0 + w * 0.3))
                .stroke(Stroke::Dashed)
                .band("95 % prediction interval", ahead(|w| w).map(|(x, w)| (x, 5.0 - w * 0.3, 24.0 + w))),
        )
        .mark(last - 7.0, "forecast")
        .x_axis(Axis::new("Week beginning"))
        .y_axis(Axis::new("Tickets"))
}

#[test]
fn lines() {
    figure("line_weekly", || weekly().render(Size::default()));
    figure("line_one_point", || {
        LineChart::new("One point")
            .dates()
            .series(LineSeries::dated("Only", [(date(2024, 2, 29), 5.0)]))
            .render(Size::default())
    });
    figure("line_numbers", || {
        let series = |k: i32| {
            LineSeries::new(
                format!("Series {k} {LONG}"),
                (0..30).map(move |i| (f64::from(i), f64::from(i * k % 23) / 7.0)),
            )
        };
        (1..6)
            .fold(LineChart::new("Five series"), |chart, k| chart.series(series(k)))
            .x_axis(Axis::new("Time since first response").unit("hours"))
            .y_axis(Axis::new(LONG.repeat(2)).unit("%"))
            .free_y()
            .render(Size::default())
    });
    figure("line_days", || {
        let days =
            (0..10).map(|d| (date(2023, 12, 27) + jiff::Span::new().days(d), 1e6 + d as f64 * 12345.0));
        LineChart::new("Days over the new year")
            .dates()
            .series(LineSeries::dated("Bytes", days))
            .free_y()
            .render(Size::default())
    });
    figure("line_century", || {
        let years = (0..100).map(|y| (date(1925 + y, 1, 1), f64::from(y % 7) - 3.0));
        LineChart::new("A century").dates().series(LineSeries::dated("", years)).render(Size::default())
    });
    figure("line_empty", || {
        LineChart::new("Satisfaction")
            .subtitle("Mean of the answers by week")
            .no_data_reason(
                "no ticket carries a satisfaction score, so that a mean per week cannot be computed",
            )
            .render(Size::default())
    });
    figure("line_zeros", || {
        LineChart::new("Zeros")
            .series(LineSeries::new("z", (0..5).map(|i| (f64::from(i), 0.0))))
            .render(Size::default())
    });
}

#[test]
fn scatter() {
    let point = |i: usize| ScatterPoint {
        x: ((i * 37) % 100) as f64 / 10.0,
        y: ((i * 61) % 97) as f64 / 10.0,
        weight: Some(((i * 13) % 50) as f64),
        group: i % 3,
        label: if i.is_multiple_of(4) { LONG[..(i * 5) % 50].to_owned() } else { format!("F{i}") },
    };
    figure("scatter_bubbles", || {
        ScatterChart::new("Importance and satisfaction")
            .points((0..60).map(point))
            .groups(["Under-served", "Served right", "Over-served"])
            .x_axis(Axis::new("Importance").unit("0–10"))
            .y_axis(Axis::new("Satisfaction").unit("0–10"))
            .guides(Some(5.0), Some(5.0))
            .from_zero(true, true)
            .note("The area of a disc stands for the number of mentions.")
            .render(Size::default())
    });
    figure("scatter_one", || {
        ScatterChart::new("One")
            .points([ScatterPoint { x: 3.0, y: 1e9, label: "here".into(), ..Default::default() }])
            .render(Size::default())
    });
}

fn matrix() -> HeatMatrix {
    HeatMatrix::new("Open tickets by impact and urgency")
        .columns(["Low", "Medium", "High", "Critical"])
        .row("Critical", [Some(0.0), Some(3.0), Some(9.0), Some(4.0)])
        .row("High", [Some(5.0), Some(17.0), Some(38.0), Some(2.0)])
        .row("Medium", [Some(41.0), Some(112.0), Some(24.0), None])
        .row("Low", [Some(230.0), Some(61.0), Some(7.0), Some(0.0)])
        .tags(vec![
            ["P1", "P1", "P0", "P0"].map(String::from).to_vec(),
            ["P2", "P1", "P1", "P0"].map(String::from).to_vec(),
            ["P3", "P2", "P1", "P1"].map(String::from).to_vec(),
            ["P3", "P3", "P2", "P1"].map(String::from).to_vec(),
        ])
        .row_axis(Axis::new("Impact"))
        .column_axis(Axis::new("Urgency"))
}

#[test]
fn heat() {
    figure("heat_matrix", || matrix().render(Size::default()));
    figure("heat_large", || {
        (0..25)
            .fold(
                HeatMatrix::new("Confusion").columns((0..20).map(|c| LONG[c..c + 24].to_owned())),
                |m, r| {
                    m.row(
                        format!("{r} {LONG}"),
                        (0..20).map(move |c| Some(f64::from((r * 7 + c * 3) % 31) / 31.0)),
                    )
                },
            )
            .decimals(2)
            .render(Size::default())
    });
}

#[test]
fn panels() {
    figure("panels", || {
        Panels::new("Ticket operations", 2)
            .subtitle("1,178 tickets, January 2021 to September 2024")
            .panel(weekly())
            .panel(grouped().grouping(Grouping::Stacked))
            .panel(matrix())
            .panel(LineChart::new("Satisfaction").no_data_reason("no ticket carries a satisfaction score"))
            .panel(BarChart::new("By product").bars(named(9)).orientation(Orientation::Vertical))
            .render(Size::new(1600, 1500))
    });
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_place() {
    let nan = BarChart::new("T").bars([("ok", 1.0), ("bad", f64::NAN)]).render(Size::default()).unwrap_err();
    assert!(nan.to_string().contains("\"bad\" in \"T\" is NaN"), "{nan}");
    let infinite =
        LineChart::new("T").series(LineSeries::new("s", [(0.0, f64::INFINITY)])).render(Size::default());
    assert!(infinite.unwrap_err().to_string().contains("y of point 0 of \"s\""));
    let ragged =
        BarChart::new("T").categories(["a"]).series("s", [1.0, 2.0]).render(Size::default()).unwrap_err();
    assert!(ragged.to_string().contains("2 values for 1 categories"), "{ragged}");
    let backward =
        LineChart::new("T").series(LineSeries::new("s", [(2.0, 0.0), (1.0, 0.0)])).render(Size::default());
    assert!(backward.unwrap_err().to_string().contains("ascending"));
    let size = BarChart::new("T").render(Size::new(10, 10)).unwrap_err();
    assert!(matches!(size, PlotError::Size { width: 10, height: 10 }));
    let crowd =
        BarChart::new("T").bars((0..2000).map(|i| (i.to_string(), 1.0))).render(Size::default()).unwrap_err();
    assert!(matches!(crowd, PlotError::TooLarge { .. }), "{crowd}");
    let stacked = BarChart::new("T")
        .bars([("a", -1.0)])
        .grouping(Grouping::Stacked)
        .render(Size::default())
        .unwrap_err();
    assert!(stacked.to_string().contains("cannot be stacked"));
}
