//! `compliance_checklist.md`: what the data can say of ICH E6, CONSORT, 21 CFR part 11 and Safe Harbor, and what they cannot.

use heddle_kit::report::{Align, Markdown, counted};

use super::quality::QualityMetrics;
use crate::{privacy::Identifier, study::Study};

/// How an item stands.
#[derive(Clone, Copy)]
enum Met {
    Yes,
    No,
    Open,
}

impl Met {
    fn when(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Yes => "met",
            Self::No => "not met",
            Self::Open => "cannot be determined",
        }
    }
}

struct Item {
    source: &'static str,
    asks: &'static str,
    met: Met,
    evidence: String,
}

fn item(source: &'static str, asks: &'static str, met: Met, evidence: impl Into<String>) -> Item {
    Item { source, asks, met, evidence: evidence.into() }
}

/// The checklist.
pub(super) fn markdown(study: &Study, quality: &QualityMetrics) -> String {
    let mut out = Markdown::new("Compliance checklist");
    out.paragraph(
        "Each item is judged by the given data and protocol alone. What needs documents, systems or people to be seen cannot be \
         determined here, and a person has to answer it. \"Met\" says that these data do not contradict the item; it is no audit.",
    );
    let groups = [
        ("Good clinical practice (ICH E6)", practice(study, quality)),
        ("Reporting (CONSORT 2010)", consort(study)),
        ("Electronic records (21 CFR part 11)", records()),
        ("De-identification (45 CFR 164.514(b)(2), Safe Harbor)", privacy(quality)),
    ];
    let count =
        |met: &str| groups.iter().flat_map(|(_, items)| items).filter(|i| i.met.word() == met).count();
    out.paragraph(&format!(
        "{} met, {} not met, {} cannot be determined.",
        count("met"),
        count("not met"),
        count("cannot be determined")
    ));
    for (title, items) in &groups {
        out.heading(2, title);
        out.table(
            &[
                ("Source", Align::Left),
                ("Item", Align::Left),
                ("Result", Align::Left),
                ("Evidence", Align::Left),
            ],
            items.iter().map(|i| [i.source, i.asks, i.met.word(), i.evidence.as_str()]),
        );
    }
    out.finish()
}

