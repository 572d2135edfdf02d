//! `table1.csv`: Table 1 as a paper prints it (RFC 4180).

use csv::{Terminator, WriterBuilder};
use heddle_sdk::PhaseError;

use super::{
    Statistics,
    categorical::Categorical,
    continuous::{Continuous, Spread},
    figure::ChosenTest,
    groups::Groups,
    numbers::{decimals, figure, fixed, p_value},
};
use crate::cohort::figure::Figure;

/// Text that no spreadsheet takes for a formula: an apostrophe before the signs that begin one (OWASP, "CSV injection"). Numbers
/// stay as they are.
pub(crate) fn harmless(text: &str) -> String {
    let begins = text
        .trim_start_matches([' ', '\u{a0}', '\u{feff}'])
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if begins && text.parse::<f64>().is_err() { format!("'{text}") } else { text.to_owned() }
}

/// The rows of Table 1, the first of them the heads of the columns.
pub(crate) fn rows(groups: &Groups<'_>, statistics: &Statistics) -> Vec<Vec<String>> {
    let arms = groups.names;
    let mut head =
        vec!["Characteristic".to_owned(), "Statistic".to_owned(), format!("Overall (N={})", groups.total())];
    head.extend(arms.iter().enumerate().map(|(arm, name)| format!("{name} (N={})", groups.n(arm))));
    head.extend(["p-value".to_owned(), "Test".to_owned()]);
    let reference = groups.reference_name();
    head.extend(groups.others().map(|(_, name)| format!("SMD: {name} vs {reference}")));
    let mut rows = vec![head];
    let width = rows.first().map_or(0, Vec::len);
    let table = &statistics.table1;
    let protocol = &groups.study.protocol.table1;
    let not = |path: &str, reason: &str| {
        let mut row = vec![super::groups::label(path), reason.to_owned()];
        row.resize(width, String::new());
        row
    };
    for path in &protocol.continuous {
        let Some(entry) = table.continuous.get(path) else { continue };
        match entry.described() {
            Some(described) => continuous(groups, described, &mut rows),
            None => rows.push(not(path, entry.reason().unwrap_or_default())),
        }
    }
    for path in &protocol.categorical {
        let Some(entry) = table.categorical.get(path) else { continue };
        match entry.described() {
            Some(described) => categorical(groups, described, &mut rows),
            None => rows.push(not(path, entry.reason().unwrap_or_default())),
        }
    }
    rows
}

/// The table as a file.
pub(crate) fn table1(groups: &Groups<'_>, statistics: &Statistics) -> Result<Vec<u8>, PhaseError> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows(groups, statistics) {
        writer.write_record(row.iter().map(|cell| harmless(cell))).map_err(PhaseError::failed)?;
    }
    writer.into_inner().map_err(|error| PhaseError::failed(error.error()))
}

/// Name, statistic, overall and each arm; test and differences in the variable's first row only.
fn row(
    groups: &Groups<'_>,
    name: &str,
    statistic: String,
    overall: String,
    of_arm: impl Fn(&str) -> String,
    compared: Option<(&ChosenTest, &std::collections::BTreeMap<String, Figure>)>,
) -> Vec<String> {
    let mut row = vec![name.to_owned(), statistic, overall];
    row.extend(groups.names.iter().map(|arm| of_arm(arm)));
    match compared {
        Some((test, smds)) => {
            row.extend([p_value(&test.p), test.name.clone()]);
            row.extend(groups.others().map(|(_, arm)| {
                smds.get(arm).and_then(Figure::value).map_or_else(|| "n/a".to_owned(), |v| format!("{v:.3}"))
            }));
        }
        None => row.resize(row.len() + 2 + groups.others().count(), String::new()),
    }
    row
}

fn continuous(groups: &Groups<'_>, variable: &Continuous, rows: &mut Vec<Vec<String>>) {
    let Continuous { label, overall, by_arm, missing, missing_by_arm, test, smd_vs_reference, .. } = variable;
    let places = decimals(overall.sd.value());
    let all = |say: &dyn Fn(&Spread) -> String, statistic: &str, first: bool| {
        let of_arm = |arm: &str| by_arm.get(arm).map_or_else(String::new, say);
        let compared = first.then_some((test, smd_vs_reference));
        row(groups, label, statistic.to_owned(), say(overall), of_arm, compared)
    };
    rows.push(all(&|s| s.n.to_string(), "n", true));
    rows.push(all(
        &|s| format!("{} ({})", figure(&s.mean, places), figure(&s.sd, places)),
        "Mean (SD)",
        false,
    ));
    rows.push(all(
        &|s| format!("{} [{}, {}]", figure(&s.median, places), figure(&s.q1, places), figure(&s.q3, places)),
        "Median [Q1, Q3]",
        false,
    ));
    let extreme =
        |figure_: &Figure, told: Option<&String>| told.map_or_else(|| figure(figure_, places), Clone::clone);
    rows.push(all(
        &|s| format!("{} to {}", extreme(&s.min, s.min_told.as_ref()), extreme(&s.max, s.max_told.as_ref())),
        "Range",
        false,
    ));
    rows.push(missing_row(groups, label, *missing, missing_by_arm));
}

fn categorical(groups: &Groups<'_>, variable: &Categorical, rows: &mut Vec<Vec<String>>) {
    let Categorical { label, levels, missing, missing_by_arm, test, smd_vs_reference, .. } = variable;
    let share = |count: u64, pct: Option<&Figure>| {
        format!("{count} ({})", pct.map_or_else(|| "n/a".to_owned(), with_sign))
    };
    if levels.is_empty() {
        let none = || "0".to_owned();
        rows.push(row(groups, label, "n".to_owned(), none(), |_| none(), Some((test, smd_vs_reference))));
    }
    for (at, level) in levels.iter().enumerate() {
        let overall =
            share(variable.counts_overall.get(level).copied().unwrap_or(0), variable.pct_overall.get(level));
        let of_arm = |arm: &str| {
            let count = variable.counts.get(level).and_then(|c| c.get(arm)).copied().unwrap_or(0);
            share(count, variable.pct.get(level).and_then(|p| p.get(arm)))
        };
        let compared = (at == 0).then_some((test, smd_vs_reference));
        rows.push(row(groups, label, format!("{level}, n (%)"), overall, of_arm, compared));
    }
    rows.push(missing_row(groups, label, *missing, missing_by_arm));
}

fn with_sign(pct: &Figure) -> String {
    pct.value().map_or_else(|| "n/a".to_owned(), |value| fixed(value, 1))
}

fn missing_row(
    groups: &Groups<'_>,
    label: &str,
    missing: usize,
    by_arm: &std::collections::BTreeMap<String, usize>,
) -> Vec<String> {
    let of_arm = |arm: &str| by_arm.get(arm).copied().unwrap_or(0).to_string();
    row(groups, label, "Missing".to_owned(), missing.to_string(), of_arm, None)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn formulas_are_told_from_numbers() {
        for (text, want) in [
            ("=1+1", "'=1+1"),
            ("  @SUM(A1)", "'  @SUM(A1)"),
            ("-0.05", "-0.05"),
            ("-x", "'-x"),
            ("−5.0 to 3.0", "−5.0 to 3.0"),
            ("+", "'+"),
            ("Age", "Age"),
            ("\tx", "'\tx"),
        ] {
            assert_eq!(harmless(text), want);
        }
    }
}
