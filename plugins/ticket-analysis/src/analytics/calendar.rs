//! Days and weeks in UTC as whole numbers: a day is its number since 1970-01-01.

use jiff::{Timestamp, ToSpan, civil::Date};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Seconds since 1970-01-01T00:00:00Z of an RFC 3339 time.
pub(super) fn seconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// The day that a second falls on.
pub(super) fn day_of(second: i64) -> i64 {
    second.div_euclid(DAY)
}

/// The Monday of the day's week. 1970-01-01 was a Thursday.
pub(super) fn monday_of(day: i64) -> i64 {
    day - (day + 3).rem_euclid(7)
}

/// `2024-09-30`.
pub(super) fn iso(day: i64) -> String {
    Date::constant(1970, 1, 1)
        .checked_add(day.days())
        .map_or_else(|_| format!("day {day}"), |d| d.to_string())
}

/// `2024-09`, the month of a day.
pub(super) fn month(day: i64) -> String {
    iso(day).chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_start_on_monday_also_before_1970() {
        // 2024-09-30 was a Monday, 1969-12-29 too.
        let monday = day_of(seconds("2024-09-30T00:00:00Z").unwrap_or_default());
        assert_eq!(
            (monday_of(monday), monday_of(monday + 6), monday_of(monday - 1)),
            (monday, monday, monday - 7)
        );
        assert_eq!((monday_of(0), iso(monday_of(0)).as_str()), (-3, "1969-12-29"));
        assert_eq!((iso(monday).as_str(), month(monday).as_str()), ("2024-09-30", "2024-09"));
    }
}
