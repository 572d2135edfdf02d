//! Times to events: events and medians, survival at the protocol's times, and the Cox models.

use serde_json::Value;

use crate::publication::{
    design::Design,
    grid::{Cell, Grid, Kind, column, words},
    sources::Sources,
};

/// A number, or the word that the results file has in its place ("inf": not reached).
fn number(value: &Value) -> Cell {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(Cell::missing, Cell::Plain),
        Value::String(word) if word == "inf" => Cell::text("not reached"),
        _ => Cell::missing(),
    }
}

fn pair(value: &Value) -> Option<(f64, f64)> {
    value.get(0).and_then(Value::as_f64).zip(value.get(1).and_then(Value::as_f64))
}

fn unit(endpoint: &crate::publication::sources::EndpointResult) -> String {
    endpoint.unit.as_deref().map_or_else(String::new, |unit| format!(", {unit}"))
}

/// Events, medians with their intervals, restricted means, and the log-rank test.
pub(in crate::publication) fn survival(sources: &Sources, design: &Design) -> Option<Grid> {
    let times: Vec<_> = sources.efficacy.time_to_event.iter().filter(|e| e.reason().is_none()).collect();
    if times.is_empty() {
        return None;
    }
    let is_compared = design.arms.len() > 1;
    let mut columns = vec![
        words("Arm"),
        column("n", Kind::Number),
        column("Events", Kind::Number),
        column("Median", Kind::Number),
        column(format!("Lower {} limit", design.level), Kind::Number),
        column("Upper limit", Kind::Number),
    ];
    if is_compared {
        columns.push(column(format!("Hazard ratio ({} CI)", design.level), Kind::Estimate));
        columns.push(column("Log-rank p", Kind::P));
    }
    let mut grid = Grid::new("Times to events", columns);
    for endpoint in times {
        grid.heading(format!("{} ({}{})", endpoint.label, endpoint.place(), unit(endpoint)));
        let km = endpoint.more.get("km").unwrap_or(&Value::Null);
        for arm in design.reference_first() {
            let of = &km[arm.as_str()];
            let count = |key: &str| of[key].as_u64().map_or_else(Cell::missing, Cell::Count);
            let mut cells = vec![
                Cell::text(arm.as_str()),
                count("n"),
                count("events"),
                number(&of["median"]),
                number(&of["median_ci"][0]),
                number(&of["median_ci"][1]),
            ];
            if let Some(compared) = endpoint.comparisons.get(arm) {
                cells.push(Cell::estimate(compared.main.estimate, compared.main.ci));
                cells.push(Cell::p(compared.main.p));
                if compared.main.estimate.is_none() {
                    let why = compared.main.reason("estimate");
                    grid.note(format!("{}, {arm}: hazard ratio not computable: {why}.", endpoint.label));
                }
            } else if is_compared {
                cells.push(Cell::text("reference"));
            }
            grid.under(cells);
        }
    }
    grid.note("Medians: Kaplan–Meier, intervals after Brookmeyer and Crowley with log-log limits. Not reached: the curve or its limit stays above one half.");
    if is_compared {
        grid.note(format!(
            "Hazard ratios: Cox model of the arms against {}, Efron's handling of ties, Wald intervals.",
            design.reference
        ));
    }
    if let Some(population) = sources.efficacy.populations.get("time_to_event") {
        grid.note(format!("Population: {}. Subjects without a time are left out.", population.who));
    }
    Some(grid)
}

/// Survival at the protocol's times.
pub(in crate::publication) fn at_times(sources: &Sources, design: &Design) -> Option<Grid> {
    let mut grid = Grid::new(
        "Kaplan–Meier estimates at the protocol's times",
        [
            words("Arm"),
            column("Time", Kind::Number),
            column("At risk", Kind::Number),
            column(format!("Survival ({} CI)", design.level), Kind::Estimate),
        ],
    );
    for endpoint in &sources.efficacy.time_to_event {
        grid.heading(format!("{}{}", endpoint.label, unit(endpoint)));
        let km = endpoint.more.get("km").unwrap_or(&Value::Null);
        for arm in design.reference_first() {
            for (time, at) in km[arm.as_str()]["at"].as_object().into_iter().flatten() {
                grid.under([
                    Cell::text(arm.as_str()),
                    time.parse().map_or_else(|_| Cell::text(time.as_str()), Cell::Plain),
                    at["at_risk"].as_u64().map_or_else(Cell::missing, Cell::Count),
                    Cell::fraction(at["survival"].as_f64(), pair(&at["ci_loglog"])),
                ]);
            }
        }
    }
    if grid.rows() == 0 {
        return None;
    }
    grid.note("Greenwood's variance, log-log intervals, pointwise.");
    Some(grid)
}

/// The Cox models, term by term, and the check of proportional hazards.
pub(in crate::publication) fn cox(sources: &Sources, design: &Design) -> Option<Grid> {
    let mut grid = Grid::new(
        "Cox models of the times to events",
        [
            words("Model"),
            words("Term"),
            column(format!("Hazard ratio ({} CI)", design.level), Kind::Estimate),
            column("Wald p", Kind::P),
            column("Proportional hazards: p", Kind::P),
        ],
    );
    let nothing = Value::Null;
    for endpoint in &sources.efficacy.time_to_event {
        grid.heading(endpoint.label.as_str());
        let of = |key: &str| endpoint.more.get(key).unwrap_or(&nothing);
        let models = [
            ("arms", of("cox_arm"), of("ph_test_mean_rank")),
            ("adjusted", &of("cox_adjusted")["terms"], &of("cox_adjusted")["ph_test_mean_rank"]),
        ];
        for (model, terms, checks) in models {
            for (name, term) in terms.as_object().into_iter().flatten() {
                // The maximum of the likelihood stands beside the reference's figures where they differ.
                let term = if term["converged"].is_object() { &term["converged"] } else { term };
                if !term.is_object() || (term["hr"].is_null() && term["p"].is_null()) {
                    continue;
                }
                grid.under([
                    Cell::text(model),
                    Cell::text(name.as_str()),
                    Cell::estimate(term["hr"].as_f64(), pair(&term["ci"])),
                    Cell::p(term["p"].as_f64()),
                    Cell::p(checks[name.as_str()]["p"].as_f64()),
                ]);
            }
        }
        for assumption in &endpoint.assumptions {
            grid.note(format!("{}: {assumption}", endpoint.label));
        }
    }
    if grid.rows() == 0 {
        return None;
    }
    grid.note("Efron's handling of ties; Wald tests and intervals; proportional hazards by scaled Schoenfeld residuals. Subjects without a covariate are left out of the adjusted model.");
    Some(grid)
}
