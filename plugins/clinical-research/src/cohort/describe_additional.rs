//! The report's section on fields that the protocol's Table 1 does not name.

use heddle_kit::report::{Align, Markdown, markdown_escaped};

use super::{
    categorical::Categorical,
    continuous::Continuous,
    groups::Groups,
    numbers::{decimals, figure, p_value},
    table1::Additional,
};

/// Categories of a variable that the report lists.
const MOST_LEVELS: usize = 12;

pub(super) fn section(text: &mut Markdown, groups: &Groups<'_>, additional: &Additional) {
    let table = &additional.table;
    if table.continuous.is_empty() && table.categorical.is_empty() && additional.not_described.is_empty() {
        return;
    }
    text.heading(2, "Other baseline fields (exploratory)").paragraph(&markdown_escaped(&additional.note));
    let mut columns = vec![("Variable", Align::Left), ("Statistic", Align::Left), ("Overall", Align::Right)];
    columns.extend(groups.names.iter().map(|arm| (arm.as_str(), Align::Right)));
    columns.push(("p", Align::Right));
    let mut rows = Vec::new();
    let counted = additional.comorbidity_count.iter();
    for variable in table.continuous.values().filter_map(|e| e.described()).chain(counted) {
        rows.push(numeric(groups, variable));
    }
    for variable in table.categorical.values().filter_map(|e| e.described()) {
        categories(groups, variable, &mut rows);
    }
    text.table(&columns, rows);
    if !additional.comorbidities.is_empty() {
        let names: Vec<String> = additional.comorbidities.iter().map(|path| markdown_escaped(path)).collect();
        text.paragraph(&format!("Comorbidities and medical history are in: {}.", names.join(", ")));
    }
    if !additional.not_described.is_empty() {
        text.paragraph(&format!(
            "{} further baseline fields are not described, as there are too many.",
            additional.not_described.len()
        ));
    }
}

fn numeric(groups: &Groups<'_>, variable: &Continuous) -> Vec<String> {
    let places = decimals(variable.overall.sd.value());
    let say = |s: &super::continuous::Spread| {
        format!("{} ({}); {}", figure(&s.mean, places), figure(&s.sd, places), s.n)
    };
    let mut row = vec![variable.label.clone(), "Mean (SD); n".to_owned(), say(&variable.overall)];
    row.extend(groups.names.iter().map(|arm| variable.by_arm.get(arm).map_or_else(String::new, say)));
    row.push(p_value(&variable.test.p));
    row
}

fn categories(groups: &Groups<'_>, variable: &Categorical, rows: &mut Vec<Vec<String>>) {
    for (at, level) in variable.levels.iter().take(MOST_LEVELS).enumerate() {
        let overall = variable.counts_overall.get(level).copied().unwrap_or(0);
        let pct = variable.pct_overall.get(level).map_or_else(String::new, |p| figure(p, 1));
        let mut row = vec![variable.label.clone(), format!("{level}, n (%)"), format!("{overall} ({pct})")];
        row.extend(groups.names.iter().map(|arm| {
            let n = variable.counts.get(level).and_then(|c| c.get(arm)).copied().unwrap_or(0);
            let pct =
                variable.pct.get(level).and_then(|p| p.get(arm)).map_or_else(String::new, |p| figure(p, 1));
            format!("{n} ({pct})")
        }));
        row.push(if at == 0 { p_value(&variable.test.p) } else { String::new() });
        rows.push(row);
    }
    if variable.levels.is_empty() {
        rows.push(vec![variable.label.clone(), "no subject has a value".to_owned()]);
    }
    let more = variable.levels.len().saturating_sub(MOST_LEVELS);
    if more > 0 {
        rows.push(vec![
            variable.label.clone(),
            heddle_kit::report::counted(more, "more category", "more categories"),
        ]);
    }
}
