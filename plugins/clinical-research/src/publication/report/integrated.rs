//! The summaries of efficacy (ISE) and of safety (ISS), as appendices: what this study brings to them.

use heddle_kit::document::{Document, Text};

use crate::publication::{
    manuscript::{Book, conclusion, shared},
    say,
};

/// What a summary is, and by which rule of 21 CFR.
fn introduction(document: &mut Document, of: &str, rule: &str) {
    document.page_break();
    document.heading(1, format!("Appendix: Summary of {of}"));
    document.paragraph(format!(
        "An integrated summary joins all studies of a product (21 CFR {rule}). This one has the results of one study; the others are for a \
         person to add."
    ));
}

pub(super) fn efficacy(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    introduction(document, "efficacy (ISE)", "314.50(d)(5)(v)");
    document.heading(2, "Study and population");
    document.paragraph(say::sentence(&shared::design_words(book)));
    shared::analysis_sets(book, document);
    document.heading(2, "Results by endpoint");
    let mut items = Vec::new();
    for endpoint in sources.efficacy.all().into_iter().take(30) {
        let lead = format!("{} ({}): ", endpoint.label, endpoint.place());
        if let Some(why) = endpoint.reason() {
            items.push(Text::new().bold(lead).plain(format!("not computable: {}", say::sentence(why))));
            continue;
        }
        let compared: Vec<String> =
            endpoint.compared(&design.arms).take(8).map(|c| say::comparison(c, &design.level)).collect();
        let words = if compared.is_empty() {
            "described only; nothing is compared.".to_owned()
        } else {
            compared.join(" ")
        };
        items.push(Text::new().bold(lead).plain(words));
    }
    document.bullets(items);
    if design.arms.len() > 1 {
        document.paragraph(sources.efficacy.multiplicity.gate.as_str());
    }
    document.heading(2, "Subpopulations");
    shared::subgroups(book, document);
    document.heading(2, "Conclusion");
    document.paragraph(Text::from(conclusion(book)).plain(" ").placeholder(
        "medical writer",
        "comparison and pooled analysis with the other studies of the product; dose and duration of effect",
    ));
}

pub(super) fn safety(book: Book<'_>, document: &mut Document) {
    introduction(document, "safety (ISS)", "314.50(d)(5)(vi)");
    document.heading(2, "Extent of exposure");
    shared::exposure(book, document);
    document.heading(2, "Adverse events");
    shared::events(book, document);
    document.heading(2, "Deaths");
    shared::deaths(book, document);
    document.heading(2, "Laboratory values");
    shared::labs(book, document);
    document.heading(2, "Conclusion");
    document.paragraph(Text::new().placeholder(
        "medical writer",
        "pooled exposure and events of all studies, special populations, overdose, interactions, and the overall view of safety",
    ));
}
