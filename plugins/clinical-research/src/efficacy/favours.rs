//! Which way an effect points, in words without figures, for conclusions.

use serde::Serialize;

use super::{frame::Frame, words::favours};
use crate::study::Direction;

/// Whom an effect speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    /// The arm compared.
    Arm,
    /// The reference: the arm did worse.
    Reference,
    /// Neither: there is no difference, or its direction could not be told.
    Neither,
    /// The protocol does not say which direction is good.
    Unknown,
}

/// The direction of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Favours {
    pub(super) side: Side,
    /// To follow "the hypothesis was rejected": "in favour of New (the mean was lower under New than under Old)".
    pub(super) words: String,
}

/// What is said of a positive and of a negative effect.
pub(super) type Phrases = (&'static str, &'static str);

/// Of a measurement.
pub(super) const MEAN: Phrases = ("the mean was higher", "the mean was lower");
/// Of a score.
pub(super) const SCORE: Phrases = ("values tended to be higher", "values tended to be lower");
/// Of yes and no.
pub(super) const OUTCOME: Phrases = ("the outcome was more frequent", "the outcome was less frequent");
/// Of a time to an event.
pub(super) const EVENT: Phrases = ("the event came sooner", "the event came later");

/// Of restricted means of a time.
pub(super) const MEAN_TIME: Phrases =
    ("the restricted mean time to the event was longer", "the restricted mean time to the event was shorter");

impl Favours {
    /// Of an effect that is the arm less the reference, or a logarithm of their ratio.
    pub(super) fn of(
        frame: &Frame<'_>,
        arm: usize,
        effect: Option<f64>,
        direction: Option<Direction>,
        (higher, lower): Phrases,
    ) -> Self {
        let (arm, reference) = (frame.arm(arm), frame.reference_name());
        let Some(effect) = effect.filter(|e| *e != 0.0 && !e.is_nan()) else { return Self::nothing() };
        let what = if effect > 0.0 { higher } else { lower };
        let phrase = format!("{what} under {arm} than under {reference}");
        let (side, words) = match favours(effect, direction, arm, reference) {
            None => (
                Side::Unknown,
                format!("where {what} than under {reference} (the protocol does not say which is better)"),
            ),
            Some(better) if better == arm => (Side::Arm, format!("in favour of {arm} ({phrase})")),
            Some(_) => (Side::Reference, format!("in favour of {reference} and against {arm} ({phrase})")),
        };
        Self { side, words }
    }

    /// Where no effect could be estimated, or it is none.
    pub(super) fn nothing() -> Self {
        Self { side: Side::Neither, words: "in a direction that could not be told".to_owned() }
    }
}
