//! Bar charts: one value per category, or several beside or on top of each other.

use super::axis::{self, Axis};
use super::bar_layout::{draw_horizontal, draw_vertical, least_horizontal, least_vertical};
use super::canvas::{Canvas, Rect, Theme};
use super::chart::{Chart, LegendItem, LegendKey, Titles};
use super::figure::PlotError;
use super::palette::{Colour, SERIES_COLOURS};
use super::scale::Scale;

/// Which way bars grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// To the right, categories from the top down: for names, which are long.
    #[default]
    Horizontal,
    /// Upward, categories from left to right: for categories with an order (weeks, classes of a size).
    Vertical,
}

/// How several series share a category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Beside each other.
    #[default]
    Grouped,
    /// On top of each other, with the total at the end; values must not be negative.
    Stacked,
}

/// A bar chart with value labels.
///
/// ```
/// use heddle_kit::plot::{BarChart, Chart as _, Size};
/// let figure = BarChart::new("Tickets by category")
///     .bars([("Bug", 12.0), ("Question", 7.0)])
///     .value_axis(heddle_kit::plot::Axis::new("Tickets"))
///     .render(Size::default())?;
/// assert!(figure.svg.contains("Question"));
/// # Ok::<(), heddle_kit::plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BarChart {
    titles: Titles,
    pub(super) categories: Vec<String>,
    pub(super) series: Vec<(String, Vec<f64>)>,
    pub(super) orientation: Orientation,
    pub(super) grouping: Grouping,
    pub(super) category_axis: Axis,
    pub(super) value_axis: Axis,
}

impl BarChart {
    /// A chart without bars; `title` says what is shown.
    pub fn new(title: impl Into<String>) -> BarChart {
        BarChart {
            titles: Titles::new(title),
            categories: Vec::new(),
            series: Vec::new(),
            orientation: Orientation::default(),
            grouping: Grouping::default(),
            category_axis: Axis::default(),
            value_axis: Axis::default(),
        }
    }

    /// One series: each category with its value, in the order of drawing. Replaces what was set before.
    #[must_use]
    pub fn bars<L: Into<String>>(mut self, bars: impl IntoIterator<Item = (L, f64)>) -> BarChart {
        let (categories, values): (Vec<String>, Vec<f64>) =
            bars.into_iter().map(|(l, v)| (l.into(), v)).unzip();
        self.categories = categories;
        self.series = vec![(String::new(), values)];
        self
    }

    /// The categories, for use with [`BarChart::series`].
    #[must_use]
    pub fn categories<L: Into<String>>(mut self, categories: impl IntoIterator<Item = L>) -> BarChart {
        self.categories = categories.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a series: its name for the legend and one value for each category. At most 16 series.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> BarChart {
        self.series.push((name.into(), values.into_iter().collect()));
        self
    }

    /// Which way the bars grow.
    #[must_use]
    pub fn orientation(mut self, orientation: Orientation) -> BarChart {
        self.orientation = orientation;
        self
    }

    /// How several series share a category.
    #[must_use]
    pub fn grouping(mut self, grouping: Grouping) -> BarChart {
        self.grouping = grouping;
        self
    }

    /// The axis of the categories.
    #[must_use]
    pub fn category_axis(mut self, axis: Axis) -> BarChart {
        self.category_axis = axis;
        self
    }

    /// The axis of the values.
    #[must_use]
    pub fn value_axis(mut self, axis: Axis) -> BarChart {
        self.value_axis = axis;
        self
    }

    /// Bars that stand side by side in one category.
    pub(super) fn bars_abreast(&self) -> usize {
        if self.grouping == Grouping::Stacked { 1 } else { self.series.len().max(1) }
    }

    pub(super) fn total(&self, category: usize) -> f64 {
        self.series.iter().map(|(_, v)| v[category]).sum()
    }

    /// The values whose extent the axis must hold: totals where bars are stacked.
    pub(super) fn ends(&self) -> Vec<f64> {
        match self.grouping {
            Grouping::Stacked => (0..self.categories.len()).map(|c| self.total(c)).collect(),
            Grouping::Grouped => self.series.iter().flat_map(|(_, v)| v.iter().copied()).collect(),
        }
    }

    pub(super) fn scale(&self, ticks: usize) -> Scale {
        let (lo, hi) = axis::extent(self.ends().into_iter()).unwrap_or((0.0, 1.0));
        let whole = self.series.iter().flat_map(|(_, v)| v).all(|v| v.fract() == 0.0);
        Scale::covering(lo, hi, true, ticks, whole)
    }
}

impl Chart for BarChart {
    fn titles(&self) -> &Titles {
        &self.titles
    }

    fn titles_mut(&mut self) -> &mut Titles {
        &mut self.titles
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.series.len() > SERIES_COLOURS {
            return Err(PlotError::Inconsistent(format!(
                "\"{}\" has {} series and {SERIES_COLOURS} can be told apart: merge the smallest",
                self.titles.title,
                self.series.len()
            )));
        }
        for (name, values) in &self.series {
            if values.len() != self.categories.len() {
                return Err(PlotError::Inconsistent(format!(
                    "series \"{name}\" of \"{}\" has {} values for {} categories: give one for each",
                    self.titles.title,
                    values.len(),
                    self.categories.len()
                )));
            }
            for (value, category) in values.iter().zip(&self.categories) {
                axis::check_finite(*value, || {
                    format!("the value of \"{category}\" in \"{}\"", self.titles.title)
                })?;
                if self.grouping == Grouping::Stacked && *value < 0.0 {
                    return Err(PlotError::Inconsistent(format!(
                        "the value of \"{category}\" in \"{}\" is {value}, and negative parts cannot be stacked: \
                         use Grouping::Grouped",
                        self.titles.title
                    )));
                }
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.categories.is_empty() || self.series.is_empty()
    }

    fn legend(&self) -> Vec<LegendItem> {
        if self.series.len() == 1 && self.series[0].0.is_empty() {
            return Vec::new();
        }
        let item = |(at, (name, _)): (usize, &(String, Vec<f64>))| LegendItem {
            name: name.clone(),
            colour: Colour::series(at),
            key: LegendKey::Area,
        };
        self.series.iter().enumerate().map(item).collect()
    }

    fn least_body(&self, theme: Theme) -> (f64, f64) {
        match self.orientation {
            Orientation::Horizontal => least_horizontal(self, theme),
            Orientation::Vertical => least_vertical(self, theme),
        }
    }

    fn draw_body(&self, canvas: &mut Canvas, area: Rect) {
        match self.orientation {
            Orientation::Horizontal => draw_horizontal(self, canvas, area),
            Orientation::Vertical => draw_vertical(self, canvas, area),
        }
    }
}
