//! Starts what schedules are due: sleeps until the next time, or until a schedule is changed.
//!
//! The run comes first, under an idempotency key made of the schedule and the time, and only then is the time recorded as
//! done. A host that dies in between, or a second host that looks at the same schedule, finds the run and doubles nothing.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{Engine, Tenant, calendar::Calendar, schedules::start_of};
use crate::{
    error::{Code, Result},
    model::{RunId, TenantId, Timestamp},
    store::{Firing, MissedRuns, ScheduleRow},
};

/// A time that is acted on no later than this has not been missed.
const ON_TIME: Duration = Duration::from_secs(60);
/// Of the times that were missed, so many are made up for at most, the latest.
const MADE_UP: usize = 100;
/// After a failure of storage it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);
/// Nobody sleeps longer than this: the clock may be set or the machine suspended, and another host on the same database
/// may change a schedule.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The longest reason that is kept, in bytes.
const REASON_BYTES: usize = 4096;

/// Wakes who starts what is due. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(Arc<Notify>);

impl Alarm {
    /// Look again: a schedule was changed.
    pub(super) fn ring(&self) {
        self.0.notify_one();
    }
}

/// Start what is due, until the engine stops.
pub(super) fn start(engine: Engine) {
    tokio::spawn(async move {
        tokio::select! {
            () = engine.driver.stopped() => {}
            () = watch(&engine) => {}
        }
    });
}

async fn watch(engine: &Engine) {
    loop {
        let sleep = match fire_due(engine).await {
            Ok(None) => LONGEST_SLEEP,
            Ok(Some(next)) => next.since(Timestamp::now()).min(LONGEST_SLEEP),
            Err(error) => {
                tracing::warn!(error = %error.long(), "schedules that are due cannot start; trying again");
                PAUSE
            }
        };
        tokio::select! {
            () = engine.alarm.0.notified() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Start everything that is due. Returns when something is due next.
async fn fire_due(engine: &Engine) -> Result<Option<Timestamp>> {
    let mut failed = None;
    for (tenant, schedule) in engine.store.schedules_due(Timestamp::now()).await? {
        // One that cannot start for the moment holds up no other.
        if let Err(error) = fire(engine, &tenant, &schedule).await {
            failed = Some(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(engine.store.schedule_next().await?),
    }
}

/// Start what a schedule that is due has to start.
async fn fire(engine: &Engine, tenant: &TenantId, schedule: &ScheduleRow) -> Result<()> {
    let Some(mut due) = schedule.next_at else { return Ok(()) };
    let now = Timestamp::now();
    let calendar = match Calendar::new(&schedule.cron, &schedule.time_zone) {
        Ok(calendar) => calendar,
        // A later version's, or a time zone that this machine does not know.
        Err(problems) => {
            let said: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
            engine.store.schedule_fired(schedule.id, due, None, &Firing::Refused(said.join("; "))).await?;
            return Ok(());
        }
    };
    // Its run may have been started by a host that died before it could record that.
    if let Some(run) = started(&engine.tenant(tenant), schedule, due).await? {
        let next = calendar.next(due);
        let recorded = engine.store.schedule_fired(schedule.id, due, next, &Firing::Started(run)).await?;
        match next {
            Some(next) if recorded && next <= now => due = next,
            _ => return Ok(()),
        }
    }
    for time in times(&calendar, schedule.missed, due, now) {
        if time > due {
            // What lies before it is left out; that it starts next is recorded first, so that a crash leaves it due.
            if !engine.store.schedule_fired(schedule.id, due, Some(time), &Firing::LeftOut).await? {
                return Ok(());
            }
        }
        let firing = start_run(engine, tenant, schedule, time).await?;
        if let Firing::Refused(why) = &firing {
            tracing::warn!(schedule = %schedule.id, name = schedule.name, due = %time, why, "a schedule's run cannot start");
        }
        let next = calendar.next(time);
        if !engine.store.schedule_fired(schedule.id, time, next, &firing).await? {
            // Somebody changed it meanwhile, or another host was faster: it is looked at anew.
            return Ok(());
        }
        let Some(next) = next else { return Ok(()) };
        due = next;
    }
    if due <= now {
        engine.store.schedule_fired(schedule.id, due, calendar.next(now), &Firing::LeftOut).await?;
    }
    Ok(())
}

/// At which of the times from `due` to `now` there is a run.
fn times(calendar: &Calendar, missed: MissedRuns, due: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let limit = if missed == MissedRuns::RunAll { MADE_UP } else { 1 };
    let mut times = calendar.past(due, now, limit);
    // The time that was saved counts, also if time zones' rules have changed since.
    if times.is_empty() {
        times.push(due);
    }
    if missed == MissedRuns::Skip {
        times.retain(|time| now.since(*time) <= ON_TIME);
    }
    times
}

async fn start_run(
    engine: &Engine,
    tenant: &TenantId,
    schedule: &ScheduleRow,
    due: Timestamp,
) -> Result<Firing> {
    let tenant = engine.tenant(tenant);
    // Also if the schedule was changed since: the run of that time is there.
    if let Some(run) = started(&tenant, schedule, due).await? {
        return Ok(Firing::Started(run));
    }
    let mut start = start_of(schedule);
    start.idempotency_key = Some(key(schedule, due));
    start.as_of = Some(due);
    match tenant.run_start(start).await {
        Ok(started) => Ok(Firing::Started(started.id)),
        // What else is amiss is there the next second, too: it is told with the schedule, which goes on to its next time.
        Err(error) if error.code() == Code::Unavailable => Err(error),
        Err(error) => {
            let mut why = error.long();
            why.truncate(why.floor_char_boundary(REASON_BYTES));
            Ok(Firing::Refused(why))
        }
    }
}

/// The run that a schedule started at one of its times.
async fn started(tenant: &Tenant, schedule: &ScheduleRow, due: Timestamp) -> Result<Option<RunId>> {
    let found = tenant.store().idempotency_get(&key(schedule, due)).await?;
    Ok(found.map(|(_, run)| run))
}

/// No client can send such a key: it has spaces in it.
fn key(schedule: &ScheduleRow, due: Timestamp) -> String {
    format!("schedule {} {due}", schedule.id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_missed_is_made_up_for_as_the_policy_says() {
        let hourly = Calendar::new("@hourly", "UTC").unwrap();
        let due = at("2026-01-01T01:00:00Z");
        let run = |missed, now: &str| -> Vec<String> {
            let times = times(&hourly, missed, due, at(now));
            times.iter().map(|time| time.to_string()[11..16].to_owned()).collect()
        };
        use MissedRuns::{RunAll, RunOnce, Skip};
        for missed in [RunAll, RunOnce, Skip] {
            assert_eq!(run(missed, "2026-01-01T01:00:30Z"), ["01:00"], "{missed:?}");
        }
        let later = "2026-01-01T04:30:00Z";
        assert_eq!(run(RunAll, later), ["01:00", "02:00", "03:00", "04:00"]);
        assert_eq!(run(RunOnce, later), ["04:00"]);
        assert_eq!(run(Skip, later), [""; 0]);
        assert_eq!(run(Skip, "2026-01-01T04:00:59Z"), ["04:00"]);
        assert_eq!(run(RunAll, "2026-12-31T00:00:00Z").len(), MADE_UP);
    }
}
