//! A small, well-behaved plugin: what it is given, it gives back.
//!
//! Tests and benchmarks run it, and it shows each thing that a phase can do.

pub mod ask;
pub mod fib;
pub mod files;
pub mod outcome;
pub mod shared;
pub mod spin;
pub mod surroundings;

use heddle_sdk::prelude::*;
use serde_json::Value;

/// Does nothing: what remains is the cost of an attempt.
pub struct Noop;

/// The output of a phase that has nothing to say.
#[derive(Serialize, JsonSchema)]
pub struct Nothing {}

impl Phase for Noop {
    const NAME: &'static str = "noop";
    type Input = Value;
    type Output = Nothing;
    type Config = Value;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Nothing", "Does nothing, and completes.")
    }

    fn execute(_: &mut Context<Value>, _: Value) -> PhaseResult<Nothing> {
        done(Nothing {})
    }
}

/// Gives back its input and everything else that it can observe.
pub struct Echo;

/// Everything that a phase can observe.
#[derive(Serialize, JsonSchema)]
pub struct Observed {
    /// The input.
    input: Value,
    /// The configuration.
    config: Value,
    /// The prompt template.
    prompt: Option<String>,
    /// The clock, in milliseconds since 1970-01-01T00:00:00Z.
    now_ms: u64,
    /// The first numbers of the seeded generator.
    random: Vec<u32>,
    /// Name and size of each file that it may read.
    files: Vec<(String, u64)>,
}

impl Phase for Echo {
    const NAME: &'static str = "echo";
    type Input = Value;
    type Output = Observed;
    type Config = Value;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Echo", "Gives back its input and everything else that it can observe.")
            .prompt("Say {{ what }}.")
            .reads("input/*")
    }

    fn execute(ctx: &mut Context<Value>, input: Value) -> PhaseResult<Observed> {
        use rand_chacha::rand_core::Rng as _;
        ctx.info("echo");
        ctx.progress(0.5, "half-way");
        let mut rng = ctx.rng();
        done(Observed {
            input,
            config: ctx.config().clone(),
            prompt: ctx.prompt(),
            now_ms: ctx.now_ms(),
            random: (0..4).map(|_| rng.next_u32()).collect(),
            files: ctx.files().into_iter().map(|f| (f.name, f.size)).collect(),
        })
    }
}

fn workflow(name: &str, description: &str, steps: Vec<Step>) -> Workflow {
    Workflow {
        display_name: name.replace('_', " "),
        description: description.to_owned(),
        files: Some(FilesSpec { accept: Vec::new(), description: "Any files.".to_owned() }),
        steps,
        ..Workflow::new(name)
    }
}

fn workflows() -> Vec<Workflow> {
    vec![
        workflow(
            "echo_chain",
            "Three steps, one after the other; the last one has the output of the first.",
            vec![
                Step::phase("first", "echo/echo"),
                Step::phase("second", "echo/noop").after("first"),
                Step::phase("third", "echo/echo").after("second").map("first", "steps.first.output.input"),
            ],
        ),
        workflow(
            "echo_diamond",
            "Two steps side by side between a first and a last one. The input says how long they take.",
            vec![
                Step::phase("start", "echo/noop"),
                Step::phase("left", "echo/spin").after("start").map("iterations", "input.iterations"),
                Step::phase("right", "echo/spin").after("start").map("iterations", "input.iterations"),
                Step::phase("end", "echo/echo")
                    .map("left", "steps.left.output.checksum")
                    .map("right", "steps.right.output.checksum"),
            ],
        ),
        workflow("echo_copy", "Copies one of the files.", vec![Step::phase("copy", "echo/copy")]),
        workflow(
            "echo_end",
            "One step that ends as its input says, and looks at the input before the start.",
            vec![Step::phase("end", "echo/end")],
        ),
        workflow(
            "echo_ask",
            "A step that asks a person, and one that has the decision. Needs the capability approvals.",
            vec![
                Step::phase("ask", "echo/ask"),
                Step::phase("after", "echo/echo").map("decisions", "steps.ask.output.decisions"),
            ],
        ),
    ]
}

heddle_sdk::plugin! {
    name: "echo",
    description: "What it is given, it gives back: for tests, benchmarks, and as an example.",
    phases: [
        Noop,
        Echo,
        files::Copy,
        spin::Spin,
        fib::Fib,
        outcome::End,
        shared::Share,
        surroundings::Surroundings,
        ask::Ask,
    ],
    workflows: workflows(),
}

#[cfg(test)]
mod tests {
    use heddle_sdk::testing::Harness;

    use serde_json::json;

    use super::*;

    #[test]
    fn gives_back_what_it_observes() {
        let run = Harness::<Echo>::new().now_ms(7).file("input/a.txt", "abc").run(json!({ "x": [1, 2] }));
        let output = run.output();
        assert_eq!(output["input"], json!({ "x": [1, 2] }));
        assert_eq!(output["now_ms"], 7);
        assert_eq!(output["files"], json!([["input/a.txt", 3]]));
        assert_eq!(output["prompt"], "Say {{ what }}.");
    }
}
