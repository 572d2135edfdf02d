//! The SLA clock by value: the wall-clock rule, business hours, holidays, time zones and changes of the clock.

#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan, civil::date, tz::TimeZone};
use proptest::prelude::*;
use serde_json::{Value, json};
use ticket_analysis::{
    sla::{NotJudged, SlaClock, SlaPolicy, State, Tally, calendar::Calendar},
    ticket::{Status, Ticket},
};

mod common;

fn policy(json: Value) -> SlaPolicy {
    serde_json::from_value(json).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ticket(created: &str, resolved: Option<&str>) -> Ticket {
    Ticket {
        id: "T".to_owned(),
        created_at: Some(created.to_owned()),
        resolved_at: resolved.map(str::to_owned),
        status: Some(if resolved.is_some() { Status::Closed } else { Status::Open }),
        customer_tier: Some("gold".to_owned()),
        ..Ticket::default()
    }
}

/// Open hours between two instants by the policy; the walk and the prepared table must agree.
fn open_hours(policy: &SlaPolicy, from: &str, to: &str) -> f64 {
    let calendar = Calendar::of(policy).unwrap().unwrap();
    let walked = calendar.elapsed_ms(at(from), at(to));
    let prepared = calendar.prepared(at(from), at(to)).elapsed_ms(at(from), at(to));
    assert_eq!(walked, prepared);
    walked as f64 / 3_600_000.0
}

#[test]
fn the_wall_clock_rule() {
    let policy = policy(json!({ "gold": { "resolution_hours": 10 } }));
    let state = |created: &str, resolved: Option<&str>| {
        let ticket = ticket(created, resolved);
        let clock = SlaClock::for_tickets(&policy, std::slice::from_ref(&ticket), at("2024-01-10T00:00:00Z"));
        clock.unwrap().resolution(&ticket).unwrap().state
    };
    assert_eq!(
        state("2024-01-01T00:00:00Z", Some("2024-01-01T10:00:00Z")),
        State::Met,
        "the last second counts"
    );
    assert_eq!(state("2024-01-01T00:00:00Z", Some("2024-01-01T10:00:01Z")), State::Breached);
    assert_eq!(state("2024-01-09T14:00:00Z", None), State::Pending);
    assert_eq!(state("2024-01-09T13:59:59Z", None), State::Breached);
    // Resolved after as_of is not resolved yet.
    assert_eq!(state("2024-01-09T20:00:00Z", Some("2024-01-10T01:00:00Z")), State::Pending);
    assert_eq!(state("2024-01-09T00:00:00Z", Some("2024-01-10T01:00:00Z")), State::Breached);
}

#[test]
fn what_cannot_be_judged_says_why() {
    let policy = policy(json!({ "gold": { "resolution_hours": 10 } }));
    let as_of = at("2024-01-10T00:00:00Z");
    let judge = |ticket: Ticket| {
        SlaClock::for_tickets(&policy, std::slice::from_ref(&ticket), as_of).unwrap().resolution(&ticket)
    };
    let base = ticket("2024-01-01T00:00:00Z", None);
    assert_eq!(judge(Ticket { customer_tier: None, ..base.clone() }), Err(NotJudged::NoTarget));
    assert_eq!(judge(Ticket { created_at: None, ..base.clone() }), Err(NotJudged::NoCreationTime));
    assert_eq!(
        judge(Ticket { status: Some(Status::Closed), ..base.clone() }),
        Err(NotJudged::NoResolutionTime)
    );
    assert_eq!(judge(Ticket { status: None, ..base }), Err(NotJudged::StateUnknown));
    assert_eq!(judge(ticket("2024-01-10T00:00:01Z", None)), Err(NotJudged::NotYetCreated));
    let early = ticket("2024-01-05T00:00:00Z", Some("2024-01-04T00:00:00Z"));
    assert_eq!(judge(early), Err(NotJudged::DoneBeforeCreation));
}

#[test]
fn the_default_tier_and_targets_below_targets() {
    let policy = policy(json!({ "targets": { "default": { "resolution_hours": 5 } } }));
    let ticket = ticket("2024-01-01T00:00:00Z", Some("2024-01-01T04:00:00Z"));
    let clock =
        SlaClock::for_tickets(&policy, std::slice::from_ref(&ticket), at("2024-01-10T00:00:00Z")).unwrap();
    let verdict = clock.resolution(&ticket).unwrap();
    assert_eq!((verdict.tier.as_str(), verdict.remaining_hours), ("default", 1.0));
    assert_eq!(verdict.deadline.as_deref(), Some("2024-01-01T05:00:00Z"));
}

#[test]
fn business_hours_holidays_and_weekends() {
    let policy = policy(json!({
        "time_zone": "America/New_York",
        "business_hours": { "start": "09:00", "end": "17:00" },
        "holidays": ["2024-07-04", "12-25"],
        "gold": { "resolution_hours": 8, "first_response_hours": 2 }
    }));
    // Wednesday 3 July 15:00 to Friday 5 July 10:00 local (UTC-4): two hours, the holiday, one hour.
    assert_eq!(open_hours(&policy, "2024-07-03T19:00:00Z", "2024-07-05T14:00:00Z"), 3.0);
    // Friday 16:00 to Monday 10:00: one hour and one hour.
    assert_eq!(open_hours(&policy, "2024-07-12T20:00:00Z", "2024-07-15T14:00:00Z"), 2.0);
    // A yearly holiday: 25 December 2023 is a Monday (local time is UTC-5 then).
    assert_eq!(open_hours(&policy, "2023-12-25T05:00:00Z", "2023-12-27T05:00:00Z"), 8.0);
    assert_eq!(open_hours(&policy, "2024-07-06T04:00:00Z", "2024-07-08T04:00:00Z"), 0.0, "a weekend");

    let mut answered = ticket("2024-07-03T19:00:00Z", None);
    answered.first_response_at = Some("2024-07-05T13:30:00Z".to_owned());
    let clock =
        SlaClock::for_tickets(&policy, std::slice::from_ref(&answered), at("2024-07-05T14:00:00Z")).unwrap();
    assert_eq!(clock.hours(), "business");
    let response = clock.first_response(&answered).unwrap();
    assert_eq!((response.state, response.elapsed_hours), (State::Breached, 2.5));
    let resolution = clock.resolution(&answered).unwrap();
    assert_eq!((resolution.state, resolution.remaining_hours), (State::Pending, 5.0));
    // Eight open hours after Wednesday 15:00: two, then six on Friday from 09:00.
    assert_eq!(resolution.deadline.as_deref(), Some("2024-07-05T19:00:00Z"));
    // The response's two hours run out as Wednesday closes.
    assert_eq!(response.deadline.as_deref(), Some("2024-07-03T21:00:00Z"));
}

#[test]
fn days_on_which_the_clocks_change() {
    let night = policy(json!({
        "time_zone": "Europe/Berlin",
        "business_hours": { "mon-sun": [["00:00", "06:00"]] }
    }));
    // 31 March 2024: 02:00 becomes 03:00, the night is five hours long. 27 October: seven.
    assert_eq!(open_hours(&night, "2024-03-30T12:00:00Z", "2024-03-31T12:00:00Z"), 5.0);
    assert_eq!(open_hours(&night, "2024-10-26T12:00:00Z", "2024-10-27T12:00:00Z"), 7.0);
    // Hours that do not contain the change are as long as ever, at another UTC time.
    let day = policy(json!({
        "time_zone": "Europe/Berlin",
        "business_hours": { "mon-sun": ["09:00", "17:00"] }
    }));
    assert_eq!(open_hours(&day, "2024-03-30T08:00:00Z", "2024-03-30T16:00:00Z"), 8.0, "UTC+1");
    assert_eq!(open_hours(&day, "2024-03-31T07:00:00Z", "2024-03-31T15:00:00Z"), 8.0, "UTC+2");
    assert_eq!(open_hours(&day, "2024-03-30T07:00:00Z", "2024-03-30T16:00:00Z"), 8.0, "not open at 08:00");
    // An opening time that does not exist (02:30) is read with the offset from before the gap: 03:30.
    let odd =
        policy(json!({ "time_zone": "Europe/Berlin", "business_hours": { "sunday": ["02:30", "05:00"] } }));
    assert_eq!(open_hours(&odd, "2024-03-30T12:00:00Z", "2024-03-31T12:00:00Z"), 1.5);
}

#[test]
fn other_shapes_of_hours() {
    let breaks = policy(json!({ "business_hours": {
        "mon-thu": [["08:00", "12:00"], ["13:00", "17:00"]], "Friday": ["08:00", "12:00"], "sat": []
    } }));
    assert_eq!(open_hours(&breaks, "2024-07-01T00:00:00Z", "2024-07-08T00:00:00Z"), 36.0);
    let weekend =
        policy(json!({ "business_hours": { "days": ["fri-mon"], "start": "00:00", "end": "24:00" } }));
    assert_eq!(open_hours(&weekend, "2024-07-01T00:00:00Z", "2024-07-08T00:00:00Z"), 96.0);
    let holidays_only = policy(json!({ "holidays": ["2024-07-03"] }));
    assert_eq!(open_hours(&holidays_only, "2024-07-02T12:00:00Z", "2024-07-04T12:00:00Z"), 24.0);
    // Kathmandu is at UTC+5:45.
    let odd = policy(
        json!({ "time_zone": "Asia/Kathmandu", "business_hours": { "start": "09:00", "end": "10:00" } }),
    );
    assert_eq!(open_hours(&odd, "2024-07-01T03:15:00Z", "2024-07-01T04:15:00Z"), 1.0);
}

#[test]
fn everything_wrong_is_reported_at_once_with_its_place() {
    let policy = policy(json!({
        "time_zone": "Mars/Olympus",
        "business_hours": { "mon": ["17:00", "09:00"], "Caturday": ["09:00", "10:00"], "tue": ["9", "25:00"] },
        "holidays": ["2024-02-30"],
        "gold": { "resolution_hours": -1 }
    }));
    let problems = SlaClock::for_tickets(&policy, &[], at("2024-01-10T00:00:00Z")).unwrap_err();
    let places: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(
        places,
        [
            "/sla_policy/time_zone",
            "/sla_policy/business_hours/Caturday",
            "/sla_policy/business_hours/mon",
            "/sla_policy/business_hours/tue",
            "/sla_policy/holidays/0",
            "/sla_policy/gold/resolution_hours",
        ]
    );
    assert!(problems[0].message.contains("Mars/Olympus"));
    let closed = self::policy(json!({ "business_hours": { "mon": [] } }));
    assert!(Calendar::of(&closed).unwrap_err()[0].message.contains("no open hour"));
}

#[test]
fn first_responses_are_judged_only_where_the_source_records_them() {
    let policy = policy(json!({ "gold": { "first_response_hours": 4 } }));
    let as_of = at("2024-01-10T00:00:00Z");
    let silent = ticket("2024-01-09T00:00:00Z", None);
    let mut answered = ticket("2024-01-09T00:00:00Z", None);
    answered.first_response_at = Some("2024-01-09T04:00:00Z".to_owned());
    let resolved = ticket("2024-01-09T00:00:00Z", Some("2024-01-09T01:00:00Z"));

    let unrecorded = SlaClock::for_tickets(&policy, std::slice::from_ref(&silent), as_of).unwrap();
    assert_eq!(unrecorded.first_response(&silent), Err(NotJudged::NoResponseTime));
    let all = [silent.clone(), answered.clone(), resolved.clone()];
    let recorded = SlaClock::for_tickets(&policy, &all, as_of).unwrap();
    assert_eq!(recorded.first_response(&silent).unwrap().state, State::Breached);
    assert_eq!(recorded.first_response(&answered).unwrap().state, State::Met);
    assert_eq!(recorded.first_response(&resolved), Err(NotJudged::NoResponseTime));
}

#[test]
fn a_target_no_calendar_reaches_has_no_deadline() {
    let policy = policy(json!({ "holidays": ["01-01"], "gold": { "resolution_hours": 1e12 } }));
    let ticket = ticket("2024-01-01T00:00:00Z", None);
    let clock =
        SlaClock::for_tickets(&policy, std::slice::from_ref(&ticket), at("2024-02-01T00:00:00Z")).unwrap();
    let verdict = clock.resolution(&ticket).unwrap();
    assert_eq!((verdict.state, verdict.deadline), (State::Pending, None));
}

#[test]
fn the_real_tickets_meet_their_expected_values() {
    let Some((input, expected)) = common::case("jest_operations") else { return };
    let policy = policy(input["sla_policy"].clone());
    let as_of = at(input["as_of"].as_str().unwrap());
    let tickets = common::structured(&input).normalized_tickets;
    let clock = SlaClock::for_tickets(&policy, &tickets, as_of).unwrap();
    assert_eq!(clock.hours(), "wall_clock");
    let verdicts: Vec<_> = tickets.iter().map(|t| clock.resolution(t).unwrap()).collect();
    for (tier, want) in expected["sla"]["by_tier"].as_object().unwrap() {
        let tally: Tally = verdicts.iter().filter(|v| v.tier == *tier).map(|v| v.state).collect();
        let want: Tally = serde_json::from_value(want.clone()).unwrap();
        assert_eq!(
            (tally.n, tally.met, tally.breached, tally.pending),
            (want.n, want.met, want.breached, want.pending)
        );
        assert!((tally.compliance_pct.unwrap() - want.compliance_pct.unwrap()).abs() < 1e-6, "{tier}");
    }
    let overall: Tally = verdicts.iter().map(|v| v.state).collect();
    let want = expected["sla"]["overall_compliance_pct"].as_f64().unwrap();
    assert!((overall.compliance_pct.unwrap() - want).abs() < 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The instant at which h hours will have passed is h hours away, and additivity holds, whatever the zone.
    #[test]
    fn deadlines_and_elapsed_time_agree(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
        day in 0_i64..700, minute in 0_i64..1440, hours in 1_i64..400,
    ) {
        let policy = policy(json!({
            "time_zone": zone,
            "business_hours": { "mon-fri": [["00:00", "03:00"], ["09:00", "17:30"]], "sun": ["01:00", "24:00"] },
            "holidays": ["01-01", "2024-05-09"]
        }));
        let calendar = Calendar::of(&policy).unwrap().unwrap();
        let start = date(2023, 6, 1).to_zoned(TimeZone::UTC).unwrap().checked_add(day.days().minutes(minute)).unwrap();
        let start = start.timestamp();
        let ms = hours * 3_600_000;
        let end = calendar.after(start, ms).unwrap();
        prop_assert_eq!(calendar.elapsed_ms(start, end), ms);
        // A table that ends before the deadline, and one that contains it, give the same instant.
        let short = calendar.clone().prepared(start, start);
        prop_assert_eq!(short.after(start, ms).unwrap(), end);
        let long = calendar.clone().prepared(start, end);
        prop_assert_eq!(long.after(start, ms).unwrap(), end);
        prop_assert_eq!(long.elapsed_ms(start, end), ms);
        let middle = Timestamp::from_millisecond((start.as_millisecond() + end.as_millisecond()) / 2).unwrap();
        prop_assert_eq!(calendar.elapsed_ms(start, middle) + calendar.elapsed_ms(middle, end), ms);
        prop_assert_eq!(calendar.elapsed_ms(end, start), -ms);
    }
}