fn practice(study: &Study, quality: &QualityMetrics) -> Vec<Item> {
    let consent = study.subjects.fields.iter().find(|(name, _)| name.contains("consent"));
    let after: Vec<_> = quality
        .date_order_violations
        .iter()
        .filter(|d| d.fields.iter().any(|f| f.contains("consent")))
        .collect();
    let consented = match consent {
        None => (Met::Open, "no field of consent is in the data".to_owned()),
        Some((name, column)) => (
            Met::when(column.n_missing() == 0 && after.is_empty()),
            format!(
                "{name}: missing for {}; {} in the wrong order",
                counted(column.n_missing(), "subject", "subjects"),
                after.len()
            ),
        ),
    };
    let doubled = quality.duplicate_subject_ids.len();
    let impossible =
        quality.out_of_range.len() + quality.n_unreadable_values + quality.date_order_violations.len();
    let deviations = quality.visits_out_of_window.len()
        + quality.other_rules.get("treated_other_than_assigned").copied().unwrap_or(0)
        + quality.unknown_arm.len();
    let has_events = quality.n_adverse_events > 0;
    let seriousness = study.adverse_events.serious.iter().filter(|s| s.is_none()).count();
    let causality = study.adverse_events.related.iter().zip(&study.adverse_events.relationship.codes);
    let unjudged = causality.filter(|(related, words)| related.is_none() && words.is_none()).count();
    let events = |n: usize, what: &str| match has_events {
        true => (
            Met::when(n == 0),
            format!("{n} of {} adverse events {what}", study.adverse_events.subject.len()),
        ),
        false => (Met::Open, "there are no adverse events in the data".to_owned()),
    };
    let (serious, causal) =
        (events(seriousness, "without seriousness"), events(unjudged, "without a relation to the treatment"));
    let complete =
        quality.completeness_pct.map_or((Met::Open, "the protocol requires no field".to_owned()), |pct| {
            (Met::when(pct >= 100.0), format!("required fields are {pct:.2} % complete"))
        });
    vec![
        item("E6(R2) 4.8.8", "Consent before participation", consented.0, consented.1),
        item(
            "E6(R2) 4.9.0",
            "Data are attributable: every record has a subject",
            Met::when(
                !quality.other_rules.contains_key("record_without_subject_id")
                    && quality.orphan_adverse_events + quality.orphan_labs + quality.orphan_visits == 0,
            ),
            format!(
                "{} orphan records",
                quality.orphan_adverse_events + quality.orphan_labs + quality.orphan_visits
            ),
        ),
        item("E6(R2) 4.9.0", "Data are complete", complete.0, complete.1),
        item(
            "E6(R2) 4.9.0",
            "Data are accurate: nothing impossible",
            Met::when(impossible == 0),
            format!(
                "{} out of range, unreadable or in the wrong order",
                counted(impossible, "value", "values")
            ),
        ),
        item(
            "E6(R2) 4.9.0",
            "Data are original: no record twice",
            Met::when(
                doubled
                    + quality.duplicate_adverse_events
                    + quality.duplicate_labs
                    + quality.duplicate_visits
                    == 0,
            ),
            format!(
                "repeated: {}, {}, {}, {}",
                counted(doubled, "subject", "subjects"),
                counted(quality.duplicate_adverse_events, "adverse event", "adverse events"),
                counted(quality.duplicate_labs, "laboratory value", "laboratory values"),
                counted(quality.duplicate_visits, "visit", "visits")
            ),
        ),
        item(
            "E6(R2) 4.5",
            "Compliance with the protocol",
            Met::when(deviations == 0),
            format!(
                "visits out of window, treatments other than assigned, unknown arms: {deviations} together"
            ),
        ),
        item("E6(R2) 4.11", "Seriousness of adverse events is judged", serious.0, serious.1),
        item("E6(R2) 5.16", "Causality of adverse events is judged", causal.0, causal.1),
        item(
            "E6(R2) 5.5.5",
            "Unambiguous subject codes",
            Met::when(doubled == 0),
            format!("{doubled} ids with more than one record"),
        ),
        item(
            "E6(R2) 2.11",
            "Confidentiality of records that identify subjects",
            Met::when(quality.identifiers.is_empty()),
            format!(
                "direct identifiers at {} places of the input; none is passed on",
                quality.identifiers.len()
            ),
        ),
        item("E6(R2) 4.9.3", "Changes have an audit trail", Met::Open, "the data hold no history of changes"),
        item("E6(R2) 5.18", "Monitoring and source data verification", Met::Open, "not in the data"),
        item("E6(R2) 3.1", "Approval by an ethics committee", Met::Open, "not in the data"),
        item("E6(R3) annex 1, 4", "Governance of data and systems", Met::Open, "not in the data"),
    ]
}

