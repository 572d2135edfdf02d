//! Several tests: families, adjusted p-values, and what may be concluded.

use heddle_kit::stats::{hochberg, holm};
use serde::Serialize;

use super::{
    favours::Side,
    frame::Frame,
    result::{Adjusted, Analysed, Comparison, Role},
    words::{listed, p_text, percent},
};

/// How the error of the whole trial is held.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Multiplicity {
    /// Two-sided.
    pub(super) alpha: f64,
    /// The procedure in words, its families named.
    pub(super) statement: String,
    /// Hypotheses of the primary endpoint: one for each comparison.
    pub(super) primary_family: Vec<String>,
    /// Hypotheses of the secondary endpoints.
    pub(super) secondary_family: Vec<String>,
    /// Whether secondary hypotheses may be concluded on; never without a primary endpoint.
    pub(super) gate_open: bool,
    /// Why.
    pub(super) gate: String,
}

/// Where a hypothesis stands: (endpoint, comparison).
type Place = (usize, usize);

fn family(endpoints: &[Analysed], role: Role) -> Vec<Place> {
    let of = |(at, endpoint): (usize, &Analysed)| {
        let n = if endpoint.role == role { endpoint.comparisons.len() } else { 0 };
        (0..n).map(move |comparison| (at, comparison)).collect::<Vec<_>>()
    };
    endpoints.iter().enumerate().flat_map(of).collect()
}

/// A hypothesis whose test is not computable keeps its place, with p = 1: the family was planned with it.
fn p_values(endpoints: &[Analysed], family: &[Place]) -> Vec<f64> {
    let of = |(endpoint, comparison): &Place| {
        let p = endpoints.get(*endpoint).and_then(|e| e.comparisons.get(*comparison)).map(|c| &c.main.p);
        p.and_then(|p| p.as_ref().ok()).copied().unwrap_or(1.0)
    };
    family.iter().map(of).collect()
}

fn names(frame: &Frame<'_>, endpoints: &[Analysed], family: &[Place]) -> Vec<String> {
    let of = |(endpoint, comparison): &Place| {
        let endpoint = endpoints.get(*endpoint)?;
        let arm = endpoint.comparisons.get(*comparison)?.arm;
        Some(format!("{}: {} against {}", endpoint.label, frame.arm(arm), frame.reference_name()))
    };
    family.iter().filter_map(of).collect()
}

