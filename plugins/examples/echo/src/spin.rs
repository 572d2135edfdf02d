//! Uses the processor for as long as it is told.

use heddle_sdk::prelude::*;

/// Uses the processor.
pub struct Spin;

/// For how long.
#[derive(Deserialize, JsonSchema)]
pub struct Work {
    /// Steps of a generator; about a nanosecond each.
    #[serde(default)]
    iterations: u64,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
pub struct Checksum {
    /// The generator's last state, as hexadecimal digits.
    checksum: String,
}

impl Phase for Spin {
    const NAME: &'static str = "spin";
    type Input = Work;
    type Output = Checksum;
    type Config = serde_json::Value;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Spin", "Uses the processor for a given number of steps.")
    }

    fn execute(_: &mut Context<serde_json::Value>, input: Work) -> PhaseResult<Checksum> {
        // Marsaglia's xorshift64 (2003): each step needs the one before, so that none can be left out.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..input.iterations {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        done(Checksum { checksum: format!("{state:016x}") })
    }
}
