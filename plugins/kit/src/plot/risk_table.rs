//! The numbers at risk below a Kaplan–Meier chart, each under its tick.

use super::canvas::{Anchor, Canvas, Dash, Rect, Theme, Type};
use super::km_curve::KmCurve;
use super::palette::{Colour, SOFT_INK};
use super::scale::Scale;
use super::text;
use crate::report::thousands;

/// Length of the line that ties a row to its curve.
const KEY: f64 = 30.0;

/// Room for a heading and a row for each arm.
pub(super) fn height(arms: usize, theme: Theme) -> f64 {
    (arms as f64 + 1.0) * row(theme) + 10.0
}

fn row(theme: Theme) -> f64 {
    Theme::line(theme.small) * 1.15
}

/// The arms' names, shortened to their room.
pub(super) struct RiskTable {
    names: Vec<String>,
    room: f64,
}

impl RiskTable {
    pub(super) fn new(curves: &[KmCurve], theme: Theme, room: f64) -> RiskTable {
        let names: Vec<String> = curves
            .iter()
            .map(|c| text::shortened(&text::clean(&c.name), theme.small, false, room - KEY - 44.0))
            .collect();
        let widest = names.iter().map(|n| text::width(n, theme.small, false)).fold(0.0, f64::max);
        // The first number stands half its width to the left of the axis.
        let first = curves
            .iter()
            .map(|c| text::width(&number(c.number_at(0.0)), theme.small, false))
            .fold(0.0, f64::max);
        RiskTable { names, room: widest + KEY + first / 2.0 + 16.0 }
    }

    /// The room left of the axis that names and keys take.
    pub(super) fn names_room(&self) -> f64 {
        self.room
    }

    /// Draws the table below `plot`'s axis into the same columns.
    pub(super) fn draw(&self, canvas: &mut Canvas, curves: &[KmCurve], time: &Scale, area: Rect) {
        let theme = canvas.theme;
        let size = theme.small;
        let left = area.x - self.room;
        let mut y = area.y + row(theme) / 2.0 + 4.0;
        canvas.text("Number at risk", left, y, Type::new(size, Anchor::Start).bold());
        for (at, (curve, name)) in curves.iter().zip(&self.names).enumerate() {
            y += row(theme);
            canvas.polyline(&[(left, y), (left + KEY - 7.0, y)], Colour::series(at), 3.0, Dash::series(at));
            canvas.text(name, left + KEY, y, Type::new(size, Anchor::Start));
            let mut free_from = f64::NEG_INFINITY;
            for tick in time.ticks() {
                let x = time.place(tick, area.x, area.right());
                let label = number(curve.number_at(tick));
                let half = text::width(&label, size, false) / 2.0;
                if x - half >= free_from {
                    canvas.text(&label, x, y, Type::new(size, Anchor::Middle).ink(SOFT_INK));
                    free_from = x + half + size * 0.5;
                }
            }
        }
    }
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "–".to_owned(), |n| thousands(n as f64, 0))
}
