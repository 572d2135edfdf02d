//! Reads the time forms that trackers write.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::{rfc2822, strtime},
    tz::Offset,
};
use serde_json::Value;

/// The order of day and month in dates such as `03/12/2024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlashOrder {
    DayFirst,
    MonthFirst,
}

/// How times are read where they do not say it themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    /// Of times that name no zone.
    pub(super) offset: Offset,
    /// None: no date of the source tells, and such dates cannot be read.
    pub(super) slash_order: Option<SlashOrder>,
}

/// What a field held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Null, blank, or the year 1 that some tools write for "never".
    Missing,
    /// A time; `zoned` tells whether the text named its offset (a number of seconds counts as UTC).
    At {
        at: Timestamp,
        zoned: bool,
    },
    Unreadable,
}

/// Formats that name no zone, tried in this order. Jira's default is the first.
const LOCAL: [&str; 16] = [
    "%d/%b/%y %I:%M %p",
    "%d/%b/%y %H:%M",
    "%d/%b/%Y %I:%M %p",
    "%d/%b/%Y %H:%M",
    "%d/%b/%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%y %I:%M %p",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%b %d, %Y %I:%M %p",
    "%b %d, %Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
];

/// The same for dates alone.
const LOCAL_DATE: [&str; 8] =
    ["%d/%b/%y", "%d/%b/%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d.%m.%Y", "%Y/%m/%d", "%d %B %Y"];

impl Reader {
    /// What a field says.
    pub(super) fn read(&self, value: &Value) -> Read {
        let read = match value {
            Value::Null => Read::Missing,
            Value::Number(number) => match number.as_f64() {
                Some(number) => epoch(number),
                None => Read::Unreadable,
            },
            Value::String(text) => self.read_text(text.trim()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Read::Unreadable,
        };
        match read {
            Read::At { at, .. } if Offset::UTC.to_datetime(at).year() <= 1 => Read::Missing,
            other => other,
        }
    }

    fn read_text(&self, text: &str) -> Read {
        if text.is_empty() || matches!(text, "-" | "null" | "None" | "N/A" | "n/a") {
            return Read::Missing;
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if digits
            && text.len() >= 9
            && let Ok(number) = text.parse::<f64>()
        {
            return epoch(number);
        }
        let utc = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" GMT"));
        let zoned = utc.map(|t| format!("{t}Z"));
        let zoned = zoned.as_deref().unwrap_or(text);
        if let Ok(at) = zoned.parse::<Timestamp>() {
            return Read::At { at, zoned: true };
        }
        // ISO 8601 in the form of Jira and Ruby: a blank before the offset, or an offset of hours alone.
        if let Some(at) =
            strtime::parse("%Y-%m-%d %H:%M:%S %z", text).ok().and_then(|t| t.to_timestamp().ok())
        {
            return Read::At { at, zoned: true };
        }
        if let Ok(parsed) = rfc2822::parse(text) {
            return Read::At { at: parsed.timestamp(), zoned: true };
        }
        let local = self.local(text).or_else(|| utc.and_then(|t| self.local(t)));
        let offset = if utc.is_some() { Offset::UTC } else { self.offset };
        match local.and_then(|local| offset.to_timestamp(local).ok()) {
            Some(at) => Read::At { at, zoned: utc.is_some() },
            None => Read::Unreadable,
        }
    }

    fn local(&self, text: &str) -> Option<DateTime> {
        if let Ok(at) = text.parse::<DateTime>() {
            return Some(at);
        }
        if let Ok(date) = text.parse::<Date>() {
            return Some(date.to_datetime(jiff::civil::Time::midnight()));
        }
        let with_time = LOCAL.iter().find_map(|f| DateTime::strptime(f, text).ok());
        let with_date = || LOCAL_DATE.iter().find_map(|f| Date::strptime(f, text).ok());
        with_time
            .or_else(|| with_date().map(|date| date.to_datetime(jiff::civil::Time::midnight())))
            .or_else(|| self.slashed(text))
    }

    /// `3/12/2024 15:04`: readable only where the order of day and month is known.
    fn slashed(&self, text: &str) -> Option<DateTime> {
        let (date, time) = text.split_once([' ', ',']).unwrap_or((text, ""));
        let (first, second, year) = slash_parts(date)?;
        let (day, month) = match self.slash_order? {
            SlashOrder::DayFirst => (first, second),
            SlashOrder::MonthFirst => (second, first),
        };
        let year = if year < 100 { 2000 + year } else { year };
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let time = time.trim();
        let time = if time.is_empty() {
            jiff::civil::Time::midnight()
        } else {
            ["%I:%M %p", "%I:%M:%S %p", "%H:%M:%S", "%H:%M"]
                .iter()
                .find_map(|f| jiff::civil::Time::strptime(f, time).ok())?
        };
        Some(date.to_datetime(time))
    }
}

fn slash_parts(date: &str) -> Option<(u8, u8, i16)> {
    let mut parts = date.split('/');
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some((first.parse().ok()?, second.parse().ok()?, year.parse().ok()?))
}

/// The order that the numeric dates of a source show: one part above 12 tells it. None if no date tells, or if they
/// contradict each other.
pub(super) fn slash_order<'a>(texts: impl Iterator<Item = &'a str>) -> Option<SlashOrder> {
    let (mut day_first, mut month_first) = (false, false);
    for text in texts {
        let date = text.trim().split([' ', ',']).next().unwrap_or_default();
        if let Some((first, second, _)) = slash_parts(date) {
            day_first |= first > 12;
            month_first |= second > 12;
        }
    }
    match (day_first, month_first) {
        (true, false) => Some(SlashOrder::DayFirst),
        (false, true) => Some(SlashOrder::MonthFirst),
        _ => None,
    }
}

