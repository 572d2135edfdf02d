//! What all charts share: titles, legend, the note below, the empty picture, and rendering.

use super::canvas::{Anchor, Canvas, Dash, Mark, Rect, Theme, Type};
use super::figure::{Figure, MAX_SIDE, PlotError, Size, rasterise};
use super::palette::{AXIS, Colour, SOFT_INK};
use super::text;

/// The words around a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Titles {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) note: String,
    pub(super) no_data: String,
}

impl Titles {
    pub(super) fn new(title: impl Into<String>) -> Titles {
        Titles { title: title.into(), ..Titles::default() }
    }
}

/// How a series looks in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegendKey {
    /// A filled square: bars, bands.
    Area,
    /// A pale square: the interval around a line.
    Band,
    /// A line.
    Line,
    /// A broken line.
    Dashes,
    /// A disc.
    Dot,
    /// A line of a pattern, as curves have that must be told apart in print.
    Stroke(Dash),
    /// A mark of a form, filled or hollow.
    Mark(Mark, bool),
}

/// One entry of the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendItem {
    /// What the series is called.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// Its shape.
    pub key: LegendKey,
}

/// A chart that can be rendered on its own or as one of several [`super::Panels`].
pub trait Chart {
    /// The words around the chart.
    fn titles(&self) -> &Titles;

    /// The same, for the builder methods.
    fn titles_mut(&mut self) -> &mut Titles;

    /// Finds what cannot be drawn: values that are not finite, lengths that do not agree.
    fn check(&self) -> Result<(), PlotError>;

    /// Whether there is nothing to draw.
    fn is_empty(&self) -> bool;

    /// The legend's entries; none for a chart that needs no legend.
    fn legend(&self) -> Vec<LegendItem> {
        Vec::new()
    }

    /// Width and height in pixels that the body needs for its labels to be legible.
    fn least_body(&self, theme: Theme) -> (f64, f64);

    /// Whether the height is that of the rows or boxes, so that more of it would only be white.
    fn has_own_height(&self) -> bool {
        false
    }

    /// Draws axes and marks into `area`. Called only for a chart that passed [`Chart::check`] and is not empty.
    fn draw_body(&self, canvas: &mut Canvas, area: Rect);

    /// A second line under the title: what was counted, over which time.
    #[must_use]
    fn subtitle(mut self, subtitle: impl Into<String>) -> Self
    where
        Self: Sized,
    {
        self.titles_mut().subtitle = subtitle.into();
        self
    }

    /// A note below the chart: the source, what was left out, how an interval was made.
    #[must_use]
    fn note(mut self, note: impl Into<String>) -> Self
    where
        Self: Sized,
    {
        self.titles_mut().note = note.into();
        self
    }

    /// Why there may be nothing to draw ("no ticket has a resolution time"); shown when the chart is empty.
    #[must_use]
    fn no_data_reason(mut self, reason: impl Into<String>) -> Self
    where
        Self: Sized,
    {
        self.titles_mut().no_data = reason.into();
        self
    }

    /// The picture. It is larger than `size` where the labels need the room; a chart of rows or boxes is as high as
    /// those are.
    ///
    /// # Errors
    /// A value that is not finite, series that do not fit each other, or a size outside the supported range.
    fn render(&self, size: Size) -> Result<Figure, PlotError>
    where
        Self: Sized,
    {
        size.check()?;
        self.check()?;
        let theme = Theme::FIGURE;
        let (least_width, least_height) = least_size(self, theme, f64::from(size.width));
        let width = least_width.max(f64::from(size.width));
        let own_height = self.has_own_height() && !self.is_empty();
        let height = if own_height { least_height } else { least_height.max(f64::from(size.height)) };
        if width > f64::from(MAX_SIDE) || height > f64::from(MAX_SIDE) {
            return Err(PlotError::TooLarge { width, height });
        }
        let mut canvas = Canvas::new(width.ceil(), height.ceil(), theme);
        draw(&mut canvas, self, Rect { x: 0.0, y: 0.0, w: width, h: height });
        rasterise(canvas.into_svg(&self.titles().title))
    }
}

/// White space around a chart, as a share of the type size.
fn margin(theme: Theme) -> f64 {
    theme.label * 1.4
}

/// The words and the legend laid out for a width.
struct Head {
    title: Vec<String>,
    subtitle: Vec<String>,
    note: Vec<String>,
    /// Each entry with the lines of its name, its x and its row.
    legend: Vec<(LegendItem, Vec<String>, f64, usize)>,
    legend_rows: usize,
}

const KEY: f64 = 26.0;
/// A pattern of dashes needs the length of two of its periods.
const KEY_STROKE: f64 = 56.0;

fn key_room(key: LegendKey) -> f64 {
    if matches!(key, LegendKey::Stroke(_)) { KEY_STROKE } else { KEY }
}

impl Head {
    fn new<C: Chart + ?Sized>(chart: &C, theme: Theme, room: f64) -> Head {
        let titles = chart.titles();
        let mut legend = Vec::new();
        let (mut x, mut row) = (0.0, 0);
        let items = if chart.is_empty() { Vec::new() } else { chart.legend() };
        for item in items {
            let key = key_room(item.key);
            let name = text::wrapped(&item.name, theme.small, false, room - key - 4.0, 2);
            let widest = name.iter().map(|l| text::width(l, theme.small, false)).fold(0.0, f64::max);
            let entry = key + widest + theme.small * 1.6;
            if x > 0.0 && (x + entry > room + theme.small * 1.6 || name.len() > 1) {
                (x, row) = (0.0, row + 1);
            }
            // A name of two lines has its rows to itself.
            let next = if name.len() > 1 { (0.0, row + 2) } else { (x + entry, row) };
            legend.push((item, name, x, row));
            (x, row) = next;
        }
        let legend_rows = match legend.last() {
            Some((_, name, _, row)) => row + name.len().max(1),
            None => 0,
        };
        Head {
            title: text::wrapped(&titles.title, theme.title, true, room, 2),
            subtitle: text::wrapped(&titles.subtitle, theme.label, false, room, 3),
            note: text::wrapped(&titles.note, theme.small, false, room, 3),
            legend_rows,
            legend,
        }
    }

