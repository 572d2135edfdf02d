//! What waits for people: the inbox of a tenant, and their decisions.

use serde_json::Value;

use super::{RunDetail, Tenant};
use crate::{
    error::{Code, Error, Result},
    model::{ApprovalId, Command, DecidedBy, Decision, Problem, RunId},
    store::{ApprovalRow, ApprovalState},
};

/// The longest feedback, and the largest modification as JSON, in bytes.
const ANSWER_BYTES: usize = 256 << 10;

/// What somebody decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The name of the option.
    pub option: String,
    /// What they say about it.
    pub feedback: Option<String>,
    /// What they change; it fits the request's `input_schema`.
    pub modification: Option<Value>,
}

impl Tenant {
    /// The open approvals, the oldest first, after that one.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn approvals(&self, after: Option<ApprovalId>, limit: u32) -> Result<Vec<ApprovalRow>> {
        Ok(self.store().approval_list_open(after, limit).await?)
    }

    /// A run's approvals, open or not, the oldest first.
    ///
    /// # Errors
    /// `NotFound` for the run.
    pub async fn run_approvals(&self, run: RunId) -> Result<Vec<ApprovalRow>> {
        self.run_row(run).await?;
        Ok(self.store().approval_list(run).await?)
    }

    /// An approval.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn approval(&self, id: ApprovalId) -> Result<ApprovalRow> {
        self.store().approval_get(id).await?.ok_or_else(|| Error::not_found("approval", id))
    }

    /// Decide.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an answer that the request does not allow; `Conflict` if it is not open any more;
    /// `Unavailable` if the run's owner does not answer.
    pub async fn approval_decide(&self, id: ApprovalId, answer: Answer) -> Result<RunDetail> {
        let approval = self.approval(id).await?;
        if approval.state != ApprovalState::Open {
            let state = approval.state.as_str();
            return Err(Error::conflict(format!("approval {id} is {state}: there is nothing to decide")));
        }
        let problems = self.engine.checks.run(|| problems(&approval.request, &answer)).await??;
        if !problems.is_empty() {
            return Err(
                Error::invalid(format!("approval {id} takes no such decision")).with_problems(problems)
            );
        }
        let decision = Decision {
            option: answer.option,
            feedback: answer.feedback,
            modification: answer.modification,
            decided_by: DecidedBy::Person,
        };
        let command = Command::Decide { approval: id.to_string(), decision };
        self.command(approval.run, command).await
    }
}

/// Everything that is wrong with an answer to a request, whoever asks: a checkpoint or a phase.
fn problems(request: &Value, answer: &Answer) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let options: Vec<&str> = request["options"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|option| option["name"].as_str())
        .collect();
    if !options.contains(&answer.option.as_str()) {
        let message = format!("{:?} is none of the options: {}", answer.option, options.join(", "));
        problems.push(Problem::new("/option", message));
    }
    let size = |value: &Value| value.to_string().len();
    if answer.feedback.as_ref().is_some_and(|feedback| feedback.len() > ANSWER_BYTES)
        || answer.modification.as_ref().map_or(0, size) > ANSWER_BYTES
    {
        let message = format!("feedback and modification: at most {ANSWER_BYTES} bytes each are allowed");
        return Err(Error::new(Code::TooLarge, message));
    }
    let Some(modification) = &answer.modification else { return Ok(problems) };
    match request.get("input_schema").filter(|schema| !schema.is_null()) {
        None => {
            let message = "the request has no input_schema, so that nothing can be modified";
            problems.push(Problem::new("/modification", message));
        }
        Some(schema) => match crate::schema::compile(schema) {
            Ok(schema) => problems.extend(
                crate::schema::check(&schema, modification)
                    .into_iter()
                    .map(|p| Problem::new(format!("/modification{}", p.path), p.message)),
            ),
            Err(error) => problems.push(Problem::new("/modification", error)),
        },
    }
    Ok(problems)
}
