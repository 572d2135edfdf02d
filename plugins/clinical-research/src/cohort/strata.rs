//! Strata of risk: the protocol's subgroups, or thirds of a prognostic score.

use heddle_kit::{
    model::{LogisticOptions, least_squares, logistic},
    stats::{Computed, Sample},
    survival::{CoxOptions, FollowUp, cox},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    categorical::{Categorical, describe},
    covariates::{Covariates, covariates},
    figure::Entry,
    groups::Groups,
    table1::Table1,
};
use crate::study::{Coded, EndpointKind, Subgroup};

/// Observations, or events, that a model needs for each of its columns (Peduzzi and others 1996, "A simulation study of the
/// number of events per variable in logistic regression analysis").
const PER_COLUMN: usize = 10;

/// Members by stratum and arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskStrata {
    /// `protocol`: pre-specified subgroups; `prognostic_score`: thirds of a score that was made from these data.
    pub source: String,
    /// How the strata are made, in words.
    pub definition: String,
    /// The strata by the subgroup's id, or by `prognostic_score`.
    pub strata: Vec<Stratification>,
}

/// One way to part the subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stratification {
    /// The subgroup's id, or `prognostic_score`.
    pub id: String,
    /// The field that parts them.
    pub field: String,
    /// Where a number is cut.
    pub cut_points: Vec<f64>,
    /// Members by stratum and arm, or why there are none.
    pub members: Entry<Categorical>,
}

/// The protocol's subgroups where it has any, else thirds of a score.
pub(crate) fn risk_strata(groups: &Groups<'_>, table: &Table1) -> RiskStrata {
    let subgroups = &groups.study.protocol.subgroups;
    if subgroups.is_empty() {
        return by_score(groups, table);
    }
    RiskStrata {
        source: "protocol".to_owned(),
        definition: "The pre-specified subgroups of the protocol; numbers are parted at its cut points, the upper class holds the \
                     cut point."
            .to_owned(),
        strata: subgroups.iter().map(|subgroup| by_subgroup(groups, subgroup)).collect(),
    }
}

fn by_subgroup(groups: &Groups<'_>, subgroup: &Subgroup) -> Stratification {
    let Subgroup { id, label, field, cut_points } = subgroup;
    let column = groups.study.subjects.field(field);
    let coded = match column {
        None => Err(format!("not computable: no subject has a field {field}")),
        Some(column) if cut_points.is_empty() => Ok(column.categories().into_owned()),
        Some(column) => match column.numbers() {
            None => Err(format!("not computable: {field} has cut points, but holds texts")),
            Some(values) => {
                let class = |value: f64| u32::try_from(subgroup.class(value)).ok();
                let codes = values.iter().map(|value| value.and_then(class)).collect();
                Ok(Coded { levels: subgroup.classes(), codes })
            }
        },
    };
    Stratification {
        id: id.clone(),
        field: field.clone(),
        cut_points: cut_points.clone(),
        members: match coded {
            Ok(coded) => Entry::Described(Box::new(describe(groups, label.clone(), &coded))),
            Err(not_computable) => Entry::Missing { not_computable },
        },
    }
}

/// A fitted score: how it was made, and its coefficients by column.
struct Model {
    how: String,
    coefficients: Vec<f64>,
}

/// The prognostic score of Hansen 2008, "The prognostic analogue of the propensity score", Biometrika 95: what the reference arm
/// teaches of the outcome, applied to everybody.
fn by_score(groups: &Groups<'_>, table: &Table1) -> RiskStrata {
    let mut rows = groups.rows.concat();
    rows.sort_unstable();
    let arms = &groups.study.subjects.arm;
    let is_reference =
        |row: u32| arms.get(row as usize).copied().flatten() == u32::try_from(groups.reference).ok();
    let found = covariates(groups, table, &rows, &|row| usize::from(is_reference(row)), 2);
    let fitted = fit(groups, &found, &is_reference);
    let (definition, cut_points, members) = match fitted.and_then(|model| thirds(groups, &found, &model)) {
        Ok((definition, cuts, entry)) => (definition, cuts, Entry::Described(Box::new(entry))),
        Err(not_computable) => (
            "The protocol has no subgroups, and no score could be made.".to_owned(),
            Vec::new(),
            Entry::Missing { not_computable },
        ),
    };
    let id = "prognostic_score".to_owned();
    let strata = vec![Stratification { field: id.clone(), id: id.clone(), cut_points, members }];
    RiskStrata { source: id, definition, strata }
}

fn thirds(
    groups: &Groups<'_>,
    found: &Covariates,
    model: &Model,
) -> Result<(String, Vec<f64>, Categorical), String> {
    let columns = found.slices();
    let score = |place: usize| -> f64 {
        columns.iter().zip(&model.coefficients).filter_map(|(c, b)| Some(c.get(place)? * b)).sum()
    };
    let scores: Vec<f64> = (0..found.rows.len()).map(score).collect();
    let sample = Sample::new(scores.clone()).map_err(|reason| format!("not computable: {reason}"))?;
    let cuts = [sample.quantile(1.0 / 3.0), sample.quantile(2.0 / 3.0)];
    if cuts[0] >= cuts[1] || sample.squares() <= 0.0 {
        return Err("not computable: the score does not vary enough to be parted in thirds".to_owned());
    }
    let mut codes = vec![None; groups.study.subjects.len()];
    for (row, score) in found.rows.iter().zip(&scores) {
        if let Some(code) = codes.get_mut(*row as usize) {
            *code = u32::try_from(cuts.iter().filter(|cut| **cut <= *score).count()).ok();
        }
    }
    let levels = ["lowest third", "middle third", "highest third"].map(str::to_owned).to_vec();
    let terms: Vec<String> = found
        .columns
        .iter()
        .zip(&model.coefficients)
        .map(|((name, _), b)| format!("{b:+.4} × [{name}]"))
        .collect();
    let definition = format!(
        "The protocol has no subgroups. Thirds of a prognostic score (Hansen 2008): {}, fitted in the reference arm and applied to \
         all {} complete members; score = {}. It was made after the fact from these data, and fits the reference arm better than \
         the others: exploratory.",
        model.how,
        found.rows.len(),
        terms.join(" ")
    );
    let entry = describe(groups, "Prognostic score".to_owned(), &Coded { levels, codes });
    Ok((definition, cuts.to_vec(), entry))
}

