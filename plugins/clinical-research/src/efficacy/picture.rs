//! The two pictures: survival curves and the forest of subgroups.

use heddle_kit::plot::{
    Axis, Chart as _, Effect, Figure, ForestPlot, ForestRow, KaplanMeier, KmCurve, KmStep, Measure, Panels,
    PlotError, Size,
};

use super::{
    frame::Frame,
    result::{Analysed, Cell, Forest, Role},
    words::{favours, p_text, percent},
};
use crate::study::Direction;

/// The most panels of a sheet.
const MOST_PANELS: usize = 4;
/// The most curves of a panel: what can be told apart.
const MOST_CURVES: usize = 6;
/// The most rows of a forest plot.
const MOST_ROWS: usize = 60;

/// The survival curves, a panel for each endpoint, the primary one first; or a panel that says why there is none.
pub(super) fn kaplan_meier(frame: &Frame<'_>, endpoints: &[Analysed]) -> Result<Vec<u8>, PlotError> {
    let mut times: Vec<&Analysed> = endpoints.iter().filter(|e| e.kind == "time_to_event").collect();
    times.sort_by_key(|e| e.role != Role::Primary);
    let empty =
        |why: String| KaplanMeier::new("Kaplan–Meier").no_data_reason(why).render(Size::new(980, 580));
    let mut charts: Vec<KaplanMeier> = times.iter().take(MOST_PANELS).map(|e| curves(frame, e)).collect();
    let drawn = match charts.len() {
        0 => return png(empty("the protocol has no time-to-event endpoint".to_owned())),
        1 => charts.remove(0).render(Size::new(980, 700)),
        n => {
            let more = times.len() - n;
            let sheet = Panels::new("Kaplan–Meier estimates", 1);
            let sheet = if more > 0 {
                sheet.subtitle(format!("The first {n} of {} endpoints", times.len()))
            } else {
                sheet
            };
            charts.into_iter().fold(sheet, Panels::panel).render(Size::new(980, 640 * n as u32))
        }
    };
    // What cannot be drawn must not fail the analysis.
    png(drawn.or_else(|error| empty(error.to_string())))
}

/// At twice the pixels: as wide as a page's text, its labels have some 8 points and are sharp.
fn png(figure: Result<Figure, PlotError>) -> Result<Vec<u8>, PlotError> {
    figure.and_then(Figure::for_print).map(|figure| figure.png)
}

fn curves(frame: &Frame<'_>, endpoint: &Analysed) -> KaplanMeier {
    let unit = endpoint.unit.clone().unwrap_or_default();
    let axis = if unit.is_empty() { Axis::new("Time") } else { Axis::new("Time").unit(unit) };
    let mut chart = KaplanMeier::new(&endpoint.label).time_axis(axis);
    let why = endpoint.not_computable.clone().unwrap_or_else(|| "nobody was followed".to_owned());
    chart = chart.no_data_reason(why);
    // The reference first, so that it has the first colour.
    let mut shown: Vec<_> = endpoint.curves.iter().collect();
    shown.sort_by_key(|(arm, _)| *arm != frame.reference);
    let left_out = shown.len().saturating_sub(MOST_CURVES);
    for (arm, curve) in shown.into_iter().take(MOST_CURVES) {
        let summary =
            endpoint.counts.get(*arm).map_or(String::new(), |c| format!("n = {}, {}", c.analysed, c.summary));
        let steps = curve.steps.iter().filter(|s| s.events > 0).map(|s| KmStep {
            time: s.time,
            survival: s.survival,
            limits: (s.survival > 0.0).then_some(s.interval),
        });
        chart = chart.curve(
            KmCurve::new(frame.arm(*arm))
                .summary(summary)
                .steps(steps)
                .censored(curve.steps.iter().filter(|s| s.censored > 0).map(|s| s.time))
                .at_risk(curve.steps.iter().map(|s| (s.time, s.at_risk as u64)))
                .median(curve.median().ok())
                .followed_to(curve.last_time()),
        );
    }
    for comparison in &endpoint.comparisons {
        let p = comparison.main.p.as_ref().map_or_else(|_| "not computable".to_owned(), |p| p_text(*p));
        let hr = match &comparison.main.estimate {
            Ok(e) => format!("HR {:.2} ({:.2}–{:.2})", e.value, e.interval.0, e.interval.1),
            Err(_) => "HR not computable".to_owned(),
        };
        chart = chart.annotation(format!("{}: {hr}, log-rank p {p}", frame.arm(comparison.arm)));
    }
    let level = percent(frame.level);
    let mut note = format!(
        "Bands: pointwise {level} intervals (log-log). Marks: censored. HR: Cox model against {}, {level} CI.",
        frame.reference_name()
    );
    if left_out > 0 {
        note.push_str(&format!(" {left_out} more arms are in the results file."));
    }
    chart.note(note)
}

