//! The words that every other module speaks: ids, times, states, failures, limits, events.
//!
//! Nothing here does any input or output, and nothing here imports another module of the host.

mod command;
mod event;
mod failure;
mod host_call;
mod id;
mod limits;
mod run;
mod time;
mod value;

pub use command::{
    Command, Order, Overrides, Restored, RestoredInside, RestoredResult, RestoredStep, SeenStep,
};
pub use event::{Event, EventKind, UnknownEvent};
pub use failure::{Failure, FailureKind, LimitBreach, Problem, io_reason};
pub use heddle_manifest::{
    ApprovalOption, ApprovalRequest, Capability, Case, Cases, Checkpoint, Choice, Concurrency, Condition,
    DecidedBy, Decision, FileKind, FilesSpec, Join, JoinMode, LimitRequest, Loop, Manifest, Map, Mapping,
    Node, OnDeadline, OutputFile, PhaseSpec, RetryPolicy, Schema, Step as StepDefinition, SubWorkflow, Then,
    Wait, Workflow, approval,
};
pub use host_call::{HostCallKind, UnknownHostCall};
pub use id::{
    ApprovalId, AttemptId, Digest, HostId, IdError, RunId, ScheduleId, TenantId, TokenId, UploadId,
};
pub use limits::{Limits, Usage};
pub use run::{AttemptState, RunState, StepState, UnknownState};
pub use time::Timestamp;
pub use value::{INLINE_LIMIT, Value};
