//! `validation_report.md`.

use std::collections::BTreeMap;

use heddle_kit::report::{Align, Markdown, counted, markdown_escaped};

use super::quality::QualityMetrics;
use crate::{
    privacy::told_age,
    study::{Analysis, FILE, Study},
};

/// How many rows a table of single findings shows; the file has them all.
const ROWS: usize = 50;

/// The report.
pub(super) fn markdown(study: &Study, quality: &QualityMetrics) -> String {
    let mut out = Markdown::new("Data validation");
    let title =
        study.protocol.title.as_deref().or(study.study_id.as_deref()).unwrap_or("The study has no title");
    out.paragraph(&format!("{}.", markdown_escaped(title)));
    summary(&mut out, study, quality);
    flow(&mut out, study);
    completeness(&mut out, quality);
    findings(&mut out, quality);
    privacy(&mut out, quality);
    forms(&mut out, quality);
    protocol(&mut out, study);
    out.paragraph("---");
    out.paragraph("Composed from the computed figures by a template; no model was asked.");
    out.finish()
}

fn summary(out: &mut Markdown, study: &Study, quality: &QualityMetrics) {
    out.heading(2, "Summary");
    let complete = quality.completeness_pct.map_or_else(
        || "The protocol requires no field.".to_owned(),
        |pct| format!("Required fields are {pct:.2} % complete."),
    );
    let identifiers: usize = quality.identifiers.iter().map(|f| f.n).sum();
    out.bullets([
        format!(
            "{} of {}; {}, {}, {}.",
            counted(quality.n_subject_records, "record", "records"),
            counted(quality.n_subjects, "subject", "subjects"),
            counted(quality.n_visits, "visit", "visits"),
            counted(quality.n_adverse_events, "adverse event", "adverse events"),
            counted(quality.n_labs, "laboratory value", "laboratory values")
        ),
        complete,
        format!(
            "{} out of range, {} could not be read.",
            counted(quality.out_of_range.len(), "value is", "values are"),
            quality.n_unreadable_values
        ),
        format!(
            "{} left out of the study or of a population, each with its reason; who lacks a value is counted by the analysis that \
             needs it.",
            counted(study.flow.exclusions.len(), "record is", "records are")
        ),
        format!(
            "{} people directly, at {}: none is passed on.",
            counted(identifiers, "value identifies", "values identify"),
            counted(quality.identifiers.len(), "place", "places")
        ),
        format!("{} of the protocol.", counted(study.problems.len(), "problem", "problems")),
    ]);
    if !quality.notes.is_empty() {
        out.bullets(quality.notes.iter().map(|note| markdown_escaped(note)));
    }
}

fn flow(out: &mut Markdown, study: &Study) {
    let flow = &study.flow;
    out.heading(2, "Flow of records");
    let n = |n: usize| n.to_string();
    out.table(
        &[("Subjects", Align::Left), ("Records", Align::Right)],
        [
            ["Records in the source".to_owned(), n(flow.subject_records)],
            ["− not an object".to_owned(), n(flow.unreadable_records)],
            ["− repeat the id of an earlier record".to_owned(), n(flow.repeated_records)],
            ["= distinct subjects".to_owned(), n(flow.subjects)],
            ["− without an arm".to_owned(), n(flow.without_arm)],
            ["− arm not in the protocol".to_owned(), n(flow.unknown_arm)],
            ["= in an arm of the protocol".to_owned(), n(flow.arms.iter().map(|arm| arm.subjects).sum())],
        ],
    );
    let mut header = vec![
        ("Arm", Align::Left),
        ("Subjects", Align::Right),
        ("Completed", Align::Right),
        ("Discontinued", Align::Right),
        ("Deaths", Align::Right),
    ];
    header.extend(Analysis::ALL.map(|analysis| (analysis.name(), Align::Right)));
    let said = |n: Option<usize>| n.map_or_else(|| "not recorded".to_owned(), |n| n.to_string());
    let rows = flow.arms.iter().map(|arm| {
        let mut row = vec![
            arm.arm.clone(),
            n(arm.subjects),
            said(arm.completed),
            said(arm.discontinued),
            said(arm.deaths),
        ];
        row.extend(Analysis::ALL.map(|a| said(arm.populations.get(a.name()).map(|p| p.analysed))));
        row
    });
    out.table(&header, rows);
    let names = flow.tables.iter().map(|(name, t)| {
        vec![
            name.replace('_', " "),
            n(t.records),
            n(t.unreadable),
            n(t.orphans),
            n(t.passed_on),
            n(t.repeated),
        ]
    });
    out.table(
        &[
            ("List", Align::Left),
            ("Records", Align::Right),
            ("Not an object", Align::Right),
            ("Without a subject in the study", Align::Right),
            ("Passed on", Align::Right),
            ("Exact repetitions among all", Align::Right),
        ],
        names,
    );
    out.paragraph("Exact repetitions of adverse events and laboratory values are passed on and marked, and not removed.");
    if !flow.exclusions.is_empty() {
        out.heading(3, "Records left out");
        let mut reasons: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        for e in &flow.exclusions {
            *reasons.entry((&e.what, &e.from, &e.reason)).or_default() += 1;
        }
        out.table(
            &[
                ("What", Align::Left),
                ("Left out of", Align::Left),
                ("Reason", Align::Left),
                ("Records", Align::Right),
            ],
            reasons.iter().take(ROWS).map(|((what, from, reason), count)| {
                vec![what.replace('_', " "), (*from).to_owned(), (*reason).to_owned(), count.to_string()]
            }),
        );
        more(out, reasons.len());
        let single = flow.exclusions.iter().filter(|e| matches!(e.from.as_str(), "study" | "analyses"));
        let rows: Vec<Vec<String>> = single
            .map(|e| {
                let whose =
                    e.subject.clone().or_else(|| Some(format!("record {} of the list", e.position? + 1)));
                vec![e.what.replace('_', " "), whose.unwrap_or_default(), e.reason.clone()]
            })
            .collect();
        listing(out, "Left out of the study or of all analyses", &["What", "Whose", "Reason"], rows);
    }
}

