//! Reads and writes the shared state of a run.

use heddle_sdk::prelude::*;
use serde_json::Value;

/// Reads a value of the shared state, and sets it if it is told to.
pub struct Share;

/// What to set.
#[derive(Deserialize, JsonSchema)]
pub struct Note {
    /// The new value.
    #[serde(default)]
    set: Option<Value>,
}

/// What the value was and is.
#[derive(Serialize, JsonSchema)]
pub struct Notes {
    /// As the phase found it.
    before: Option<Value>,
    /// As the phase left it.
    after: Option<Value>,
}

impl Phase for Share {
    const NAME: &'static str = "share";
    type Input = Note;
    type Output = Notes;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Share", "Reads and sets the shared value `note`.")
            .shared_read("note")
            .shared_write("note")
    }

    fn execute(ctx: &mut Context<NoConfig>, input: Note) -> PhaseResult<Notes> {
        let before = ctx.shared_get("note")?;
        if let Some(value) = &input.set {
            ctx.shared_set("note", value)?;
        }
        done(Notes { before, after: ctx.shared_get("note")? })
    }
}
