//! Matrices of numbers as shaded cells.

use super::axis::{self, Axis};
use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, Titles};
use super::figure::PlotError;
use super::names::Names;
use super::palette::{AXIS, Colour, SOFT_INK};
use super::scale::value_label;
use super::text;

/// A matrix with its number in every cell: counts by impact and urgency, a confusion matrix, correlations.
#[derive(Clone, Debug)]
pub struct HeatMatrix {
    titles: Titles,
    rows: Vec<String>,
    columns: Vec<String>,
    cells: Vec<Vec<Option<f64>>>,
    tags: Vec<Vec<String>>,
    row_axis: Axis,
    column_axis: Axis,
    decimals: Option<usize>,
}

const NAME_SHARE: f64 = 0.26;

impl HeatMatrix {
    /// A matrix without cells; `title` says what is counted.
    pub fn new(title: impl Into<String>) -> HeatMatrix {
        HeatMatrix {
            titles: Titles::new(title),
            rows: Vec::new(),
            columns: Vec::new(),
            cells: Vec::new(),
            tags: Vec::new(),
            row_axis: Axis::default(),
            column_axis: Axis::default(),
            decimals: None,
        }
    }

    /// Names of the columns, from left to right.
    #[must_use]
    pub fn columns<L: Into<String>>(mut self, columns: impl IntoIterator<Item = L>) -> HeatMatrix {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row below the others: its name and one value for each column; `None` is drawn as "–".
    #[must_use]
    pub fn row(
        mut self,
        name: impl Into<String>,
        cells: impl IntoIterator<Item = Option<f64>>,
    ) -> HeatMatrix {
        self.rows.push(name.into());
        self.cells.push(cells.into_iter().collect());
        self
    }

    /// A word under the number of each cell ("P0"): one list for each row.
    #[must_use]
    pub fn tags(mut self, tags: Vec<Vec<String>>) -> HeatMatrix {
        self.tags = tags;
        self
    }

    /// The axis of the rows.
    #[must_use]
    pub fn row_axis(mut self, axis: Axis) -> HeatMatrix {
        self.row_axis = axis;
        self
    }

    /// The axis of the columns.
    #[must_use]
    pub fn column_axis(mut self, axis: Axis) -> HeatMatrix {
        self.column_axis = axis;
        self
    }

    /// A fixed number of decimals in the cells.
    #[must_use]
    pub fn decimals(mut self, decimals: usize) -> HeatMatrix {
        self.decimals = Some(decimals);
        self
    }

    fn cell_label(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "–".to_owned(), |v| value_label(v, self.decimals))
    }

    fn widest_cell(&self, theme: Theme) -> f64 {
        let numbers =
            self.cells.iter().flatten().map(|v| text::width(&self.cell_label(*v), theme.label, true));
        let tags = self.tags.iter().flatten().map(|t| text::width(&text::clean(t), theme.small, false));
        numbers.chain(tags).fold(0.0, f64::max)
    }

    fn least_cell(&self, theme: Theme) -> (f64, f64) {
        let lines = if self.tags.is_empty() { 1.0 } else { 2.2 };
        ((self.widest_cell(theme) + 12.0).max(44.0), Theme::line(theme.label) * lines + 8.0)
    }
}

