//! The methods.

use heddle_kit::document::{Document, Text};

use super::{Book, front::design_words};
use crate::publication::{
    design::{Guideline, Topic, told},
    say,
};

/// Most endpoints that are named one by one.
const MOST_NAMED: usize = 25;

pub(super) fn write(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    let is_strobe = book.design.guideline == Guideline::Strobe;
    document.heading(1, "Methods");
    document.heading(2, if is_strobe { "Study design" } else { "Trial design" });
    document.paragraph(Text::from(say::sentence(&design_words(book))));
    if !is_strobe {
        let ratio = &sources.statistics.randomisation.allocation;
        let is_stated = !ratio.ratio_from.contains("no ratio");
        if book.design.guideline == Guideline::Consort && is_stated && !ratio.ratio.is_empty() {
            let arms = book.design.arms.iter().filter_map(|arm| Some((arm, ratio.ratio.get(arm)?)));
            let parts: Vec<String> = arms.map(|(arm, r)| format!("{arm} {r}")).collect();
            document.paragraph(format!(
                "Planned allocation ratio: {} ({}).",
                parts.join(", "),
                ratio.ratio_from
            ));
        } else {
            document.paragraph(
                Text::new()
                    .bold("Allocation ratio. ")
                    .placeholder("sponsor", "planned ratio; the protocol states none"),
            );
        }
    }
    document.paragraph(Text::new().bold("Changes to methods after the start. ").then(told(
        sources,
        Topic::Changes,
        "sponsor",
        "important changes after the start, with reasons, or that there were none",
    )));
    document.heading(2, "Participants");
    document.paragraph(Text::new().bold("Eligibility. ").then(told(
        sources,
        Topic::Eligibility,
        "investigator",
        "eligibility criteria",
    )));
    document.paragraph(settings(book));
    document.heading(2, if is_strobe { "Exposures and treatments" } else { "Interventions" });
    document.paragraph(Text::from(match book.design.arms.len() {
        0 => "No arm is known.".to_owned(),
        1 => format!("One arm: {}.", say::listed(&book.design.arms)),
        _ => format!("Arms: {}. Reference: {}.", say::listed(&book.design.arms), book.design.reference),
    }));
    document.paragraph(told(
        sources,
        Topic::Interventions,
        "investigator",
        "what each arm received, how and when, in enough detail to be repeated",
    ));
    document.heading(2, if is_strobe { "Variables and outcomes" } else { "Outcomes" });
    outcomes(book, document);
    document.heading(2, if is_strobe { "Study size" } else { "Sample size" });
    document.paragraph(told(sources, Topic::SampleSize, "sponsor", "how the sample size was determined"));
    document.paragraph(Text::new().bold("Interim analyses. ").then(told(
        sources,
        Topic::Interim,
        "sponsor",
        "interim analyses and stopping rules, or that there were none",
    )));
    if is_strobe {
        assignment(book, document);
    } else {
        randomisation(book, document);
    }
    document.heading(2, "Statistical methods");
    analysis_sets(book, document);
    statistics(book, document);
    multiplicity(book, document);
    missing(book, document);
}

fn settings(book: Book<'_>) -> Text {
    let sites = book.sources.statistics.randomisation.sites.n;
    let known = match sites {
        0 => String::new(),
        n => format!("The data have {} (masked). ", say::counted(n, "site", "sites")),
    };
    Text::new().bold("Settings. ").plain(known).then(told(
        book.sources,
        Topic::Settings,
        "investigator",
        "settings and locations where the data were collected",
    ))
}

