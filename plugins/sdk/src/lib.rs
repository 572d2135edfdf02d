//! What a plugin author uses to write phases for Heddle.
//!
//! A phase is a type that implements [`Phase`]; [`plugin!`] makes a component of a list of them. Input, output and
//! configuration are plain Rust types: serde reads and writes them, schemars derives the JSON Schemas of the manifest.
//!
//! ```
//! use heddle_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Input {
//!     numbers: Vec<f64>,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Output {
//!     sum: f64,
//! }
//!
//! struct Sum;
//!
//! impl Phase for Sum {
//!     const NAME: &'static str = "sum";
//!     type Input = Input;
//!     type Output = Output;
//!     type Config = NoConfig;
//!
//!     fn info() -> PhaseInfo {
//!         PhaseInfo::new("Sum", "Adds numbers").output("sum.txt", FileKind::Text)
//!     }
//!
//!     fn execute(ctx: &mut Context<NoConfig>, input: Input) -> PhaseResult<Output> {
//!         let sum = input.numbers.iter().sum();
//!         ctx.write("sum.txt", format!("{sum}\n"))?;
//!         done(Output { sum })
//!     }
//! }
//!
//! heddle_sdk::plugin! { name: "adder", description: "Adds.", phases: [Sum] }
//!
//! # fn main() {
//! // A phase is unit-tested without WebAssembly.
//! let run = heddle_sdk::testing::Harness::<Sum>::new().run(serde_json::json!({ "numbers": [1.0, 2.5] }));
//! assert_eq!(run.output()["sum"], 3.5);
//! assert_eq!(run.text("sum.txt"), "3.5\n");
//! # }
//! ```

#[allow(missing_docs, unsafe_code, unreachable_pub, unused_qualifications, clippy::all)]
pub mod bindings;
mod context;
mod error;
mod host;
#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
mod memory;
mod phase;
mod plugin;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod wasm_host;

pub use context::{Context, Writer};
pub use error::{PhaseError, Problem};
pub use heddle_manifest as manifest;
pub use host::{Entry, Host, Level};
pub use phase::{NoConfig, Outcome, Phase, PhaseInfo, PhaseResult, done, skipped};
pub use plugin::{Plugin, PluginPhase};
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use wasm_host as __component;
// The macro's expansion names these, so that a plugin needs no dependency on them for its sake.
#[doc(hidden)]
pub use serde_json;

/// What nearly every phase uses.
pub mod prelude {
    pub use crate::{
        Context, NoConfig, Outcome, Phase, PhaseError, PhaseInfo, PhaseResult, Problem, done,
        manifest::{ApprovalRequest, Capability, Decision, FileKind, FilesSpec, RetryPolicy, Step, Workflow},
        skipped,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
}
