//! `cohort_visualizations.png`: balance, distributions by arm, categories by arm.

use std::cell::Cell;

use heddle_kit::plot::{
    Axis, BarChart, BoxChart, BoxStats, Chart as _, DotPlot, DotRow, Panels, PlotError, Size,
};

use super::{
    Statistics, categorical::Categorical, continuous::Continuous, groups::Groups, propensity::Matched,
};
use crate::privacy::told_age;

/// Variables of a kind that have a panel.
const MOST_PANELS: usize = 4;
/// Arms that can be told apart in one panel.
const MOST_ARMS: usize = 6;
/// Rows of a love plot.
const MOST_ROWS: usize = 40;
/// Bars of an arm.
const MOST_BARS: usize = 10;

/// Marks beyond the whiskers of one box.
const MOST_OUTLIERS: usize = 60;
/// Beyond this a value has no place on an axis.
const DRAWABLE: f64 = 1e300;

/// The picture as PNG.
///
/// # Errors
/// What the plots refuse.
pub(crate) fn png(groups: &Groups<'_>, statistics: &Statistics) -> Result<Vec<u8>, PlotError> {
    let protocol = &groups.study.protocol.table1;
    let table = &statistics.table1;
    let population = match &groups.flag {
        Some(flag) if !groups.stands_in => format!("population {flag}"),
        _ => "all subjects of a known arm".to_owned(),
    };
    let mut sheet = Panels::new("Baseline characteristics", 2)
        .subtitle(format!(
            "{}: {population}",
            heddle_kit::report::counted(groups.total(), "subject", "subjects")
        ))
        .panel(love(groups, statistics));
    let matched = statistics.propensity.by_arm.iter().filter_map(|(arm, m)| Some((arm, m.described()?)));
    for (arm, matched) in matched.take(MOST_PANELS) {
        sheet = sheet.panel(before_after(groups, arm, matched));
    }
    let numeric: Vec<(&String, &Continuous)> = (protocol.continuous.iter())
        .filter_map(|path| Some((path, table.continuous.get(path)?.described()?)))
        .collect();
    for (path, variable) in numeric.iter().take(MOST_PANELS) {
        sheet = sheet.panel(boxes(groups, path, variable, numeric.len()));
    }
    let named: Vec<&Categorical> =
        protocol.categorical.iter().filter_map(|path| table.categorical.get(path)?.described()).collect();
    for variable in named.iter().take(MOST_PANELS) {
        sheet = sheet.panel(bars(groups, variable, named.len()));
    }
    Ok(sheet.render(Size::new(1800, 1200))?.png)
}

fn shown_of(all: usize) -> String {
    if all > MOST_PANELS {
        format!("The first {MOST_PANELS} of {all} such variables are drawn; all are in table1.csv.")
    } else {
        String::new()
    }
}

/// Absolute standardised differences of every variable, the largest first.
fn love(groups: &Groups<'_>, statistics: &Statistics) -> DotPlot {
    let balance = &statistics.balance;
    let arms: Vec<&String> = groups.others().map(|(_, name)| name).take(MOST_ARMS).collect();
    let mut fields: Vec<&str> = Vec::new();
    for difference in &balance.differences {
        if !fields.contains(&difference.field.as_str()) && fields.len() < MOST_ROWS {
            fields.push(&difference.field);
        }
    }
    let rows = fields.iter().map(|field| {
        let of = |arm: &str| balance.differences.iter().find(|d| d.field == *field && d.arm == arm);
        let label = balance.differences.iter().find(|d| d.field == *field).map_or(*field, |d| &d.label);
        DotRow::new(label, arms.iter().map(|arm| of(arm).map(|d| d.smd.abs()).filter(|v| *v <= DRAWABLE)))
    });
    DotPlot::new("Balance of the arms")
        .subtitle(format!("Absolute standardised difference to {}", groups.reference_name()))
        .series(arms.iter().map(|arm| (*arm).clone()))
        .rows(rows.collect::<Vec<_>>())
        .value_axis(Axis::new("|standardised difference|"))
        .guide(super::balance::SMALL, "0.1")
        .guide(super::balance::MARKED, "0.2")
        .no_data_reason("no standardised difference could be computed")
}

