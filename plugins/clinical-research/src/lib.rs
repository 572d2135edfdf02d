//! Clinical trials: validation of the data, cohort, efficacy, safety, publication.
//!
//! `data_validation` reads the run's input or an uploaded file and writes [`study::FILE`], which holds masked subjects only.
//! The other phases read that file and what the phases before them wrote, never the raw input.

pub mod cohort;
pub mod efficacy;
pub mod privacy;
pub mod publication;
pub mod raw;
pub mod safety;
pub mod study;
pub mod validation;
mod workflow;

heddle_sdk::plugin! {
    name: "clinical-research",
    description: "Clinical trials: checks the data, makes them private, and analyses them as the protocol says.",
    phases: [
        validation::DataValidation,
        cohort::CohortAnalysis,
        efficacy::EfficacyAnalysis,
        safety::SafetyAnalysis,
        publication::PublicationPackage,
    ],
    workflows: workflow::all(),
}