impl Chart for HeatMatrix {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        let title = &self.titles.title;
        let columns = self.columns.len();
        for (row, cells) in self.rows.iter().zip(&self.cells) {
            if cells.len() != columns {
                return Err(PlotError::Inconsistent(format!(
                    "row \"{row}\" of \"{title}\" has {} cells for {columns} columns: give one for each",
                    cells.len()
                )));
            }
            for (value, column) in cells.iter().zip(&self.columns) {
                if let Some(value) = value {
                    axis::check_finite(*value, || format!("cell \"{row}\" × \"{column}\" of \"{title}\""))?;
                }
            }
        }
        let tagged = self.tags.is_empty()
            || (self.tags.len() == self.rows.len() && self.tags.iter().all(|t| t.len() == columns));
        if tagged {
            Ok(())
        } else {
            Err(PlotError::Inconsistent(format!(
                "the tags of \"{title}\" must be {} × {columns}",
                self.rows.len()
            )))
        }
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() || self.columns.is_empty() || self.cells.iter().flatten().all(Option::is_none)
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        let (w, h) = self.least_cell(theme);
        let (columns, rows) = (self.columns.len() as f64, self.rows.len() as f64);
        (
            (w * columns + 60.0) / (1.0 - NAME_SHARE),
            h * rows + 220.0 + axis::title_room(&self.column_axis, theme),
        )
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        let theme = canvas.theme;
        let size = theme.small;
        let title_left = axis::title_room(&self.row_axis, theme);
        let heads = |cell: f64| Names::choose(&self.columns, theme, cell, (area.h * 0.3).min(200.0));
        // Rows are known only when the heads have their room; two lines a row is the most anyway.
        let guess = heads(area.w * (1.0 - NAME_SHARE) / self.columns.len() as f64);
        let below = axis::title_room(&self.column_axis, theme);
        let row_room = (area.h - guess.height(size) - below) / self.rows.len() as f64;
        let lines = ((row_room / Theme::line(size)).floor() as usize).clamp(1, 2);
        let names: Vec<Vec<String>> =
            self.rows.iter().map(|r| text::wrapped(r, size, false, area.w * NAME_SHARE, lines)).collect();
        let name_room =
            names.iter().flatten().map(|l| text::width(l, size, false)).fold(0.0, f64::max) + 12.0;
        let left = title_left + name_room;
        let cell_w = (area.w - left) / self.columns.len() as f64;
        let heads = heads(cell_w);
        let plot = area.without(left, 0.0, 0.0, heads.height(size) + below);
        let cell_h = plot.h / self.rows.len() as f64;

        let (lo, hi) = axis::extent(self.cells.iter().flatten().flatten().copied()).unwrap_or((0.0, 1.0));
        // Counts are shaded from zero, so that a cell of few does not look empty because another has fewer.
        let lo = if lo >= 0.0 { 0.0 } else { lo };
        for (r, cells) in self.cells.iter().enumerate() {
            for (c, value) in cells.iter().enumerate() {
                let cell = Rect {
                    x: plot.x + c as f64 * cell_w,
                    y: plot.y + r as f64 * cell_h,
                    w: cell_w - 2.0,
                    h: cell_h - 2.0,
                };
                let colour = match value {
                    Some(v) if hi > lo => Colour::sequential((v - lo) / (hi - lo)),
                    Some(_) => Colour::sequential(0.0),
                    None => Colour(0xf2, 0xf2, 0xf2),
                };
                canvas.rect(cell, colour, 1.0);
                let ink = if value.is_some() { colour.readable_ink() } else { SOFT_INK };
                let (x, y) = (cell.x + cell.w / 2.0, cell.y + cell.h / 2.0);
                let tag = self.tags.get(r).and_then(|t| t.get(c)).filter(|t| !t.is_empty());
                let up = if tag.is_some() { theme.label * 0.65 } else { 0.0 };
                let number = Type::new(theme.label, Anchor::Middle).bold().ink(ink);
                canvas.text(&self.cell_label(*value), x, y - up, number);
                if let Some(tag) = tag {
                    canvas.text(tag, x, y + theme.label * 0.65, Type::new(size, Anchor::Middle).ink(ink));
                }
            }
            let middle = plot.y + (r as f64 + 0.5) * cell_h - 1.0;
            let first_line = middle - (names[r].len() as f64 - 1.0) / 2.0 * Theme::line(size);
            canvas.lines(&names[r], plot.x - 10.0, first_line, Type::new(size, Anchor::End));
        }
        heads.draw(canvas, plot, cell_w);
        canvas.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), AXIS, 1.0, false);
        axis::vertical_title(canvas, &self.row_axis, area.x, plot);
        axis::horizontal_title(canvas, &self.column_axis, area.bottom() - theme.label / 2.0, plot);
    }
}