fn before_after(groups: &Groups<'_>, arm: &str, matched: &Matched) -> DotPlot {
    let size = |figure: &super::figure::Figure| figure.value().map(f64::abs).filter(|v| *v <= DRAWABLE);
    let rows = matched.balance.iter().take(MOST_ROWS);
    DotPlot::new(format!("{arm} matched with {}", groups.reference_name()))
        .subtitle(format!(
            "{} within the caliper",
            heddle_kit::report::counted(matched.pairs, "pair", "pairs")
        ))
        .series(["before matching", "after matching"])
        .hollow(0)
        .rows(rows.map(|b| DotRow::new(&b.label, [size(&b.before), size(&b.after)])).collect::<Vec<_>>())
        .value_axis(Axis::new("|standardised difference|"))
        .guide(super::balance::SMALL, "0.1")
        .no_data_reason("no standardised difference could be computed")
}

fn boxes(groups: &Groups<'_>, path: &str, variable: &Continuous, all: usize) -> BoxChart {
    let values = groups.study.subjects.field(path).and_then(|column| column.numbers());
    let samples = values.map(|values| groups.samples(&values)).unwrap_or_default();
    let is_cut = Cell::new(false);
    let boxes = groups.names.iter().zip(&samples).take(MOST_ARMS).filter_map(|(name, sample)| {
        let sample = sample.as_ref().ok()?;
        let drawable = sample.sorted().iter().all(|v| v.abs() <= DRAWABLE);
        let mut stats = BoxStats::of(name, sample.sorted()).filter(|_| drawable)?;
        thin(&mut stats.outliers);
        for value in stats.outliers.iter_mut().chain([&mut stats.low, &mut stats.high]) {
            if told_age(path, *value).is_some() {
                *value = super::continuous::OVER_89;
                is_cut.set(true);
            }
        }
        Some(stats)
    });
    let boxes: Vec<BoxStats> = boxes.collect();
    let cut = if is_cut.get() { "Single ages over 89 are drawn at 90. " } else { "" };
    BoxChart::new(&variable.label)
        .subtitle("Box: quartiles and median; whiskers: 1.5 interquartile ranges; diamond: mean")
        .note(cut.to_owned() + &shown_of(all))
        .boxes(boxes)
        .value_axis(Axis::new(&variable.label))
        .no_data_reason("no subject has a value that can be drawn")
}

/// The ends and evenly spaced ones between them; the values are sorted.
fn thin(outliers: &mut Vec<f64>) {
    if outliers.len() > MOST_OUTLIERS {
        let last = outliers.len() - 1;
        let pick = |at: usize| outliers.get(at * last / (MOST_OUTLIERS - 1)).copied();
        *outliers = (0..MOST_OUTLIERS).filter_map(pick).collect();
    }
}

fn bars(groups: &Groups<'_>, variable: &Categorical, all: usize) -> BarChart {
    let levels: Vec<&String> = variable.levels.iter().take(MOST_BARS).collect();
    let mut chart = BarChart::new(&variable.label).categories(levels.iter().map(|level| (*level).clone()));
    for name in groups.names.iter().take(MOST_ARMS) {
        let pct =
            |level: &&String| variable.pct.get(*level).and_then(|p| p.get(name)?.value()).unwrap_or(0.0);
        chart = chart.series(name.as_str(), levels.iter().map(pct).collect::<Vec<_>>());
    }
    let more = match variable.levels.len() - levels.len() {
        0 => String::new(),
        n => format!(
            "{} in table1.csv. ",
            heddle_kit::report::counted(n, "more category is", "more categories are")
        ),
    };
    chart
        .subtitle("Per cent of the arm's subjects with a value")
        .note(more + &shown_of(all))
        .value_axis(Axis::new("Subjects").unit("%").decimals(1))
        .no_data_reason("no subject has a value")
}
