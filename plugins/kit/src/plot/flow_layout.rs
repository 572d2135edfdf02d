//! Where the boxes and arrows of a participant flow diagram go.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::flow::{FlowBox, FlowDiagram};
use super::palette::{Colour, INK, PAPER};
use super::text;

/// White space inside a box.
const PAD: f64 = 11.0;
/// Room between boxes, for an arrow to be seen.
const GAP: f64 = 34.0;
/// Room for the labels of the stages at the left, with their gap.
const LABELS: f64 = 54.0;
const LABEL_FILL: Colour = Colour(0xdc, 0xe8, 0xf3);
const LABEL_RIM: Colour = Colour(0x5b, 0x9d, 0xc9);

/// A box with its words wrapped, at its place.
struct Placed {
    area: Rect,
    heading: Vec<String>,
    lines: Vec<String>,
}

impl Placed {
    /// The box at a place and width; its height is what the words need.
    fn new(source: &FlowBox, x: f64, y: f64, w: f64, size: f64) -> Placed {
        let room = w - 2.0 * PAD;
        let heading = text::wrapped(&source.heading, size, true, room, 6);
        let mut lines = Vec::new();
        for line in &source.lines {
            for (at, part) in text::wrapped(line, size, false, room - size, 6).into_iter().enumerate() {
                lines.push(if at == 0 { format!("• {part}") } else { format!("   {part}") });
            }
        }
        let h = (heading.len() + lines.len()) as f64 * Theme::line(size) + 2.0 * PAD;
        Placed { area: Rect { x, y, w, h }, heading, lines }
    }

    fn draw(&self, canvas: &mut Canvas, shift: (f64, f64)) {
        let size = canvas.theme.small;
        let area = Rect { x: self.area.x + shift.0, y: self.area.y + shift.1, ..self.area };
        canvas.boxed(area, PAPER, INK, 1.4, 3.0);
        let mut y = area.y + PAD + Theme::line(size) / 2.0;
        let (x, anchor) = if self.lines.is_empty() {
            (area.x + area.w / 2.0, Anchor::Middle)
        } else {
            (area.x + PAD, Anchor::Start)
        };
        // A box stretched to its row has its words at the top, as its neighbours have.
        let free = area.h - 2.0 * PAD - (self.heading.len() + self.lines.len()) as f64 * Theme::line(size);
        if self.lines.is_empty() {
            y += free / 2.0;
        }
        canvas.lines(&self.heading, x, y, Type::new(size, anchor).bold());
        y += self.heading.len() as f64 * Theme::line(size);
        for line in &self.lines {
            let indent = if line.starts_with('•') { 0.0 } else { size * 0.62 };
            canvas.text(line, x + indent, y, Type::new(size, Anchor::Start));
            y += Theme::line(size);
        }
    }
}

/// The diagram laid out from its own origin.
pub(super) struct Plan {
    pub(super) width: f64,
    pub(super) height: f64,
    boxes: Vec<Placed>,
    arrows: Vec<((f64, f64), (f64, f64))>,
    lines: Vec<((f64, f64), (f64, f64))>,
    labels: Vec<(String, Rect)>,
}

impl Plan {
    pub(super) fn new(flow: &FlowDiagram, theme: Theme) -> Plan {
        let arms = flow.arms();
        let column = match arms {
            0..=2 => 330.0,
            3 => 290.0,
            4 => 262.0,
            _ => 240.0,
        };
        let gap = 26.0;
        let columns = (arms.max(1) as f64) * (column + gap) - gap;
        // Trunk and side box stand side by side.
        let body = columns.max(700.0);
        let labelled = !flow.enrolment.is_empty() || flow.stages.iter().any(|s| !s.label.is_empty());
        let left = if labelled { LABELS } else { 0.0 };
        let mut plan = Plan {
            width: left + body,
            height: 0.0,
            boxes: Vec::new(),
            arrows: Vec::new(),
            lines: Vec::new(),
            labels: Vec::new(),
        };
        let middle = left + body / 2.0;
        let y = plan.trunk(flow, theme, (left, middle, body));
        plan.stages(flow, theme, (left + (body - columns) / 2.0, column, gap), middle, y);
        plan
    }

