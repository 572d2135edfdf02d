//! The library of definitions once more, written in Rust: what the builder makes is what the files say.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use heddle::{
    engine::definition,
    model::{
        Checkpoint, JoinMode, Loop, Map, OnDeadline, RetryPolicy, StepDefinition as Step, Then, Wait,
        Workflow,
    },
};
use serde_json::json;

fn once() -> RetryPolicy {
    RetryPolicy { max_attempts: 1, ..RetryPolicy::default() }
}

/// So often, with so long before the second time.
fn often(max_attempts: u32, initial_delay_ms: u64) -> RetryPolicy {
    RetryPolicy { max_attempts, initial_delay_ms, ..RetryPolicy::default() }
}

fn end(name: &str, how: &str, message: &str) -> Step {
    Step::phase(name, "echo/end").map("how", how).map("message", message)
}

fn data_flow() -> Vec<Workflow> {
    let bill = json!({
        "type": "object", "required": ["price", "quantity"],
        "properties": { "price": { "type": "number" }, "quantity": { "type": "integer" } }
    });
    let number = json!({
        "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } }, "additionalProperties": false
    });
    vec![
        Workflow::new("chain")
            .step(Step::phase("first", "echo/echo").map("x", "input.x"))
            .step(Step::phase("second", "echo/echo").map("big", "steps.first.output.input.x > 10"))
            .step(Step::phase("third", "echo/echo").map("big", "steps.second.output.input.big"))
            .step(Step::phase("apart", "echo/echo").map("y", "1")),
        Workflow::new("mapping").step(Step::phase("whole", "echo/echo").input("input.wanted")).step(
            Step::phase("keys", "echo/echo")
                .map("name", "input.wanted.name")
                .map("absent", "input.wanted.absent")
                .map("count", "size(steps.whole.output.files)"),
        ),
        Workflow::new("transform")
            .input(bill)
            .step(
                Step::transform("bill")
                    .set("total", "input.price * double(input.quantity)")
                    .set("large", "input.quantity > 10")
                    .set("on", "as_of"),
            )
            .step(Step::compute("text", "'total ' + string(steps.bill.output.total)"))
            .output("text", "steps.text.output")
            .output("large", "steps.bill.output.large"),
        Workflow::new("shared_state").step(Step::phase("one", "echo/share").map("set", "input.note")).step(
            Step {
                input: Some(heddle::model::Mapping::Keys([].into())),
                ..Step::phase("two", "echo/share").after("one")
            },
        ),
        Workflow::new("part")
            .version("1.0.0")
            .input(number)
            .step(Step::compute("double", "input.n * 2"))
            .step(Step::phase("note", "echo/echo").map("n", "steps.double.output"))
            .result("steps.note.output.input.n"),
        Workflow::new("sub_workflow")
            .step(Step::workflow("twice", "part").map("n", "input.n"))
            .step(Step::workflow("four_times", "part").map("n", "steps.twice.output"))
            .result("steps.four_times.output"),
    ]
}

fn branches() -> Vec<Workflow> {
    let text =
        json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } });
    vec![
        Workflow::new("condition")
            .step(Step::condition("is_large", "input.amount >= 1000"))
            .step(Step::compute("by_hand", "'a person looks at it'").after("is_large.true"))
            .step(Step::compute("by_rule", "'a rule decides'").after("is_large.false"))
            .step(Step::join("either", JoinMode::Any).after("by_hand").after("by_rule")),
        Workflow::new("cases")
            .step(Step::cases(
                "size",
                [("small", "input.n < 10"), ("medium", "input.n < 100")],
                Some("large"),
            ))
            .step(Step::compute("small", "'s'").after("size.small"))
            .step(
                Step::compute("not_small", "'m or l: ' + steps.size.output.case")
                    .after("size.medium")
                    .after("size.large"),
            ),
        Workflow::new("join")
            .step(Step::condition("ask", "input.both"))
            .step(Step::compute("always", "1"))
            .step(Step::compute("sometimes", "2").after("ask.true"))
            .step(Step::join("any", JoinMode::Any).after("always").after("sometimes"))
            .step(Step::join("all", JoinMode::All).after("always").after("sometimes"))
            .output("any", "steps.any.output")
            .output("all", "steps.all.state"),
        Workflow::new("skip")
            .step(Step::phase("costly", "echo/echo").skip_when("input.cheap"))
            .step(Step::compute("after", "steps.costly.state").after("costly")),
        Workflow::new("triage")
            .input(text)
            .step(Step::condition("is_long", "size(input.text) > 1000"))
            .step(
                Step::checkpoint(
                    "approve",
                    Checkpoint::new("A long one. Go on?").deadline(3600, Some("approve")),
                )
                .after("is_long.true"),
            )
            .step(Step::join("go_on", JoinMode::Any).after("is_long.false").after("approve"))
            .step(Step::phase("analyse", "echo/echo").after("go_on").map("text", "input.text").attempts(3)),
    ]
}

