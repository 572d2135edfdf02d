//! When a schedule is due: a cron expression in a time zone.
//!
//! Where the clock goes forward, a fixed time that does not exist (`30 2 * * *`) is due at the first moment after the gap,
//! and what recurs (`*/10 * * * *`) leaves the gap out. Where it goes back, a fixed time is due once, the first time, and
//! what recurs is due in both hours.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp as Instant, Zoned, tz::TimeZone};

use crate::model::{Problem, Timestamp};

/// The longest expression, in bytes: its search is as long as what it names.
const CRON_BYTES: usize = 256;

/// The times that a cron expression means in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    cron: Cron,
    zone: TimeZone,
}

impl Calendar {
    /// Read both.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn new(cron: &str, time_zone: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let parsed = parse(cron).map_err(|message| problems.push(Problem::new("/cron", message))).ok();
        let zone = TimeZone::get(time_zone).map_err(|_| {
            let message = format!(
                "there is no time zone {time_zone:?}; give one of the IANA database, such as Europe/Berlin or UTC"
            );
            problems.push(Problem::new("/time_zone", message));
        });
        match (parsed, zone) {
            (Some(cron), Ok(zone)) => Ok(Self { cron, zone }),
            _ => Err(problems),
        }
    }

    /// The first time after that moment; none if there will never be one.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_next_occurrence(&self.at(after)?, false).ok()?;
        Some(timestamp(&found)).filter(|found| *found > after)
    }

    /// The next times after that moment.
    pub(super) fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next(after), |last| self.next(*last)).take(count).collect()
    }

    /// The last times up to that moment and not before `from`, the oldest first; of more than `limit` the latest.
    pub(super) fn past(&self, from: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
        let Some(mut at) = self.at(until) else { return Vec::new() };
        let (mut found, mut inclusive) = (Vec::new(), true);
        while found.len() < limit
            && let Ok(earlier) = self.cron.find_previous_occurrence(&at, inclusive)
            && timestamp(&earlier) >= from
        {
            found.push(timestamp(&earlier));
            (at, inclusive) = (earlier, false);
        }
        found.reverse();
        found
    }

    /// A moment on the zone's clock, without the fraction of its second: cron knows none.
    fn at(&self, moment: Timestamp) -> Option<Zoned> {
        let seconds = moment.as_micros().div_euclid(1_000_000);
        Some(Instant::from_second(seconds).ok()?.to_zoned(self.zone.clone()))
    }
}

fn timestamp(at: &Zoned) -> Timestamp {
    Timestamp::from_micros(at.timestamp().as_microsecond())
}

fn parse(cron: &str) -> Result<Cron, String> {
    if cron.len() > CRON_BYTES {
        return Err(format!("{} bytes; an expression has at most {CRON_BYTES}", cron.len()));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(cron).map_err(|error| {
        format!(
            "{cron:?} is no cron expression ({error}); give five fields (minute, hour, day of the month, month, weekday), \
             six with the second first, or @hourly, @daily, @weekly, @monthly, @yearly"
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin(cron: &str) -> Calendar {
        Calendar::new(cron, "Europe/Berlin").unwrap()
    }

    fn shown(times: &[Timestamp]) -> Vec<String> {
        times.iter().map(|time| time.to_string().replace(".000000", "")).collect()
    }

    #[test]
    fn five_fields_six_fields_and_nicknames_are_read() {
        let after = at("2026-01-01T00:00:00.5Z");
        for (cron, next) in [
            ("0 9 * * 1-5", "2026-01-01T08:00:00Z"),
            ("15 0 9 * * MON-FRI", "2026-01-01T08:00:15Z"),
            ("* * * * * *", "2026-01-01T00:00:01Z"),
            ("0 0 L * *", "2026-01-30T23:00:00Z"),
            ("@hourly", "2026-01-01T01:00:00Z"),
            ("@daily", "2026-01-01T23:00:00Z"),
            ("@weekly", "2026-01-03T23:00:00Z"),
            ("@monthly", "2026-01-31T23:00:00Z"),
            ("@yearly", "2026-12-31T23:00:00Z"),
        ] {
            assert_eq!(shown(&berlin(cron).upcoming(after, 1)), [next], "{cron}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_all_at_once() {
        let problems = Calendar::new("61 * * * *", "Europe/Atlantis").unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["/cron", "/time_zone"]);
        assert!(problems[0].message.contains("61 * * * *"), "{}", problems[0].message);
        assert!(problems[1].message.contains("Europe/Atlantis"), "{}", problems[1].message);
        for cron in ["", "* * *", "* * * * * * *", "0 25 * * *", "tomorrow", &"*".repeat(300)] {
            assert!(Calendar::new(cron, "UTC").is_err(), "{cron}");
        }
        assert!(Calendar::new("@daily", "").is_err());
    }

    #[test]
    fn what_is_never_due_has_no_next_time() {
        assert_eq!(berlin("0 0 31 2 *").next(at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn a_time_that_does_not_exist_is_the_first_after_the_gap() {
        // In Berlin 02:00 becomes 03:00 on 2026-03-29.
        let day_before = at("2026-03-28T12:00:00Z");
        let found = shown(&berlin("30 2 * * *").upcoming(day_before, 2));
        assert_eq!(found, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let found = shown(&berlin("*/30 * * * *").upcoming(at("2026-03-29T00:15:00Z"), 3));
        assert_eq!(found, ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
    }

    #[test]
    fn a_time_that_exists_twice_is_due_once_unless_it_recurs() {
        // In Berlin 03:00 becomes 02:00 again on 2026-10-25.
        let day_before = at("2026-10-24T12:00:00Z");
        let found = shown(&berlin("30 2 * * *").upcoming(day_before, 2));
        assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let found = shown(&berlin("30 * * * *").upcoming(at("2026-10-24T23:45:00Z"), 3));
        assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]);
    }

    #[test]
    fn of_the_times_that_were_missed_the_latest_are_taken() {
        let hourly = berlin("0 * * * *");
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T03:59:59.9Z"));
        let all =
            ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"];
        assert_eq!(shown(&hourly.past(from, until, 10)), all);
        assert_eq!(shown(&hourly.past(from, until, 2)), all[2..]);
        assert_eq!(shown(&hourly.past(until, until, 2)), [""; 0]);
    }

    proptest! {
        // What is due must not depend on whether one looks ahead to it or back at it, whatever the clock does.
        #[test]
        fn looking_back_finds_what_looking_ahead_found(
            day in 0i64..800,
            second in 0i64..86_400,
            cron in prop::sample::select(vec!["*/20 * * * *", "30 2 * * *", "0 0 * * 0", "5,35 1-3 * * *", "15 30 2 L * *"]),
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
        ) {
            let calendar = Calendar::new(cron, zone).unwrap();
            let from = Timestamp::from_micros((1_735_689_600 + day * 86_400 + second) * 1_000_000);
            let ahead = calendar.upcoming(from, 20);
            prop_assert_eq!(ahead.len(), 20);
            prop_assert!(ahead.is_sorted() && ahead[0] > from);
            prop_assert_eq!(calendar.past(ahead[0], ahead[19], 100), ahead);
        }
    }
}
