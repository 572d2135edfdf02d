//! Asks a person.

use heddle_sdk::prelude::*;
use serde_json::Value;

/// Asks a person, and gives back its input and what was decided.
pub struct Ask;

/// How to ask.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Question {
    /// The question.
    title: String,
    /// It asks at most so often. While it may ask again, there is the option `again`.
    rounds: u32,
    /// See [`ApprovalRequest::deadline_seconds`].
    deadline_seconds: Option<u64>,
    /// See [`ApprovalRequest::default`].
    default: Option<String>,
    /// See [`ApprovalRequest::input_schema`].
    input_schema: Option<Value>,
}

impl Default for Question {
    fn default() -> Self {
        let title = "Shall this go on?".to_owned();
        Self { title, rounds: 1, deadline_seconds: None, default: None, input_schema: None }
    }
}

/// What was asked about, and what was decided.
#[derive(Serialize, JsonSchema)]
pub struct Decided {
    /// The input.
    input: Value,
    /// Every decision, in order.
    decisions: Vec<Decision>,
}

impl Phase for Ask {
    const NAME: &'static str = "ask";
    type Input = Value;
    type Output = Decided;
    type Config = Question;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Ask", "Asks a person, and gives back its input and what was decided.")
            .capability(Capability::Approvals)
            .output("question.json", FileKind::Json)
    }

    fn execute(ctx: &mut Context<Question>, input: Value) -> PhaseResult<Decided> {
        ctx.write_json("question.json", &input)?;
        let rounds = ctx.config().rounds.max(1);
        let mut decisions: Vec<Decision> = Vec::new();
        for round in 1..=rounds {
            let request = ctx.config().request(round, &input, decisions.last());
            ctx.info(format!("asking, {round} of {rounds}"));
            ctx.progress(f64::from(round) / f64::from(rounds + 1), "asking");
            let decision = ctx.approve(&request)?;
            let again = decision.option == "again";
            decisions.push(decision);
            if !again {
                break;
            }
        }
        done(Decided { input, decisions })
    }
}

impl Question {
    fn request(&self, round: u32, input: &Value, before: Option<&Decision>) -> ApprovalRequest {
        let mut message = format!("```json\n{input:#}\n```\n");
        if let Some(feedback) = before.and_then(|decision| decision.feedback.as_ref()) {
            message.push_str(&format!("\nBefore, somebody said: {feedback}\n"));
        }
        let mut options = vec![("approve", "Approve"), ("reject", "Reject")];
        if round < self.rounds {
            options.push(("again", "Ask me again"));
        }
        ApprovalRequest {
            deadline_seconds: self.deadline_seconds,
            default: self.default.clone(),
            input_schema: self.input_schema.clone(),
            ..ApprovalRequest::new(&self.title).message(message).options(options)
        }
    }
}

#[cfg(test)]
mod tests {
    use heddle_sdk::testing::Harness;
    use serde_json::json;

    use super::*;

    #[test]
    fn asks_until_it_is_told() {
        let run = Harness::<Ask>::new()
            .config(json!({ "rounds": 3, "title": "Really?" }))
            .decision(Decision::by_person("again").feedback("after lunch"))
            .decision(Decision::by_person("reject"))
            .run(json!({ "x": 1 }));
        assert_eq!(run.output()["input"], json!({ "x": 1 }));
        let decisions = json!([
            { "option": "again", "feedback": "after lunch", "decided_by": "person" },
            { "option": "reject", "decided_by": "person" },
        ]);
        assert_eq!(run.output()["decisions"], decisions);
        assert_eq!(run.asked.len(), 2);
        assert_eq!(run.asked[0].title, "Really?");
        assert!(!run.asked[0].message.contains("lunch") && run.asked[1].message.contains("after lunch"));
    }

    #[test]
    fn the_last_round_is_the_last() {
        let run = Harness::<Ask>::new().decision(Decision::by_person("again")).run(json!(null));
        assert!(run.error().to_string().contains("none of the options"), "{}", run.error());
        let run = Harness::<Ask>::new().run(json!(null));
        assert!(run.error().to_string().contains("no decision is left"), "{}", run.error());
    }

    #[test]
    fn a_deadline_decides_for_the_default_and_a_person_may_modify() {
        let config =
            json!({ "deadline_seconds": 60, "default": "approve", "input_schema": { "type": "object" } });
        let run =
            Harness::<Ask>::new().config(config).decision(Decision::by_deadline("approve")).run(json!(1));
        assert_eq!(run.output()["decisions"][0]["decided_by"], "deadline");
        assert_eq!(
            (run.asked[0].deadline_seconds, run.asked[0].default.as_deref()),
            (Some(60), Some("approve"))
        );
        let modified = Decision::by_person("approve").modification(json!({ "y": 2 }));
        let run = Harness::<Ask>::new().decision(modified).run(json!(1));
        assert!(run.error().to_string().contains("/modification"), "{}", run.error());
    }
}
