//! What `--input` is: a run's input, or a file for the workflow to read. And what is wrong with it.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{error::Error, model::Workflow};

/// What a run is started with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RunInput {
    /// JSON text of an object.
    pub(super) json: String,
    /// Files to upload.
    pub(super) files: Vec<PathBuf>,
}

/// Endings of files that are JSON as a whole, and nothing else.
const JSON_ENDING: &str = ".json";

/// Decide what the arguments are for this workflow. Nothing is written before this has succeeded.
///
/// An object with a property of the workflow's input is the input. Anything else (an array, a CSV file, a tracker's own
/// object) is a file for the workflow, if it takes such files.
pub(super) fn read(workflow: &Workflow, input: Option<&Path>, files: &[PathBuf]) -> anyhow::Result<RunInput> {
    let mut run = RunInput { json: "{}".to_owned(), files: Vec::new() };
    for file in files {
        let metadata =
            file.metadata().with_context(|| format!("the file {} cannot be read", file.display()))?;
        if !metadata.is_file() {
            bail!(Error::invalid(format!("{} is no file", file.display())));
        }
        check_ending(workflow, file)?;
        run.files.push(file.clone());
    }
    let Some(input) = input else { return Ok(run) };
    let shown = input.display();
    let mut opened = File::open(input).with_context(|| format!("the input {shown} cannot be read"))?;
    if !opened.metadata().with_context(|| format!("the input {shown} cannot be read"))?.is_file() {
        bail!(Error::invalid(format!("the input {shown} is no file")));
    }
    let parsed = match has_ending(input, JSON_ENDING) || !is_accepted(workflow, input) {
        true => Some(outline(&opened)),
        // Lines of JSON or a table: the workflow reads them.
        false => None,
    };
    match parsed {
        Some(Ok(Outline::Object(keys))) if is_input(workflow, &keys) => {
            use std::io::Seek as _;
            opened.rewind()?;
            run.json.clear();
            opened
                .read_to_string(&mut run.json)
                .with_context(|| format!("the input {shown} cannot be read: JSON is UTF-8"))?;
        }
        Some(Err(error)) => {
            // Its own words end with the place, which is said first here.
            let text = error.to_string();
            let (place, what) =
                (format!(" at line {} column {}", error.line(), error.column()), text.as_str());
            let what = what.strip_suffix(&place).unwrap_or(what);
            bail!(Error::invalid(format!(
                "the input {shown} is broken JSON at line {}, column {}: {what}",
                error.line(),
                error.column()
            )));
        }
        Some(Ok(outline)) => {
            if !is_accepted(workflow, input) {
                bail!(not_an_input(workflow, input, &outline));
            }
            run.files.push(input.to_owned());
        }
        None => run.files.push(input.to_owned()),
    }
    Ok(run)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().ends_with(ending))
}

fn is_accepted(workflow: &Workflow, path: &Path) -> bool {
    workflow.files.as_ref().is_some_and(|spec| {
        spec.accept.is_empty() || spec.accept.iter().any(|ending| has_ending(path, ending))
    })
}

fn check_ending(workflow: &Workflow, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    match &workflow.files {
        None => {
            bail!(Error::invalid(format!("workflow {} takes no files, so not {shown} either", workflow.name)))
        }
        Some(spec) if !is_accepted(workflow, path) => bail!(Error::invalid(format!(
            "workflow {} takes files that end in {}; {shown} does not",
            workflow.name,
            spec.accept.join(", ")
        ))),
        Some(_) => Ok(()),
    }
}

/// The properties that the workflow's input schema names; `None` if it names none, so that every object will do.
fn properties(workflow: &Workflow) -> Option<Vec<&str>> {
    let properties = workflow.input_schema.get("properties")?.as_object()?;
    (!properties.is_empty()).then(|| properties.keys().map(String::as_str).collect())
}

fn is_input(workflow: &Workflow, keys: &[String]) -> bool {
    match properties(workflow) {
        // With nothing in it, it is at least no file of anything.
        Some(known) => keys.is_empty() || keys.iter().any(|key| known.contains(&key.as_str())),
        None => true,
    }
}

