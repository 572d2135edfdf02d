//! The report's part on adverse events.

use heddle_kit::report::{Align, Markdown, markdown_escaped, thousands};

use super::{
    compare::{Comparison, Incidence},
    figures::{CommonTerm, SafetyMetrics},
    listing::Listing,
    overview::Kind,
    report::{MOST_ROWS, arm_heads, with_interval},
    summary::Summary,
    table::p_value,
    tally::Term,
};

/// Subjects, per cent and reports.
fn incidence(found: Option<&Incidence>) -> String {
    match found {
        None => "n/a".to_owned(),
        Some(Incidence { subjects, events, pct: None }) => format!("{subjects} [{events}]"),
        Some(Incidence { subjects, events, pct: Some(pct) }) => format!("{subjects} ({pct:.1} %) [{events}]"),
    }
}

fn needed(comparison: &Comparison) -> String {
    match comparison.number_needed {
        None => "n/a".to_owned(),
        Some(n) if n > 0.0 => format!("harm {}", thousands(n, 1)),
        Some(n) => format!("benefit {}", thousands(-n, 1)),
    }
}

fn table_of_incidence<'t>(
    report: &mut Markdown,
    first: &str,
    metrics: &SafetyMetrics,
    rows: impl Iterator<Item = (String, &'t Term)>,
) {
    let heads = arm_heads(metrics);
    let mut columns = vec![(first, Align::Left)];
    columns.extend(heads.iter().map(|h| (h.as_str(), Align::Right)));
    let rows: Vec<Vec<String>> = rows
        .map(|(name, term)| {
            let mut row = vec![name];
            row.extend(metrics.population.arms.iter().map(|arm| incidence(term.incidence.get(arm))));
            row
        })
        .collect();
    report.table(&columns, rows);
}

fn table_of_comparisons<'t>(
    report: &mut Markdown,
    first: &str,
    metrics: &SafetyMetrics,
    rows: impl Iterator<Item = (String, &'t Term)>,
) {
    let columns = [
        (first, Align::Left),
        ("Arm", Align::Left),
        ("Risk difference, percentage points (Newcombe)", Align::Right),
        ("Risk ratio", Align::Right),
        ("Number needed", Align::Right),
        ("p (Fisher)", Align::Right),
        ("p (adjusted)", Align::Right),
    ];
    let rows: Vec<Vec<String>> = rows
        .flat_map(|(name, term)| {
            let arms = metrics.population.arms.iter();
            arms.filter_map(|arm| Some((arm, term.vs_reference.get(arm)?)))
                .map(|(arm, c)| {
                    let ratio = with_interval(c.risk_ratio, c.rr_ci, 1.0, 2);
                    let note = if c.note.is_some() { " *" } else { "" };
                    vec![
                        name.clone(),
                        arm.clone(),
                        with_interval(c.risk_difference, c.rd_ci_newcombe, 100.0, 1),
                        format!("{ratio}{note}"),
                        needed(c),
                        p_value(c.fisher_p),
                        p_value(c.fdr_p),
                    ]
                })
                .collect::<Vec<_>>()
        })
        .collect();
    report.table(&columns, rows);
    report.paragraph("\\* A cell was zero: the ratio depends on the correction, and says nothing where no arm had an event.");
}

