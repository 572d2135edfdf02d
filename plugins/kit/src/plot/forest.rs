//! Forest plots: a table of subgroups with the interval of each beside its numbers.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, Titles};
use super::figure::PlotError;
use super::interval::{Effect, EffectScale, Measure, draw_reason};
use super::palette::{AXIS, Colour, INK, PAPER};
use super::text;

/// Gap between columns.
const GAP: f64 = 18.0;
/// The least and the widest room for the intervals.
const PLOT: (f64, f64) = (300.0, 620.0);
/// The most that row labels may take.
const LABEL_MOST: f64 = 340.0;
/// The most that tests for interaction may take.
const INTERACTION_MOST: f64 = 360.0;
/// The ground of every other row, to lead the eye.
const STRIPE: Colour = Colour(0xf4, 0xf6, 0xf8);

/// One row of a forest plot.
#[derive(Clone, Debug, PartialEq)]
pub struct ForestRow {
    label: String,
    cells: Vec<String>,
    effect: Option<Effect>,
    interaction: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Heading,
    Entry,
    Summary,
}

impl ForestRow {
    /// A heading over the rows that follow ("Age").
    pub fn heading(label: impl Into<String>) -> ForestRow {
        ForestRow {
            label: label.into(),
            cells: Vec::new(),
            effect: None,
            interaction: String::new(),
            kind: Kind::Heading,
        }
    }

    /// A row with its effect and the texts of the table's own columns.
    pub fn entry<C: Into<String>>(
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
        effect: Effect,
    ) -> ForestRow {
        let cells = cells.into_iter().map(Into::into).collect();
        ForestRow { cells, effect: Some(effect), kind: Kind::Entry, ..ForestRow::heading(label) }
    }

    /// A row for all subjects or for a pooled estimate, drawn as a diamond from limit to limit.
    pub fn summary<C: Into<String>>(
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
        effect: Effect,
    ) -> ForestRow {
        ForestRow { kind: Kind::Summary, ..ForestRow::entry(label, cells, effect) }
    }

    /// The test for interaction, written in the last column ("0.21", or why there is none).
    #[must_use]
    pub fn interaction(mut self, p: impl Into<String>) -> ForestRow {
        self.interaction = p.into();
        self
    }
}

/// A forest plot. Its height grows with its rows.
///
/// ```
/// use heddle_kit::plot::{Chart as _, Effect, ForestPlot, ForestRow, Measure, Size};
/// let figure = ForestPlot::new("Subgroups", Measure::ratio("Hazard ratio (95 % CI)").favours("Favours drug", "Favours placebo"))
///     .columns(["Drug n/N", "Placebo n/N"])
///     .row(ForestRow::summary("All subjects", ["45/120", "60/118"], Effect::new(0.72, 0.55, 0.94)))
///     .row(ForestRow::heading("Sex").interaction("0.48"))
///     .row(ForestRow::entry("Female", ["20/60", "31/61"], Effect::weighted(0.66, 0.44, 0.98, 51.0)))
///     .row(ForestRow::entry("Male", ["0/60", "0/57"], Effect::NotComputable("no events".into())))
///     .render(Size::new(1280, 400))?;
/// assert!(figure.svg.contains("0.72 (0.55–0.94)"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ForestPlot {
    titles: Titles,
    measure: Measure,
    label_heading: String,
    columns: Vec<String>,
    rows: Vec<ForestRow>,
}

