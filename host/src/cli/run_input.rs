//! What `--input` is: a run's input, or a file for the workflow to read. And what is wrong with it.

use std::{
    fs::File,
    io::{BufReader, Read as _},
};

use anyhow::{Context as _, bail};

use super::{json_outline::Outline, run_source::Source};
use crate::{error::Error, model::Workflow};

/// What a run is started with.
#[derive(Debug)]
pub(super) struct RunInput {
    /// JSON text of an object.
    pub(super) json: String,
    /// Files to upload.
    pub(super) files: Vec<RunFile>,
}

/// A file to upload.
#[derive(Debug)]
pub(super) struct RunFile {
    /// Its name in the run.
    pub(super) name: String,
    /// Open, where it is to be read from.
    pub(super) content: File,
}

/// Endings of files that are JSON as a whole, and nothing else.
const JSON_ENDING: &str = ".json";

/// Decide what the arguments are for this workflow. Nothing is written before this has succeeded.
///
/// An object with a property of the workflow's input is the input. Anything else (an array, a CSV file, a tracker's own
/// object) is a file for the workflow, if it takes such files. What a pipe brings is told by its content.
pub(super) fn read(
    workflow: &Workflow,
    input: Option<Source>,
    files: Vec<Source>,
) -> anyhow::Result<RunInput> {
    let mut run = RunInput { json: "{}".to_owned(), files: Vec::new() };
    for file in files {
        let name = checked_name(workflow, &file)?;
        run.files.push(RunFile { name, content: file.into_file()? });
    }
    let Some(mut input) = input else { return Ok(run) };
    let shown = input.shown.clone();
    let unread = || format!("the input {shown} cannot be read");
    let content = match &input.name {
        Some(name) if is_accepted(workflow, name) && !has_ending(name, JSON_ENDING) => Content::Table,
        Some(_) => {
            Content::Json(Outline::read(input.text().with_context(unread)?).map_err(|e| broken(&shown, &e))?)
        }
        None => guess(workflow, &mut input)?,
    };
    let name = input.name.clone().unwrap_or_else(|| format!("input{}", content.ending()));
    match content {
        Content::Json(Outline::Object(keys)) if is_input(workflow, &keys) => {
            run.json.clear();
            let mut text = input.text().with_context(unread)?;
            text.read_to_string(&mut run.json)
                .with_context(|| format!("the input {shown} cannot be read: JSON is UTF-8"))?;
        }
        Content::Json(outline) => {
            if !is_accepted(workflow, &name) {
                bail!(not_an_input(workflow, &shown, &outline));
            }
            run.files.push(RunFile { name, content: input.into_text_file().with_context(unread)? });
        }
        Content::Lines | Content::Table => {
            run.files.push(RunFile { name, content: input.into_file().with_context(unread)? });
        }
    }
    Ok(run)
}

/// What an input is, as far as it must be known here.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// One JSON document.
    Json(Outline),
    /// Several, for the workflow to read.
    Lines,
    /// Something else for the workflow to read: with a name, whatever its name says.
    Table,
}

impl Content {
    fn ending(&self) -> &'static str {
        match self {
            Self::Json(_) => JSON_ENDING,
            Self::Lines => ".jsonl",
            Self::Table => ".csv",
        }
    }
}

/// What a pipe brings. JSON begins with a bracket; anything else may be a table, if the workflow takes tables.
fn guess(workflow: &Workflow, input: &mut Source) -> anyhow::Result<Content> {
    let shown = input.shown.clone();
    let unread = || format!("the input {shown} cannot be read");
    let head = input.head().with_context(unread)?;
    let begins = String::from_utf8_lossy(&head);
    let is_json = begins.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    if !is_json && !head.is_empty() && is_accepted(workflow, "input.csv") {
        return Ok(Content::Table);
    }
    let text = input.text().with_context(unread)?;
    let mut documents =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 20, text)).into_iter();
    let first: Option<Result<Outline, _>> = documents.next();
    match first {
        Some(Ok(first)) => match documents.try_fold(0, |n: u64, document| document.map(|_| n + 1)) {
            Ok(0) => Ok(Content::Json(first)),
            Ok(_) if is_accepted(workflow, "input.jsonl") => Ok(Content::Lines),
            Ok(n) => bail!(Error::invalid(format!(
                "the input {shown} brings {} JSON documents; workflow {} takes one",
                n + 1,
                workflow.name
            ))),
            Err(error) => Err(broken(&shown, &error)),
        },
        Some(Err(error)) => Err(broken(&shown, &error)),
        None => bail!(Error::invalid(format!("the input {shown} brings nothing"))),
    }
}

fn broken(shown: &str, error: &serde_json::Error) -> anyhow::Error {
    // Its own words end with the place, which is said first here.
    let (line, column, text) = (error.line(), error.column(), error.to_string());
    let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    Error::invalid(format!("the input {shown} is broken JSON at line {line}, column {column}: {what}")).into()
}

fn has_ending(name: &str, ending: &str) -> bool {
    name.to_lowercase().ends_with(ending)
}

fn is_accepted(workflow: &Workflow, name: &str) -> bool {
    workflow.files.as_ref().is_some_and(|spec| {
        spec.accept.is_empty() || spec.accept.iter().any(|ending| has_ending(name, ending))
    })
}

