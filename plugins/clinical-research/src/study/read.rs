//! Reading the study that `data_validation` left: all of it, or what a phase needs of it.

use heddle_sdk::{Context, PhaseError};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};

use super::{AdverseEvents, FILE, FORMAT, Flow, Labs, Protocol, ProtocolProblem, Study, Subjects, Visits};

/// The file, each of its tables as what a phase reads of it.
#[derive(Deserialize)]
struct StudyFile<V, A, L> {
    format: String,
    study_id: Option<String>,
    protocol: Protocol,
    problems: Vec<ProtocolProblem>,
    flow: Flow,
    subjects: Subjects,
    visits: V,
    adverse_events: A,
    labs: L,
}

/// A table that must be there and is not read.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|IgnoredAny| Self)
    }
}

/// What stands for a table in the study.
trait Part<T>: DeserializeOwned {
    fn table(self) -> T;
}

impl<T: DeserializeOwned> Part<T> for T {
    fn table(self) -> T {
        self
    }
}

macro_rules! skippable {
    ($($table:ty),*) => {$(
        impl Part<$table> for Skipped {
            fn table(self) -> $table {
                <$table>::default()
            }
        }
    )*};
}
skippable!(Visits, AdverseEvents, Labs);

fn file<C, V: Part<Visits>, A: Part<AdverseEvents>, L: Part<Labs>>(
    ctx: &Context<'_, C>,
) -> Result<Study, PhaseError> {
    let file: StudyFile<V, A, L> = ctx.read_json(FILE)?;
    if file.format != FORMAT {
        return Err(PhaseError::Failed(format!(
            "{FILE} is of the format {:?}, and {FORMAT:?} is read: run data_validation again",
            file.format
        )));
    }
    Ok(Study {
        format: file.format,
        study_id: file.study_id,
        protocol: file.protocol,
        problems: file.problems,
        flow: file.flow,
        subjects: file.subjects,
        visits: file.visits.table(),
        adverse_events: file.adverse_events.table(),
        labs: file.labs.table(),
    })
}

/// The study that `data_validation` left. The phase declares `.reads(study::FILE)`.
///
/// # Errors
/// [`PhaseError::Failed`] if the file is not there, not declared, or not of this format.
pub fn read<C>(ctx: &Context<'_, C>) -> Result<Study, PhaseError> {
    file::<C, Visits, AdverseEvents, Labs>(ctx)
}

/// The same without visits, adverse events and laboratory values: these tables are empty. They are most of a large file.
///
/// # Errors
/// As [`read`].
pub fn read_subjects<C>(ctx: &Context<'_, C>) -> Result<Study, PhaseError> {
    file::<C, Skipped, Skipped, Skipped>(ctx)
}

/// The same without visits: their table is empty.
///
/// # Errors
/// As [`read`].
pub fn read_events_and_labs<C>(ctx: &Context<'_, C>) -> Result<Study, PhaseError> {
    file::<C, Skipped, AdverseEvents, Labs>(ctx)
}