fn consort(study: &Study) -> Vec<Item> {
    let p = &study.protocol;
    let flow = &study.flow;
    let design = p.design.clone().unwrap_or_else(|| "no design is named".to_owned());
    let primary = p
        .endpoints
        .primary
        .as_ref()
        .map(|e| e.label.clone())
        .or_else(|| p.endpoints.time_to_event.first().map(|e| e.label.clone()));
    let random = match p.randomised {
        Some(true) => {
            (Met::Yes, "the protocol says that arms were assigned at random; how is not in the data")
        }
        Some(false) => (Met::No, "the protocol says that arms were not assigned at random"),
        None => (Met::Open, "neither protocol nor data say it"),
    };
    let losses = flow.arms.iter().any(|arm| arm.completed.is_some());
    let size = ["sample_size", "power"].iter().any(|key| p.other.contains_key(*key));
    let registered = p.other.keys().any(|key| key.contains("regist") || key.contains("nct"));
    vec![
        item("CONSORT 3a", "Design", Met::when(p.design.is_some()), design),
        item(
            "CONSORT 5",
            "Interventions: the arms are named",
            Met::when(p.arms.len() > 1),
            p.arms.join("; "),
        ),
        item(
            "CONSORT 6a",
            "Outcomes are defined, the primary one named",
            Met::when(primary.is_some()),
            primary.unwrap_or_else(|| "no primary endpoint and no time to an event".to_owned()),
        ),
        item(
            "CONSORT 7a",
            "Sample size is justified",
            if size { Met::Yes } else { Met::Open },
            if size { "the protocol has it" } else { "not in the protocol as given" },
        ),
        item("CONSORT 8a", "Random allocation", random.0, random.1),
        item("CONSORT 9–11", "Concealment and blinding", Met::Open, "not in the data"),
        item(
            "CONSORT 12a",
            "Level of significance and analyses are stated",
            Met::Yes,
            format!("alpha {}, intervals {}", p.alpha, p.confidence_level),
        ),
        item(
            "CONSORT 13a",
            "Numbers assigned and analysed, by arm",
            Met::Yes,
            format!(
                "{}, {}, {} in arms of the protocol",
                counted(flow.subject_records, "record", "records"),
                counted(flow.subjects, "subject", "subjects"),
                flow.arms.iter().map(|a| a.subjects).sum::<usize>()
            ),
        ),
        item(
            "CONSORT 13b",
            "Losses and exclusions with reasons",
            Met::when(losses),
            format!(
                "{} listed; completion {}",
                counted(flow.exclusions.len(), "exclusion", "exclusions"),
                if losses { "recorded" } else { "not recorded" }
            ),
        ),
        item("CONSORT 14a", "Dates of recruitment", Met::Open, "calendar dates are not passed on"),
        item(
            "CONSORT 15",
            "Baseline table is possible",
            Met::when(!p.table1.continuous.is_empty() || !p.table1.categorical.is_empty()),
            counted(p.table1.continuous.len() + p.table1.categorical.len(), "field", "fields"),
        ),
        item(
            "CONSORT 18",
            "Subgroups are pre-specified",
            Met::when(!p.subgroups.is_empty()),
            counted(p.subgroups.len(), "subgroup", "subgroups"),
        ),
        item(
            "CONSORT 19",
            "Harms are recorded",
            Met::when(!study.adverse_events.subject.is_empty()),
            format!("{} adverse events", study.adverse_events.subject.len()),
        ),
        item(
            "CONSORT 23",
            "Registration",
            if registered { Met::Yes } else { Met::Open },
            if registered { "the protocol names it" } else { "not in the protocol as given" },
        ),
    ]
}

fn records() -> Vec<Item> {
    vec![
        item("11.10(a)", "Systems are validated", Met::Open, "not in the data"),
        item(
            "11.10(b)",
            "Copies are complete and readable",
            Met::Yes,
            "every record of the input is in the study or listed with a reason",
        ),
        item("11.10(e)", "Audit trail of the source", Met::Open, "the data hold no history of changes"),
        item(
            "11.10(e)",
            "Changes made here are recorded",
            Met::Yes,
            "each standardisation is counted by field; no value is overwritten",
        ),
        item("11.50, 11.70", "Signatures", Met::Open, "the data hold no signatures"),
    ]
}

fn privacy(quality: &QualityMetrics) -> Vec<Item> {
    let found =
        |kind: Identifier| quality.identifiers.iter().filter(|f| f.kind == kind).map(|f| f.n).sum::<usize>();
    const ALL: [Identifier; 18] = [
        Identifier::Name,
        Identifier::Place,
        Identifier::Date,
        Identifier::Phone,
        Identifier::Fax,
        Identifier::Email,
        Identifier::NationalId,
        Identifier::MedicalRecord,
        Identifier::HealthPlan,
        Identifier::Account,
        Identifier::Licence,
        Identifier::Vehicle,
        Identifier::Device,
        Identifier::Url,
        Identifier::IpAddress,
        Identifier::Biometric,
        Identifier::Photo,
        Identifier::Other,
    ];
    let mut items: Vec<Item> = ALL
        .into_iter()
        .map(|kind| {
            let n = found(kind);
            let evidence = if n == 0 {
                "none found".to_owned()
            } else {
                format!("{} in the input, removed or masked", counted(n, "value", "values"))
            };
            item("164.514(b)(2)(i)", kind.label(), Met::when(n == 0), evidence)
        })
        .collect();
    let (old, in_texts) = (quality.ages_over_89, found(Identifier::Age));
    items.push(item(
        "164.514(b)(2)(i)(C)",
        "Ages over 89 are put together",
        Met::when(old + in_texts == 0),
        format!(
            "{}: kept for the statistics, to be put together as 90 or older before data are shared; {} in texts masked",
            counted(old, "subject", "subjects"),
            counted(in_texts, "age", "ages")
        ),
    ));
    items.push(item(
        "164.514(c)",
        "Codes are not derived from identifiers, or cannot be traced back",
        Met::Yes,
        "keyed masks; the key file is restricted",
    ));
    items
}