fn completeness(out: &mut Markdown, quality: &QualityMetrics) {
    out.heading(2, "Completeness");
    let all = quality.n_subject_records;
    let rows = quality.missing.iter().map(|(field, n)| {
        let share =
            if all == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * *n as f64 / all as f64) };
        vec![field.clone(), (all - n.min(&all)).to_string(), n.to_string(), share]
    });
    out.table(
        &[
            ("Required field", Align::Left),
            ("Present", Align::Right),
            ("Missing", Align::Right),
            ("Missing, share", Align::Right),
        ],
        rows,
    );
}

fn findings(out: &mut Markdown, quality: &QualityMetrics) {
    out.heading(2, "Checks");
    let mut checks: Vec<(String, usize)> = [
        ("Values outside their range", quality.out_of_range.len()),
        ("Values that could not be read", quality.n_unreadable_values),
        ("Subjects with more than one record", quality.duplicate_subject_ids.len()),
        ("Pairs of dates in the wrong order", quality.date_order_violations.len()),
        ("Subjects whose arm is not the protocol's", quality.unknown_arm.len()),
        ("Subjects without an arm", quality.missing_arm.len()),
        ("Visits outside their window", quality.visits_out_of_window.len()),
        ("Visits repeated exactly", quality.duplicate_visits),
        ("Visits without a subject in the study", quality.orphan_visits),
        ("Adverse events that end before they start", quality.ae_end_before_start),
        ("Adverse events without a start day", quality.ae_missing_start_day),
        ("Adverse events repeated exactly", quality.duplicate_adverse_events),
        ("Adverse events without a subject in the study", quality.orphan_adverse_events),
        ("Laboratory values outside their range", quality.lab_out_of_range),
        ("Laboratory records without a value", quality.lab_missing_value),
        ("Laboratory values repeated exactly", quality.duplicate_labs),
        ("Laboratory values without a subject in the study", quality.orphan_labs),
        ("Subjects older than 89", quality.ages_over_89),
    ]
    .map(|(name, n)| (name.to_owned(), n))
    .to_vec();
    checks.extend(quality.other_rules.iter().map(|(rule, n)| (sentence(rule), *n)));
    out.table(
        &[("Check", Align::Left), ("Found", Align::Right)],
        checks.into_iter().map(|(name, n)| [name, n.to_string()]),
    );
    out.paragraph(
        "Nothing is repaired: what is out of range stays in the data and is analysed. What could not be read, negative times of events \
         and impossible grades of adverse events are taken as missing; each is listed here.",
    );
    // A single person's age over 89 identifies (Safe Harbor); an impossible one is nobody's.
    let value = |o: &super::OutOfRange| {
        told_age(&o.field, o.value).map_or_else(|| o.value.to_string(), str::to_owned)
    };
    let rows = quality.out_of_range.iter().map(|o| {
        let bound = |v: f64| if v.abs() == f64::MAX { "–".to_owned() } else { v.to_string() };
        vec![
            o.subject_id.clone(),
            o.field.clone(),
            value(o),
            format!("{} to {}", bound(o.low), bound(o.high)),
        ]
    });
    listing(out, "Values outside their range", &["Subject", "Field", "Value", "Plausible"], rows.collect());
    let single = |list: &[super::Finding]| -> Vec<Vec<String>> {
        list.iter()
            .map(|f| {
                let subject = f.subject_id.clone().unwrap_or_default();
                let path = f.field.rsplit("[].").next().unwrap_or_default();
                let told = f.value.parse().ok().and_then(|age| told_age(path, age));
                let value = told.map_or_else(|| f.value.clone(), str::to_owned);
                vec![sentence(&f.rule), subject, f.field.clone(), value]
            })
            .collect()
    };
    let header = ["Rule", "Subject", "Field", "What is there"];
    listing(out, "Values that could not be read", &header, single(&quality.unreadable_values));
    let rows = quality.date_order_violations.iter().map(|d| {
        let [first, second] = &d.fields;
        vec![d.subject_id.clone(), format!("{first} is after {second}")]
    });
    listing(out, "Dates in the wrong order", &["Subject", "What"], rows.collect());
    let rows = quality
        .visits_out_of_window
        .iter()
        .map(|v| vec![v.subject_id.clone(), v.visit.clone(), v.day.to_string()]);
    listing(out, "Visits outside their window", &["Subject", "Visit", "Study day"], rows.collect());
    let rows = quality.duplicate_subject_ids.iter().map(|id| vec![id.clone()]);
    listing(out, "Subjects with more than one record", &["Subject"], rows.collect());
    listing(out, "Other findings", &header, single(&quality.findings));
}

