//! Discussion and other information.

use heddle_kit::document::{Document, Text};

use super::{Book, conclusion::conclusion};
use crate::publication::{
    design::{Guideline, Topic, told},
    say,
    sources::EndpointResult,
    tables::Key,
};

pub(super) fn discussion(book: Book<'_>, document: &mut Document) {
    document.heading(1, "Discussion");
    document.heading(2, "Key results");
    document.paragraph(Text::from(conclusion(book)).plain(" ").placeholder(
        "authors",
        "key results with reference to the objectives, in the light of size and precision of the estimates",
    ));
    document.heading(2, "Limitations");
    document.bullets(limitations(book));
    document.paragraph(Text::new().placeholder(
        "authors",
        "sources of potential bias and imprecision that the data do not show, and their likely direction",
    ));
    document.heading(2, "Generalisability");
    document.paragraph(Text::new().placeholder("authors", "to whom the findings apply (external validity)"));
    document.heading(2, "Interpretation");
    document.paragraph(Text::new().placeholder(
        "authors",
        "interpretation consistent with the results, benefits against harms, other relevant evidence",
    ));
}

/// What the computations themselves show to be limited.
pub(in crate::publication) fn limitations(book: Book<'_>) -> Vec<String> {
    let (sources, design) = (book.sources, book.design);
    let mut found = Vec::new();
    if design.guideline != Guideline::Consort {
        found.push(design.guideline.reason(design.arms.len()));
    }
    let flow = &sources.head.flow;
    let left = flow.unreadable_records + flow.repeated_records + flow.without_arm + flow.unknown_arm;
    if left > 0 {
        found.push(format!(
            "{} of the {} received {} not in the analyses.",
            say::count(left),
            say::counted(flow.subject_records, "record", "records"),
            if left == 1 { "is" } else { "are" }
        ));
    }
    let conflicting = &sources.head.quality_metrics.conflicting_duplicates;
    if !conflicting.is_empty() {
        let mut fields: Vec<String> = conflicting.iter().flat_map(|of| of.fields.iter().cloned()).collect();
        fields.sort();
        fields.dedup();
        if fields.len() > 12 {
            fields.splice(12.., ["more fields".to_owned()]);
        }
        found.push(format!(
            "The records of {} contradict each other ({}); the first one counts.",
            say::counted(conflicting.len(), "subject", "subjects"),
            say::listed(&fields)
        ));
    }
    if let Some(primary) = sources.efficacy.primary() {
        let missing: u64 = primary.analysed.values().map(|a| a.missing).sum();
        let all: u64 = primary.analysed.values().map(|a| a.in_population).sum();
        if missing > 0 {
            found.push(format!(
                "The {} is missing for {} of {} subjects; leaving them out is unbiased only if missing values do not depend on \
                 the outcome.",
                primary.primary_name(),
                say::count(missing),
                say::count(all)
            ));
        }
        if primary.is_adopted() {
            found.push(format!(
                "The protocol names no primary endpoint. {} was taken as primary because it is the first time to an event; that this \
                 choice was made before the data were seen is not on record.",
                say::capitalised(primary.label.trim_end_matches('.'))
            ));
        }
    }
    for endpoint in sources.efficacy.all().into_iter().filter(|e| e.is_time()).take(10) {
        if endpoint.assumptions.iter().any(|a| a.contains("proportional hazards are doubtful")) {
            found.push(format!(
                "{}: proportional hazards are doubtful, so that the hazard ratio is an average over the time of follow-up{}.",
                endpoint.label.trim_end_matches('.'),
                book.tables.see(Key::Cox)
            ));
        }
    }
    let lost = super::losses::without_covariate(book);
    if !lost.is_empty() {
        found.push(format!(
            "{} Leaving them out is unbiased only if missing covariates do not depend on the outcome.",
            lost.join(" ")
        ));
    }
    let closed: Vec<&EndpointResult> =
        sources.efficacy.all().into_iter().filter(|e| e.reason().is_some()).collect();
    for endpoint in closed.iter().take(10) {
        let why = endpoint.reason().unwrap_or_default();
        found.push(format!("{} could not be analysed: {}", endpoint.label, say::sentence(why)));
    }
    let quality = &sources.head.quality_metrics;
    let impossible = quality.out_of_range.len() + quality.date_order_violations.len();
    if impossible > 0 {
        found.push(match impossible {
            1 => "1 value is outside the plausible range or contradicts an order of dates; it was flagged and not repaired.".to_owned(),
            n => format!(
                "{} values are outside the plausible range or contradict an order of dates; they were flagged and not repaired.",
                say::count(n)
            ),
        });
    }
    if quality.n_unreadable_values > 0 {
        found.push(format!(
            "{} could not be read and count as missing.",
            say::counted(quality.n_unreadable_values, "value", "values")
        ));
    }
    for problem in sources.head.problems.iter().take(15) {
        found.push(format!(
            "The protocol, {}: {} {}",
            problem.path,
            say::sentence(&problem.message),
            say::sentence(&problem.consequence)
        ));
    }
    if sources.head.problems.len() > 15 {
        found.push(format!(
            "{} more points of the protocol are in validation_report.md.",
            sources.head.problems.len() - 15
        ));
    }
    if found.is_empty() {
        found.push(
            "The computations show no limitation of their own; others are for a person to judge.".to_owned(),
        );
    }
    found
}

pub(super) fn other(book: Book<'_>, document: &mut Document) {
    document.heading(1, "Other information");
    for (heading, topic, who, what) in [
        ("Registration", Topic::Registration, "sponsor", "name of the registry and number"),
        (
            "Protocol",
            Topic::ProtocolAccess,
            "sponsor",
            "where the full protocol and statistical analysis plan can be read",
        ),
        ("Funding", Topic::Funding, "sponsor", "sources of funding and support, and the role of funders"),
        ("Ethics", Topic::Ethics, "sponsor", "approval by the ethics committee, and consent"),
        ("Data sharing", Topic::DataSharing, "sponsor", "whether and how individual data will be shared"),
    ] {
        document.heading(2, heading);
        document.paragraph(told(book.sources, topic, who, what));
    }
    document.heading(2, "Competing interests");
    document.paragraph(Text::new().placeholder("authors", "competing interests of each author"));
    document.heading(2, "References");
    document.paragraph(Text::new().placeholder("authors", "references"));
    document.heading(2, "Supplementary material");
    document.bullets([
        "supplementary_materials.pdf: exclusions, deviations, detailed methods, further tables and figures.",
        "tables_package.xlsx: every table, numbers as numbers.",
        "figures_package.zip: every figure, with captions.",
        "csr_shell.docx: shell of the clinical study report, with summaries of efficacy and of safety.",
    ]);
}