/// Seconds or milliseconds since 1970-01-01T00:00:00Z. Before March 1973 (10^8 s) a number is more likely a year or a
/// count than a time, and is not read.
fn epoch(number: f64) -> Read {
    let seconds = if number.abs() >= 1e11 { number / 1000.0 } else { number };
    if !(1e8..1e11).contains(&seconds) {
        return Read::Unreadable;
    }
    match Timestamp::from_second(seconds.floor() as i64) {
        Ok(at) => Read::At { at, zoned: true },
        Err(_) => Read::Unreadable,
    }
}

/// RFC 3339 in UTC, whole seconds (fractions are cut off).
pub(super) fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An offset such as `+02:00`, `-0530` or `Z`.
pub(super) fn offset(text: &str) -> Option<Offset> {
    let text = text.trim();
    if matches!(text, "Z" | "z" | "UTC") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|&c| c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn utc(value: &Value) -> String {
        let reader = Reader { offset: Offset::UTC, slash_order: None };
        match reader.read(value) {
            Read::At { at, .. } => rfc3339(at),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn reads_the_forms_of_trackers() {
        for (text, wanted) in [
            ("2024-03-12T15:04:05Z", "2024-03-12T15:04:05Z"),
            ("2024-03-12T15:04:05.999Z", "2024-03-12T15:04:05Z"),
            ("2024-03-12T15:04:05+02:00", "2024-03-12T13:04:05Z"),
            ("2024-03-12T15:04:05.000+0000", "2024-03-12T15:04:05Z"),
            ("2024-03-12T15:04:05.123-0530", "2024-03-12T20:34:05Z"),
            ("2024-03-12 15:04:05 +0100", "2024-03-12T14:04:05Z"),
            ("2024-03-12 15:04:05 UTC", "2024-03-12T15:04:05Z"),
            ("2024-03-12 15:04", "2024-03-12T15:04:00Z"),
            ("2024-03-12", "2024-03-12T00:00:00Z"),
            ("20240312", "2024-03-12T00:00:00Z"),
            ("12/Mar/24 3:04 PM", "2024-03-12T15:04:00Z"),
            ("12/Mar/24 12:00 AM", "2024-03-12T00:00:00Z"),
            ("12/Mar/2024 15:04", "2024-03-12T15:04:00Z"),
            ("12/Mar/24", "2024-03-12T00:00:00Z"),
            ("Tue, 12 Mar 2024 15:04:05 +0000", "2024-03-12T15:04:05Z"),
            ("12 Mar 2024 15:04", "2024-03-12T15:04:00Z"),
            ("Mar 12, 2024 3:04 PM", "2024-03-12T15:04:00Z"),
            ("12.03.2024 15:04", "2024-03-12T15:04:00Z"),
            ("1710255845", "2024-03-12T15:04:05Z"),
            ("1710255845000", "2024-03-12T15:04:05Z"),
            ("0001-01-01T00:00:00Z", "Missing"),
            ("  ", "Missing"),
            ("yesterday", "Unreadable"),
            ("2024-02-30T10:00:00Z", "Unreadable"),
            ("2024-13-01", "Unreadable"),
            ("2024", "Unreadable"),
            ("03/04/2024 10:00", "Unreadable"),
        ] {
            assert_eq!(utc(&json!(text)), wanted, "{text}");
        }
        assert_eq!(utc(&json!(1_710_255_845)), "2024-03-12T15:04:05Z");
        assert_eq!(utc(&json!(1_710_255_845_678_i64)), "2024-03-12T15:04:05Z");
        assert_eq!(utc(&json!(2024)), "Unreadable");
        assert_eq!(utc(&json!(null)), "Missing");
        assert_eq!(utc(&json!(true)), "Unreadable");
    }

    #[test]
    fn takes_the_offset_only_where_the_text_names_none() {
        let reader = Reader { offset: offset("+02:00").unwrap(), slash_order: None };
        let at = |text: &str| match reader.read(&json!(text)) {
            Read::At { at, zoned } => (rfc3339(at), zoned),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(at("12/Mar/24 3:04 PM"), ("2024-03-12T13:04:00Z".to_owned(), false));
        assert_eq!(at("2024-03-12T15:04:05Z"), ("2024-03-12T15:04:05Z".to_owned(), true));
        assert_eq!(at("2024-03-12 15:04:05 UTC"), ("2024-03-12T15:04:05Z".to_owned(), true));
        assert_eq!(offset("-0530").map(Offset::seconds), Some(-(5 * 3600 + 30 * 60)));
        assert_eq!(offset("2"), None);
        assert_eq!(offset("+99:00"), None);
    }

    #[test]
    fn numeric_dates_are_read_where_one_of_them_tells_the_order() {
        let order = slash_order(["03/04/2024 10:00", "25/04/2024 11:30"].into_iter());
        assert_eq!(order, Some(SlashOrder::DayFirst));
        let reader = Reader { offset: Offset::UTC, slash_order: order };
        let Read::At { at, .. } = reader.read(&json!("03/04/2024 10:00")) else { panic!() };
        assert_eq!(rfc3339(at), "2024-04-03T10:00:00Z");
        assert_eq!(slash_order(["03/25/24"].into_iter()), Some(SlashOrder::MonthFirst));
        assert_eq!(slash_order(["03/04/24", "05/06/24"].into_iter()), None);
        assert_eq!(slash_order(["13/04/24", "04/13/24"].into_iter()), None);
    }
}