fn not_an_input(workflow: &Workflow, path: &Path, outline: &Outline) -> Error {
    let found = match outline {
        Outline::Object(_) => "an object with none of the input's properties",
        Outline::Array => "an array",
        Outline::Scalar => "neither an object nor an array",
    };
    let expected = match properties(workflow) {
        Some(known) => format!("an object with some of {}", known.join(", ")),
        None => "an object".to_owned(),
    };
    let files = match &workflow.files {
        Some(spec) if !spec.accept.is_empty() => {
            format!(", or a file that ends in {}", spec.accept.join(", "))
        }
        _ => String::new(),
    };
    let (shown, name) = (path.display(), &workflow.name);
    Error::invalid(format!("the input {shown} is {found}; workflow {name} takes {expected}{files}"))
}

/// What a document is at the top. It is read to its end, so that broken JSON is found, but not kept.
#[derive(Debug, PartialEq, Eq)]
enum Outline {
    /// With these keys.
    Object(Vec<String>),
    Array,
    Scalar,
}

fn outline(file: &File) -> Result<Outline, serde_json::Error> {
    serde_json::from_reader(BufReader::with_capacity(1 << 20, file))
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            // What matters is found among the first ones; a bomb of keys is not.
            if keys.len() < 1000 {
                keys.push(key);
            }
        }
        Ok(Outline::Object(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Outline, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Outline::Array)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Outline, E> {
        Ok(Outline::Scalar)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::FilesSpec;

    fn workflow(accept: Option<&[&str]>) -> Workflow {
        let mut workflow: Workflow = serde_json::from_value(serde_json::json!({
            "name": "w", "steps": [], "input_schema": { "properties": { "ticket_data": {}, "source": {} } }
        }))
        .unwrap();
        workflow.files = accept.map(|accept| FilesSpec {
            accept: accept.iter().map(|ending| (*ending).to_owned()).collect(),
            description: String::new(),
        });
        workflow
    }

    /// What becomes of a file: its text as the input, an upload, or an error.
    fn read_one(accept: Option<&[&str]>, name: &str, text: &str) -> Result<RunInput, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&workflow(accept), Some(&path), &[])
            .map(|mut run| {
                run.files = run.files.iter().map(|file| file.file_name().unwrap().into()).collect();
                run
            })
            .map_err(|error| error.to_string())
    }

    const ENDINGS: Option<&[&str]> = Some(&[".json", ".csv"]);

    #[test]
    fn an_object_with_a_known_property_is_the_input_and_anything_else_a_file() {
        let input = r#"{"ticket_data": [1], "other": {"deep": [true, null, 1.5]}}"#;
        assert_eq!(
            read_one(ENDINGS, "a.json", input).unwrap(),
            RunInput { json: input.into(), files: vec![] }
        );
        assert_eq!(read_one(ENDINGS, "a.json", "{}").unwrap().json, "{}");
        for (name, text) in [("a.json", "[]"), ("b.json", r#"{"tickets": []}"#), ("c.csv", "id,title\n1,x")] {
            let run = read_one(ENDINGS, name, text).unwrap();
            assert_eq!(run, RunInput { json: "{}".into(), files: vec![name.into()] });
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let error = read_one(ENDINGS, "a.json", "{\n  \"ticket_data\": [1,]\n}").unwrap_err();
        assert!(error.contains("line 2, column 21"), "{error}");
        let error = read_one(ENDINGS, "a.json", "").unwrap_err();
        assert!(error.contains("broken JSON at line 1, column 0"), "{error}");
        let error = read_one(None, "a.json", "[]").unwrap_err();
        assert!(
            error.contains("is an array; workflow w takes an object with some of ticket_data, source"),
            "{error}"
        );
        let error = read_one(ENDINGS, "a.xlsx", "PK").unwrap_err();
        assert!(error.contains("broken JSON"), "{error}");
        let error = read_one(ENDINGS, "a.txt", "[1]").unwrap_err();
        assert!(error.contains("or a file that ends in .json, .csv"), "{error}");
        let error = read(&workflow(ENDINGS), Some(Path::new("/nowhere/x.json")), &[]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.json cannot be read"), "{error}");
        let error = read(&workflow(None), None, &["Cargo.toml".into()]).unwrap_err();
        assert!(error.to_string().contains("takes no files"), "{error}");
    }
}