impl ForestPlot {
    /// A plot without rows.
    pub fn new(title: impl Into<String>, measure: Measure) -> ForestPlot {
        ForestPlot {
            titles: Titles::new(title),
            measure,
            label_heading: "Subgroup".to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The heading over the labels; "Subgroup" without it.
    #[must_use]
    pub fn label_heading(mut self, heading: impl Into<String>) -> ForestPlot {
        self.label_heading = heading.into();
        self
    }

    /// The headings of the columns between label and intervals; each row gives one text for each.
    #[must_use]
    pub fn columns<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> ForestPlot {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row below the others.
    #[must_use]
    pub fn row(mut self, row: ForestRow) -> ForestPlot {
        self.rows.push(row);
        self
    }

    /// Adds rows below the others.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = ForestRow>) -> ForestPlot {
        self.rows.extend(rows);
        self
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> + Clone {
        self.rows.iter().filter_map(|r| r.effect.as_ref())
    }

    fn layout(&self, theme: Theme, width: f64) -> Layout {
        let size = theme.small;
        let grouped = self.rows.iter().any(|r| r.kind == Kind::Heading);
        let indent = |row: &ForestRow| if grouped && row.kind == Kind::Entry { size } else { 0.0 };
        let label =
            |r: &ForestRow| text::width(&text::clean(&r.label), size, r.kind != Kind::Entry) + indent(r);
        let heading = text::width(&text::clean(&self.label_heading), size, true);
        let labels = self.rows.iter().map(label).fold(heading, f64::max).min(LABEL_MOST);
        let widest = |at: usize, heading: &str| {
            let cells = self.rows.iter().filter_map(|r| r.cells.get(at));
            let cell = cells.map(|c| text::width(&text::clean(c), size, true)).fold(0.0, f64::max);
            heading_width(heading, size).max(cell)
        };
        let columns: Vec<f64> = self.columns.iter().enumerate().map(|(at, c)| widest(at, c)).collect();
        let written = |r: &ForestRow| {
            r.effect
                .as_ref()
                .map_or(0.0, |e| text::width(&self.measure.written(e), size, r.kind == Kind::Summary))
        };
        let effect = self.rows.iter().map(written).fold(heading_width(&self.measure.name, size), f64::max);
        let tests = self.rows.iter().any(|r| !r.interaction.is_empty());
        let test = |r: &ForestRow| text::width(&text::clean(&r.interaction), size, false);
        let interaction = if tests {
            self.rows.iter().map(test).fold(heading_width(INTERACTION, size), f64::max).min(INTERACTION_MOST)
        } else {
            0.0
        };
        let gaps = columns.len() as f64 + 2.0 + if tests { 1.0 } else { 0.0 };
        let fixed = labels + columns.iter().sum::<f64>() + effect + interaction + gaps * GAP;
        let plot = (width - fixed).clamp(PLOT.0, PLOT.1);
        Layout {
            grouped,
            labels,
            columns,
            plot,
            effect,
            interaction,
            least: fixed + PLOT.0,
            used: fixed + plot,
        }
    }

    fn header_lines(&self) -> f64 {
        let all = self.columns.iter().chain([&self.measure.name, &self.label_heading]);
        let two = all.map(|c| heading_lines(c).len()).max().unwrap_or(1);
        let tests = self.rows.iter().any(|r| !r.interaction.is_empty());
        if two > 1 || tests { 2.0 } else { 1.0 }
    }

    fn draw_header(&self, canvas: &mut Canvas, layout: &Layout, area: Rect, bottom: f64) {
        let size = canvas.theme.small;
        let bold = |anchor| Type::new(size, anchor).bold();
        let mut write = |heading: &str, x: f64, anchor: Anchor| {
            let lines = heading_lines(heading);
            let first = bottom - 8.0 - (lines.len() as f64 - 0.5) * Theme::line(size);
            canvas.lines(&lines, x, first, bold(anchor));
        };
        write(&self.label_heading, area.x, Anchor::Start);
        for ((right, _), heading) in layout.column_ends(area.x).zip(&self.columns) {
            write(heading, right, Anchor::End);
        }
        write(&self.measure.name, layout.effect_at(area.x), Anchor::Start);
        if layout.interaction > 0.0 {
            write(INTERACTION, layout.interaction_at(area.x), Anchor::Start);
        }
        canvas.line((area.x, bottom), (area.x + layout.used, bottom), AXIS, 1.4, false);
    }

    fn draw_row(
        &self,
        canvas: &mut Canvas,
        row: &ForestRow,
        layout: &Layout,
        scale: &EffectScale,
        plot: Rect,
        (y, ground): (f64, Colour),
    ) {
        let size = canvas.theme.small;
        let left = plot.x - layout.plot_offset();
        let strong = row.kind != Kind::Entry;
        let style = |anchor| if strong { Type::new(size, anchor).bold() } else { Type::new(size, anchor) };
        let indent = if layout.grouped && row.kind == Kind::Entry { size } else { 0.0 };
        let label = text::shortened(&text::clean(&row.label), size, strong, layout.labels - indent + 2.0);
        canvas.text(&label, left + indent, y, style(Anchor::Start));
        for ((right, _), cell) in layout.column_ends(left).zip(&row.cells) {
            canvas.text(cell, right, y, style(Anchor::End));
        }
        let p = text::shortened(&text::clean(&row.interaction), size, false, layout.interaction.max(1.0));
        canvas.text(&p, layout.interaction_at(left), y, Type::new(size, Anchor::Start));
        match &row.effect {
            None => {}
            Some(Effect::NotComputable(why)) => {
                draw_reason(canvas, why, plot, y, ground);
                canvas.text("–", layout.effect_at(left), y, style(Anchor::Start));
            }
            Some(effect @ Effect::Estimate { value, lower, upper, weight }) => {
                canvas.text(&self.measure.written(effect), layout.effect_at(left), y, style(Anchor::Start));
                if row.kind == Kind::Summary {
                    draw_diamond(canvas, scale, (*value, *lower, *upper), y, size * 0.5, plot);
                } else {
                    let half = self.half_side(*weight, size);
                    scale.draw(canvas, (*value, *lower, *upper), y, half, Colour::series(0), plot);
                }
            }
        }
    }

    /// Half the side of a row's square, whose area stands for the weight against the heaviest row's.
    fn half_side(&self, weight: Option<f64>, size: f64) -> f64 {
        let heaviest = self
            .effects()
            .filter_map(|e| if let Effect::Estimate { weight, .. } = e { *weight } else { None })
            .fold(0.0, f64::max);
        match weight {
            Some(weight) if heaviest > 0.0 => (size * 0.55 * (weight.max(0.0) / heaviest).sqrt()).max(2.5),
            _ => size * 0.36,
        }
    }
}

const INTERACTION: &str = "p for\ninteraction";

/// A heading in one line, or in two where it holds a line break or brackets with the rest.
fn heading_lines(heading: &str) -> Vec<String> {
    let parts: Vec<String> = heading.split('\n').map(text::clean).filter(|l| !l.is_empty()).take(2).collect();
    if let [only] = parts.as_slice()
        && let Some(at) = only.find(" (")
        && only.len() > 12
    {
        let (head, tail) = only.split_at(at);
        return vec![head.to_owned(), tail.trim_start().to_owned()];
    }
    parts
}

fn heading_width(heading: &str, size: f64) -> f64 {
    heading_lines(heading).iter().map(|l| text::width(l, size, true)).fold(0.0, f64::max)
}

/// A diamond from limit to limit, its corners cut where they leave the plot.
fn draw_diamond(
    canvas: &mut Canvas,
    scale: &EffectScale,
    effect: (f64, f64, f64),
    y: f64,
    half: f64,
    plot: Rect,
) {
    let (value, lower, upper) = effect;
    let inside = |v: f64| scale.place(v, plot).clamp(plot.x, plot.right());
    let (left, middle, right) = (inside(lower), inside(value), inside(upper));
    // A very narrow interval must still be seen.
    let (left, right) = (left.min(middle - 3.0), right.max(middle + 3.0));
    canvas.polygon(&[(left, y), (middle, y - half), (right, y), (middle, y + half)], Colour::series(1), 1.0);
}

/// Widths of the columns.
struct Layout {
    grouped: bool,
    labels: f64,
    columns: Vec<f64>,
    plot: f64,
    effect: f64,
    interaction: f64,
    least: f64,
    used: f64,
}

impl Layout {
    /// The right edge and the width of each column between the labels and the plot.
    fn column_ends(&self, left: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.columns.iter().scan(left + self.labels, |x, width| {
            *x += GAP + width;
            Some((*x, *width))
        })
    }

    /// How far right of the labels' left edge the plot begins.
    fn plot_offset(&self) -> f64 {
        self.labels + self.columns.iter().sum::<f64>() + GAP * (self.columns.len() as f64 + 1.0)
    }

    fn effect_at(&self, left: f64) -> f64 {
        left + self.plot_offset() + self.plot + GAP
    }

    fn interaction_at(&self, left: f64) -> f64 {
        self.effect_at(left) + self.effect + GAP
    }
}

fn row_height(theme: Theme) -> f64 {
    theme.small * 1.85
}

impl Chart for ForestPlot {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        for row in &self.rows {
            if row.kind != Kind::Heading && row.cells.len() != self.columns.len() {
                return Err(PlotError::Inconsistent(format!(
                    "row \"{}\" of \"{title}\" has {} texts for {} columns: give one for each",
                    row.label,
                    row.cells.len(),
                    self.columns.len()
                )));
            }
        }
        let effects: Vec<(&str, &Effect)> =
            self.rows.iter().filter_map(|r| r.effect.as_ref().map(|e| (r.label.as_str(), e))).collect();
        self.measure.check(&effects, title)
    }

    fn is_empty(&self) -> bool {
        self.effects().next().is_none()
    }

    fn has_own_height(&self) -> bool {
        true
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        let header = self.header_lines() * Theme::line(theme.small) + 14.0;
        let rows = self.rows.len() as f64 * row_height(theme);
        (self.layout(theme, 0.0).least, header + rows + self.measure.axis_room(theme) + 6.0)
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let layout = self.layout(theme, area.w);
        let header = self.header_lines() * Theme::line(theme.small) + 14.0;
        let top = area.y + header;
        let row = row_height(theme);
        let plot = Rect {
            x: area.x + layout.plot_offset(),
            y: top,
            w: layout.plot,
            h: row * self.rows.len() as f64,
        };
        for at in (1..self.rows.len()).step_by(2) {
            let stripe = Rect { x: area.x, y: top + row * at as f64, w: layout.used, h: row };
            canvas.rect(stripe, STRIPE, 1.0);
        }
        let scale = self.measure.scale(self.effects(), layout.plot);
        self.measure.draw_axis(canvas, &scale, plot, area.x, area.right());
        self.draw_header(canvas, &layout, area, top);
        for (at, entry) in self.rows.iter().enumerate() {
            let ground = if at % 2 == 1 { STRIPE } else { PAPER };
            self.draw_row(canvas, entry, &layout, &scale, plot, (top + row * (at as f64 + 0.5), ground));
        }
        canvas.line((area.x, plot.bottom()), (area.x + layout.used, plot.bottom()), INK, 0.8, false);
    }
}