    fn top(&self, theme: Theme) -> f64 {
        let gap = |lines: usize, px: f64| if lines == 0 { 0.0 } else { px };
        self.title.len() as f64 * Theme::line(theme.title)
            + self.subtitle.len() as f64 * Theme::line(theme.label)
            + gap(self.legend_rows, 8.0)
            + self.legend_rows as f64 * theme.small * 1.6
            + 14.0
    }

    fn bottom(&self, theme: Theme) -> f64 {
        if self.note.is_empty() { 0.0 } else { self.note.len() as f64 * Theme::line(theme.small) + 8.0 }
    }
}

/// Width and height that a chart needs with its words, when it is `width` pixels wide or wider.
pub(super) fn least_size<C: Chart + ?Sized>(chart: &C, theme: Theme, width: f64) -> (f64, f64) {
    let around = 2.0 * margin(theme);
    let (body_width, body_height) = if chart.is_empty() { (200.0, 120.0) } else { chart.least_body(theme) };
    let width = width.max(body_width + around);
    let head = Head::new(chart, theme, width - around);
    (body_width + around, body_height + head.top(theme) + head.bottom(theme) + around)
}

/// Draws the words, the legend and the body of a checked chart into `area`.
pub(super) fn draw<C: Chart + ?Sized>(canvas: &mut Canvas, chart: &C, area: Rect) {
    let theme = canvas.theme;
    let pad = margin(theme);
    let inner = area.without(pad, pad, pad, pad);
    let head = Head::new(chart, theme, inner.w);
    let mut y = inner.y + theme.title / 2.0;
    canvas.lines(&head.title, inner.x, y, Type::new(theme.title, Anchor::Start).bold());
    y += head.title.len() as f64 * Theme::line(theme.title) - theme.title / 2.0 + theme.label / 2.0;
    canvas.lines(&head.subtitle, inner.x, y, Type::new(theme.label, Anchor::Start).ink(SOFT_INK));
    y += head.subtitle.len() as f64 * Theme::line(theme.label) + 8.0;
    for (item, name, x, row) in &head.legend {
        draw_key(canvas, item, inner.x + x, y + *row as f64 * theme.small * 1.6, name);
    }
    if !head.note.is_empty() {
        let top = inner.bottom() - (head.note.len() as f64 - 0.5) * Theme::line(theme.small);
        canvas.lines(&head.note, inner.x, top, Type::new(theme.small, Anchor::Start).ink(SOFT_INK));
    }
    let body = inner.without(0.0, head.top(theme), 0.0, head.bottom(theme));
    if chart.is_empty() {
        draw_no_data(canvas, &chart.titles().no_data, body);
    } else {
        chart.draw_body(canvas, body);
    }
}

fn draw_key(canvas: &mut Canvas, item: &LegendItem, x: f64, y: f64, name: &[String]) {
    let size = canvas.theme.small;
    let half = size * 0.42;
    match item.key {
        LegendKey::Area => {
            canvas.rect(Rect { x, y: y - half, w: half * 2.0, h: half * 2.0 }, item.colour, 1.0);
        }
        LegendKey::Band => {
            canvas.rect(
                Rect { x, y: y - half, w: KEY - 8.0, h: half * 2.0 },
                item.colour,
                super::line::BAND_OPACITY,
            );
        }
        LegendKey::Line => canvas.line((x, y), (x + KEY - 8.0, y), item.colour, 3.0, false),
        LegendKey::Dashes => canvas.line((x, y), (x + KEY - 8.0, y), item.colour, 3.0, true),
        LegendKey::Dot => canvas.disc((x + half, y), half, item.colour, 1.0),
        LegendKey::Stroke(dash) => {
            canvas.polyline(&[(x, y), (x + KEY_STROKE - 8.0, y)], item.colour, 3.0, dash);
        }
        LegendKey::Mark(form, hollow) => canvas.mark(form, (x + half, y), half, item.colour, hollow),
    }
    canvas.lines(name, x + key_room(item.key), y, Type::new(size, Anchor::Start));
}

fn draw_no_data(canvas: &mut Canvas, reason: &str, body: Rect) {
    let size = canvas.theme.label;
    for (from, to) in [
        ((body.x, body.y), (body.right(), body.y)),
        ((body.right(), body.y), (body.right(), body.bottom())),
        ((body.right(), body.bottom()), (body.x, body.bottom())),
        ((body.x, body.bottom()), (body.x, body.y)),
    ] {
        canvas.line(from, to, AXIS, 1.0, true);
    }
    let reason = if reason.is_empty() { "the input has no values for this chart" } else { reason };
    let lines = text::wrapped(&format!("No data: {reason}"), size, false, body.w * 0.8, 4);
    let top = body.y + body.h / 2.0 - (lines.len() as f64 - 1.0) / 2.0 * Theme::line(size);
    canvas.lines(&lines, body.x + body.w / 2.0, top, Type::new(size, Anchor::Middle).ink(SOFT_INK));
}
