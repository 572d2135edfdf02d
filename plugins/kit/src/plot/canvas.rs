//! What charts draw on: a few shapes and text in pixel coordinates, collected as an SVG document.

use svg::node::element::{Circle, Group, Line, Polygon, Polyline, Rectangle, Text, Title};
use svg::{Document, Node};

use super::palette::{Colour, INK, PAPER};
use super::text;

/// The family name inside the embedded font; browsers without it take their own sans-serif.
pub(super) const FONT_FAMILY: &str = "Noto Sans";

/// A rectangle in pixels; y grows downward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, not negative.
    pub w: f64,
    /// Height, not negative.
    pub h: f64,
}

impl Rect {
    /// The right edge.
    pub fn right(&self) -> f64 {
        self.x + self.w
    }

    /// The bottom edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }

    /// The same rectangle with so many pixels taken off each side.
    pub fn without(&self, left: f64, top: f64, right: f64, bottom: f64) -> Rect {
        Rect {
            x: self.x + left,
            y: self.y + top,
            w: (self.w - left - right).max(0.0),
            h: (self.h - top - bottom).max(0.0),
        }
    }

    pub(super) fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

/// Type sizes in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theme {
    /// The title, bold.
    pub title: f64,
    /// Subtitle, axis titles, legend.
    pub label: f64,
    /// Tick labels, value labels, notes.
    pub small: f64,
}

impl Theme {
    /// For a chart which has the picture to itself.
    pub const FIGURE: Theme = Theme { title: 27.0, label: 18.0, small: 16.0 };
    /// For one panel of several.
    pub const PANEL: Theme = Theme { title: 20.0, label: 15.5, small: 14.0 };

    /// Height of a line of text of this size.
    pub fn line(size: f64) -> f64 {
        size * 1.28
    }
}

/// Where text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How text is set. `y` of the drawing call is the vertical middle of the capitals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) ink: Colour,
    pub(super) anchor: Anchor,
    /// Degrees, clockwise, around the point.
    pub(super) turn: f64,
}

impl Type {
    pub(super) fn new(size: f64, anchor: Anchor) -> Type {
        Type { size, bold: false, ink: INK, anchor, turn: 0.0 }
    }

    pub(super) fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    pub(super) fn ink(self, ink: Colour) -> Type {
        Type { ink, ..self }
    }

    pub(super) fn turned(self, turn: f64) -> Type {
        Type { turn, ..self }
    }
}

/// How a line is broken, so that lines can be told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// A dash and a dot.
    DashDot,
    /// Long dashes.
    Long,
    /// A long dash and two dots.
    LongDotDot,
}

impl Dash {
    /// The pattern of the `index`-th series; six differ, then they repeat.
    pub(super) fn series(index: usize) -> Dash {
        match index % 6 {
            0 => Dash::Solid,
            1 => Dash::Dashed,
            2 => Dash::Dotted,
            3 => Dash::DashDot,
            4 => Dash::Long,
            _ => Dash::LongDotDot,
        }
    }

    fn pattern(self) -> Option<&'static str> {
        match self {
            Dash::Solid => None,
            Dash::Dashed => Some("9 5"),
            Dash::Dotted => Some("3 3"),
            Dash::DashDot => Some("11 4 3 4"),
            Dash::Long => Some("17 5"),
            Dash::LongDotDot => Some("15 4 3 4 3 4"),
        }
    }
}

/// The form of a mark, so that series of points can be told apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Disc,
    /// A triangle on its base.
    Triangle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle on its tip.
    TriangleDown,
    /// A hexagon.
    Hexagon,
}

impl Mark {
    /// The form of the `index`-th series; six differ, then they repeat.
    pub(super) fn series(index: usize) -> Mark {
        match index % 6 {
            0 => Mark::Disc,
            1 => Mark::Triangle,
            2 => Mark::Square,
            3 => Mark::Diamond,
            4 => Mark::TriangleDown,
            _ => Mark::Hexagon,
        }
    }
}