fn privacy(out: &mut Markdown, quality: &QualityMetrics) {
    out.heading(2, "Privacy");
    out.paragraph(
        "Looked for: the 18 identifiers of the Safe Harbor method (45 CFR 164.514(b)(2)(i)), by the names of keys, by the form of \
         values, and by comparison with all that stands under such keys. They are listed by place and never by value.",
    );
    out.table(
        &[
            ("Place", Align::Left),
            ("Identifier", Align::Left),
            ("Found by", Align::Left),
            ("Values", Align::Right),
            ("Done", Align::Left),
        ],
        quality.identifiers.iter().take(ROWS).map(|f| {
            vec![
                f.place.clone(),
                f.kind.label().to_owned(),
                f.found_by.clone(),
                f.n.to_string(),
                f.action.clone(),
            ]
        }),
    );
    more(out, quality.identifiers.len());
    out.bullets([
        "Subjects and sites have masked ids: HMAC-SHA-256 under a key of this run, cut to 50 bits. Without `subject_key.csv`, which is \
         restricted, nobody can go back. Sites are masked because a site and a rare combination of traits can point to a person."
            .to_owned(),
        "Calendar dates are passed on as study days only. The key file has the reference dates. In texts whatever tells a day or a month is \
         masked, with two or four digits of the year, written out or compact; a year alone stays."
            .to_owned(),
        format!(
            "{} older than 89. Such ages stay in the data, because the statistics need them; reports and tables tell a single one, and a \
             lowest or highest one, as over 89.",
            counted(quality.ages_over_89, "subject is", "subjects are")
        ),
        "Not to be found this way: a bare name in running text without a title, an initial, a role or a common given name before it, and a short \
         number without a word that says what it is. The data are pseudonymised, and not anonymous."
            .to_owned(),
    ]);
}

fn forms(out: &mut Markdown, quality: &QualityMetrics) {
    out.heading(2, "Standardised forms");
    out.table(
        &[("Place", Align::Left), ("Change", Align::Left), ("Values", Align::Right)],
        quality
            .standardised
            .iter()
            .take(ROWS)
            .map(|s| vec![s.place.clone(), s.change.clone(), s.n.to_string()]),
    );
    more(out, quality.standardised.len());
    let rows = quality.not_passed_on.iter().map(|n| vec![n.place.clone(), n.reason.clone(), n.n.to_string()]);
    listing(out, "Not passed on to later phases", &["Place", "Why", "Values"], rows.collect());
    let rows = quality.reference_dates.iter().map(|(field, n)| vec![field.clone(), n.to_string()]);
    listing(out, "Reference dates of study days", &["Field", "Subjects"], rows.collect());
}

fn protocol(out: &mut Markdown, study: &Study) {
    out.heading(2, "Protocol");
    if study.problems.is_empty() {
        out.paragraph("No problem was found.");
        return;
    }
    let rows = study.problems.iter().map(|p| vec![p.path.clone(), p.message.clone(), p.consequence.clone()]);
    listing(out, "Problems", &["Where", "What is wrong", "What is done"], rows.collect());
}

fn sentence(rule: &str) -> String {
    let words = rule.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn listing(out: &mut Markdown, title: &str, header: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    out.heading(3, title);
    let header: Vec<(&str, Align)> = header.iter().map(|name| (*name, Align::Left)).collect();
    let all = rows.len();
    out.table(&header, rows.into_iter().take(ROWS));
    more(out, all);
}

fn more(out: &mut Markdown, all: usize) {
    if all > ROWS {
        out.paragraph(&format!("And {} more: `{FILE}` has them all.", all - ROWS));
    }
}