fn outcomes(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    let all = sources.efficacy.all();
    if all.is_empty() {
        document.paragraph("The protocol names no endpoint.");
    }
    let kind = |kind: &str| match kind {
        "time_to_event" => "time to an event".to_owned(),
        other => other.to_owned(),
    };
    let items = all.iter().take(MOST_NAMED).map(|e| {
        let direction = e.direction.as_deref().map_or_else(String::new, |d| format!("; {d}"));
        Text::new().bold(format!("{}. ", say::capitalised(e.place()))).plain(format!(
            "{} ({}{direction}).",
            e.label.trim_end_matches('.'),
            kind(&e.kind)
        ))
    });
    document.bullets(items);
    if all.len() > MOST_NAMED {
        document
            .paragraph(format!("{} more are in the table of outcomes.", say::count(all.len() - MOST_NAMED)));
    }
    super::paragraphs(document, sources.efficacy.notes.iter().take(20).map(|note| say::sentence(note)));
    document.paragraph(Text::new().placeholder(
        "investigator",
        "how and when each outcome was assessed; changes to outcomes after the start, or that there were none",
    ));
}

fn randomisation(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    let of = &sources.statistics.randomisation;
    document.heading(2, "Randomisation");
    document.paragraph(format!("{} {}", say::sentence(&of.evidence), say::sentence(&of.consequence)));
    if let Some(stratified) = &of.stratification {
        document.paragraph(format!("Stratification, in the protocol's words: {}", say::sentence(stratified)));
    }
    for (heading, topic, what) in [
        (
            "Sequence generation",
            Topic::Randomisation,
            "method, type and restrictions (blocks, strata) of the random sequence",
        ),
        (
            "Allocation concealment",
            Topic::Concealment,
            "mechanism by which the sequence was concealed until assignment",
        ),
        (
            "Implementation",
            Topic::Implementation,
            "who generated the sequence, enrolled and assigned participants",
        ),
    ] {
        document
            .paragraph(Text::new().bold(format!("{heading}. ")).then(told(sources, topic, "sponsor", what)));
    }
    document.heading(2, "Blinding");
    blinding(book, document);
}

fn blinding(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    let design = sources.head.protocol.design.as_deref().unwrap_or_default().to_lowercase();
    let words = [
        "double-blind",
        "double blind",
        "triple-blind",
        "single-blind",
        "single blind",
        "open-label",
        "open label",
    ]
    .into_iter()
    .find(|words| design.contains(words));
    let lead = words.map_or_else(String::new, |words| format!("The protocol's design says {words}. "));
    document.paragraph(Text::from(lead).then(told(
        sources,
        Topic::Blinding,
        "sponsor",
        "who was blinded after assignment and how; similarity of the interventions",
    )));
}

/// How subjects came to their treatment where it was not at random.
fn assignment(book: Book<'_>, document: &mut Document) {
    let of = &book.sources.statistics;
    document.heading(2, "Assignment to treatment, bias and confounding");
    document.paragraph(book.design.guideline.reason(book.design.arms.len()));
    if book.design.arms.len() > 1 {
        document.paragraph(format!(
            "Propensity scores: {} {}",
            say::sentence(&of.propensity.reason),
            if of.propensity.performed { say::sentence(&of.propensity.method) } else { String::new() }
        ));
        if let Some(why) = super::results::unmatched(book).filter(|_| of.propensity.performed) {
            document.paragraph(format!(
                "{} The comparisons of outcomes below are of all subjects.",
                say::sentence(&why)
            ));
        } else if of.propensity.performed {
            document.paragraph(format!(
                "Balance before and after matching is tabulated{}. The comparisons of outcomes below are of all subjects, unmatched.",
                book.tables.see(crate::publication::tables::Key::Matching)
            ));
        }
    }
    document.paragraph(Text::new().placeholder(
        "investigator",
        "how treatment was chosen, known confounders and the efforts against bias",
    ));
    document.heading(2, "Blinding");
    blinding(book, document);
}

