//! The nodes that have more to say than fits into a step's call.

use super::add;
use crate::{Checkpoint, Choice, Loop, Map, Mapping, OnDeadline, Schema, Step, Then, Wait};

impl Checkpoint {
    /// One that asks to approve or to reject, without a deadline.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            message: String::new(),
            show: None,
            options: crate::node::approve_or_reject(),
            input_schema: None,
            deadline_seconds: None,
            default: None,
        }
    }

    /// Tell the person more (Markdown).
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Show a value under a name.
    #[must_use]
    pub fn show(mut self, key: impl Into<String>, expression: impl Into<String>) -> Self {
        add(&mut self.show, key.into(), expression.into());
        self
    }

    /// Show the value that an expression gives.
    #[must_use]
    pub fn show_all(mut self, expression: impl Into<String>) -> Self {
        self.show = Some(Mapping::Whole(expression.into()));
        self
    }

    /// Set the options (name, label, what it does), in place of approve and reject.
    #[must_use]
    pub fn options<N: Into<String>, L: Into<String>>(
        mut self,
        options: impl IntoIterator<Item = (N, L, Then)>,
    ) -> Self {
        let choice =
            |(name, label, then): (N, L, Then)| Choice { name: name.into(), label: label.into(), then };
        self.options = options.into_iter().map(choice).collect();
        self
    }

    /// Let the person give a modification that fits a schema.
    #[must_use]
    pub fn modification(mut self, schema: Schema) -> Self {
        self.input_schema = Some(schema);
        self
    }

    /// Set the time to decide; then the option `default` is taken, or without one the step fails.
    #[must_use]
    pub fn deadline(mut self, seconds: u64, default: Option<&str>) -> Self {
        self.deadline_seconds = Some(seconds);
        self.default = default.map(str::to_owned);
        self
    }
}

impl<T: Into<String>> From<T> for Checkpoint {
    fn from(title: T) -> Self {
        Self::new(title)
    }
}

impl Wait {
    /// Until a time: an expression that gives a timestamp, or its RFC 3339 text.
    pub fn until(expression: impl Into<String>) -> Self {
        Self { until: Some(expression.into()), ..Self::default() }
    }

    /// For an outside event with the key that an expression gives.
    pub fn event(key: impl Into<String>) -> Self {
        Self { event: Some(key.into()), ..Self::default() }
    }

    /// Set the time to wait for the event, in seconds, and whether the step fails then or goes on.
    #[must_use]
    pub fn deadline(mut self, seconds: u64, then: OnDeadline) -> Self {
        self.deadline_seconds = Some(seconds);
        self.on_deadline = then;
        self
    }
}

impl Map {
    /// `body` for each item of the array that `over` gives; no item may fail.
    pub fn new(over: impl Into<String>, body: Step) -> Self {
        Self { over: over.into(), body: Box::new(body), max_parallel: None, max_failures: 0 }
    }

    /// Do so many items at once.
    #[must_use]
    pub fn max_parallel(mut self, items: u32) -> Self {
        self.max_parallel = Some(items);
        self
    }

    /// Let so many items fail.
    #[must_use]
    pub fn max_failures(mut self, items: u32) -> Self {
        self.max_failures = items;
        self
    }
}

impl Loop {
    /// `body` until the expression holds, at most so often; it fails if that was not enough.
    pub fn new(body: Step, until: impl Into<String>, max_iterations: u32) -> Self {
        Self { body: Box::new(body), until: until.into(), max_iterations, on_limit: OnDeadline::Fail }
    }

    /// Set whether the step fails when that often was not enough, or goes on with the last result.
    #[must_use]
    pub fn on_limit(mut self, then: OnDeadline) -> Self {
        self.on_limit = then;
        self
    }
}