/// The name of a file for the workflow, if it takes such files.
fn checked_name(workflow: &Workflow, file: &Source) -> anyhow::Result<String> {
    let shown = &file.shown;
    let Some(name) = &file.name else {
        bail!(Error::invalid(format!(
            "--file {shown} is a pipe, which has no name that says what it brings; give it as --input, or as a file"
        )));
    };
    match &workflow.files {
        None => {
            bail!(Error::invalid(format!("workflow {} takes no files, so not {shown} either", workflow.name)))
        }
        Some(spec) if !is_accepted(workflow, name) => bail!(Error::invalid(format!(
            "workflow {} takes files that end in {}; {shown} does not",
            workflow.name,
            spec.accept.join(", ")
        ))),
        Some(_) => Ok(name.clone()),
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

fn not_an_input(workflow: &Workflow, shown: &str, outline: &Outline) -> Error {
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
    let name = &workflow.name;
    Error::invalid(format!("the input {shown} is {found}; workflow {name} takes {expected}{files}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        io::Write as _,
        os::fd::AsRawFd as _,
        path::{Path, PathBuf},
    };

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

    /// The input's text, and the names and contents of the files to upload.
    type Read = (String, Vec<(String, String)>);

    fn told(run: anyhow::Result<RunInput>) -> Result<Read, String> {
        let run = run.map_err(|error| error.to_string())?;
        let files = run.files.into_iter().map(|mut file| {
            let mut text = String::new();
            file.content.read_to_string(&mut text).unwrap();
            (file.name, text)
        });
        Ok((run.json, files.collect()))
    }

    /// What becomes of a file: its text as the input, an upload, or an error.
    fn read_one(accept: Option<&[&str]>, name: &str, text: &str) -> Result<Read, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        told(read(&workflow(accept), Some(Source::open(&path, 1 << 20).unwrap()), Vec::new()))
    }

    /// The same of what a pipe brings.
    fn read_pipe(accept: Option<&[&str]>, text: &str) -> Result<Read, String> {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let text = text.to_owned();
        let writing = std::thread::spawn(move || writer.write_all(text.as_bytes()));
        let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
        let source = Source::open(&path, 1 << 20).map_err(|error| error.to_string());
        drop(reader);
        // One that is told too much goes away, and its writer notices.
        let _ = writing.join().unwrap();
        told(read(&workflow(accept), Some(source?), Vec::new()))
    }

    const ENDINGS: Option<&[&str]> = Some(&[".json", ".csv"]);

    #[test]
    fn an_object_with_a_known_property_is_the_input_and_anything_else_a_file() {
        let input = r#"{"ticket_data": [1], "other": {"deep": [true, null, 1.5]}}"#;
        assert_eq!(read_one(ENDINGS, "a.json", input).unwrap(), (input.into(), vec![]));
        assert_eq!(read_one(ENDINGS, "a.json", "{}").unwrap().0, "{}");
        for (name, text) in [("a.json", "[]"), ("b.json", r#"{"tickets": []}"#), ("c.csv", "id,title\n1,x")] {
            let run = read_one(ENDINGS, name, text).unwrap();
            assert_eq!(run, ("{}".into(), vec![(name.into(), text.into())]));
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_json() {
        let input = r#"{"source": "x"}"#;
        assert_eq!(read_one(None, "a.json", &format!("\u{feff}{input}")).unwrap(), (input.into(), vec![]));
        let run = read_one(ENDINGS, "a.json", "\u{feff}[1]").unwrap();
        assert_eq!(run, ("{}".into(), vec![("a.json".into(), "[1]".into())]));
    }

    #[test]
    fn what_a_pipe_brings_is_told_by_its_content() {
        let endings: Option<&[&str]> = Some(&[".json", ".jsonl", ".csv"]);
        let input = r#"{"source": "x"}"#;
        assert_eq!(read_pipe(None, input).unwrap(), (input.into(), vec![]));
        for (text, name) in [
            ("[1]", "input.json"),
            ("\n{\"id\": 1}\n{\"id\": 2}\n", "input.jsonl"),
            ("id,title\n1,x\n", "input.csv"),
        ] {
            assert_eq!(read_pipe(endings, text).unwrap(), ("{}".into(), vec![(name.into(), text.into())]));
        }
        for (accept, text, said) in [
            (endings, "", "brings nothing"),
            (endings, "{\"id\": 1}\n{\"id\": }", "broken JSON at line 2, column 8"),
            (ENDINGS, "[1]\n[2]\n[3]", "brings 3 JSON documents; workflow w takes one"),
            (None, "id,title", "broken JSON at line 1, column 1"),
            (endings, &" ".repeat((1 << 20) + 1), "brings more than the 1048576 bytes allowed"),
        ] {
            let error = read_pipe(accept, text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
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
        let error = Source::open(Path::new("/nowhere/x.json"), 1).unwrap_err();
        assert!(error.to_string().contains("/nowhere/x.json cannot be read"), "{error}");
        let file = Source::open(Path::new("Cargo.toml"), 1).unwrap();
        let error = read(&workflow(None), None, vec![file]).unwrap_err();
        assert!(error.to_string().contains("takes no files"), "{error}");
        let pipe = Source::open(Path::new("/dev/null"), 1).unwrap();
        let error = read(&workflow(ENDINGS), None, vec![pipe]).unwrap_err();
        assert!(error.to_string().contains("/dev/null is a pipe"), "{error}");
    }
}
