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
mod protocol;
mod subjects;
mod tables;

pub use column::{Coded, Column};
pub use flow::{ArmFlow, Exclusion, Flow, PopulationFlow, TableFlow};
pub use protocol::{
    AeRules, Analysis, AnalysisSet, Direction, Endpoint, EndpointKind, Endpoints, Populations, Protocol,
    Subgroup, Table1, TimeToEventEndpoint, VisitWindow,
};
pub use subjects::{Events, Subjects};
pub use tables::{AdverseEvents, Labs, Visits, starts};

use heddle_sdk::{Context, PhaseError};
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

/// Who counts in an analysis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population {
    /// The flag of `populations` that decides; None: every subject of a known arm.
    pub flag: Option<String>,
    /// Rows of its members by arm (place in [`Protocol::arms`]), ascending.
    pub arms: Vec<Vec<u32>>,
    /// Why nobody can be in it, where that is so: the flag is not in the data.
    pub not_computable: Option<String>,
}

impl Population {
    /// The rows of an arm's members, ascending; empty where there is no such arm.
    pub fn in_arm(&self, arm: usize) -> &[u32] {
        self.arms.get(arm).map_or(&[], Vec::as_slice)
    }

    /// Rows of all members, ascending.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.arms.iter().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Members of all arms.
    pub fn len(&self) -> usize {
        self.arms.iter().map(Vec::len).sum()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Study {
    /// Who counts in an analysis: subjects of a known arm whose flag is true, or all of them where the protocol names no flag.
    pub fn population(&self, analysis: Analysis) -> Population {
        let n_arms = self.protocol.arms.len();
        let flag = self.protocol.populations.of(analysis);
        let field = flag.map(|flag| format!("populations.{flag}"));
        let flags = field.as_deref().and_then(|path| self.subjects.field(path)).and_then(Column::booleans);
        let mut population = Population {
            flag: flag.map(str::to_owned),
            arms: vec![Vec::new(); n_arms],
            not_computable: match (&field, &flags) {
                (Some(path), None) => Some(format!("not computable: no subject has a flag {path}")),
                _ => None,
            },
        };
        for (row, arm) in (0..).zip(&self.subjects.arm) {
            let is_member = match (&field, &flags) {
                (None, _) => true,
                (Some(_), Some(flags)) => flags.get(row as usize).copied().flatten() == Some(true),
                (Some(_), None) => false,
            };
            if let Some(members) =
                arm.filter(|_| is_member).and_then(|arm| population.arms.get_mut(arm as usize))
            {
                members.push(row);
            }
        }
        population
    }
}

/// The study that `data_validation` left. The phase declares `.reads(study::FILE)`.
///
/// # Errors
/// [`PhaseError::Failed`] if the file is not there, not declared, or not of this format.
pub fn read<C>(ctx: &Context<'_, C>) -> Result<Study, PhaseError> {
    let study: Study = ctx.read_json(FILE)?;
    if study.format != FORMAT {
        return Err(PhaseError::Failed(format!(
            "{FILE} is of the format {:?}, and {FORMAT:?} is read: run data_validation again",
            study.format
        )));
    }
    Ok(study)
}
