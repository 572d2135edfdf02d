//! A tenant's schedules: workflows that start by themselves at times that a cron expression names.

use super::{StartRun, StartedRun, Tenant, calendar::Calendar};
use crate::{
    error::{Code, Error, Result},
    model::{Problem, ScheduleId, Timestamp},
    store::{MissedRuns, ScheduleRow, StoreError},
};

/// The longest name, in bytes.
const NAME_BYTES: usize = 128;
/// The largest input, in bytes of JSON text: it is kept in a row.
const INPUT_BYTES: usize = 256 << 10;
/// Schedules that a tenant may have.
const MAX_SCHEDULES: usize = 1000;
/// So many of the next times are shown.
const UPCOMING: usize = 5;

/// A schedule that somebody wants.
#[derive(Debug, Clone)]
pub struct NewSchedule {
    /// Unique in the tenant.
    pub name: String,
    /// The workflow's name; each run takes its newest version.
    pub workflow: String,
    /// The runs' input: JSON text of an object.
    pub input: String,
    /// The times, as a cron expression.
    pub cron: String,
    /// In which time zone (IANA).
    pub time_zone: String,
    /// What becomes of times at which no host ran.
    pub missed: MissedRuns,
    /// Whether it starts runs.
    pub enabled: bool,
}

/// What is to be changed of a schedule; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// Its name.
    pub name: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The runs' input.
    pub input: Option<String>,
    /// The times.
    pub cron: Option<String>,
    /// In which time zone.
    pub time_zone: Option<String>,
    /// What becomes of times at which no host ran.
    pub missed: Option<MissedRuns>,
    /// Whether it starts runs.
    pub enabled: Option<bool>,
}

/// A schedule, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleInfo {
    /// The schedule.
    pub schedule: ScheduleRow,
    /// When it is due next; empty if it is disabled.
    pub upcoming: Vec<Timestamp>,
}

impl Tenant {
    /// Save a schedule. It is due from the next time on that its expression names.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong; `Conflict` if its name is in use, or there are too many.
    pub async fn schedule_create(&self, wanted: NewSchedule) -> Result<ScheduleInfo> {
        let NewSchedule { name, workflow, input, cron, time_zone, missed, enabled } = wanted;
        let mut schedule = ScheduleRow {
            id: ScheduleId::new(),
            name,
            workflow,
            input,
            cron,
            time_zone,
            missed,
            enabled,
            next_at: None,
            last_at: None,
            last_run: None,
            last_error: None,
            created_at: Timestamp::now(),
        };
        let calendar = self.check_schedule(&schedule).await?;
        schedule.next_at = calendar.next(Timestamp::now()).filter(|_| enabled);
        if self.store().schedule_list().await?.len() >= MAX_SCHEDULES {
            return Err(Error::conflict(format!("there are {MAX_SCHEDULES} schedules already; delete some")));
        }
        self.store().schedule_put(&schedule).await.map_err(|error| in_use(error, &schedule.name))?;
        self.engine.alarm.ring();
        Ok(info(schedule))
    }