/// Who is in which analysis.
pub(in crate::publication) fn analysis_sets(book: Book<'_>, document: &mut Document) {
    let sources = book.sources;
    let mut items =
        vec![Text::new().bold("Baseline. ").plain(say::sentence(&sources.cohorts.population.description))];
    for (name, population) in &sources.efficacy.populations {
        items.push(
            Text::new()
                .bold(format!("{}. ", say::capitalised(&crate::publication::flow::name(name))))
                .plain(say::sentence(&population.who)),
        );
    }
    let safety = &sources.safety.population;
    let who = safety.flag.as_deref().map_or_else(
        || "all subjects of the protocol's arms".to_owned(),
        |flag| format!("subjects whose flag {flag} is true"),
    );
    items.push(Text::new().bold("Safety. ").plain(say::sentence(&format!("{who}, {}", safety.by))));
    document.paragraph("Analysis populations:");
    document.bullets(items);
}

/// Tests and models, and why these.
pub(in crate::publication) fn statistics(book: Book<'_>, document: &mut Document) {
    let (sources, design) = (book.sources, book.design);
    let mut said: Vec<String> = Vec::new();
    for endpoint in sources.efficacy.all() {
        for of in endpoint.compared(&design.arms) {
            if of.main.test == "none" {
                continue;
            }
            let words =
                format!("{} ({}): {}", of.main.test, of.main.measure, say::sentence(&of.why_this_test));
            if !said.contains(&words) {
                said.push(words);
            }
        }
    }
    let is_compared = design.arms.len() > 1;
    document.paragraph(if !is_compared {
        format!("Results are described, and nothing is compared; intervals have a confidence level of {}.", design.level)
    } else { format!(
        "Tests are two-sided at a level of {}, intervals have a confidence level of {}. The main test of an endpoint follows from its kind \
         and from the protocol; the one exception is χ² or Fisher's test, chosen by expected counts, which do not depend on the difference.",
        say::percent(design.alpha),
        design.level
    )});
    if said.is_empty() && is_compared {
        document.paragraph(
            "No test was made: there is nothing to compare, or no endpoint that could be analysed.",
        );
    } else if !said.is_empty() {
        document.paragraph("Main tests, and why these:");
        document.bullets(said.into_iter().take(12));
    }
    if sources.efficacy.time_to_event.iter().any(|e| e.reason().is_none()) {
        document.paragraph(format!(
            "Times to events: Kaplan–Meier estimates with Greenwood's variance and log-log intervals; medians after Brookmeyer and Crowley{}.",
            if is_compared {
                "; Cox models with Efron's handling of ties; proportional hazards by scaled Schoenfeld residuals"
            } else {
                ""
            }
        ));
    }
    if is_compared && !sources.efficacy.subgroups().is_empty() {
        document.paragraph(
            "Subgroups were named in the protocol: an unadjusted effect in each level and a test of interaction for each variable. They are \
             exploratory.",
        );
    }
    if design.arms.len() > 1 {
        document.paragraph(format!(
            "Baseline: means, medians and shares by arm, and standardised mean differences to {}.",
            design.reference
        ));
    }
    if !sources.safety.methods.is_empty() {
        document.paragraph("Harms:");
        document.bullets(sources.safety.methods.iter().map(|m| say::sentence(m)));
    }
}

/// How the error of the whole is held.
pub(in crate::publication) fn multiplicity(book: Book<'_>, document: &mut Document) {
    let families = &book.sources.efficacy.multiplicity;
    if book.design.arms.len() < 2 || families.statement.is_empty() {
        return;
    }
    document.paragraph(Text::new().bold("Multiplicity. ").plain(say::shortened(&families.statement, 4_000)));
}

/// What was done with missing values.
pub(in crate::publication) fn missing(_: Book<'_>, document: &mut Document) {
    document.paragraph(Text::new().bold("Missing data. ").plain(
        "Values that are missing are left out of each analysis and counted; nothing was imputed in these analyses. An adjusted analysis also \
         leaves out who has the outcome but lacks a covariate. Values that the source \
         carried forward are the source's own. Values out of range were kept and flagged.",
    ));
}
