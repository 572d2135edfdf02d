//! Definitions written in Rust: each call adds one thing and returns the definition.
//!
//! ```
//! use heddle_manifest::{Step, Workflow};
//!
//! let workflow = Workflow::new("triage")
//!     .step(Step::phase("read", "mail/read"))
//!     .step(Step::condition("urgent", "steps.read.output.priority > 7"))
//!     .step(Step::checkpoint("confirm", "Wake somebody up?").after("urgent.true"))
//!     .step(Step::phase("answer", "mail/answer").after("confirm").map("mail", "steps.read.output"));
//! assert_eq!(workflow.steps.len(), 4);
//! ```

mod node;

use crate::{
    Case, Cases, Checkpoint, Concurrency, Condition, FilesSpec, Join, JoinMode, Loop, Map, Mapping,
    RetryPolicy, Schema, Step, SubWorkflow, Wait, Workflow,
};

impl Workflow {
    /// A workflow without steps, at version 0.1.0, that takes any object.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: "0.1.0".to_owned(),
            display_name: String::new(),
            description: String::new(),
            input_schema: serde_json::json!({ "type": "object" }),
            files: None,
            steps: Vec::new(),
            output: None,
        }
    }

    /// Set the version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Set the schema of the run's input.
    #[must_use]
    pub fn input(mut self, schema: Schema) -> Self {
        self.input_schema = schema;
        self
    }

    /// Set the name that people see.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Set what people are told about it.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Take files whose names end so (`.csv`); any, if none is named. `description` tells people what to upload.
    #[must_use]
    pub fn files<E: Into<String>>(
        mut self,
        accept: impl IntoIterator<Item = E>,
        description: impl Into<String>,
    ) -> Self {
        let accept = accept.into_iter().map(Into::into).collect();
        self.files = Some(FilesSpec { accept, description: description.into() });
        self
    }

    /// Add a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Add a key of the workflow's result.
    #[must_use]
    pub fn output(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        add(&mut self.output, key.into(), expression.into());
        self
    }

    /// Let an expression give the workflow's whole result.
    #[must_use]
    pub fn result(mut self, expression: impl Into<String>) -> Self {
        self.output = Some(Mapping::Whole(expression.into()));
        self
    }
}

/// Add a key; a mapping of the whole gives way to one of keys.
fn add(mapping: &mut Option<Mapping>, key: String, expression: String) {
    if let Some(Mapping::Keys(keys)) = mapping {
        keys.insert(key, expression);
    } else {
        *mapping = Some(Mapping::Keys([(key, expression)].into()));
    }
}