fn people_and_times() -> Vec<Workflow> {
    let options = [
        ("send", "Send it", Then::Continue),
        ("later", "Not today", Then::Skip),
        ("never", "Throw it away", Then::Fail),
    ];
    let review = Checkpoint::new("Shall this letter go out?")
        .message("Read it first.")
        .show_all("steps.draft.output")
        .options(options)
        .modification(json!({
            "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } }
        }));
    let sent = "has(steps.review.output.modification) ? steps.review.output.modification.text : steps.draft.output.text";
    let nothing_against = Checkpoint::new("Is there anything against it?").deadline(1, Some("approve"));
    let anybody = Checkpoint::new("Does anybody want it?").deadline(1, None);
    let never = "'never-' + input.id";
    vec![
        Workflow::new("ask")
            .step(Step::phase("ask", "echo/ask").config(json!({ "title": "Shall this go on?", "rounds": 2 })))
            .step(Step::compute("after", "steps.ask.output.decisions.map(d, d.option)")),
        Workflow::new("checkpoint")
            .step(Step::transform("draft").set("text", "'Dear ' + input.name"))
            .step(Step::checkpoint("review", review))
            .step(Step::transform("sent").set("text", sent).skip_when("steps.review.state == 'skipped'")),
        Workflow::new("deadline")
            .step(Step::checkpoint("with_default", nothing_against))
            .step(Step::checkpoint("without", anybody).may_fail())
            .step(
                Step::transform("after")
                    .set("decided_by", "steps.with_default.output.decided_by")
                    .set("without", "steps.without.state"),
            ),
        Workflow::new("wait_time")
            .step(Step::sleep("a_second", 1))
            .step(Step::wait("past", Wait::until("'2020-01-01T00:00:00Z'")))
            .step(
                Step::transform("after")
                    .set("woken_by", "[steps.a_second.output.woken_by, steps.past.output.woken_by]"),
            ),
        Workflow::new("resting")
            .step(Step::cases(
                "kind",
                [("person", "input.kind == 'person'"), ("event", "input.kind == 'event'")],
                Some("time"),
            ))
            .step(Step::checkpoint("decided", Checkpoint::new("Shall it go on?")).after("kind.person"))
            .step(Step::event("came", "'resting-' + input.id", None).after("kind.event"))
            .step(Step::wait("later", Wait::until("input.at")).after("kind.time"))
            .step(Step::join("woken", JoinMode::Any).after("decided").after("came").after("later"))
            .step(Step::transform("after").set("id", "input.id").set("woken", "steps.woken.output")),
        Workflow::new("wait_event").step(Step::event("paid", "'order-' + input.order + '-paid'", None)).step(
            Step::transform("ship")
                .set("order", "input.order")
                .set("amount", "steps.paid.output.data.amount"),
        ),
        Workflow::new("wait_deadline")
            .step(Step::event("strict", never, Some(1)).may_fail())
            .step(Step::wait("lenient", Wait::event(never).deadline(1, OnDeadline::Continue)))
            .step(
                Step::transform("after")
                    .set("strict", "steps.strict.state")
                    .set("lenient", "steps.lenient.output.woken_by"),
            ),
    ]
}

