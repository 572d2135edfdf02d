//! What follows of the primary results alone, hypothesis by hypothesis.

use super::Book;
use crate::publication::{
    design::Guideline,
    say,
    sources::{ComparisonResult, EndpointResult},
};

/// The most cautions of a conclusion.
const MOST_CAUTIONS: usize = 6;

/// How a hypothesis of the primary family stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    NotTested,
    NotRejected,
    Rejected,
}

fn standing(of: &ComparisonResult, alpha: f64) -> Standing {
    match (of.main.p, of.p_holm) {
        (None, _) => Standing::NotTested,
        (Some(_), Some(p)) if p <= alpha => Standing::Rejected,
        _ => Standing::NotRejected,
    }
}

/// The conclusion: what was rejected and whom it favours, what was not, and what could not be tested.
pub(in crate::publication) fn conclusion(book: Book<'_>) -> String {
    let design = book.design;
    let Some(primary) = book.sources.efficacy.primary() else {
        return "Without a primary outcome nothing is concluded on efficacy.".to_owned();
    };
    let name = primary.primary_name();
    if primary.reason().is_some() {
        return format!("The {name} could not be computed, and nothing is concluded on efficacy.");
    }
    let compared: Vec<_> = primary.compared(&design.arms).collect();
    if compared.is_empty() {
        return "The results describe the arm; without a comparison nothing is concluded on the treatment's effect.".to_owned();
    }
    if compared.iter().all(|of| standing(of, design.alpha) == Standing::NotTested) {
        return format!(
            "The hypotheses of the {name} could not be tested, and nothing is concluded on efficacy."
        );
    }
    let mut words = hypotheses(primary, &compared, book);
    match design.guideline {
        Guideline::Consort => {}
        Guideline::ConsortUnconfirmed => words.push_str(
            " Whether subjects were assigned at random is not stated, so that no difference may be called an effect of the treatment.",
        ),
        Guideline::Strobe => {
            words.push_str(" Any difference is an association: it may be due to who was in which arm.");
        }
    }
    let cautions = compared.iter().filter_map(|of| of.caution.as_deref()).take(MOST_CAUTIONS);
    for caution in cautions {
        words.push_str(&format!(" {}", say::sentence(caution)));
    }
    words
}

fn hypotheses(primary: &EndpointResult, compared: &[&ComparisonResult], book: Book<'_>) -> String {
    let design = book.design;
    let of = |wanted| compared.iter().filter(move |c| standing(c, design.alpha) == wanted);
    let arms = |wanted| of(wanted).map(|c| c.arm.clone()).collect::<Vec<_>>();
    let (rejected, kept, untested) = (
        of(Standing::Rejected).map(|c| format!("{}, {}", c.arm, c.favours.words)).collect::<Vec<_>>(),
        arms(Standing::NotRejected),
        arms(Standing::NotTested),
    );
    let what = primary.label.trim_end_matches('.');
    let lead = if primary.is_adopted() {
        format!("For the outcome taken as primary ({what}), as the protocol names none,")
    } else {
        format!("For the primary outcome ({what})")
    };
    let mut words = if rejected.is_empty() {
        format!(
            "{lead} the hypothesis of no difference from {} was not rejected for {}.",
            design.reference,
            say::listed(&kept)
        )
    } else {
        let mut words = format!(
            "{lead} the hypothesis of no difference from {} was rejected for {}.",
            design.reference,
            rejected.join("; and for ")
        );
        if !kept.is_empty() {
            words.push_str(&format!(" It was not rejected for {}.", say::listed(&kept)));
        }
        words
    };
    if !kept.is_empty() {
        words.push_str(" That a hypothesis is not rejected does not show that the arms are alike.");
    }
    if !untested.is_empty() {
        words.push_str(&format!(
            " It could not be tested for {}, and nothing is concluded there.",
            say::listed(&untested)
        ));
    }
    words
}