pub(crate) fn adverse_events(report: &mut Markdown, summary: &Summary) {
    let (metrics, found) = (&summary.metrics, &summary.adverse_events);
    let overview = || {
        Kind::ALL.iter().filter_map(|k| Some((k.title().to_owned(), metrics.safety.overview.get(k.name())?)))
    };
    report.heading(2, "Adverse events");
    let s = &found.selection;
    report.paragraph(&format!(
        "Of {} reports {} count; {} are of subjects outside the safety population and {} are not of the analysis set. Cells show subjects, \
         per cent of the arm, and in brackets reports.",
        s.records, s.counted, s.outside_population, s.not_in_set
    ));
    table_of_incidence(report, "Kind", metrics, overview());
    report.heading(3, "Compared with the reference");
    table_of_comparisons(report, "Kind", metrics, overview());
    rates(report, metrics);
    report.heading(3, "By system organ class");
    let mut socs: Vec<(&String, &Term)> = metrics.safety.by_soc.iter().map(|(n, s)| (n, &s.term)).collect();
    let total = |term: &Term| term.incidence.values().map(|i| i.subjects).sum::<u64>();
    socs.sort_by(|a, b| total(b.1).cmp(&total(a.1)).then(a.0.cmp(b.0)));
    let shown = || socs.iter().take(MOST_ROWS).map(|(name, term)| ((*name).clone(), *term));
    table_of_incidence(report, "System organ class", metrics, shown());
    table_of_comparisons(report, "System organ class", metrics, shown());
    report.heading(3, "The most frequent preferred terms");
    let frequent: Vec<(String, Term)> = found
        .most_frequent
        .iter()
        .map(|t| {
            let term = Term {
                incidence: t.incidence.clone(),
                vs_reference: t.vs_reference.clone(),
                ..Term::default()
            };
            (t.pt.clone(), term)
        })
        .collect();
    let shown = || frequent.iter().map(|(name, term)| (name.clone(), term));
    table_of_incidence(report, "Preferred term", metrics, shown());
    table_of_comparisons(report, "Preferred term", metrics, shown());
    for words in found.most_frequent.iter().filter_map(CommonTerm::merged) {
        report.paragraph(&markdown_escaped(&words));
    }
    report.paragraph("All terms with their severities are in ae\\_table.csv.");
    severity(report, metrics);
    signals(report, metrics);
    first(report, summary);
    report.heading(3, "Serious adverse events, one by one");
    one_by_one(report, &found.serious);
    report.heading(3, "Fatal adverse events");
    one_by_one(report, &found.fatal);
    report.heading(3, "Adverse events that ended the treatment");
    one_by_one(report, &found.leading_to_discontinuation);
    causality(report, summary);
}

fn rates(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Rates per 100 patient-years");
    let rows: Vec<Vec<String>> = Kind::ALL
        .iter()
        .filter_map(|kind| Some((kind, metrics.rates.get(kind.name())?)))
        .flat_map(|(kind, by_arm)| {
            metrics.population.arms.iter().filter_map(move |arm| {
                let rate = by_arm.get(arm)?;
                Some(vec![
                    kind.title().to_owned(),
                    arm.clone(),
                    rate.events.to_string(),
                    thousands(rate.patient_years, 2),
                    with_interval(rate.rate, rate.ci, 1.0, 1),
                    with_interval(rate.rate_ratio, rate.rate_ratio_ci, 1.0, 2),
                ])
            })
        })
        .collect();
    report.table(
        &[
            ("Kind", Align::Left),
            ("Arm", Align::Left),
            ("Reports", Align::Right),
            ("Patient-years", Align::Right),
            ("Rate (exact interval)", Align::Right),
            ("Rate ratio", Align::Right),
        ],
        rows,
    );
}

fn severity(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Severity");
    let rows: Vec<Vec<String>> = metrics
        .population
        .arms
        .iter()
        .flat_map(|arm| {
            let subjects = metrics.safety.overview.get("any").and_then(|any| any.severity.get(arm));
            metrics.safety.severity_counts.get(arm).into_iter().flatten().map(move |(name, reports)| {
                let worst = subjects.and_then(|s| s.get(name)).copied().unwrap_or(0);
                vec![arm.clone(), name.clone(), reports.to_string(), worst.to_string()]
            })
        })
        .collect();
    report.table(
        &[
            ("Arm", Align::Left),
            ("Severity", Align::Left),
            ("Reports", Align::Right),
            ("Subjects with this as their worst", Align::Right),
        ],
        rows,
    );
}

fn signals(report: &mut Markdown, metrics: &SafetyMetrics) {
    report.heading(3, "Signals of disproportionality");
    let rows: Vec<Vec<String>> = metrics
        .safety
        .disproportionality
        .iter()
        .flat_map(|(arm, terms)| {
            terms.iter().filter(|(_, d)| d.signal).map(move |(term, d)| {
                vec![
                    arm.clone(),
                    term.clone(),
                    format!("{} of {}", d.a, d.a + d.b),
                    format!("{} of {}", d.c, d.c + d.d),
                    with_interval(d.prr, d.prr_ci, 1.0, 2),
                    with_interval(d.ror, d.ror_ci, 1.0, 2),
                    with_interval(d.chi2_yates, None, 1.0, 2),
                ]
            })
        })
        .take(MOST_ROWS)
        .collect();
    report.table(
        &[
            ("Arm", Align::Left),
            ("Preferred term", Align::Left),
            ("Reports in the arm", Align::Right),
            ("Reports in the others", Align::Right),
            ("PRR", Align::Right),
            ("ROR", Align::Right),
            ("χ² (Yates)", Align::Right),
        ],
        rows,
    );
}

fn days(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(n) => n.to_string(),
        serde_json::Value::String(text) if text == "inf" => "not reached".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(bounds) => bounds.iter().map(days).collect::<Vec<_>>().join(" to "),
        _ => "n/a".to_owned(),
    }
}

