//! Phase `solution_generation`.

use heddle_sdk::prelude::*;

/// Options; the tickets come from `tickets_structured.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {}

/// What the phase found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {}

/// The phase.
pub struct SolutionGeneration;

impl Phase for SolutionGeneration {
    const NAME: &'static str = "solution_generation";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Solution generation", "").reads("tickets_structured.json")
    }

    fn execute(_ctx: &mut Context<'_, NoConfig>, _input: Input) -> PhaseResult<Output> {
        Err(PhaseError::failed("not written"))
    }
}