fn again_and_again() -> Vec<Workflow> {
    let item = Step::phase("", "echo/echo").map("item", "item").map("index", "index");
    let grow = Step::compute("", "previous == null ? 1 : previous * 2");
    let index = || Step::compute("", "index");
    let spin = |iterations: &str| Step::phase("", "echo/spin").map("iterations", iterations);
    vec![
        Workflow::new("map")
            .step(Step::map_over("each", Map::new("input.items", item).max_parallel(2)))
            .step(Step::compute("indices", "steps.each.output.results.map(r, r.input.index)")),
        Workflow::new("map_failures")
            .step(Step::map_over(
                "each",
                Map::new("input.ends", Step::phase("", "echo/end").retry(once())).max_failures(1),
            ))
            .step(Step::compute("failed", "steps.each.output.failures.map(f, f.index)")),
        Workflow::new("map_of_workflows")
            .step(Step::for_each("each", "input.numbers", Step::workflow("", "part").map("n", "item")))
            .result("steps.each.output.results"),
        Workflow::new("long_map")
            .step(Step::map_over("each", Map::new("input.items", spin("500000000000")).max_parallel(2))),
        Workflow::new("loop")
            .step(Step::repeat("grow", grow, "previous >= input.limit", 20))
            .output("result", "steps.grow.output.result")
            .output("iterations", "steps.grow.output.iterations"),
        Workflow::new("loop_limit")
            .step(Step::repeat("strict", index(), "false", 3).may_fail())
            .step(Step::repeat_by("lenient", Loop::new(index(), "false", 3).on_limit(OnDeadline::Continue)))
            .step(
                Step::transform("after")
                    .set("strict", "steps.strict.state")
                    .set("lenient", "steps.lenient.output"),
            ),
        Workflow::new("concurrency").step(Step::for_each(
            "each",
            "input.items",
            spin("20000000").at_most(1, "licence"),
        )),
    ]
}

fn policies() -> Vec<Workflow> {
    let patient = RetryPolicy { factor: 2.0, max_delay_ms: 100, jitter: 0.5, ..often(3, 10) };
    let steady = RetryPolicy { factor: 1.0, jitter: 0.0, ..often(100, 300) };
    let told = RetryPolicy { on: Some(vec!["failed".to_owned()]), ..often(2, 10) };
    vec![
        Workflow::new("retry")
            .step(end("stubborn", "'retryable'", "'not yet'").retry(patient).may_fail())
            .step(end("hopeless", "'failed'", "'never'").retry(often(3, 10)).may_fail())
            .step(end("told_to", "'failed'", "'never'").retry(told).may_fail()),
        Workflow::new("timeout")
            .step(
                Step::phase("attempt", "echo/spin")
                    .map("iterations", "100000000000")
                    .timeout_ms(200)
                    .retry(once())
                    .may_fail(),
            )
            .step(end("step", "'retryable'", "'not yet'").retry(steady).step_timeout_ms(3_000).may_fail()),
        Workflow::new("fallback")
            .step(end("first", "input.how", "'out of order'").retry(once()).fallback("second"))
            .step(Step::transform("second").set("well", "false"))
            .step(Step::compute("after", "steps.first.output.well")),
        Workflow::new("continue_on_failure")
            .step(end("optional", "'failed'", "'it was worth a try'").may_fail())
            .step(
                Step::compute("after", "steps.optional.state == 'failed' ? 'without it' : 'with it'")
                    .after("optional"),
            ),
        Workflow::new("mend")
            .step(Step::phase("before", "echo/echo"))
            .step(end("breaks", "input.how", "'broken'").after("before").retry(once()))
            .step(Step::phase("after", "echo/noop").after("breaks")),
        Workflow::new("priority")
            .step(Step::phase("low", "echo/spin").priority(-1))
            .step(Step::phase("middle", "echo/spin"))
            .step(Step::phase("high", "echo/spin").priority(5)),
        Workflow::new("long")
            .step(Step::phase("first", "echo/spin").map("iterations", "input.iterations"))
            .step(Step::phase("second", "echo/noop").after("first")),
    ]
}

#[test]
fn the_builder_makes_what_the_files_say() -> Result<()> {
    let all = [data_flow(), branches(), people_and_times(), again_and_again(), policies()].concat();
    let mut built: BTreeMap<String, Workflow> = all.into_iter().map(|w| (w.name.clone(), w)).collect();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows"))? {
        let path = entry?.path();
        let written = definition::parse(&fs::read(&path)?)?;
        let name = path.file_stem().context("a name")?.to_string_lossy().into_owned();
        ensure!(written.name == name, "{name} is called {}", written.name);
        let same = built.remove(&name).with_context(|| format!("{name} is not built"))?;
        ensure!(same == written, "{name}: built\n{same:#?}\nwritten\n{written:#?}");
    }
    ensure!(built.is_empty(), "no file says: {:?}", built.keys());
    Ok(())
}
