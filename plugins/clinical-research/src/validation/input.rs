//! What the phase is given: in the run's input, in uploaded files, or in both.

use std::borrow::Cow;

use heddle_sdk::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::raw::{Raw, RawStudy};

/// Uploaded files together. Read, they take up to four times that.
pub const MOST_BYTES: u64 = 96 << 20;

/// The study's data, as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct StudyData(pub(super) RawStudy);

impl JsonSchema for StudyData {
    fn schema_name() -> Cow<'static, str> {
        "StudyData".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An object with subjects (a list of objects), visits, adverse_events and labs.",
            "type": ["object", "null"],
        })
    }
}

/// The run's input. Either part may be in an uploaded file instead.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// The study's data.
    pub study_data: Option<StudyData>,
    /// The protocol.
    pub protocol: Option<Value>,
}

/// What is worked on.
pub(super) struct Given {
    pub(super) study: RawStudy,
    pub(super) protocol: Map<String, Value>,
    pub(super) notes: Vec<String>,
}

/// What is wrong with the shape of the run's input, as far as it can be told without the files.
pub(super) fn look(input: &Input) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(StudyData(study)) = &input.study_data {
        shapes(study, "/study_data", &mut problems);
    }
    if let Some(protocol) = input.protocol.as_ref().filter(|p| !p.is_object() && !p.is_null()) {
        problems.push(Problem::new(
            "/protocol",
            format!("an object is expected, and {} is there", kind(protocol)),
        ));
    }
    problems
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        _ => "true or false",
    }
}

/// What has the wrong shape. Paths hold known keys only.
fn shapes(study: &RawStudy, at: &str, problems: &mut Vec<Problem>) {
    for (key, message) in &study.problems {
        let path = if key.is_empty() { at.to_owned() } else { format!("{at}/{key}") };
        problems.push(Problem::new(path, message.clone()));
    }
    if study.problems.is_empty() {
        match &study.subjects {
            None => {
                problems.push(Problem::new(at, "there are no subjects: give subjects, a list of objects"));
            }
            Some(table) if table.rows == 0 => {
                let message = match table.unreadable.len() {
                    0 => "the list of subjects is empty".to_owned(),
                    1 => "the one record of subjects is no object".to_owned(),
                    n => format!("none of the {n} records of subjects is an object"),
                };
                problems.push(Problem::new(format!("{at}/subjects"), message));
            }
            Some(_) => {}
        }
    }
}

/// Read the input and every uploaded file. All that is wrong is told at once.
///
/// # Errors
/// [`PhaseError::InvalidInput`] where nothing can be computed.
pub(super) fn gather(ctx: &mut Context<'_, NoConfig>, input: Input) -> Result<Given, PhaseError> {
    let mut problems = look(&input);
    let mut notes = Vec::new();
    let mut study = input.study_data.map(|data| data.0);
    let mut protocol = input.protocol.filter(|p| !p.is_null());
    let files = ctx.input_files();
    let total: u64 = files.iter().map(|file| file.size).sum();
    if total > MOST_BYTES {
        let message =
            format!("the uploaded files have {total} bytes together, and at most {MOST_BYTES} are read");
        return Err(PhaseError::invalid("", message));
    }
    for (at, file) in (1..).zip(&files) {
        // A file's name may be a person's.
        let name = format!("uploaded file {at}");
        if !file.name.to_lowercase().ends_with(".json") {
            notes.push(format!("The {name} does not end in .json and was not read."));
            continue;
        }
        ctx.progress(0.02, format!("reading {name}"));
        let bytes = ctx.read(&file.name)?;
        let bare = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let raw = match serde_json::from_slice::<Raw>(bare) {
            Ok(raw) => raw,
            Err(error) => {
                problems.push(Problem::new("", format!("{name} is not JSON: {error}{}", hint(bare))));
                continue;
            }
        };
        if let Some(what) = raw.problem {
            let message = format!("{name} holds {what}: an object with study_data and protocol is expected");
            problems.push(Problem::new("", message));
        }
        if !raw.unknown.is_empty() {
            notes.push(format!(
                "{} keys beside study_data and protocol in {name} were not read.",
                raw.unknown.len()
            ));
        }
        if let Some(found) = raw.study_data {
            shapes(&found, "/study_data", &mut problems);
            if study.replace(found).is_some() {
                problems.push(Problem::new(
                    "/study_data",
                    format!("is given twice, at last in {name}: give one"),
                ));
            }
        }
        if let Some(found) = raw.protocol.filter(|p| !p.is_null()) {
            if !found.is_object() {
                problems.push(Problem::new(
                    "/protocol",
                    format!("an object is expected, and {} is there", kind(&found)),
                ));
            }
            if protocol.replace(found).is_some() {
                problems
                    .push(Problem::new("/protocol", format!("is given twice, at last in {name}: give one")));
            }
        }
    }
    let needed = "in the run's input, or upload a JSON file {\"study_data\": …, \"protocol\": …}";
    if study.is_none() && problems.is_empty() {
        problems.push(Problem::new("", format!("there are no data: give study_data {needed}")));
    }
    if protocol.is_none() && problems.is_empty() {
        problems.push(Problem::new("", format!("there is no protocol: give protocol {needed}")));
    }
    match (study, protocol) {
        (Some(study), Some(Value::Object(protocol))) if problems.is_empty() => {
            Ok(Given { study, protocol, notes })
        }
        _ => Err(PhaseError::InvalidInput(problems)),
    }
}

/// What is often wrong with JSON that programs wrote.
fn hint(bytes: &[u8]) -> &'static str {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
    if has(b"NaN") || has(b"Infinity") { " (JSON has no NaN and no Infinity: write null)" } else { "" }
}
