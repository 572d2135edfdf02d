//! Phase `cohort_analysis`: who was studied, and whether the arms are alike.

mod allocation;
mod balance;
mod categorical;
mod continuous;
mod covariates;
mod csv;
mod describe_additional;
mod exact_table;
mod figure;
pub(crate) mod groups;
pub(crate) mod numbers;
mod picture;
mod propensity;
mod report;
mod strata;
mod table1;
mod within_sites;

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write as _},
};

use heddle_kit::report::counted;
use heddle_sdk::{manifest::LimitRequest, prelude::*};

use self::groups::Groups;
pub use self::{
    allocation::{Allocation, Randomisation, Sites},
    balance::{Balance, Difference, Imbalance},
    categorical::Categorical,
    continuous::{Continuous, Spread},
    figure::{ChosenTest, Entry, Figure},
    propensity::{CovariateBalance, Matched, Propensity},
    strata::{RiskStrata, Stratification},
    table1::{Additional, Table1},
    within_sites::WithinSites,
};
use crate::study::{self, FILE, Study};

/// The deliverable.
pub const COHORT_FILE: &str = "cohort_characteristics.json";
/// Matched pairs that the output lists; the file has all of them.
const MOST_PAIRS: usize = 200;
/// Fields beside the protocol's that the output describes; the file has more.
const MOST_ADDITIONAL: usize = 50;
/// Categories of such a field in the output.
const MOST_LEVELS: usize = 30;

/// Nothing: the subjects come from `validated_data.json`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Input {}

/// Who is described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PopulationInfo {
    /// The flag of the protocol's baseline population; null: every subject of a known arm.
    pub flag: Option<String>,
    /// The population in words.
    pub description: String,
    /// Present where the population could not be formed: why, and who is described instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// The same, or how many have no flag while others have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

/// An arm of the study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmCohort {
    /// Its name.
    pub arm: String,
    /// Whether the others are compared with it.
    pub reference: bool,
    /// Subjects assigned to it.
    pub assigned: usize,
    /// Those of the population.
    pub n: usize,
    /// Those that are not.
    pub not_in_population: usize,
}

/// Who was studied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cohorts {
    /// Who is described.
    pub population: PopulationInfo,
    /// Members of the population.
    pub n_subjects: usize,
    /// The arms in the protocol's order.
    pub arms: Vec<ArmCohort>,
    /// Subjects without an arm.
    pub without_arm: usize,
    /// Subjects whose arm is not among the protocol's.
    pub unknown_arm: usize,
    /// Members by stratum of risk and arm.
    pub risk_strata: RiskStrata,
}

/// What was computed of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// The protocol's Table 1.
    pub table1: Table1,
    /// Its standardised differences as the package tableone prints them: three decimals, missing values of categorical variables as
    /// a category.
    pub tableone_smd_3dp: BTreeMap<String, BTreeMap<String, Figure>>,
    /// Whether arms are alike.
    pub balance: Balance,
    /// How subjects came into their arms.
    pub randomisation: Randomisation,
    /// Matching of arms that were not randomised.
    pub propensity: Propensity,
    /// Baseline fields that the protocol does not name.
    pub additional: Additional,
}

/// What `cohort_characteristics.json` holds: both parts side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Characteristics {
    /// Who was studied.
    #[serde(flatten)]
    pub cohorts: Cohorts,
    /// What was computed of them.
    #[serde(flatten)]
    pub statistics: Statistics,
}

/// The phase's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// Who was studied.
    pub cohorts: Cohorts,
    /// What was computed of them. Lists of pairs, of additional fields and of their categories are cut; `cohort_characteristics.json` has all.
    pub statistics: Statistics,
}

/// The phase.
pub struct CohortAnalysis;

