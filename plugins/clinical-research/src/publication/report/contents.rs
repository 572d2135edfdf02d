//! The sections of ICH E3, and how each is filled.

use heddle_kit::document::Document;

use super::fill;
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

const fn section(number: &'static str, title: &'static str, fill: Fill) -> Section {
    Section { number, title, fill }
}

const SPONSOR: &str = "sponsor";
const WRITER: &str = "medical writer";
const INVESTIGATOR: &str = "investigator";

/// All sections in order.
pub(super) const SECTIONS: &[Section] = &[
    section("1", "Title page", Fill::Computed(fill::title_page)),
    section("2", "Synopsis", Fill::Computed(fill::synopsis)),
    section("3", "Table of contents", Fill::Person(WRITER, "insert from the headings by the word processor")),
    section("4", "List of abbreviations and definitions of terms", Fill::Computed(fill::abbreviations)),
    section("5", "Ethics", Fill::Parts),
    section(
        "5.1",
        "Ethics committee or review board",
        Fill::Protocol(Topic::Ethics, SPONSOR, "committees that approved the study"),
    ),
    section("5.2", "Ethical conduct of the study", Fill::Person(SPONSOR, "statement of conduct")),
    section(
        "5.3",
        "Patient information and consent",
        Fill::Person(SPONSOR, "how and when consent was obtained"),
    ),
    section(
        "6",
        "Investigators and study administrative structure",
        Fill::Protocol(Topic::Sponsor, SPONSOR, "investigators, monitors, laboratories, committees"),
    ),
    section(
        "7",
        "Introduction",
        Fill::Protocol(
            Topic::Background,
            WRITER,
            "development of the product up to this study, in at most a page",
        ),
    ),
    section("8", "Study objectives", Fill::Computed(fill::objectives)),
    section("9", "Investigational plan", Fill::Parts),
    section("9.1", "Overall study design and plan", Fill::Computed(fill::design)),
    section(
        "9.2",
        "Discussion of study design and choice of control groups",
        Fill::Person(WRITER, "why this design and this control"),
    ),
    section("9.3", "Selection of study population", Fill::Parts),
    section("9.3.1", "Inclusion criteria", Fill::Protocol(Topic::Eligibility, SPONSOR, "inclusion criteria")),
    section("9.3.2", "Exclusion criteria", Fill::Protocol(Topic::Eligibility, SPONSOR, "exclusion criteria")),
    section(
        "9.3.3",
        "Removal of patients from therapy or assessment",
        Fill::Person(SPONSOR, "rules of removal"),
    ),
    section("9.4", "Treatments", Fill::Parts),
    section(
        "9.4.1",
        "Treatments administered",
        Fill::Protocol(Topic::Interventions, SPONSOR, "treatments, doses, routes, schedules"),
    ),
    section(
        "9.4.2",
        "Identity of investigational products",
        Fill::Person(SPONSOR, "formulation and batch numbers"),
    ),
    section("9.4.3", "Method of assigning patients to treatment groups", Fill::Computed(fill::assignment)),
    section("9.4.4", "Selection of doses in the study", Fill::Person(SPONSOR, "basis of the doses")),
    section(
        "9.4.5",
        "Selection and timing of dose for each patient",
        Fill::Person(SPONSOR, "dosing of each patient"),
    ),
    section(
        "9.4.6",
        "Blinding",
        Fill::Protocol(Topic::Blinding, SPONSOR, "who was blinded, how, and when the code was broken"),
    ),
    section("9.4.7", "Prior and concomitant therapy", Fill::Person(SPONSOR, "what was allowed and recorded")),
    section("9.4.8", "Treatment compliance", Fill::Person(SPONSOR, "how compliance was measured")),
    section("9.5", "Efficacy and safety variables", Fill::Parts),
    section("9.5.1", "Efficacy and safety measurements assessed", Fill::Computed(fill::variables)),
    section(
        "9.5.2",
        "Appropriateness of measurements",
        Fill::Person(WRITER, "whether the measurements are standard and validated"),
    ),
    section("9.5.3", "Primary efficacy variables", Fill::Computed(fill::primary_variable)),
    section(
        "9.5.4",
        "Drug concentration measurements",
        Fill::Person(SPONSOR, "samples and their times, or that there were none"),
    ),
    section("9.6", "Data quality assurance", Fill::Computed(fill::quality)),
    section("9.7", "Statistical methods planned and determination of sample size", Fill::Parts),
    section("9.7.1", "Statistical and analytical plans", Fill::Computed(fill::statistics)),
    section(
        "9.7.2",
        "Determination of sample size",
        Fill::Protocol(Topic::SampleSize, SPONSOR, "how the sample size was determined"),
    ),
    section(
        "9.8",
        "Changes in the conduct of the study or planned analyses",
        Fill::Protocol(Topic::Changes, SPONSOR, "changes with dates and reasons"),
    ),
    section("10", "Study patients", Fill::Parts),
    section("10.1", "Disposition of patients", Fill::Computed(fill::disposition)),
    section("10.2", "Protocol deviations", Fill::Computed(fill::deviations)),
    section("11", "Efficacy evaluation", Fill::Parts),
    section("11.1", "Data sets analysed", Fill::Computed(fill::sets)),
    section("11.2", "Demographic and other baseline characteristics", Fill::Computed(fill::baseline)),
    section("11.3", "Measurements of treatment compliance", Fill::Person(SPONSOR, "measured compliance")),
    section("11.4", "Efficacy results and tabulations of individual patient data", Fill::Parts),
    section("11.4.1", "Analysis of efficacy", Fill::Computed(fill::efficacy)),
    section("11.4.2", "Statistical and analytical issues", Fill::Parts),
    section("11.4.2.1", "Adjustments for covariates", Fill::Computed(fill::covariates)),
    section("11.4.2.2", "Handling of dropouts or missing data", Fill::Computed(fill::missing)),
    section(
        "11.4.2.3",
        "Interim analyses and data monitoring",
        Fill::Protocol(Topic::Interim, SPONSOR, "interim analyses, or that there were none"),
    ),
    section("11.4.2.4", "Multicentre studies", Fill::Computed(fill::sites)),
    section("11.4.2.5", "Multiple comparisons and multiplicity", Fill::Computed(fill::multiplicity)),
    section("11.4.2.6", "Use of an efficacy subset of patients", Fill::Computed(fill::subset)),
    section(
        "11.4.2.7",
        "Active-control studies intended to show equivalence",
        Fill::Person(
            SPONSOR,
            "margins and evidence of assay sensitivity, or that it does not apply; no equivalence is concluded here",
        ),
    ),
    section("11.4.2.8", "Examination of subgroups", Fill::Computed(fill::subgroups)),
    section(
        "11.4.3",
        "Tabulation of individual response data",
        Fill::Person(SPONSOR, "listings; individual data are not part of this package"),
    ),
    section(
        "11.4.4",
        "Drug dose, drug concentration, and relationships to response",
        Fill::Person(SPONSOR, "dose and concentration against response"),
    ),
    section("11.4.5", "Drug–drug and drug–disease interactions", Fill::Person(SPONSOR, "interactions")),
    section(
        "11.4.6",
        "By-patient displays",
        Fill::Person(SPONSOR, "displays of single patients where they are needed"),
    ),
    section("11.4.7", "Efficacy conclusions", Fill::Computed(fill::efficacy_conclusions)),
    section("12", "Safety evaluation", Fill::Parts),
    section("12.1", "Extent of exposure", Fill::Computed(fill::exposure)),
    section("12.2", "Adverse events", Fill::Parts),
    section("12.2.1", "Brief summary of adverse events", Fill::Computed(fill::events)),
    section("12.2.2", "Display of adverse events", Fill::Computed(fill::event_display)),
    section("12.2.3", "Analysis of adverse events", Fill::Computed(fill::event_analysis)),
    section(
        "12.2.4",
        "Listing of adverse events by patient",
        Fill::Person(SPONSOR, "listing by patient (appendix 16.2.7)"),
    ),
    section(
        "12.3",
        "Deaths, other serious adverse events, and other significant adverse events",
        Fill::Parts,
    ),
    section(
        "12.3.1",
        "Listing of deaths, other serious and other significant adverse events",
        Fill::Computed(fill::serious),
    ),
    section(
        "12.3.2",
        "Narratives of deaths, other serious and certain other significant adverse events",
        Fill::Person(INVESTIGATOR, "narratives"),
    ),
    section(
        "12.3.3",
        "Analysis and discussion of deaths and of serious and significant adverse events",
        Fill::Computed(fill::deaths),
    ),
    section("12.4", "Clinical laboratory evaluation", Fill::Parts),
    section(
        "12.4.1",
        "Listing of individual laboratory measurements and each abnormal value",
        Fill::Person(SPONSOR, "listing (appendix 16.2.8)"),
    ),
    section("12.4.2", "Evaluation of each laboratory parameter", Fill::Computed(fill::labs)),
    section(
        "12.5",
        "Vital signs, physical findings and other observations related to safety",
        Fill::Person(SPONSOR, "vital signs and physical findings"),
    ),
    section("12.6", "Safety conclusions", Fill::Computed(fill::safety_conclusions)),
    section("13", "Discussion and overall conclusions", Fill::Computed(fill::discussion)),
    section("14", "Tables, figures and graphs referred to but not included in the text", Fill::Parts),
    section("14.1", "Demographic data", Fill::Computed(fill::tables_demographic)),
    section("14.2", "Efficacy data", Fill::Computed(fill::tables_efficacy)),
    section("14.3", "Safety data", Fill::Parts),
    section("14.3.1", "Displays of adverse events", Fill::Computed(fill::tables_events)),
    section(
        "14.3.2",
        "Listings of deaths, other serious and significant adverse events",
        Fill::Computed(fill::tables_serious),
    ),
    section(
        "14.3.3",
        "Narratives of deaths, other serious and certain other significant adverse events",
        Fill::Person(INVESTIGATOR, "narratives"),
    ),
    section("14.3.4", "Abnormal laboratory value listing", Fill::Computed(fill::tables_labs)),
    section("15", "Reference list", Fill::Person(WRITER, "references")),
    section("16", "Appendices", Fill::Parts),
    section("16.1", "Study information", Fill::Parts),
    section(
        "16.1.1",
        "Protocol and protocol amendments",
        Fill::Protocol(Topic::ProtocolAccess, SPONSOR, "protocol and amendments"),
    ),
    section("16.1.2", "Sample case report form", Fill::Person(SPONSOR, "unique pages")),
    section(
        "16.1.3",
        "Ethics committees and consent forms",
        Fill::Person(SPONSOR, "list of committees and the forms"),
    ),
    section(
        "16.1.4",
        "Investigators and other important participants",
        Fill::Person(SPONSOR, "list with brief curricula"),
    ),
    section(
        "16.1.5",
        "Signatures",
        Fill::Person(SPONSOR, "signatures of the principal investigator or of the sponsor's medical officer"),
    ),
    section(
        "16.1.6",
        "Patients receiving drugs from specific batches",
        Fill::Person(SPONSOR, "listing by batch, where there is more than one"),
    ),
    section("16.1.7", "Randomisation scheme and codes", Fill::Person(SPONSOR, "scheme and codes")),
    section("16.1.8", "Audit certificates", Fill::Person(SPONSOR, "certificates, if available")),
    section("16.1.9", "Documentation of statistical methods", Fill::Computed(fill::statistics_again)),
    section(
        "16.1.10",
        "Documentation of laboratory standardisation and quality assurance",
        Fill::Person(SPONSOR, "documentation, if used"),
    ),
    section(
        "16.1.11",
        "Publications based on the study",
        Fill::Person(WRITER, "publications; a draft is manuscript.docx"),
    ),
    section(
        "16.1.12",
        "Important publications referenced in the report",
        Fill::Person(WRITER, "publications"),
    ),
    section("16.2", "Patient data listings", Fill::Parts),
    section("16.2.1", "Discontinued patients", Fill::Person(SPONSOR, "listing; counts are in 10.1")),
    section(
        "16.2.2",
        "Protocol deviations",
        Fill::Person(SPONSOR, "listing; findings of the data are in 10.2"),
    ),
    section("16.2.3", "Patients excluded from the efficacy analysis", Fill::Computed(fill::excluded)),
    section("16.2.4", "Demographic data", Fill::Person(SPONSOR, "listing")),
    section(
        "16.2.5",
        "Compliance and drug concentration data",
        Fill::Person(SPONSOR, "listing, if available"),
    ),
    section("16.2.6", "Individual efficacy response data", Fill::Person(SPONSOR, "listing")),
    section("16.2.7", "Adverse event listings", Fill::Person(SPONSOR, "listing of each patient")),
    section(
        "16.2.8",
        "Listing of individual laboratory measurements by patient",
        Fill::Person(SPONSOR, "listing, when required"),
    ),
    section(
        "16.3",
        "Case report forms",
        Fill::Person(SPONSOR, "forms of deaths, other serious events and withdrawals for events"),
    ),
    section(
        "16.4",
        "Individual patient data listings",
        Fill::Person(SPONSOR, "listings of the archival data"),
    ),
];