/// Adjusts the main tests within their families (Holm, Hochberg) and says what each allows to conclude. The secondary family is
/// tested only if all hypotheses of the primary one are rejected: serial gatekeeping holds the familywise error at alpha
/// (Westfall and Krishen 2001, "Optimally weighted, fixed sequence and gatekeeper multiple testing procedures").
pub(super) fn adjust(frame: &Frame<'_>, endpoints: &mut [Analysed]) -> Multiplicity {
    let (primary, secondary) = (family(endpoints, Role::Primary), family(endpoints, Role::Secondary));
    let alpha = frame.alpha;
    let first = p_values(endpoints, &primary);
    let first = (holm(&first), hochberg(&first));
    let second = p_values(endpoints, &secondary);
    let second = (holm(&second), hochberg(&second));
    let rejected = first.0.iter().filter(|p| **p <= alpha).count();
    let gate_open = !primary.is_empty() && rejected == primary.len();
    let level = percent(alpha);
    let harmful: Vec<String> = primary
        .iter()
        .zip(&first.0)
        .filter(|(_, p)| **p <= alpha)
        .filter_map(|((at, of), _)| endpoints.get(*at)?.comparisons.get(*of))
        .filter(|of| of.favours.side == Side::Reference)
        .map(|of| frame.arm(of.arm).to_owned())
        .collect();
    let mut gate = match (primary.is_empty(), gate_open) {
        (true, _) => "There is no primary endpoint with a comparison, so nothing opens the way to the secondary endpoints: their p-values describe and confirm nothing.".to_owned(),
        (_, is_open) => {
            let tested = |place: &&Place| endpoints.get(place.0).and_then(|e| e.comparisons.get(place.1)).is_some_and(|of| of.main.p.is_ok());
            let verdict = if primary.iter().any(|place| tested(&place)) {
                format!("{} after Holm's adjustment at {level}", rejections(rejected, primary.len()))
            } else {
                "No primary hypothesis could be tested, which counts as not rejected".to_owned()
            };
            match (secondary.is_empty(), is_open) {
                (true, _) => format!("{verdict}."),
                (_, true) => format!("{verdict}: the secondary family is tested at {level}."),
                (_, false) => format!("{verdict}; the gate is closed, and p-values of secondary endpoints describe and confirm nothing."),
            }
        }
    };
    if !harmful.is_empty() {
        gate.push_str(&format!(
            " A rejected hypothesis is no proof of benefit: the primary endpoint was worse under {} than under {}.",
            listed(&harmful),
            frame.reference_name()
        ));
    }
    let mut give = |family: &[Place],
                    adjusted: &(Vec<f64>, Vec<f64>),
                    conclusion: &dyn Fn(f64, &Comparison) -> String| {
        for ((at, comparison), (holm, hochberg)) in family.iter().zip(adjusted.0.iter().zip(&adjusted.1)) {
            if let Some(found) = endpoints.get_mut(*at).and_then(|e| e.comparisons.get_mut(*comparison)) {
                let conclusion = conclusion(*holm, found);
                found.adjusted =
                    Some(Adjusted { holm: *holm, hochberg: *hochberg, family: family.len(), conclusion });
            }
        }
    };
    give(&primary, &first, &|p, of| match (of.main.p.is_ok(), p <= alpha) {
        (false, _) => "not computable, and so not rejected".to_owned(),
        (true, true) => {
            format!(
                "the hypothesis of no difference is rejected at {level} (Holm p {}), {}",
                p_text(p),
                of.favours.words
            )
        }
        (true, false) => {
            format!("the hypothesis of no difference is not rejected at {level} (Holm p {})", p_text(p))
        }
    });
    give(&secondary, &second, &|p, of| match (of.main.p.is_ok(), gate_open, p <= alpha) {
        (false, ..) => "not computable, and so not rejected".to_owned(),
        (_, true, true) => {
            format!(
                "rejected at {level} within the secondary family (Holm p {}), {}",
                p_text(p),
                of.favours.words
            )
        }
        (_, true, false) => {
            format!("not rejected at {level} within the secondary family (Holm p {})", p_text(p))
        }
        (_, _, _) => format!("descriptive only: the gate is closed (Holm p {})", p_text(p)),
    });
    let (primary_family, secondary_family) =
        (names(frame, endpoints, &primary), names(frame, endpoints, &secondary));
    if primary.is_empty() && secondary.is_empty() {
        let statement =
            "Nothing is compared, so that there are no hypotheses and nothing is adjusted.".to_owned();
        let gate = "There is nothing to open a gate for: no endpoint has a comparison.".to_owned();
        return Multiplicity { alpha, statement, primary_family, secondary_family, gate_open, gate };
    }
    let statement = format!(
        "Primary family: {} ({}). Secondary family: {} ({}). Within each family the p-values of the main tests are adjusted by Holm's procedure, which holds under any dependence and decides; Hochberg's stands beside it for tests that are independent or positively dependent. The secondary family is gated by the primary one. Times to events belong to the secondary family unless one of them is the primary endpoint. Exploratory endpoints, sensitivity analyses, subgroups and tests of all arms at once are in no family and are not adjusted. Hypotheses that are not computable count with p = 1.",
        counted(primary_family.len()),
        listed(&primary_family),
        counted(secondary_family.len()),
        listed(&secondary_family),
    );
    Multiplicity { alpha, statement, primary_family, secondary_family, gate_open, gate }
}

fn rejections(rejected: usize, of: usize) -> String {
    match (rejected, of) {
        (0, 1) => "The primary hypothesis is not rejected".to_owned(),
        (_, 1) => "The primary hypothesis is rejected".to_owned(),
        (0, n) => format!("None of {n} primary hypotheses is rejected"),
        (1, n) => format!("1 of {n} primary hypotheses is rejected"),
        (k, n) if k == n => format!("All {n} primary hypotheses are rejected"),
        (k, n) => format!("{k} of {n} primary hypotheses are rejected"),
    }
}

fn counted(n: usize) -> String {
    if n == 1 { "1 hypothesis".to_owned() } else { format!("{n} hypotheses") }
}