impl Phase for CohortAnalysis {
    const NAME: &'static str = "cohort_analysis";
    type Input = Input;
    type Output = Output;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new(
            "Cohort analysis",
            "Describes the population at baseline by arm, tests and measures how alike the arms are, checks the allocation, forms \
             risk strata, and matches arms that were not randomised by propensity score.",
        )
        .agent_type("biostatistician")
        .reads(FILE)
        .deliverable(COHORT_FILE, FileKind::Json, "Baseline characteristics, balance, allocation, strata and matching")
        .deliverable("table1.csv", FileKind::Csv, "Table 1 as a paper prints it")
        .output("cohort_visualizations.png", FileKind::Png)
        .output("statistical_report.md", FileKind::Markdown)
        .limits(LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() })
    }

    fn execute(ctx: &mut Context<'_, NoConfig>, _: Input) -> PhaseResult<Output> {
        let study = study::read_subjects(ctx)?;
        let groups = Groups::new(&study);
        ctx.progress(0.3, "describing the arms");
        let mut characteristics = analyse(&study);
        ctx.progress(0.7, "writing");
        write_json(ctx, COHORT_FILE, &characteristics)?;
        let Characteristics { cohorts, statistics } = &mut characteristics;
        ctx.write("table1.csv", csv::table1(&groups, statistics)?)?;
        ctx.write(
            "cohort_visualizations.png",
            picture::png(&groups, statistics).map_err(PhaseError::failed)?,
        )?;
        ctx.write("statistical_report.md", report::report(&groups, cohorts, statistics))?;
        let Balance { compared, above_0_1, above_0_2, .. } = statistics.balance;
        ctx.info(format!(
            "{} in {} described; of {} {above_0_1} above 0.1 and {above_0_2} above 0.2",
            counted(cohorts.n_subjects, "subject", "subjects"),
            counted(cohorts.arms.len(), "arm", "arms"),
            counted(compared, "standardised difference:", "standardised differences:")
        ));
        shorten(statistics);
        done(Output { cohorts: characteristics.cohorts, statistics: characteristics.statistics })
    }
}

/// Describes and compares the arms of a study at baseline.
pub fn analyse(study: &Study) -> Characteristics {
    let groups = Groups::new(study);
    let table1 = table1::named(&groups);
    Characteristics {
        cohorts: cohorts(&groups, &table1),
        statistics: Statistics {
            tableone_smd_3dp: table1::tableone_smd(&table1),
            balance: balance::balance(&groups, &table1),
            randomisation: allocation::randomisation(&groups),
            propensity: propensity::propensity(&groups, &table1),
            additional: table1::additional(&groups),
            table1,
        },
    }
}

fn cohorts(groups: &Groups<'_>, table: &Table1) -> Cohorts {
    let study = groups.study;
    let mut assigned = vec![0; groups.names.len()];
    let mut without = 0;
    for arm in &study.subjects.arm {
        match arm.and_then(|arm| assigned.get_mut(arm as usize)) {
            Some(count) => *count += 1,
            None => without += 1,
        }
    }
    let total = groups.total();
    let members = counted(total, "subject", "subjects");
    let mut described = match &groups.flag {
        Some(_) if groups.stands_in => format!("{members}, of whom none has the protocol's flag."),
        Some(flag) => format!(
            "{members}: those of a known arm whose flag {flag} is true, as the protocol says for the baseline."
        ),
        None => {
            format!("{members}: all of a known arm, as the protocol names no flag for the baseline.")
        }
    };
    described.extend(groups.finding.iter().map(|said| format!(" Finding: {said}.")));
    let arms = groups.names.iter().zip(&assigned).enumerate().map(|(arm, (name, assigned))| ArmCohort {
        arm: name.clone(),
        reference: arm == groups.reference,
        assigned: *assigned,
        n: groups.n(arm),
        not_in_population: assigned - groups.n(arm).min(*assigned),
    });
    Cohorts {
        population: PopulationInfo {
            flag: groups.flag.clone(),
            description: described,
            fallback: groups.finding.clone().filter(|_| groups.stands_in),
            finding: groups.finding.clone(),
        },
        n_subjects: total,
        arms: arms.collect(),
        without_arm: without - study.flow.unknown_arm.min(without),
        unknown_arm: study.flow.unknown_arm.min(without),
        risk_strata: strata::risk_strata(groups, table),
    }
}

/// Cuts what an output may not hold in full.
fn shorten(statistics: &mut Statistics) {
    for entry in statistics.propensity.by_arm.values_mut() {
        if let Entry::Described(matched) = entry {
            matched.matched_ids.truncate(MOST_PAIRS);
        }
    }
    let Table1 { continuous, categorical, .. } = &mut statistics.additional.table;
    let mut left = MOST_ADDITIONAL;
    let mut take = || {
        let takes = left > 0;
        left -= usize::from(takes);
        takes
    };
    continuous.retain(|_, _| take());
    categorical.retain(|_, entry| entry.described().is_none_or(|d| d.levels.len() <= MOST_LEVELS) && take());
}

/// Writes a value as a JSON file, without a second copy of it in memory.
fn write_json(ctx: &mut Context<'_, NoConfig>, name: &str, value: &impl Serialize) -> Result<(), PhaseError> {
    let mut out = BufWriter::with_capacity(1 << 16, ctx.writer(name)?);
    serde_json::to_writer_pretty(&mut out, value).map_err(PhaseError::failed)?;
    out.write_all(b"\n").map_err(PhaseError::failed)?;
    out.into_inner().map_err(|error| PhaseError::failed(error.error()))?.finish()
}