fn first(report: &mut Markdown, summary: &Summary) {
    report.heading(3, "Time to the first adverse event");
    let Some(first) = &summary.adverse_events.time_to_first else {
        let why = summary.adverse_events.not_computable.get("time_to_first");
        report.paragraph(&markdown_escaped(why.map_or("not computable", String::as_str)));
        return;
    };
    report.paragraph(&markdown_escaped(&format!("Kaplan–Meier: {}.", first.definition)));
    let rows: Vec<Vec<String>> = summary
        .metrics
        .population
        .arms
        .iter()
        .filter_map(|arm| {
            let of_arm = first.by_arm.get(arm)?;
            Some(vec![
                arm.clone(),
                of_arm.n.to_string(),
                of_arm.events.to_string(),
                days(&of_arm.median_days),
                days(&of_arm.median_ci),
                with_interval(of_arm.incidence_rate.rate, of_arm.incidence_rate.ci, 1.0, 1),
                first
                    .log_rank_p
                    .get(arm)
                    .map_or_else(String::new, |p| p.as_f64().map_or_else(|| days(p), |p| p_value(Some(p)))),
                (of_arm.day_unknown + of_arm.end_unknown).to_string(),
            ])
        })
        .collect();
    report.table(
        &[
            ("Arm", Align::Left),
            ("Subjects", Align::Right),
            ("With an event", Align::Right),
            ("Median, days", Align::Right),
            ("Interval", Align::Right),
            ("First events per 100 patient-years", Align::Right),
            ("p (log-rank, exploratory)", Align::Right),
            ("Left out", Align::Right),
        ],
        rows,
    );
}

fn one_by_one(report: &mut Markdown, listing: &Listing) {
    if let Some(note) = &listing.note {
        report.paragraph(&markdown_escaped(note));
    }
    let said = |flag: Option<bool>| match flag {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not recorded",
    };
    let day = |day: Option<f64>| day.map_or_else(|| "not recorded".to_owned(), |d| thousands(d, 0));
    let rows = listing.reports.iter().take(MOST_ROWS).map(|l| {
        vec![
            l.subject.clone(),
            l.arm.clone(),
            l.pt.clone(),
            l.severity.clone(),
            said(l.related).to_owned(),
            day(l.start_day),
            l.outcome.clone().unwrap_or_else(|| "not recorded".to_owned()),
        ]
    });
    report.table(
        &[
            ("Subject (masked)", Align::Left),
            ("Arm", Align::Left),
            ("Preferred term", Align::Left),
            ("Severity", Align::Left),
            ("Related", Align::Left),
            ("Onset, study day", Align::Right),
            ("Outcome", Align::Left),
        ],
        rows,
    );
    if listing.total > MOST_ROWS {
        report.paragraph(&format!(
            "The first {MOST_ROWS} of {} are shown; more are in safety\\_summary.json.",
            listing.total
        ));
    }
}

fn causality(report: &mut Markdown, summary: &Summary) {
    let Some(causality) = &summary.adverse_events.causality else { return };
    report.heading(3, "Causality");
    report.paragraph(&markdown_escaped(&format!("Scale: {}.", causality.scale)));
    let rows: Vec<Vec<String>> = [&causality.related, &causality.relationship]
        .into_iter()
        .flatten()
        .flat_map(|(arm, words)| {
            words.iter().map(move |(word, n)| vec![arm.clone(), word.clone(), n.to_string()])
        })
        .collect();
    report.table(&[("Arm", Align::Left), ("Judgement", Align::Left), ("Reports", Align::Right)], rows);
    let criteria = causality
        .who_umc
        .iter()
        .map(|c| ("WHO-UMC", c))
        .chain(causality.naranjo.iter().map(|c| ("Naranjo", c)));
    let rows = criteria.map(|(scale, c)| {
        vec![
            scale.to_owned(),
            c.criterion.clone(),
            c.answered.to_string(),
            c.in_favour.to_string(),
            c.missing.clone(),
        ]
    });
    report.table(
        &[
            ("Scale", Align::Left),
            ("Criterion", Align::Left),
            ("Reports that answer it", Align::Right),
            ("In favour of a cause", Align::Right),
            ("What is missing", Align::Left),
        ],
        rows,
    );
    report.paragraph(&markdown_escaped(&format!("Therefore {}", causality.statement)));
    if causality.contradictions > 0 {
        report.paragraph(&format!(
            "In {} reports the flag and the word contradict each other.",
            causality.contradictions
        ));
    }
}