    /// All schedules, by name.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleInfo>> {
        Ok(self.store().schedule_list().await?.into_iter().map(info).collect())
    }

    /// A schedule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn schedule(&self, id: ScheduleId) -> Result<ScheduleInfo> {
        self.schedule_row(id).await.map(info)
    }

    /// Change a schedule. Times that have passed while it was disabled or otherwise set are not made up for.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` with everything that is wrong; `Conflict` if its name is in use.
    pub async fn schedule_change(&self, id: ScheduleId, change: ScheduleChange) -> Result<ScheduleInfo> {
        let before = self.schedule_row(id).await?;
        let ScheduleChange { name, workflow, input, cron, time_zone, missed, enabled } = change;
        let mut schedule = ScheduleRow {
            name: name.unwrap_or_else(|| before.name.clone()),
            workflow: workflow.unwrap_or_else(|| before.workflow.clone()),
            input: input.unwrap_or_else(|| before.input.clone()),
            cron: cron.unwrap_or_else(|| before.cron.clone()),
            time_zone: time_zone.unwrap_or_else(|| before.time_zone.clone()),
            missed: missed.unwrap_or(before.missed),
            enabled: enabled.unwrap_or(before.enabled),
            ..before.clone()
        };
        // To stop one whose workflow is gone must always be possible.
        let stopped = ScheduleRow { enabled: false, ..before.clone() };
        if schedule != stopped {
            let calendar = self.check_schedule(&schedule).await?;
            let times = |row: &ScheduleRow| (row.cron.clone(), row.time_zone.clone(), row.enabled);
            if times(&schedule) != times(&before) {
                schedule.next_at = calendar.next(Timestamp::now());
            }
        }
        if !schedule.enabled {
            schedule.next_at = None;
        }
        let changed = self.store().schedule_update(&schedule).await;
        if !changed.map_err(|error| in_use(error, &schedule.name))? {
            return Err(Error::not_found("schedule", id));
        }
        self.engine.alarm.ring();
        self.schedule(id).await
    }

    /// Delete a schedule. The runs that it started stay.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn schedule_delete(&self, id: ScheduleId) -> Result<()> {
        match self.store().schedule_delete(id).await? {
            true => Ok(()),
            false => Err(Error::not_found("schedule", id)),
        }
    }

    /// Start a run of a schedule now, also of one that is disabled. When it is due next does not change.
    ///
    /// # Errors
    /// `NotFound`; as [`Tenant::run_start`].
    pub async fn schedule_trigger(&self, id: ScheduleId) -> Result<StartedRun> {
        let schedule = self.schedule_row(id).await?;
        let started = self.run_start(start_of(&schedule)).await?;
        self.store().schedule_triggered(id, started.id).await?;
        Ok(started)
    }

    async fn schedule_row(&self, id: ScheduleId) -> Result<ScheduleRow> {
        self.store().schedule_get(id).await?.ok_or_else(|| Error::not_found("schedule", id))
    }

    /// Whether it could start a run as things are. Returns its times.
    async fn check_schedule(&self, schedule: &ScheduleRow) -> Result<Calendar> {
        let mut problems = Vec::new();
        if !(1..=NAME_BYTES).contains(&schedule.name.len()) || schedule.name.contains(char::is_control) {
            let message = format!("a name has 1 to {NAME_BYTES} bytes, and no control characters");
            problems.push(Problem::new("/name", message));
        }
        let calendar = Calendar::new(&schedule.cron, &schedule.time_zone);
        match &calendar {
            Ok(calendar) if calendar.next(Timestamp::now()).is_none() => {
                let message = format!("{:?} names no time to come", schedule.cron);
                problems.push(Problem::new("/cron", message));
            }
            Ok(_) => {}
            Err(found) => problems.extend_from_slice(found),
        }
        problems.extend(self.start_problems(schedule).await?);
        match calendar {
            Ok(calendar) if problems.is_empty() => Ok(calendar),
            _ => {
                let message = format!("schedule {:?} cannot be saved", schedule.name);
                Err(Error::invalid(message).with_problems(problems))
            }
        }
    }

    async fn start_problems(&self, schedule: &ScheduleRow) -> Result<Vec<Problem>> {
        if schedule.input.len() > INPUT_BYTES {
            let message =
                format!("{} bytes of JSON; at most {INPUT_BYTES} are allowed", schedule.input.len());
            return Ok(vec![Problem::new("/input", message)]);
        }
        let planned = match self.planned(&start_of(schedule)).await {
            Ok(planned) => planned,
            Err(error) => return refusal(error, "/workflow", |message, _| message.to_owned()),
        };
        match self.check_input(&planned, &schedule.input, false).await {
            Ok(()) => Ok(Vec::new()),
            Err(error) => refusal(error, "/input", |_, problem| problem.message.clone()),
        }
    }
}

/// The single problems of what was refused, at a place of the schedule. What is not the schedule's fault stays an error.
fn refusal(error: Error, place: &str, message: impl Fn(&str, &Problem) -> String) -> Result<Vec<Problem>> {
    match error.code() {
        Code::Unavailable | Code::Internal => Err(error),
        _ if error.list().is_empty() => Ok(vec![Problem::new(place, error.to_string())]),
        _ if place == "/workflow" => Ok(vec![Problem::new(place, error.long())]),
        _ => {
            let within =
                |p: &Problem| Problem::new(format!("{place}{}", p.path), message(&error.to_string(), p));
            Ok(error.list().iter().map(within).collect())
        }
    }
}

/// What a schedule starts.
pub(super) fn start_of(schedule: &ScheduleRow) -> StartRun {
    StartRun {
        workflow: schedule.workflow.clone(),
        input: schedule.input.clone(),
        schedule: Some(schedule.id),
        ..StartRun::default()
    }
}

fn info(schedule: ScheduleRow) -> ScheduleInfo {
    let calendar = Calendar::new(&schedule.cron, &schedule.time_zone).ok();
    let upcoming = match (calendar, schedule.next_at) {
        (Some(calendar), Some(next)) => {
            std::iter::once(next).chain(calendar.upcoming(next, UPCOMING - 1)).collect()
        }
        _ => Vec::new(),
    };
    ScheduleInfo { schedule, upcoming }
}

fn in_use(error: StoreError, name: &str) -> Error {
    match error {
        StoreError::Exists => {
            Error::conflict(format!("there is a schedule {name:?} already; choose another name"))
        }
        error => error.into(),
    }
}