/// The forest of the primary endpoint's subgroups, a panel for each arm compared; or a panel that says why there is none.
pub(super) fn forest(frame: &Frame<'_>, endpoints: &[Analysed]) -> Result<Vec<u8>, PlotError> {
    let empty = |why: String| {
        let measure = Measure::difference("Effect");
        ForestPlot::new("Subgroups", measure).no_data_reason(why).render(Size::new(980, 580))
    };
    let Some(primary) = endpoints.iter().find(|e| e.role == Role::Primary) else {
        return png(empty("the protocol has no primary endpoint".to_owned()));
    };
    let Some(of) = &primary.forest else {
        let why = primary.not_computable.clone().unwrap_or_else(|| "no effect could be estimated".to_owned());
        return png(empty(why));
    };
    let arms: Vec<usize> = frame.compared().collect();
    let mut charts: Vec<ForestPlot> = arms
        .iter()
        .take(MOST_PANELS)
        .enumerate()
        .map(|(at, arm)| forest_of(frame, primary, of, at, *arm))
        .collect();
    let drawn = match charts.len() {
        0 => return png(empty("there is only one arm".to_owned())),
        1 => charts.remove(0).render(Size::new(980, 400)),
        n => {
            let sheet = Panels::new(format!("Subgroups: {}", primary.label), 1);
            let sheet = if arms.len() > n {
                sheet.subtitle(format!("The first {n} of {} comparisons", arms.len()))
            } else {
                sheet
            };
            charts.into_iter().fold(sheet, Panels::panel).render(Size::new(980, 400))
        }
    };
    png(drawn.or_else(|error| empty(error.to_string())))
}

fn effect(cell: &Cell, is_ratio: bool) -> Effect {
    match &cell.estimate {
        Ok(e) if !is_ratio || e.value > 0.0 => {
            let weight = cell.events.map_or(cell.n.0 + cell.n.1, |(a, b)| (a + b) as usize);
            Effect::weighted(e.value, e.interval.0, e.interval.1, weight as f64)
        }
        Ok(_) => Effect::NotComputable("the ratio is zero".to_owned()),
        Err(why) => Effect::NotComputable(why.clone()),
    }
}

fn numbers(cell: &Cell) -> [String; 2] {
    match cell.events {
        Some((a, b)) => [format!("{a}/{}", cell.n.0), format!("{b}/{}", cell.n.1)],
        None => [cell.n.0.to_string(), cell.n.1.to_string()],
    }
}

fn forest_of(frame: &Frame<'_>, primary: &Analysed, of: &Forest, at: usize, arm: usize) -> ForestPlot {
    let (name, reference) = (frame.arm(arm), frame.reference_name());
    let level = percent(frame.level);
    let heading = format!("{} ({level} CI)", of.measure);
    let measure = if of.is_ratio { Measure::ratio(heading) } else { Measure::difference(heading) };
    let whom = |below: bool| {
        let effect = if below { -1.0 } else { 1.0 };
        if primary.kind == "time_to_event" {
            return if below {
                format!("Event later with {name}")
            } else {
                format!("Event sooner with {name}")
            };
        }
        match favours(effect, primary.direction.or(Some(Direction::HigherIsBetter)), name, reference) {
            Some(whom) if primary.direction.is_some() => format!("Favours {whom}"),
            Some(whom) => format!("Higher with {whom}"),
            None => String::new(),
        }
    };
    let columns = match of.overall.get(at).and_then(|c| c.events) {
        Some(_) => [format!("{name} events/n"), format!("{reference} events/n")],
        None => [format!("{name} n"), format!("{reference} n")],
    };
    let mut chart = ForestPlot::new(
        format!("{}: {name} against {reference}", primary.label),
        measure.favours(whom(true), whom(false)),
    )
    .columns(columns)
    .no_data_reason("there is nothing to compare");
    if let Some(cell) = of.overall.get(at) {
        chart = chart.row(ForestRow::summary("All subjects", numbers(cell), effect(cell, of.is_ratio)));
    }
    let mut rows = 1;
    let mut left_out = 0;
    for subgroup in &of.subgroups {
        if rows + 1 + subgroup.levels.len() > MOST_ROWS {
            left_out += 1;
            continue;
        }
        rows += 1 + subgroup.levels.len();
        let p = match &subgroup.interaction_p {
            Ok(p) => p_text(*p),
            Err(why) => format!("not computable: {why}"),
        };
        chart = chart.row(ForestRow::heading(&subgroup.label).interaction(p));
        for (level, cells) in &subgroup.levels {
            if let Some(cell) = cells.get(at) {
                chart = chart.row(ForestRow::entry(level, numbers(cell), effect(cell, of.is_ratio)));
            }
        }
    }
    let mut note = "Unadjusted effects; squares by size or events. Interaction: all arms at once, by a nested model; not adjusted for multiplicity.".to_owned();
    if left_out > 0 {
        note.push_str(&format!(" {left_out} more subgroups are in the results file."));
    }
    chart.note(note)
}
