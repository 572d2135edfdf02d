//! A plugin that misbehaves in every way we could think of, a phase for each. The tests of the sandbox run it, and
//! `cargo xtask demo` shows some of it.
//!
//! It is written against the WIT itself: the SDK would keep it from doing most of this.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod crimes;

use serde_json::{Value, json};

/// Phase and what it does. In the order of the manifest.
pub const PHASES: &[(&str, &str)] = &[
    ("good", "Behaves, to show that what came before left nothing."),
    ("loop", "Never returns."),
    ("allocate", "Allocates without end."),
    ("allocate_politely", "Allocates until it is refused, gives everything back, and completes."),
    ("recurse", "Calls itself without end, with small frames."),
    ("recurse_large", "Calls itself without end, with frames of 100 KB."),
    ("unreachable", "Executes what cannot be executed."),
    ("out_of_bounds", "Reads beyond its memory."),
    ("panic", "Panics with a message."),
    ("panic_huge", "Panics with a message of 8 MiB."),
    ("log_many", "Logs short lines without end."),
    ("log_huge", "Logs lines of 1 MiB."),
    ("log_empty", "Logs empty lines without end."),
    ("progress_many", "Reports progress without end."),
    ("progress_odd", "Reports progress that is no number, infinite and negative, with a message of 1 MiB."),
    ("calls_many", "Asks for the time without end."),
    ("output_huge", "Returns 64 MiB of JSON."),
    ("output_values", "Returns a list of five million zeros."),
    ("output_deep", "Returns a list in a list, ten thousand deep."),
    ("output_no_json", "Returns half an object."),
    ("output_misfit", "Returns an output that its own schema forbids."),
    ("error_huge", "Fails with a message of 8 MiB."),
    ("problems_many", "Finds 100,000 problems in its input."),
    ("file_huge", "Writes a file without end."),
    ("files_many", "Writes one file after the other."),
    ("files_undeclared", "Writes files that are not declared, with names that lead elsewhere."),
    ("files_twice", "Writes a file twice, writes to a finished one, finishes it again."),
    ("files_unfinished", "Leaves a file unfinished, and finishes another."),
    ("files_then_fail", "Finishes a file, sets shared state, and fails."),
    ("reads_undeclared", "Reads files that are not declared, or not there."),
    ("read_huge", "Asks for 4 GiB of a file at once."),
    ("shared_undeclared", "Reads and sets shared state that is not declared, and sets no JSON."),
    ("shared_huge", "Sets shared state to ever more."),
    ("ask_undeclared", "Asks a person without having declared it."),
    ("ask_nonsense", "Asks in ways that cannot be asked."),
    ("ask_many", "Asks one question after the other, without end."),
    ("ask_huge", "Asks with a message of 8 MiB."),
    ("ask_holding", "Holds 64 MiB while it asks."),
    ("ask_what_was_read", "Asks about a file, and another question if it could not be read."),
    ("validate_loop", "Never returns from validate."),
    ("validate_calls", "Calls the host from validate."),
    ("validate_many", "Finds 100,000 problems in validate."),
];

/// What the manifest says.
pub fn manifest() -> Value {
    let file = |name: &str| json!({ "file": name, "kind": "text" });
    let phases: Vec<_> = PHASES
        .iter()
        .map(|(name, description)| {
            let mut phase = json!({ "name": name, "description": description });
            if *name == "output_misfit" {
                phase["output_schema"] = json!({
                    "type": "object",
                    "properties": { "list": { "items": { "type": "integer" } } },
                    "required": ["list", "other"],
                });
            }
            if name.starts_with("file") {
                phase["outputs"] = (0..10).map(|i| file(&format!("{i}.txt"))).collect();
            }
            let asks = name.starts_with("ask") && *name != "ask_undeclared";
            phase["capabilities"] = if asks { json!(["approvals"]) } else { json!([]) };
            if name.starts_with("read") || *name == "ask_what_was_read" {
                phase["reads"] = json!(["input/a.txt", "input/gone.txt"]);
            }
            if name.starts_with("shared") || *name == "files_then_fail" {
                phase["shared_reads"] = json!(["mine"]);
                phase["shared_writes"] = json!(["mine"]);
            }
            phase
        })
        .collect();
    json!({
        "name": "hostile",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Misbehaves in every way we could think of: for tests.",
        "capabilities": ["approvals"],
        "phases": phases,
        "workflows": [{
            "name": "hostile_loop",
            "display_name": "A phase that never returns",
            "description": "A phase that behaves, and one that never returns within its second.",
            "steps": [
                { "name": "good", "phase": "hostile/good" },
                { "name": "loop", "phase": "hostile/loop", "depends_on": ["good"], "timeout_ms": 1000,
                  "retry": { "max_attempts": 1 } },
            ],
        }],
    })
}
