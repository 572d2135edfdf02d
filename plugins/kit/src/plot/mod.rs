//! Charts as SVG and PNG, with the font and the renderer inside: no display, no system font, no clock.
//!
//! A chart is a builder ([`BarChart`], [`LineChart`], [`ScatterChart`], [`HeatMatrix`], [`Histogram`], [`BoxChart`];
//! for trials [`KaplanMeier`], [`ForestPlot`], [`DotPlot`], [`FlowDiagram`]); [`Chart::render`] lays it out, writes the SVG and rasterises that same SVG, so that both files show the same picture. Several charts
//! go on one sheet by [`Panels`]. Text is measured with the very font it is drawn with: labels are wrapped, turned
//! or shortened with an ellipsis, never drawn over one another. A chart without data is a picture which says so
//! and why; a value that is not finite is an error which names its place.
//!
//! The font is Noto Sans (SIL Open Font Licence): Latin, Greek and Cyrillic. Characters outside it become empty
//! boxes in the PNG; the SVG keeps the text, and a browser draws it with its own fonts.
//!
//! `plotters` is not used: for `wasm32-unknown-unknown` it always depends on `web-sys`, whose imports no host
//! but a browser can satisfy.

mod axis;
mod bar;
mod bar_layout;
mod boxes;
mod canvas;
mod chart;
mod dots;
mod figure;
mod flow;
mod flow_layout;
mod forest;
mod forest_layout;
mod forest_row;
mod heat;
mod histogram;
mod interval;
mod kaplan_meier;
mod km_curve;
mod line;
mod names;
mod palette;
mod panels;
mod risk_table;
mod scale;
mod scatter;
pub(crate) mod text;
mod time_axis;

pub use axis::Axis;
pub use bar::{BarChart, Grouping, Orientation};
pub use boxes::{BoxChart, BoxStats};
pub use canvas::{Canvas, Dash, Mark, Rect, Theme};
pub use chart::{Chart, LegendItem, LegendKey, Titles};
pub use dots::{DotPlot, DotRow};
pub use figure::{Figure, PlotError, Size};
pub(crate) use figure::{png_size, svg_options};
pub use flow::{FlowBox, FlowDiagram, FlowStage};
pub use forest::ForestPlot;
pub use forest_row::ForestRow;
pub use heat::HeatMatrix;
pub use histogram::Histogram;
pub use interval::{Effect, Measure};
pub use kaplan_meier::KaplanMeier;
pub use km_curve::{KmCurve, KmStep};
pub use line::{LineChart, LineSeries, Stroke};
pub use palette::Colour;
pub use panels::Panels;
pub use scatter::{ScatterChart, ScatterPoint};
pub use time_axis::day_number;
