//! The sections of ICH E3, and how each is filled.

use heddle_kit::document::Document;

use super::{fill, harms};
use crate::publication::{design::Topic, manuscript::Book};

/// How a section is filled.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    /// By its parts.
    Parts,
    /// By a person: who, and what.
    Person(&'static str, &'static str),
    /// By what the protocol says, else by a person.
    Protocol(Topic, &'static str, &'static str),
    /// From the results.
    Computed(fn(Book<'_>, &mut Document)),
}

/// A section.
pub(super) struct Section {
    pub(super) number: &'static str,
    pub(super) title: &'static str,
    pub(super) fill: Fill,
}

/// Filled by its parts.
const fn parts(number: &'static str, title: &'static str) -> Section {
    Section { number, title, fill: Fill::Parts }
}

/// Filled from the results.
const fn computed(number: &'static str, title: &'static str, write: fn(Book<'_>, &mut Document)) -> Section {
    Section { number, title, fill: Fill::Computed(write) }
}

/// For a person: who, and what.
const fn person(number: &'static str, title: &'static str, who: &'static str, what: &'static str) -> Section {
    Section { number, title, fill: Fill::Person(who, what) }
}

/// From the protocol, else for a person.
const fn protocol(
    number: &'static str,
    title: &'static str,
    topic: Topic,
    who: &'static str,
    what: &'static str,
) -> Section {
    Section { number, title, fill: Fill::Protocol(topic, who, what) }
}

const SPONSOR: &str = "sponsor";
const WRITER: &str = "medical writer";
const INVESTIGATOR: &str = "investigator";

/// All sections in order.
pub(super) const SECTIONS: &[Section] = &[
    computed("1", "Title page", fill::title_page),
    computed("2", "Synopsis", fill::synopsis),
    person("3", "Table of contents", WRITER, "insert from the headings by the word processor"),
    computed("4", "List of abbreviations and definitions of terms", fill::abbreviations),
    parts("5", "Ethics"),
    protocol(
        "5.1",
        "Ethics committee or review board",
        Topic::Ethics,
        SPONSOR,
        "committees that approved the study",
    ),
    person("5.2", "Ethical conduct of the study", SPONSOR, "statement of conduct"),
    person("5.3", "Patient information and consent", SPONSOR, "how and when consent was obtained"),
    protocol(
        "6",
        "Investigators and study administrative structure",
        Topic::Sponsor,
        SPONSOR,
        "investigators, monitors, laboratories, committees",
    ),
    protocol(
        "7",
        "Introduction",
        Topic::Background,
        WRITER,
        "development of the product up to this study, in at most a page",
    ),
    computed("8", "Study objectives", fill::objectives),
    parts("9", "Investigational plan"),
    computed("9.1", "Overall study design and plan", fill::design),
    person(
        "9.2",
        "Discussion of study design and choice of control groups",
        WRITER,
        "why this design and this control",
    ),
    parts("9.3", "Selection of study population"),
    protocol("9.3.1", "Inclusion criteria", Topic::Eligibility, SPONSOR, "inclusion criteria"),
    protocol("9.3.2", "Exclusion criteria", Topic::Eligibility, SPONSOR, "exclusion criteria"),
    person("9.3.3", "Removal of patients from therapy or assessment", SPONSOR, "rules of removal"),
    parts("9.4", "Treatments"),
    protocol(
        "9.4.1",
        "Treatments administered",
        Topic::Interventions,
        SPONSOR,
        "treatments, doses, routes, schedules",
    ),
    person("9.4.2", "Identity of investigational products", SPONSOR, "formulation and batch numbers"),
    computed("9.4.3", "Method of assigning patients to treatment groups", fill::assignment),
    person("9.4.4", "Selection of doses in the study", SPONSOR, "basis of the doses"),
    person("9.4.5", "Selection and timing of dose for each patient", SPONSOR, "dosing of each patient"),
    protocol(
        "9.4.6",
        "Blinding",
        Topic::Blinding,
        SPONSOR,
        "who was blinded, how, and when the code was broken",
    ),
    person("9.4.7", "Prior and concomitant therapy", SPONSOR, "what was allowed and recorded"),
    person("9.4.8", "Treatment compliance", SPONSOR, "how compliance was measured"),
    parts("9.5", "Efficacy and safety variables"),
    computed("9.5.1", "Efficacy and safety measurements assessed", fill::variables),
    person(
        "9.5.2",
        "Appropriateness of measurements",
        WRITER,
        "whether the measurements are standard and validated",
    ),
    computed("9.5.3", "Primary efficacy variables", fill::primary_variable),
    person(
        "9.5.4",
        "Drug concentration measurements",
        SPONSOR,
        "samples and their times, or that there were none",
    ),
    computed("9.6", "Data quality assurance", fill::quality),
    parts("9.7", "Statistical methods planned and determination of sample size"),
    computed("9.7.1", "Statistical and analytical plans", fill::statistics),
    protocol(
        "9.7.2",
        "Determination of sample size",
        Topic::SampleSize,
        SPONSOR,
        "how the sample size was determined",
    ),
    protocol(
        "9.8",
        "Changes in the conduct of the study or planned analyses",
        Topic::Changes,
        SPONSOR,
        "changes with dates and reasons",
    ),
    parts("10", "Study patients"),
    computed("10.1", "Disposition of patients", fill::disposition),
    computed("10.2", "Protocol deviations", fill::deviations),
    parts("11", "Efficacy evaluation"),
    computed("11.1", "Data sets analysed", fill::sets),
    computed("11.2", "Demographic and other baseline characteristics", fill::baseline),
    person("11.3", "Measurements of treatment compliance", SPONSOR, "measured compliance"),
    parts("11.4", "Efficacy results and tabulations of individual patient data"),
    computed("11.4.1", "Analysis of efficacy", fill::efficacy),
    parts("11.4.2", "Statistical and analytical issues"),
    computed("11.4.2.1", "Adjustments for covariates", fill::covariates),
    computed("11.4.2.2", "Handling of dropouts or missing data", fill::missing),
    protocol(
        "11.4.2.3",
        "Interim analyses and data monitoring",
        Topic::Interim,
        SPONSOR,
        "interim analyses, or that there were none",
    ),
    computed("11.4.2.4", "Multicentre studies", fill::sites),
    computed("11.4.2.5", "Multiple comparisons and multiplicity", fill::multiplicity),
    computed("11.4.2.6", "Use of an efficacy subset of patients", fill::subset),
    person(
        "11.4.2.7",
        "Active-control studies intended to show equivalence",
        SPONSOR,
        "margins and evidence of assay sensitivity, or that it does not apply; no equivalence is concluded here",
    ),
    computed("11.4.2.8", "Examination of subgroups", fill::subgroups),
    person(
        "11.4.3",
        "Tabulation of individual response data",
        SPONSOR,
        "listings; individual data are not part of this package",
    ),
    person(
        "11.4.4",
        "Drug dose, drug concentration, and relationships to response",
        SPONSOR,
        "dose and concentration against response",
    ),
    person("11.4.5", "Drug–drug and drug–disease interactions", SPONSOR, "interactions"),
    person("11.4.6", "By-patient displays", SPONSOR, "displays of single patients where they are needed"),
    computed("11.4.7", "Efficacy conclusions", fill::efficacy_conclusions),
    parts("12", "Safety evaluation"),
    computed("12.1", "Extent of exposure", harms::exposure),
    parts("12.2", "Adverse events"),
    computed("12.2.1", "Brief summary of adverse events", harms::events),
    computed("12.2.2", "Display of adverse events", harms::event_display),
    computed("12.2.3", "Analysis of adverse events", harms::event_analysis),
    person("12.2.4", "Listing of adverse events by patient", SPONSOR, "listing by patient (appendix 16.2.7)"),
    parts("12.3", "Deaths, other serious adverse events, and other significant adverse events"),
    computed(
        "12.3.1",
        "Listing of deaths, other serious and other significant adverse events",
        harms::serious,
    ),
    person(
        "12.3.2",
        "Narratives of deaths, other serious and certain other significant adverse events",
        INVESTIGATOR,
        "narratives",
    ),
    computed(
        "12.3.3",
        "Analysis and discussion of deaths and of serious and significant adverse events",
        harms::deaths,
    ),
    parts("12.4", "Clinical laboratory evaluation"),
    person(
        "12.4.1",
        "Listing of individual laboratory measurements and each abnormal value",
        SPONSOR,
        "listing (appendix 16.2.8)",
    ),
    computed("12.4.2", "Evaluation of each laboratory parameter", harms::labs),
    person(
        "12.5",
        "Vital signs, physical findings and other observations related to safety",
        SPONSOR,
        "vital signs and physical findings",
    ),
    computed("12.6", "Safety conclusions", harms::safety_conclusions),
    computed("13", "Discussion and overall conclusions", fill::discussion),
    parts("14", "Tables, figures and graphs referred to but not included in the text"),
    computed("14.1", "Demographic data", fill::tables_demographic),
    computed("14.2", "Efficacy data", fill::tables_efficacy),
    parts("14.3", "Safety data"),
    computed("14.3.1", "Displays of adverse events", harms::tables_events),
    computed(
        "14.3.2",
        "Listings of deaths, other serious and significant adverse events",
        harms::tables_serious,
    ),
    person(
        "14.3.3",
        "Narratives of deaths, other serious and certain other significant adverse events",
        INVESTIGATOR,
        "narratives",
    ),
    computed("14.3.4", "Abnormal laboratory value listing", harms::tables_labs),
    person("15", "Reference list", WRITER, "references"),
    parts("16", "Appendices"),
    parts("16.1", "Study information"),
    protocol(
        "16.1.1",
        "Protocol and protocol amendments",
        Topic::ProtocolAccess,
        SPONSOR,
        "protocol and amendments",
    ),
    person("16.1.2", "Sample case report form", SPONSOR, "unique pages"),
    person("16.1.3", "Ethics committees and consent forms", SPONSOR, "list of committees and the forms"),
    person("16.1.4", "Investigators and other important participants", SPONSOR, "list with brief curricula"),
    person(
        "16.1.5",
        "Signatures",
        SPONSOR,
        "signatures of the principal investigator or of the sponsor's medical officer",
    ),
    person(
        "16.1.6",
        "Patients receiving drugs from specific batches",
        SPONSOR,
        "listing by batch, where there is more than one",
    ),
    person("16.1.7", "Randomisation scheme and codes", SPONSOR, "scheme and codes"),
    person("16.1.8", "Audit certificates", SPONSOR, "certificates, if available"),
    computed("16.1.9", "Documentation of statistical methods", fill::statistics_again),
    person(
        "16.1.10",
        "Documentation of laboratory standardisation and quality assurance",
        SPONSOR,
        "documentation, if used",
    ),
    person("16.1.11", "Publications based on the study", WRITER, "publications; a draft is manuscript.docx"),
    person("16.1.12", "Important publications referenced in the report", WRITER, "publications"),
    parts("16.2", "Patient data listings"),
    person("16.2.1", "Discontinued patients", SPONSOR, "listing; counts are in 10.1"),
    person("16.2.2", "Protocol deviations", SPONSOR, "listing; findings of the data are in 10.2"),
    computed("16.2.3", "Patients excluded from the efficacy analysis", fill::excluded),
    person("16.2.4", "Demographic data", SPONSOR, "listing"),
    person("16.2.5", "Compliance and drug concentration data", SPONSOR, "listing, if available"),
    person("16.2.6", "Individual efficacy response data", SPONSOR, "listing"),
    person("16.2.7", "Adverse event listings", SPONSOR, "listing of each patient"),
    person(
        "16.2.8",
        "Listing of individual laboratory measurements by patient",
        SPONSOR,
        "listing, when required",
    ),
    person(
        "16.3",
        "Case report forms",
        SPONSOR,
        "forms of deaths, other serious events and withdrawals for events",
    ),
    person("16.4", "Individual patient data listings", SPONSOR, "listings of the archival data"),
];
