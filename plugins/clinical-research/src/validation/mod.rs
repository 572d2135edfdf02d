//! Phase `data_validation`: reads the run's input or an uploaded file, finds what is wrong with it and what identifies people, and
//! writes [`crate::study::FILE`], which holds masked subjects only.
//!
//! How the data are made private:
//! - Direct identifiers are found in everything that was given, and removed or masked; see [`crate::privacy`].
//! - Subjects' and sites' ids are masked under a key of the run and its data ([`secret`], [`crate::privacy::Masker`]); sites too, because a site and a rare
//!   combination of age, sex and race can point to a person. `subject_key.csv` goes back, and is restricted.
//! - Calendar dates are not passed on but as study days; the key file has the reference dates.
//! - Ages over 89 are flagged and kept in the data, because the statistics need them; reports do not tell them of single subjects.
//!   The data are pseudonymised for the study's own statisticians, and not de-identified for publication.
//! - Records are passed on in the order of the masks, and messages name no value that could be a person's. Of events at the same time, and of
//!   nothing else, the order of the source is kept: a test of the reference ranks them in it.

mod arm_names;
mod category;
mod chart;
mod checklist;
mod checks;
mod consort;
mod convert;
mod dates;
mod doubles;
mod fields;
mod frame;
mod input;
mod key;
mod ledger;
mod output;
mod plausible;
mod protocol;
mod quality;
mod reference;
mod report;
mod role;
mod rows;
mod scrubbing;
mod secret;
mod survey;
mod tables;
mod undeclared;

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write as _},
};

use heddle_kit::report::counted;
use heddle_sdk::{manifest::LimitRequest, prelude::*};
use rand::Rng;

use self::{
    frame::Frame,
    input::Given,
    ledger::Ledger,
    protocol::Known,
    role::{Role, Wanted},
    rows::Rows,
    tables::Around,
};
pub use self::{
    input::{Input, MOST_BYTES, StudyData},
    output::{FieldSummary, Output, ValidatedData},
    quality::{
        ConflictingDuplicate, DateOrder, Finding, IdentifierFinding, NotPassedOn, OutOfRange, OutOfWindow,
        QualityMetrics, Standardised,
    },
};
use crate::{
    privacy::{Identifier, Masker},
    raw::{RawColumn, Table},
    study::{Analysis, Column, FILE, FORMAT, Study, Subjects},
};

/// The file from masked to original ids.
pub const KEY_FILE: &str = "subject_key.csv";

/// The phase.
pub struct DataValidation;

impl Phase for DataValidation {
    const NAME: &'static str = "data_validation";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Data validation",
            "Checks a trial's data for what is missing, impossible, doubled or against the protocol; standardises forms; finds and \
             masks direct identifiers; lists every record that is left out. Later phases have masked subjects only.",
        )
        .agent_type("clinical_data_specialist")
        .reads("input/*")
        .deliverable(FILE, FileKind::Json, "The study under masked ids, and its quality metrics")
        .deliverable("validation_report.md", FileKind::Markdown, "What was checked, and what was found")
        .output("compliance_checklist.md", FileKind::Markdown)
        .output("data_quality_metrics.png", FileKind::Png)
        .restricted(KEY_FILE, FileKind::Csv, "RESTRICTED: from masked to original ids. Identifies people")
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn validate(input: &Input) -> Vec<Problem> {
        input::look(input)
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, input: Input) -> PhaseResult<Output> {
        let given = input::gather(ctx, input)?;
        let mut seeded = [0; 32];
        ctx.rng().fill_bytes(&mut seeded);
        let key = given.study.subjects.as_ref().map_or(seeded, |subjects| secret::key(seeded, subjects));
        ctx.progress(0.4, "checking");
        let (study, quality, people) = validate(given, &Masker::new(key));
        ctx.progress(0.8, "writing");
        write_study(ctx, &study, &quality)?;
        ctx.write(KEY_FILE, people)?;
        ctx.write("validation_report.md", report::markdown(&study, &quality))?;
        ctx.write("compliance_checklist.md", checklist::markdown(&study, &quality))?;
        ctx.write("data_quality_metrics.png", chart::draw(&study, &quality)?)?;
        ctx.info(format!(
            "{} of {}; {}; identifiers at {}",
            counted(quality.n_subjects, "subject", "subjects"),
            counted(quality.n_subject_records, "record", "records"),
            counted(quality.n_unreadable_values, "unreadable value", "unreadable values"),
            counted(quality.identifiers.len(), "place", "places")
        ));
        done(Output::of(study, quality))
    }
}

/// `validated_data.json`.
#[derive(Serialize)]
struct StudyFile<'a> {
    #[serde(flatten)]
    study: &'a Study,
    quality_metrics: &'a QualityMetrics,
}

fn write_study(
    ctx: &mut Context<'_, NoConfig>,
    study: &Study,
    quality: &QualityMetrics,
) -> Result<(), PhaseError> {
    let mut out = BufWriter::with_capacity(1 << 20, ctx.writer(FILE)?);
    serde_json::to_writer(&mut out, &StudyFile { study, quality_metrics: quality })?;
    out.write_all(b"\n")?;
    let writer = out.into_inner().map_err(|error| PhaseError::failed(error.error()))?;
    writer.finish()
}

