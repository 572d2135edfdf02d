//! Hours of business: how much of the time between two instants counts, and when a number of hours will be over.
//!
//! Opening hours are local times. An interval's length is the real time between the instants at which its local ends
//! fall, so a day on which the clocks change is as long as it really is. A local time that the clocks skip or repeat
//! is read as RFC 5545 does (the offset from before a gap, the earlier of a repetition).

use std::collections::BTreeSet;

use heddle_sdk::Problem;
use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use super::policy::{DayHours, SlaPolicy};

/// How far ahead a deadline is looked for: a year without an open hour has none.
const REACH_DAYS: usize = 370;

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A local time as minutes after midnight, 0..=1440.
type Minute = i16;

/// When the clock runs.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    /// Disjoint opening spans of each weekday, Monday first, in order.
    week: [Vec<(Minute, Minute)>; 7],
    holidays: BTreeSet<Date>,
    /// (month, day) of holidays of every year.
    yearly: BTreeSet<(i8, i8)>,
    table: Option<Table>,
}

/// Opening spans over a range, laid out once so that the time between two instants is two binary searches.
#[derive(Debug, Clone)]
struct Table {
    from: i64,
    to: i64,
    /// (opens, closes, open milliseconds before it), milliseconds since the epoch.
    spans: Vec<(i64, i64, i64)>,
}

/// Everything that is wrong with the calendar part of a policy.
pub(super) fn problems(policy: &SlaPolicy, at: &str) -> Vec<Problem> {
    Calendar::build(policy, at).err().unwrap_or_default()
}

impl Calendar {
    /// The calendar of a policy; `None` if its clock runs always.
    ///
    /// # Errors
    /// Everything wrong with it: an unknown time zone or day, hours that end before they begin or overlap, a holiday that
    /// is no date, a week without an open hour.
    pub fn of(policy: &SlaPolicy) -> Result<Option<Self>, Vec<Problem>> {
        let calendar = Self::build(policy, "/sla_policy")?;
        Ok(policy.counts_business_hours().then_some(calendar))
    }

