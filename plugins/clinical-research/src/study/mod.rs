//! The validated study: what `validated_data.json` holds, and all that a later phase may know of the subjects.
//!
//! A later phase declares [`FILE`] among its reads and calls [`read`]:
//!
//! ```no_run
//! # use clinical_research::study::{self, Analysis};
//! # fn example(ctx: &heddle_sdk::Context<'_, heddle_sdk::NoConfig>) -> Result<(), heddle_sdk::PhaseError> {
//! let study = study::read(ctx)?;
//! let safety = study.population(Analysis::Safety);          // who counts, by arm
//! for &arm in &study.protocol.reference_first() {
//!     let members = safety.in_arm(arm);                     // rows of the subjects
//!     if let Some(bmi) = study.subjects.field("baseline.bmi").and_then(|c| c.numbers()) {
//!         let _values: Vec<f64> = members.iter().filter_map(|&row| bmi[row as usize]).collect();
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Conventions:
//! - A *row* is a subject's place in every column of [`Subjects`]; tables point to it by `subject`.
//! - One row for each distinct subject id (the first record). Rows are in the order of the masked ids, which says nothing of the
//!   order of the source.
//! - Subjects whose arm is missing or not the protocol's have `arm` None. They are rows, and in no population.
//! - Values out of their plausible range are kept as they are, flagged in `quality_metrics`: nothing is repaired or imputed.
//!   A value that could not be read as its column's kind is missing here, and listed there.
//! - Adverse events and laboratory values keep exact repetitions, marked in `repeated`.
//! - Calendar dates are study days (CDISC SDTM: the reference date is day 1, the day before it day -1).

mod column;
mod flow;
mod population;
mod protocol;
mod read;
mod subjects;
mod tables;

pub use column::{Coded, Column};
pub use flow::{ArmFlow, Exclusion, Flow, PopulationFlow, TableFlow};
pub use population::{LeftOut, Population};
pub use protocol::{
    AeRules, Analysis, AnalysisSet, Direction, Endpoint, EndpointKind, Endpoints, Populations, Protocol,
    Subgroup, Table1, TimeToEventEndpoint, VisitWindow,
};
pub use read::{read, read_events_and_labs, read_subjects};
pub use subjects::{Events, Subjects};
pub use tables::{AdverseEvents, Labs, Visits, starts};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file.
pub const FILE: &str = "validated_data.json";
/// What the file says that it is.
pub const FORMAT: &str = "heddle.clinical_research.study/1";

/// A study, under masked ids only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// [`FORMAT`].
    pub format: String,
    /// The data's own id, which may differ from the protocol's.
    pub study_id: Option<String>,
    /// The protocol.
    pub protocol: Protocol,
    /// What is wrong with the protocol, and what was assumed instead.
    pub problems: Vec<ProtocolProblem>,
    /// Where every record went.
    pub flow: Flow,
    /// The subjects.
    pub subjects: Subjects,
    /// Assessments at visits.
    pub visits: Visits,
    /// Adverse events.
    pub adverse_events: AdverseEvents,
    /// Laboratory values.
    pub labs: Labs,
}

/// Something that is wrong with the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolProblem {
    /// Where: `protocol.subgroups[2].field`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What is done about it.
    pub consequence: String,
}