/// The study, what was found, and the key file.
fn validate(given: Given, masker: &Masker) -> (Study, QualityMetrics, Vec<u8>) {
    let Given { study: mut raw, protocol, notes } = given;
    let mut scrubber = survey::learn(&raw);
    scrubbing::learn(&protocol, &mut scrubber);
    let mut ledger = Ledger::default();
    let mut quality = QualityMetrics { notes, ..QualityMetrics::default() };
    let protocol = scrubbing::protocol(&protocol, &scrubber, &mut ledger);
    let (protocol, problems) = protocol::normalise(&protocol, &known(&raw, &scrubber));
    let study_id =
        raw.study_id.take().map(|id| scrubbing::text(&id, "study_data.study_id", &scrubber, &mut ledger));
    let tests = scrubbing::names(&raw.lab_tests, &scrubber, &mut ledger);
    let subjects = raw.subjects.take().unwrap_or_default();
    let wanted = Wanted::new(&protocol);
    let is_used = |list: &str, table: &Table, column: &RawColumn| match list {
        "subjects" => {
            wanted.role(table, &column.path) != Role::Unused
                && !fields::is_identifying_path(&wanted, &scrubber, &column.path)
        }
        list => tables::is_read(list, table, &column.path),
    };
    survey::report("subjects", &subjects, &scrubber, &mut ledger, &|c| is_used("subjects", &subjects, c));
    for (name, table) in survey::lists(&raw) {
        survey::report(name, table, &scrubber, &mut ledger, &|c| is_used(name, table, c));
    }
    survey::report_unknown(&raw, &scrubber, &mut ledger);

    let frame = Frame::new(&subjects, masker);
    let site_columns =
        subjects.columns.iter().filter(|c| survey::is_site(&c.path)).map(|c| (c, subjects.rows));
    let sites = frame::site_masks(site_columns, masker);
    let context = fields::Context {
        table: &subjects,
        frame: &frame,
        wanted: &wanted,
        scrubber: &scrubber,
        sites: &sites,
    };
    let mut fields = fields::read(&context, &mut ledger);
    let arms = fields::arms(&context, &protocol, &mut ledger);
    if let Some(Column::Categorical(actual)) = fields.fields.get_mut("actual_arm") {
        let n = arm_names::withhold(actual, &protocol);
        ledger.identifier("study_data.subjects[].actual_arm", Identifier::Other, "value", "masked", n);
    }
    checks::records(&subjects, &frame, &fields, &protocol, &mut quality, &mut ledger);
    let mut study = Study {
        format: FORMAT.to_owned(),
        study_id,
        problems,
        subjects: Subjects {
            id: frame.masks.clone(),
            arm: checks::arms(&arms, &frame, &protocol, &mut quality),
            fields: std::mem::take(&mut fields.fields),
            events: std::mem::take(&mut fields.events),
        },
        ..Study::default()
    };
    let around = Around { frame: &frame, protocol: &protocol, reference: &fields.reference };
    let rows = |name, what, table| Rows::new((name, what), table, &frame, masker, &scrubber);
    let visits = rows("visits", "visit", &raw.visits);
    study.visits = tables::visits(&visits, &around, &mut quality, &mut ledger);
    let events = rows("adverse_events", "adverse_event", &raw.adverse_events);
    study.adverse_events = tables::adverse_events(&events, &around, &mut quality, &mut ledger);
    let labs = rows("labs", "lab", &raw.labs);
    study.labs = tables::labs(&labs, &tests, &around, &mut quality, &mut ledger);
    checks::contradictions(
        &study.subjects,
        &study.adverse_events,
        &protocol,
        &fields.negative_times,
        &mut ledger,
    );
    study.protocol = protocol;
    for population in Analysis::ALL.map(|analysis| study.population(analysis)) {
        match population.stands_in {
            true => study.problems.extend(population.finding),
            false => quality.notes.extend(population.finding().map(|said| format!("{said}."))),
        }
    }
    let mut strangers = BTreeMap::new();
    for rows in [&visits, &events, &labs] {
        strangers.extend(rows.strangers.clone());
    }
    let people = key::csv(&frame, &fields.reference, &sites, &strangers);
    doubles::conflicts(&subjects, &frame, &scrubber, &mut quality, &mut ledger);
    doubles::alike(&scrubber, &frame, [&visits, &events, &labs], &mut ledger);
    plausible::check(&study, &mut ledger);
    study.flow = consort::flow(&study, &subjects, &frame, &arms, vec![visits, events, labs]);
    quality.reference_dates = fields.reference_fields;
    quality.protocol_problems.clone_from(&study.problems);
    ledger.into_metrics(&mut quality);
    let is_masked_date = |f: &&IdentifierFinding| f.kind == Identifier::Date && f.action == "masked";
    let dates: usize = quality.identifiers.iter().filter(is_masked_date).map(|f| f.n).sum();
    if dates > 0 {
        quality.notes.push(format!(
            "{} masked: whatever tells a day or a month, with two or four digits of the year, written out or compact. A year alone stays.",
            counted(dates, "date in a text is", "dates in texts are")
        ));
    }
    (study, quality, people)
}

/// What the data have that a protocol can name.
fn known(raw: &crate::raw::RawStudy, scrubber: &crate::privacy::Scrubber) -> Known {
    let texts = |table: &Table, path: &str| -> Vec<String> {
        table
            .column(path)
            .map_or_else(Vec::new, |column| column.texts.iter().map(|t| t.trim().to_owned()).collect())
    };
    let subjects = raw.subjects.as_ref();
    let arms = subjects.map_or_else(Vec::new, |table| texts(table, "arm"));
    let cleaned =
        |text: &String, prose| scrubber.scrub(text, prose).map_or_else(|| text.clone(), |(clean, _)| clean);
    let clean = |arm: &String| cleaned(arm, true);
    let coded = |list: Vec<String>| list.iter().map(|text| cleaned(text, false)).collect();
    Known {
        fields: subjects.iter().flat_map(|table| table.columns.iter().map(|c| c.path.clone())).collect(),
        arms: arms.iter().filter(|arm| !arm.is_empty()).map(clean).collect(),
        visits: coded(texts(&raw.visits, "visit")),
        lab_tests: coded(texts(&raw.labs, "test")),
    }
}