    fn build(policy: &SlaPolicy, at: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let zone = match policy.time_zone.as_deref() {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).unwrap_or_else(|_| {
                problems.push(Problem::new(
                    format!("{at}/time_zone"),
                    format!("{name:?} is no time zone of the IANA database; write one as \"Europe/Berlin\" or \"UTC\""),
                ));
                TimeZone::UTC
            }),
        };
        let week = opening_hours(policy, at, &mut problems);
        let (mut holidays, mut yearly) = (BTreeSet::new(), BTreeSet::new());
        for (i, text) in policy.holidays.iter().enumerate() {
            if let Ok(date) = text.parse::<Date>() {
                holidays.insert(date);
            } else if let Ok(date) = format!("2024-{}", text.trim_start_matches('-')).parse::<Date>() {
                yearly.insert((date.month(), date.day()));
            } else {
                problems.push(Problem::new(
                    format!("{at}/holidays/{i}"),
                    format!("{text:?} is no date; write 2024-12-25, or 12-25 for every year"),
                ));
            }
        }
        if problems.is_empty() {
            Ok(Self { zone, week, holidays, yearly, table: None })
        } else {
            Err(problems)
        }
    }

    /// Lay the spans of a range out, so that many questions about instants within it are answered fast. Answers do not
    /// change by it.
    #[must_use]
    pub fn prepared(mut self, first: Timestamp, last: Timestamp) -> Self {
        let (first, last) = (self.date_of(first), self.date_of(last));
        let mut spans = Vec::new();
        let (mut before, mut day) = (0, first);
        while day <= last {
            for (opens, closes) in self.spans_of(day) {
                spans.push((opens, closes, before));
                before += closes - opens;
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        let from = self.instant(first, 0);
        let to = self.instant(last, 1440);
        self.table = Some(Table { from, to, spans });
        self
    }

    /// Open time between two instants in milliseconds; negative if `to` is the earlier one.
    pub fn elapsed_ms(&self, from: Timestamp, to: Timestamp) -> i64 {
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        if to < from {
            return -self.between(to, from);
        }
        self.between(from, to)
    }

    fn between(&self, from: i64, to: i64) -> i64 {
        if let Some(table) = self.table.as_ref().filter(|t| t.from <= from && to <= t.to) {
            return table.before(to) - table.before(from);
        }
        let mut total = 0;
        let mut day = self.date_at(from);
        let last = self.date_at(to);
        while day <= last {
            for (opens, closes) in self.spans_of(day) {
                total += (closes.min(to) - opens.max(from)).max(0);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        total
    }

    /// The instant at which `ms` of open time will have passed since `from`; `None` if no hour is open for a year, or the
    /// instant is beyond the calendar.
    pub fn after(&self, from: Timestamp, ms: i64) -> Option<Timestamp> {
        if ms == 0 {
            return Some(from);
        }
        let start = from.as_millisecond();
        let mut left = ms;
        let mut closed_days = 0;
        let mut day = self.date_at(start);
        if let Some(table) = self.table.as_ref().filter(|t| t.from <= start && start < t.to) {
            let wanted = table.before(start) + ms;
            let i = table.spans.partition_point(|(o, c, before)| before + (c - o) < wanted);
            match table.spans.get(i) {
                Some((opens, _, before)) => {
                    return Timestamp::from_millisecond((opens + wanted - before).max(start)).ok();
                }
                None => {
                    left = wanted - table.before(table.to);
                    day = self.date_at(table.to);
                }
            }
        }
        let floor = start.max(self.instant(day, 0));
        while closed_days <= REACH_DAYS {
            closed_days += 1;
            for (opens, closes) in self.spans_of(day) {
                let open = (closes - opens.max(floor)).max(0);
                if open > 0 {
                    closed_days = 0;
                }
                if open >= left {
                    return Timestamp::from_millisecond(opens.max(floor) + left).ok();
                }
                left -= open;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn spans_of(&self, day: Date) -> impl Iterator<Item = (i64, i64)> {
        let holiday = self.holidays.contains(&day) || self.yearly.contains(&(day.month(), day.day()));
        let spans: &[(Minute, Minute)] = match holiday {
            true => &[],
            false => &self.week[day.weekday().to_monday_zero_offset() as usize],
        };
        spans.iter().map(move |&(a, b)| (self.instant(day, a), self.instant(day, b))).filter(|(a, b)| a < b)
    }

    fn instant(&self, day: Date, minute: Minute) -> i64 {
        let (day, minute) =
            if minute == 1440 { (day.tomorrow().unwrap_or(Date::MAX), 0) } else { (day, minute) };
        let time = Time::constant((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let found = self.zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible();
        found.map_or(if day.year() > 0 { i64::MAX / 4 } else { i64::MIN / 4 }, Timestamp::as_millisecond)
    }

    fn date_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    fn date_at(&self, ms: i64) -> Date {
        Timestamp::from_millisecond(ms)
            .map_or(if ms > 0 { Date::MAX } else { Date::MIN }, |at| self.date_of(at))
    }
}

impl Table {
    /// Open milliseconds of the table's range before an instant.
    fn before(&self, at: i64) -> i64 {
        match self.spans.partition_point(|(opens, ..)| *opens < at).checked_sub(1) {
            None => 0,
            Some(i) => {
                let (opens, closes, before) = self.spans[i];
                before + at.min(closes) - opens
            }
        }
    }
}

/// The week's opening spans; all hours if the policy has none.
fn opening_hours(policy: &SlaPolicy, at: &str, problems: &mut Vec<Problem>) -> [Vec<(Minute, Minute)>; 7] {
    let mut week: [Vec<(Minute, Minute)>; 7] = Default::default();
    let Some(hours) = &policy.business_hours else {
        week.fill(vec![(0, 1440)]);
        return week;
    };
    let at = format!("{at}/business_hours");
    let mut open = |days: &str, place: &str, spans: &[[String; 2]], problems: &mut Vec<Problem>| {
        let Some(days) = days_of(days) else {
            let message =
                format!("{days:?} is no day of the week; write \"mon\", \"Monday\" or a span as \"mon-fri\"");
            return problems.push(Problem::new(place, message));
        };
        for [from, to] in spans {
            match (minute_of(from), minute_of(to)) {
                (Some(a), Some(b)) if a < b => days.iter().for_each(|&day| week[day].push((a, b))),
                (Some(_), Some(_)) => problems.push(Problem::new(
                    place,
                    format!("{from} to {to} ends before it begins; write hours past midnight as two days' spans"),
                )),
                _ => problems.push(Problem::new(
                    place,
                    format!("{from:?} to {to:?} are no local times; write \"09:00\" to \"17:30\", at most \"24:00\""),
                )),
            }
        }
    };
    match (&hours.start, &hours.end) {
        (Some(start), Some(end)) => {
            let weekdays = vec!["mon-fri".to_owned()];
            for (i, days) in hours.days.as_ref().unwrap_or(&weekdays).iter().enumerate() {
                let place = if hours.days.is_some() { format!("{at}/days/{i}") } else { at.clone() };
                open(days, &place, &[[start.clone(), end.clone()]], problems);
            }
        }
        (None, None) if hours.days.is_none() => {}
        _ => problems.push(Problem::new(at.as_str(), "start and end belong together; days needs both")),
    }
    for (days, spans) in &hours.by_day {
        let spans = match spans {
            DayHours::One(pair) => std::slice::from_ref(pair),
            DayHours::Many(pairs) => pairs,
        };
        open(days, &format!("{at}/{days}"), spans, problems);
    }
    for (day, spans) in week.iter_mut().enumerate() {
        spans.sort_unstable();
        if spans.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            problems.push(Problem::new(at.as_str(), format!("hours of {} overlap", WEEK[day].0)));
        }
    }
    if problems.is_empty() && week.iter().all(Vec::is_empty) {
        problems.push(Problem::new(at, "the week has no open hour, so no target could ever run out"));
    }
    week
}

/// Days of the week (0 = Monday) that a name or a span of names means.
fn days_of(text: &str) -> Option<Vec<usize>> {
    let day = |name: &str| {
        let name = name.trim().to_lowercase();
        let full = |d: Weekday| format!("{d:?}").to_lowercase();
        WEEK.iter().position(|(short, d)| name == *short || (name.len() > 3 && full(*d).starts_with(&name)))
    };
    match text.split_once('-') {
        None => Some(vec![day(text)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            let length = (last + 7 - first) % 7;
            Some((0..=length).map(|i| (first + i) % 7).collect())
        }
    }
}

fn minute_of(text: &str) -> Option<Minute> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |digits: &str| {
        (digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok())
            .flatten()
    };
    let (hour, minute): (Minute, Minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= 1440).then_some(total)
}