/// The model of the primary endpoint, or of the first time to an event, among complete members of the reference arm.
fn fit(groups: &Groups<'_>, found: &Covariates, is_reference: &dyn Fn(u32) -> bool) -> Result<Model, String> {
    let subjects = &groups.study.subjects;
    let endpoints = &groups.study.protocol.endpoints;
    if found.columns.is_empty() {
        return Err("not computable: Table 1 has no covariate that varies".to_owned());
    }
    let places = |known: &dyn Fn(usize) -> bool| -> Vec<usize> {
        let rows = found.rows.iter().enumerate();
        rows.filter(|(_, row)| is_reference(**row) && known(**row as usize)).map(|(at, _)| at).collect()
    };
    let row = |place: &usize| found.rows.get(*place).map_or(usize::MAX, |row| *row as usize);
    if let Some(primary) = &endpoints.primary {
        let column = subjects
            .endpoint(&primary.id)
            .ok_or_else(|| format!("not computable: no subject has the endpoint {}", primary.id))?;
        let values = column.numbers().ok_or("not computable: the primary endpoint holds texts")?;
        let value = |row: usize| values.get(row).copied().flatten();
        let places = places(&|row| value(row).is_some());
        let outcome: Vec<f64> = places.iter().filter_map(|place| value(row(place))).collect();
        let columns = at_places(found, &places);
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        if primary.kind == EndpointKind::Binary {
            let events: Vec<bool> = outcome.iter().map(|v| *v > 0.0).collect();
            let n_events = events.iter().filter(|e| **e).count();
            enough(n_events.min(events.len() - n_events), columns.len(), "outcomes of the rarer kind")?;
            let fit = logistic(&columns, &events, &LogisticOptions::default());
            let fit = fit.map_err(|reason| format!("not computable: {reason}"))?;
            return model(
                format!("logistic regression of {}", primary.label),
                fit.coefficients.iter().map(|c| c.map(|c| c.estimate)),
            );
        }
        enough(outcome.len(), columns.len(), "observations")?;
        let fit =
            least_squares(&columns, &outcome, 0.95).map_err(|reason| format!("not computable: {reason}"))?;
        return model(
            format!("linear regression of {}", primary.label),
            fit.coefficients.iter().map(|c| c.map(|c| c.estimate)),
        );
    }
    let Some(endpoint) = endpoints.time_to_event.first() else {
        return Err(
            "not computable: the protocol has neither subgroups nor a primary endpoint nor times to an event"
                .to_owned(),
        );
    };
    let events = subjects
        .event(&endpoint.id)
        .ok_or_else(|| format!("not computable: no subject has times to {}", endpoint.id))?;
    let places = places(&|row| events.get(row).is_some());
    let known: Vec<(f64, bool)> = places.iter().filter_map(|place| events.get(row(place))).collect();
    let (times, happened): (Vec<f64>, Vec<bool>) = known.into_iter().unzip();
    let columns = at_places(found, &places);
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    enough(happened.iter().filter(|e| **e).count(), columns.len(), "events")?;
    let fit = FollowUp::new(&times, &happened).and_then(|f| cox(&f, &columns, &CoxOptions::default()));
    let fit = fit.map_err(|reason| format!("not computable: {reason}"))?;
    model(
        format!("Cox regression of {}", endpoint.label),
        fit.coefficients.iter().map(|c| c.map(|c| c.estimate)),
    )
}

fn at_places(found: &Covariates, places: &[usize]) -> Vec<Vec<f64>> {
    let of = |values: &[f64]| places.iter().filter_map(|place| values.get(*place).copied()).collect();
    found.columns.iter().map(|(_, values)| of(values)).collect()
}

fn enough(found: usize, columns: usize, what: &str) -> Result<(), String> {
    let needed = PER_COLUMN * columns;
    if found >= needed {
        return Ok(());
    }
    Err(format!(
        "not computable: the reference arm has {found} {what}, and a score of {columns} columns needs {needed}"
    ))
}

/// A column that follows from others has no coefficient of its own and counts nothing; an infinite one spoils the score.
fn model(how: String, coefficients: impl Iterator<Item = Computed<f64>>) -> Result<Model, String> {
    use heddle_kit::stats::NotComputable::Collinear;
    let coefficients = coefficients
        .map(|c| match c {
            Ok(estimate) => Ok(estimate),
            Err(Collinear { .. }) => Ok(0.0),
            Err(reason) => Err(format!("not computable: {reason}")),
        })
        .collect::<Result<Vec<f64>, String>>()?;
    Ok(Model { how, coefficients })
}