impl Step {
    fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), config: serde_json::json!({}), ..Self::default() }
    }

    /// A step that runs a phase, `PLUGIN/PHASE`.
    pub fn phase(name: impl Into<String>, phase: impl Into<String>) -> Self {
        Self { phase: Some(phase.into()), ..Self::named(name) }
    }

    /// A step that makes an object of expressions; add them by [`Step::set`].
    pub fn transform(name: impl Into<String>) -> Self {
        Self { transform: Some(Mapping::Keys([].into())), ..Self::named(name) }
    }

    /// A step that makes what an expression gives.
    pub fn compute(name: impl Into<String>, expression: impl Into<String>) -> Self {
        Self { transform: Some(Mapping::Whole(expression.into())), ..Self::named(name) }
    }

    /// A step that chooses between the cases `true` and `false`.
    pub fn condition(name: impl Into<String>, when: impl Into<String>) -> Self {
        Self { condition: Some(Condition::When(when.into())), ..Self::named(name) }
    }

    /// A step that takes the first case (name, boolean expression) that holds, else `otherwise`.
    pub fn cases<N: Into<String>, W: Into<String>>(
        name: impl Into<String>,
        cases: impl IntoIterator<Item = (N, W)>,
        otherwise: Option<&str>,
    ) -> Self {
        let cases =
            cases.into_iter().map(|(name, when)| Case { name: name.into(), when: when.into() }).collect();
        let cases = Cases { cases, otherwise: otherwise.map(str::to_owned) };
        Self { condition: Some(Condition::Cases(cases)), ..Self::named(name) }
    }

    /// A step at which a person decides: a title alone asks to approve or to reject.
    pub fn checkpoint(name: impl Into<String>, checkpoint: impl Into<Checkpoint>) -> Self {
        Self { checkpoint: Some(checkpoint.into()), ..Self::named(name) }
    }

    /// A step that waits; [`Step::sleep`] and [`Step::event`] are short for what is common.
    pub fn wait(name: impl Into<String>, wait: Wait) -> Self {
        Self { wait: Some(wait), ..Self::named(name) }
    }

    /// A step that waits for so many seconds.
    pub fn sleep(name: impl Into<String>, seconds: u64) -> Self {
        Self::wait(name, Wait { seconds: Some(seconds), ..Wait::default() })
    }

    /// A step that waits for an outside event, for so many seconds at the most. `key` is an expression.
    pub fn event(name: impl Into<String>, key: impl Into<String>, deadline_seconds: Option<u64>) -> Self {
        Self::wait(name, Wait { deadline_seconds, ..Wait::event(key) })
    }

    /// A step that runs another workflow.
    pub fn workflow(name: impl Into<String>, workflow: impl Into<String>) -> Self {
        Self { workflow: Some(SubWorkflow { name: workflow.into() }), ..Self::named(name) }
    }

    /// A step that does `body` for each item of the array that `over` gives.
    pub fn for_each(name: impl Into<String>, over: impl Into<String>, body: Step) -> Self {
        Self::map_over(name, Map::new(over, body))
    }

    /// The same, with bounds of its own.
    pub fn map_over(name: impl Into<String>, map: Map) -> Self {
        Self { map: Some(map), ..Self::named(name) }
    }

    /// A step that does `body` until the expression holds, at most so often.
    pub fn repeat(
        name: impl Into<String>,
        body: Step,
        until: impl Into<String>,
        max_iterations: u32,
    ) -> Self {
        Self::repeat_by(name, Loop::new(body, until, max_iterations))
    }

    /// The same, of a loop that may end without its condition.
    pub fn repeat_by(name: impl Into<String>, repeat: Loop) -> Self {
        Self { repeat: Some(repeat), ..Self::named(name) }
    }

    /// A step that brings branches together.
    pub fn join(name: impl Into<String>, mode: JoinMode) -> Self {
        Self { join: Some(Join { mode }), ..Self::named(name) }
    }

    /// Add a step that must have ended well before this one starts, or `STEP.CASE`.
    #[must_use]
    pub fn after(mut self, step: impl Into<String>) -> Self {
        self.depends_on.push(step.into());
        self
    }

    /// Let an expression give the whole input.
    #[must_use]
    pub fn input(mut self, expression: impl Into<String>) -> Self {
        self.input = Some(Mapping::Whole(expression.into()));
        self
    }

    /// Map a key of the input to an expression.
    #[must_use]
    pub fn map(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        add(&mut self.input, key.into(), expression.into());
        self
    }

    /// Set a key that a transform makes.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        add(&mut self.transform, key.into(), expression.into());
        self
    }

    /// Set the phase's configuration.
    #[must_use]
    pub fn config(mut self, config: serde_json::Value) -> Self {
        self.config = config;
        self
    }

    /// Set the retry policy.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Attempt it so often in all.
    #[must_use]
    pub fn attempts(mut self, max_attempts: u32) -> Self {
        self.retry.max_attempts = max_attempts;
        self
    }

    /// Set the step that runs in place of this one when it has failed.
    #[must_use]
    pub fn fallback(mut self, step: impl Into<String>) -> Self {
        self.fallback = Some(step.into());
        self
    }

    /// Let the run go on when the step has failed.
    #[must_use]
    pub fn may_fail(mut self) -> Self {
        self.continue_on_failure = true;
        self
    }

    /// Skip the step where the expression holds.
    #[must_use]
    pub fn skip_when(mut self, expression: impl Into<String>) -> Self {
        self.skip_when = Some(expression.into());
        self
    }

    /// Set the time for one attempt, in milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout_ms = Some(timeout);
        self
    }

    /// Set the time for all attempts together, in milliseconds.
    #[must_use]
    pub fn step_timeout_ms(mut self, timeout: u64) -> Self {
        self.step_timeout_ms = Some(timeout);
        self
    }

    /// Set the priority.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Let at most `limit` steps with the same key run at once.
    #[must_use]
    pub fn at_most(mut self, limit: u32, key: impl Into<String>) -> Self {
        self.concurrency = Some(Concurrency { key: key.into(), limit });
        self
    }
}
