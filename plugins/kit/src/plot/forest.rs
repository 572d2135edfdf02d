//! Forest plots: a table of subgroups with the interval of each beside its numbers.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, Titles};
use super::figure::PlotError;
use super::forest_layout::{INTERACTION, Layout, heading_lines};
use super::forest_row::{ForestRow, Kind};
use super::interval::{Effect, EffectScale, Measure, draw_reason};
use super::palette::{AXIS, Colour, INK, PAPER};
use super::text;

/// The ground of every other row, to lead the eye.
const STRIPE: Colour = Colour(0xf4, 0xf6, 0xf8);

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
    pub(super) measure: Measure,
    pub(super) label_heading: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<ForestRow>,
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
