//! Ends in the way that its input says.

use heddle_sdk::prelude::*;

/// Ends in the way that its input says.
pub struct End;

/// How to end.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// Well.
    Completed,
    /// There was nothing to do.
    Skipped {
        /// Why.
        message: String,
    },
    /// Badly, and it may work the next time.
    Retryable {
        /// Why.
        message: String,
    },
    /// Badly.
    Failed {
        /// Why.
        message: String,
    },
    /// With a problem of the input.
    InvalidInput {
        /// Where.
        path: String,
        /// What.
        message: String,
    },
}

/// The output of a phase that ended well.
#[derive(Serialize, JsonSchema)]
pub struct Ended {
    /// Always true.
    well: bool,
}

impl Phase for End {
    const NAME: &'static str = "end";
    type Input = How;
    type Output = Ended;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new("End", "Ends in the way that its input says.")
    }

    fn validate(input: &How) -> Vec<Problem> {
        match input {
            How::InvalidInput { path, message } => vec![Problem::new(path, message)],
            _ => Vec::new(),
        }
    }

    fn execute(_: &mut Context<NoConfig>, input: How) -> PhaseResult<Ended> {
        match input {
            How::Completed => done(Ended { well: true }),
            How::Skipped { message } => skipped(message),
            How::Retryable { message } => Err(PhaseError::Retryable(message)),
            How::Failed { message } => Err(PhaseError::Failed(message)),
            How::InvalidInput { path, message } => Err(PhaseError::invalid(path, message)),
        }
    }
}
