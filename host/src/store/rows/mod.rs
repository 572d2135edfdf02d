//! The rows, as the engine and the API see them.

mod inbox;
mod library;
mod run;

pub use inbox::{ApprovalKind, ApprovalRow, ApprovalState, CommandAnswer, CommandRow, SignalRow};
pub use library::{
    Firing, GrantRow, MissedRuns, PluginRow, PluginSource, ScheduleRow, UploadRow, WorkflowRow,
};
pub use run::{
    ArtifactRow, AttemptRow, HostCallRow, InputFile, RunRow, StepRow, UnfinishedRun, UnfinishedStep,
};
