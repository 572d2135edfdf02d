//! Dates on an axis: ticks on calendar boundaries.

use jiff::civil::{Date, date};
use jiff::{Span, ToSpan as _};

use super::canvas::{Anchor, Canvas, Rect, Theme, Type};
use super::palette::{AXIS, GRID, SOFT_INK};
use super::text;

/// The number of days from 1970-01-01 to `day`: the x value of a date.
pub fn day_number(day: Date) -> f64 {
    let epoch = date(1970, 1, 1);
    // Two civil dates always differ by a number of days that fits.
    epoch.until(day).map_or(0.0, |span| f64::from(span.get_days()))
}

fn day_of(number: f64) -> Option<Date> {
    date(1970, 1, 1).checked_add(Span::new().try_days(number.round() as i64).ok()?).ok()
}

/// Whether the number is the day of a date that exists (years −9999 to 9999).
pub(super) fn is_date(number: f64) -> bool {
    number.abs() < 4e6 && day_of(number).is_some()
}

/// Distance between ticks.
#[derive(Clone, Copy)]
enum Every {
    Days(i64),
    Weeks(i64),
    Months(i64),
}

const STEPS: [Every; 15] = [
    Every::Days(1),
    Every::Days(2),
    Every::Weeks(1),
    Every::Weeks(2),
    Every::Months(1),
    Every::Months(2),
    Every::Months(3),
    Every::Months(6),
    Every::Months(12),
    Every::Months(24),
    Every::Months(60),
    Every::Months(120),
    Every::Months(600),
    Every::Months(1200),
    Every::Months(12000),
];

impl Every {
    fn days(self) -> f64 {
        match self {
            Every::Days(n) => n as f64,
            Every::Weeks(n) => n as f64 * 7.0,
            Every::Months(n) => n as f64 * 30.4,
        }
    }

    /// The first boundary at or after `from`: Mondays for weeks, the first of the month for months.
    fn first(self, from: Date) -> Option<Date> {
        let start = match self {
            Every::Days(_) => return Some(from),
            Every::Weeks(_) => {
                let ahead = (7 - i64::from(from.weekday().to_monday_zero_offset())) % 7;
                return from.checked_add(ahead.days()).ok();
            }
            Every::Months(n) => {
                let months = i64::from(from.year()) * 12 + i64::from(from.month()) - 1;
                let floor = months.div_euclid(n) * n;
                date(
                    i16::try_from(floor.div_euclid(12)).ok()?,
                    i8::try_from(floor.rem_euclid(12) + 1).ok()?,
                    1,
                )
            }
        };
        if start < from { self.next(start) } else { Some(start) }
    }

    fn next(self, day: Date) -> Option<Date> {
        let span = match self {
            Every::Days(n) => Span::new().try_days(n),
            Every::Weeks(n) => Span::new().try_days(n * 7),
            Every::Months(n) => Span::new().try_months(n),
        };
        day.checked_add(span.ok()?).ok()
    }

    fn label(self, day: Date) -> (String, Option<String>) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months[(day.month() as usize + 11) % 12];
        match self {
            Every::Days(_) | Every::Weeks(_) => {
                (format!("{} {month}", day.day()), Some(day.year().to_string()))
            }
            Every::Months(n) if n < 12 => (month.to_owned(), Some(day.year().to_string())),
            Every::Months(_) => (day.year().to_string(), None),
        }
    }
}

/// Height of the tick labels: two lines, the second for the year.
pub(super) fn room(theme: Theme) -> f64 {
    8.0 + 2.0 * Theme::line(theme.small)
}

/// Draws ticks for the days `lo` to `hi` along the bottom of `plot`, as dense as the labels allow; `place` maps a day
/// number to its x. The year stands under the first tick and wherever it changes.
pub(super) fn draw(canvas: &mut Canvas, lo: f64, hi: f64, plot: Rect, place: impl Fn(f64) -> f64) {
    let size = canvas.theme.small;
    let per_day = plot.w / (hi - lo).max(1e-9);
    let needed = text::width("30 May", size, false) + size * 1.2;
    let every = STEPS.into_iter().find(|s| s.days() * per_day >= needed).unwrap_or(Every::Months(12000));
    let Some(mut day) = day_of(lo.ceil()).and_then(|from| every.first(from)) else { return };
    let style = Type::new(size, Anchor::Middle).ink(SOFT_INK);
    let mut year = None;
    let top = plot.bottom() + 8.0 + size / 2.0;
    while day_number(day) <= hi {
        let x = place(day_number(day));
        canvas.line((x, plot.y), (x, plot.bottom()), GRID, 1.0, false);
        canvas.line((x, plot.bottom()), (x, plot.bottom() + 5.0), AXIS, 1.2, false);
        let (first, second) = every.label(day);
        canvas.text(&first, x, top, style);
        if year != second {
            canvas.text(second.as_deref().unwrap_or(""), x, top + Theme::line(size), style);
            year = second;
        }
        match every.next(day) {
            Some(next) if next > day => day = next,
            _ => break,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_are_days_since_1970() {
        assert_eq!(day_number(date(1970, 1, 2)), 1.0);
        assert_eq!(day_number(date(2024, 2, 29)), 19782.0);
        assert_eq!(day_number(date(1969, 12, 31)), -1.0);
        assert_eq!(day_of(19782.0).unwrap(), date(2024, 2, 29));
    }

    #[test]
    fn ticks_start_on_calendar_boundaries() {
        assert_eq!(Every::Weeks(1).first(date(2024, 5, 1)).unwrap(), date(2024, 5, 6));
        assert_eq!(Every::Months(3).first(date(2024, 5, 1)).unwrap(), date(2024, 7, 1));
        assert_eq!(Every::Months(12).first(date(2024, 1, 1)).unwrap(), date(2024, 1, 1));
    }
}