/// An SVG document in the making.
pub struct Canvas {
    document: Group,
    width: f64,
    height: f64,
    /// Type sizes of what is being drawn.
    pub(super) theme: Theme,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64, theme: Theme) -> Canvas {
        let mut canvas = Canvas { document: Group::new(), width, height, theme };
        canvas.rect(Rect { x: 0.0, y: 0.0, w: width, h: height }, PAPER, 1.0);
        canvas
    }

    /// The finished document; `title` is what a screen reader reads for it.
    pub(super) fn into_svg(self, title: &str) -> String {
        let document = Document::new()
            .set("width", px(self.width))
            .set("height", px(self.height))
            .set("viewBox", format!("0 0 {} {}", px(self.width), px(self.height)))
            .set("role", "img")
            .set("font-family", format!("{FONT_FAMILY}, Arial, Helvetica, sans-serif"))
            .add(Title::new(text::clean(title)))
            .add(self.document);
        format!("{document}\n")
    }

    pub(super) fn rect(&mut self, area: Rect, fill: Colour, opacity: f64) {
        let shape = Rectangle::new()
            .set("x", px(area.x))
            .set("y", px(area.y))
            .set("width", px(area.w))
            .set("height", px(area.h))
            .set("fill", fill.hex());
        self.add_with_opacity(shape, opacity);
    }

    pub(super) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        stroke: Colour,
        thickness: f64,
        dashed: bool,
    ) {
        let mut shape = Line::new()
            .set("x1", px(from.0))
            .set("y1", px(from.1))
            .set("x2", px(to.0))
            .set("y2", px(to.1))
            .set("stroke", stroke.hex())
            .set("stroke-width", px(thickness));
        if dashed {
            shape = shape.set("stroke-dasharray", "7 5");
        }
        self.add(shape);
    }

    pub(super) fn polyline(&mut self, points: &[(f64, f64)], stroke: Colour, thickness: f64, dash: Dash) {
        let mut shape = Polyline::new()
            .set("points", joined(points))
            .set("fill", "none")
            .set("stroke", stroke.hex())
            .set("stroke-width", px(thickness))
            .set("stroke-linejoin", "round")
            .set("stroke-linecap", "butt");
        if let Some(pattern) = dash.pattern() {
            shape = shape.set("stroke-dasharray", pattern);
        }
        self.add(shape);
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: Colour, opacity: f64) {
        let shape = Polygon::new().set("points", joined(points)).set("fill", fill.hex());
        self.add_with_opacity(shape, opacity);
    }

    /// A disc with a white rim, so that discs which overlap stay countable.
    pub(super) fn disc(&mut self, centre: (f64, f64), radius: f64, fill: Colour, opacity: f64) {
        let shape = Circle::new()
            .set("cx", px(centre.0))
            .set("cy", px(centre.1))
            .set("r", px(radius))
            .set("fill", fill.hex())
            .set("stroke", PAPER.hex())
            .set("stroke-width", "1.2");
        self.add_with_opacity(shape, opacity);
    }

    /// A mark of the given form, about `radius` wide from its centre; hollow marks have a white inside.
    pub(super) fn mark(&mut self, form: Mark, (x, y): (f64, f64), radius: f64, ink: Colour, hollow: bool) {
        let scaled = |corners: &[(f64, f64)]| -> Vec<(f64, f64)> {
            corners.iter().map(|(dx, dy)| (x + dx * radius, y + dy * radius)).collect()
        };
        let (fill, rim) = if hollow { (PAPER, ink) } else { (ink, PAPER) };
        let thickness = if hollow { "2" } else { "1.2" };
        let corners = match form {
            Mark::Disc => {
                let shape = Circle::new()
                    .set("cx", px(x))
                    .set("cy", px(y))
                    .set("r", px(radius))
                    .set("fill", fill.hex())
                    .set("stroke", rim.hex())
                    .set("stroke-width", thickness);
                self.add(shape);
                return;
            }
            // Areas are made alike to a disc's, so that no arm looks heavier.
            Mark::Triangle => scaled(&[(0.0, -1.25), (1.2, 0.85), (-1.2, 0.85)]),
            Mark::Square => scaled(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
            Mark::Diamond => scaled(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            Mark::TriangleDown => scaled(&[(0.0, 1.25), (1.2, -0.85), (-1.2, -0.85)]),
            Mark::Hexagon => {
                scaled(&[(1.1, 0.0), (0.55, 0.95), (-0.55, 0.95), (-1.1, 0.0), (-0.55, -0.95), (0.55, -0.95)])
            }
        };
        let shape = Polygon::new()
            .set("points", joined(&corners))
            .set("fill", fill.hex())
            .set("stroke", rim.hex())
            .set("stroke-width", thickness)
            .set("stroke-linejoin", "round");
        self.add(shape);
    }

    /// A rectangle with an outline.
    pub(super) fn boxed(&mut self, area: Rect, fill: Colour, stroke: Colour, thickness: f64, corner: f64) {
        let shape = Rectangle::new()
            .set("x", px(area.x))
            .set("y", px(area.y))
            .set("width", px(area.w))
            .set("height", px(area.h))
            .set("rx", px(corner))
            .set("fill", fill.hex())
            .set("stroke", stroke.hex())
            .set("stroke-width", px(thickness));
        self.add(shape);
    }

    /// A line that ends in an arrow head at `to`.
    pub(super) fn arrow(&mut self, from: (f64, f64), to: (f64, f64), stroke: Colour, thickness: f64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length <= 0.0 {
            return;
        }
        let (ux, uy) = (dx / length, dy / length);
        let head = (thickness * 5.0).min(length);
        let base = (to.0 - ux * head, to.1 - uy * head);
        self.line(from, base, stroke, thickness, false);
        let half = head * 0.5;
        let corners =
            [to, (base.0 - uy * half, base.1 + ux * half), (base.0 + uy * half, base.1 - ux * half)];
        self.polygon(&corners, stroke, 1.0);
    }

    /// One line of text, its capitals centred on `y`.
    pub(super) fn text(&mut self, content: &str, x: f64, y: f64, style: Type) {
        let content = text::clean(content);
        if content.is_empty() {
            return;
        }
        // Half the capitals' height of the font (1,462 of 2,048 units).
        let drop = style.size * 0.357;
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let mut shape = Text::new(content)
            .set("x", px(x))
            .set("y", px(y + drop))
            .set("font-size", px(style.size))
            .set("fill", style.ink.hex())
            .set("text-anchor", anchor);
        if style.bold {
            shape = shape.set("font-weight", "bold");
        }
        if style.turn != 0.0 {
            shape = shape.set("transform", format!("rotate({} {} {})", px(style.turn), px(x), px(y)));
        }
        self.add(shape);
    }

    /// Several lines of text, the first one's capitals centred on `y`.
    pub(super) fn lines(&mut self, content: &[String], x: f64, y: f64, style: Type) {
        for (at, line) in content.iter().enumerate() {
            self.text(line, x, y + at as f64 * Theme::line(style.size), style);
        }
    }

    fn add(&mut self, shape: impl Node) {
        self.document.append(shape);
    }

    fn add_with_opacity(&mut self, mut shape: impl Node, opacity: f64) {
        if opacity < 1.0 {
            shape.assign("fill-opacity", px(opacity));
        }
        self.add(shape);
    }
}

/// Hundredths of a pixel are more than enough, and keep the file small.
fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn joined(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", px(*x), px(*y))).collect::<Vec<_>>().join(" ")
}
