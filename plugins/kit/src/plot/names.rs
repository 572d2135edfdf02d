//! Names along a horizontal axis: level where they fit, else turned.

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::text;

/// Slope of turned names, in degrees.
const SLOPE: f64 = 40.0;

/// How names stand, one below each slot.
pub(super) enum Names {
    Level(Vec<Vec<String>>),
    Turned { labels: Vec<String>, degrees: f64 },
}

impl Names {
    /// The way that leaves every name whole in slots of this width; turned names are at most `longest` pixels long.
    pub(super) fn choose(names: &[String], theme: Theme, slot: f64, longest: f64) -> Names {
        let size = theme.small;
        let room = slot - 8.0;
        let level: Vec<Vec<String>> = names.iter().map(|c| text::wrapped(c, size, false, room, 3)).collect();
        // Level only if no word is broken or shortened.
        let whole = names.iter().zip(&level).all(|(c, lines)| lines.join(" ") == text::clean(c));
        if whole {
            return Names::Level(level);
        }
        let degrees = if slot >= Theme::line(size) / SLOPE.to_radians().sin() { SLOPE } else { 90.0 };
        let labels = names.iter().map(|c| text::shortened(&text::clean(c), size, false, longest)).collect();
        Names::Turned { labels, degrees }
    }

    /// The room the names need below the plot.
    pub(super) fn height(&self, size: f64) -> f64 {
        match self {
            Names::Level(names) => {
                names.iter().map(Vec::len).max().unwrap_or(1) as f64 * Theme::line(size) + size * 0.6
            }
            Names::Turned { degrees, .. } => self.longest(size) * degrees.to_radians().sin() + size * 1.4,
        }
    }

    /// How far the first label reaches to the left of its bar's middle.
    pub(super) fn reach_left(&self, size: f64) -> f64 {
        match self {
            Names::Level(_) => 0.0,
            Names::Turned { labels, degrees } => {
                labels.first().map_or(0.0, |l| text::width(l, size, false)) * degrees.to_radians().cos()
            }
        }
    }

    fn longest(&self, size: f64) -> f64 {
        match self {
            Names::Level(_) => 0.0,
            Names::Turned { labels, .. } => {
                labels.iter().map(|l| text::width(l, size, false)).fold(0.0, f64::max)
            }
        }
    }

    /// Draws the names below `plot`, whose slots are `slot` pixels wide.
    pub(super) fn draw(&self, canvas: &mut Canvas, plot: Rect, slot: f64) {
        let size = canvas.theme.small;
        let middle = |at: usize| plot.x + slot * (at as f64 + 0.5);
        match self {
            Names::Level(names) => {
                for (at, lines) in names.iter().enumerate() {
                    canvas.lines(lines, middle(at), plot.bottom() + size, Type::new(size, Anchor::Middle));
                }
            }
            Names::Turned { labels, degrees } => {
                for (at, label) in labels.iter().enumerate() {
                    let style = Type::new(size, Anchor::End).turned(-degrees);
                    canvas.text(label, middle(at), plot.bottom() + size * 0.8, style);
                }
            }
        }
    }
}