    /// Places the boxes that all go through; the bottom of the last one, or 0 without any.
    fn trunk(&mut self, flow: &FlowDiagram, theme: Theme, (left, middle, body): (f64, f64, f64)) -> f64 {
        let size = theme.small;
        let width = 340.0_f64.min(body * 0.5);
        let mut y = 0.0;
        let mut bottom = 0.0;
        for (at, (through, side)) in flow.trunk.iter().enumerate() {
            let placed = Placed::new(through, middle - width / 2.0, y, width, size);
            bottom = placed.area.bottom();
            self.boxes.push(placed);
            let goes_on = at + 1 < flow.trunk.len() || !flow.stages.is_empty();
            let mut next = bottom + GAP;
            if let Some(side) = side {
                let x = middle + 36.0;
                let placed = Placed::new(side, x, bottom + GAP * 0.55, left + body - x, size);
                let y = placed.area.y + placed.area.h / 2.0;
                next = placed.area.bottom() + GAP * 0.55;
                self.arrows.push(((middle, y), (x, y)));
                if !goes_on {
                    self.lines.push(((middle, bottom), (middle, y)));
                }
                bottom = placed.area.bottom();
                self.boxes.push(placed);
            }
            if goes_on {
                let from = self.boxes.iter().rev().find(|b| b.area.x < middle).map_or(y, |b| b.area.bottom());
                if at + 1 < flow.trunk.len() {
                    self.arrows.push(((middle, from), (middle, next)));
                } else {
                    self.lines.push(((middle, from), (middle, next)));
                }
            }
            y = next;
        }
        if bottom > 0.0 && !flow.enrolment.is_empty() {
            self.labels.push((flow.enrolment.clone(), Rect { x: 0.0, y: 0.0, w: LABELS - 20.0, h: bottom }));
        }
        self.height = bottom;
        if flow.trunk.is_empty() { 0.0 } else { y }
    }

    fn stages(
        &mut self,
        flow: &FlowDiagram,
        theme: Theme,
        (left, column, gap): (f64, f64, f64),
        middle: f64,
        top: f64,
    ) {
        let size = theme.small;
        let arms = flow.arms();
        let centre = |arm: usize| left + arm as f64 * (column + gap) + column / 2.0;
        let mut y = top;
        if top > 0.0 && arms > 0 {
            let (first, last) = (centre(0), centre(arms - 1));
            self.lines.push(((first.min(middle), top), (last.max(middle), top)));
            y = top + GAP * 0.8;
            for arm in 0..arms {
                self.arrows.push(((centre(arm), top), (centre(arm), y)));
            }
        }
        for (at, stage) in flow.stages.iter().enumerate() {
            let mut placed: Vec<Placed> = stage
                .boxes
                .iter()
                .enumerate()
                .map(|(arm, source)| Placed::new(source, centre(arm) - column / 2.0, y, column, size))
                .collect();
            // The label stands upright and must fit beside its row.
            let label = text::width(&text::clean(&stage.label), size, true) + 14.0;
            let height = placed.iter().map(|b| b.area.h).fold(label.min(150.0), f64::max);
            for one in &mut placed {
                one.area.h = height;
            }
            self.boxes.extend(placed);
            if !stage.label.is_empty() {
                self.labels.push((stage.label.clone(), Rect { x: 0.0, y, w: LABELS - 20.0, h: height }));
            }
            self.height = y + height;
            if at + 1 < flow.stages.len() {
                for arm in 0..arms {
                    self.arrows.push(((centre(arm), y + height), (centre(arm), y + height + GAP)));
                }
            }
            y += height + GAP;
        }
    }

    /// Draws the diagram into the middle of `area`.
    pub(super) fn draw(&self, canvas: &mut Canvas, area: Rect) {
        let shift = (area.x + ((area.w - self.width) / 2.0).max(0.0), area.y);
        let at = |(x, y): (f64, f64)| (x + shift.0, y + shift.1);
        for (from, to) in &self.lines {
            canvas.line(at(*from), at(*to), INK, 1.6, false);
        }
        for (from, to) in &self.arrows {
            canvas.arrow(at(*from), at(*to), INK, 1.6);
        }
        for placed in &self.boxes {
            placed.draw(canvas, shift);
        }
        let size = canvas.theme.small;
        for (label, place) in &self.labels {
            let place = Rect { x: place.x + shift.0, y: place.y + shift.1, ..*place };
            canvas.boxed(place, LABEL_FILL, LABEL_RIM, 1.2, 6.0);
            let words = text::shortened(&text::clean(label), size, true, place.h - 8.0);
            let style = Type::new(size, Anchor::Middle).bold().turned(-90.0);
            canvas.text(&words, place.x + place.w / 2.0, place.y + place.h / 2.0, style);
        }
    }
}
