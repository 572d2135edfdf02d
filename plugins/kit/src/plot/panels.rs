//! Several charts on one sheet.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::chart::{Chart, draw, least_size};
use super::figure::{Figure, MAX_SIDE, PlotError, Size, rasterise};
use super::palette::SOFT_INK;
use super::text;

/// A grid of charts under a common title, filled row by row.
///
/// ```
/// use heddle_kit::plot::{BarChart, Chart as _, HeatMatrix, Panels, Size};
/// let figure = Panels::new("Overview", 2)
///     .panel(BarChart::new("By category").bars([("Bug", 3.0)]))
///     .panel(HeatMatrix::new("By impact").no_data_reason("no ticket has an impact"))
///     .render(Size::new(1600, 700))?;
/// assert!(figure.svg.contains("No data: no ticket has an impact"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
pub struct Panels {
    title: String,
    subtitle: String,
    columns: usize,
    charts: Vec<Box<dyn Chart>>,
}

impl Panels {
    /// A sheet without charts; `columns` of them stand side by side (at least one).
    pub fn new(title: impl Into<String>, columns: usize) -> Panels {
        Panels { title: title.into(), subtitle: String::new(), columns: columns.max(1), charts: Vec::new() }
    }

    /// A second line under the common title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Panels {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds a chart.
    #[must_use]
    pub fn panel(mut self, chart: impl Chart + 'static) -> Panels {
        self.charts.push(Box::new(chart));
        self
    }

    /// The picture. It is larger than `size` where a panel's labels need the room; the last row's panels are widened
    /// where it is not full.
    ///
    /// # Errors
    /// What any panel refuses, a sheet without panels, or a size outside the supported range.
    pub fn render(&self, size: Size) -> Result<Figure, PlotError> {
        size.check()?;
        if self.charts.is_empty() {
            return Err(PlotError::Inconsistent(format!(
                "the sheet \"{}\" has no panels: add one",
                self.title
            )));
        }
        self.charts.iter().try_for_each(|c| c.check())?;
        let theme = Theme::PANEL;
        let rows: Vec<&[Box<dyn Chart>]> = self.charts.chunks(self.columns).collect();
        let least = |row: &[Box<dyn Chart>], cell: f64| {
            row.iter()
                .map(|c| least_size(c.as_ref(), theme, cell))
                .fold((0.0, 0.0), |a: (f64, f64), b| (a.0.max(b.0), a.1.max(b.1)))
        };
        let mut width = f64::from(size.width);
        for row in &rows {
            width = width.max(least(row, width / row.len() as f64).0 * row.len() as f64);
        }
        let pad = Theme::FIGURE.label * 1.4;
        let title = text::wrapped(&self.title, Theme::FIGURE.title, true, width - 2.0 * pad, 2);
        let subtitle = text::wrapped(&self.subtitle, Theme::FIGURE.label, false, width - 2.0 * pad, 2);
        let head = pad
            + title.len() as f64 * Theme::line(Theme::FIGURE.title)
            + subtitle.len() as f64 * Theme::line(Theme::FIGURE.label);

        let even = ((f64::from(size.height) - head) / rows.len() as f64).max(0.0);
        let heights: Vec<f64> =
            rows.iter().map(|row| least(row, width / row.len() as f64).1.max(even)).collect();
        let height = (head + heights.iter().sum::<f64>()).max(f64::from(size.height));
        if width > f64::from(MAX_SIDE) || height > f64::from(MAX_SIDE) {
            return Err(PlotError::TooLarge { width, height });
        }

        let mut canvas = Canvas::new(width.ceil(), height.ceil(), theme);
        let mut y = pad + Theme::FIGURE.title / 2.0;
        canvas.lines(&title, pad, y, Type::new(Theme::FIGURE.title, Anchor::Start).bold());
        y += title.len() as f64 * Theme::line(Theme::FIGURE.title) - Theme::FIGURE.title / 2.0
            + Theme::FIGURE.label / 2.0;
        canvas.lines(&subtitle, pad, y, Type::new(Theme::FIGURE.label, Anchor::Start).ink(SOFT_INK));
        let mut top = head;
        for (row, row_height) in rows.iter().zip(&heights) {
            let cell = width / row.len() as f64;
            for (at, chart) in row.iter().enumerate() {
                let area = Rect { x: at as f64 * cell, y: top, w: cell, h: *row_height };
                draw(&mut canvas, chart.as_ref(), area);
            }
            top += row_height;
        }
        rasterise(canvas.into_svg(&self.title))
    }
}
