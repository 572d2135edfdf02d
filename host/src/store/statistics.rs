//! Statistics over runs and attempts, computed by the database: the host holds some figures for each group, no rows.
//!
//! The p-th percentile of n values is by nearest rank: the value at place ⌈n·p/100⌉ of the sorted ones, so it is one that
//! was measured, and the same on both databases. The cost is that of reading the runs of the span (by the index
//! `runs_created`) and their attempts (by key), and of sorting each measure in the database.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    StoreResult, TenantStore,
    database::Pool,
    read::{Columns, Record},
    sql::cells,
};
use crate::model::Timestamp;

/// Groups of one kind that are told; beyond them, those with the fewest members are left out.
const GROUPS: usize = 200;

/// Which runs count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatisticsFilter {
    /// Only those of this workflow.
    pub workflow: Option<String>,
    /// Only those created then or later.
    pub since: Option<Timestamp>,
    /// Only those created before.
    pub until: Option<Timestamp>,
}

/// What is known of some measured values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Distribution {
    /// How many there are.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The arithmetic mean.
    pub avg: f64,
    /// Half of them are no greater.
    pub p50: u64,
    /// Of twenty, nineteen are no greater.
    pub p95: u64,
    /// The greatest.
    pub max: u64,
}

/// Members of a group: runs, or attempts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupStatistics {
    /// How many there are in each state.
    pub states: BTreeMap<String, u64>,
    /// Attempts that followed one that had failed.
    pub retries: u64,
    /// By the measure's name.
    pub measures: BTreeMap<String, Distribution>,
}

/// Groups by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    /// Each group.
    pub groups: BTreeMap<String, GroupStatistics>,
    /// Whether there are more groups than are told.
    pub truncated: bool,
}

/// Statistics over a tenant's runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statistics {
    /// Over all runs.
    pub overall: GroupStatistics,
    /// Over the runs of each workflow.
    pub workflows: Groups,
    /// Over the attempts at steps of each phase. An attempt that took an earlier result did not run, and is not counted.
    pub phases: Groups,
}

const RUNS: &str =
    "SELECT {group} AS grp, state, 0 AS again, finished_at - started_at AS duration_us FROM runs
    WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3 AND ($4 IS NULL OR workflow = $4)";

const ATTEMPTS: &str =
    "SELECT {group} AS grp, attempts.state, CASE WHEN before.state = 'failed' THEN 1 ELSE 0 END AS again,
        CAST({usage} ->> 'wall_us' AS BIGINT) AS wall_us,
        CAST({usage} ->> 'cpu_us' AS BIGINT) AS cpu_us,
        CAST({usage} ->> 'peak_memory_bytes' AS BIGINT) AS peak_memory_bytes,
        attempts.started_at - attempts.ready_at AS queued_us
    FROM runs
    JOIN attempts ON attempts.run_id = runs.id
    JOIN steps ON steps.run_id = attempts.run_id AND steps.name = attempts.step
    LEFT JOIN attempts AS before ON before.run_id = attempts.run_id AND before.step = attempts.step
        AND before.number = attempts.number - 1
    WHERE runs.tenant_id = $1 AND runs.created_at >= $2 AND runs.created_at < $3
        AND ($4 IS NULL OR runs.workflow = $4) AND attempts.reused = 0";

const TALLY: &str = "WITH base AS ({base}),
    kept AS (SELECT grp FROM base GROUP BY grp ORDER BY COUNT(*) DESC, grp LIMIT $5)
    SELECT grp, state, COUNT(*) AS n, SUM(again) AS retries FROM base
    WHERE grp IN (SELECT grp FROM kept) GROUP BY grp, state";

const MEASURE: &str = "WITH base AS ({base}),
    kept AS (SELECT grp FROM base GROUP BY grp ORDER BY COUNT(*) DESC, grp LIMIT $5),
    sample AS ({samples}),
    ranked AS (
        SELECT grp, metric, value,
            ROW_NUMBER() OVER (PARTITION BY grp, metric ORDER BY value) AS place,
            COUNT(*) OVER (PARTITION BY grp, metric) AS n
        FROM sample WHERE value IS NOT NULL AND grp IN (SELECT grp FROM kept))
    SELECT grp, metric, MAX(n) AS n, MIN(value) AS lowest, MAX(value) AS highest, CAST(SUM(value) AS BIGINT) AS total,
        MAX(CASE WHEN place = (n * 50 + 99) / 100 THEN value END) AS p50,
        MAX(CASE WHEN place = (n * 95 + 99) / 100 THEN value END) AS p95
    FROM ranked GROUP BY grp, metric";

const ALL: &str = "CAST('' AS TEXT)";

/// A statement in each database's words.
struct Texts {
    sqlite: String,
    postgres: String,
}

struct Sql {
    runs: [Texts; 2],
    run_durations: [Texts; 2],
    attempts: [Texts; 3],
    attempt_measures: Texts,
}

static SQL: LazyLock<Sql> = LazyLock::new(|| Sql {
    runs: [ALL, "workflow"].map(|group| text(TALLY, RUNS, group, &[])),
    run_durations: [ALL, "workflow"].map(|group| text(MEASURE, RUNS, group, &["duration_us"])),
    attempts: [ALL, "runs.workflow", "steps.phase"].map(|group| text(TALLY, ATTEMPTS, group, &[])),
    attempt_measures: text(
        MEASURE,
        ATTEMPTS,
        "steps.phase",
        &["wall_us", "cpu_us", "peak_memory_bytes", "queued_us"],
    ),
});

/// A statement in both databases' words: on PostgreSQL a text must become a document before it is looked into.
fn text(statement: &str, base: &str, group: &str, measures: &[&str]) -> Texts {
    let sample = |name: &&str| format!("SELECT grp, '{name}' AS metric, {name} AS value FROM base");
    let samples: Vec<String> = measures.iter().map(sample).collect();
    let statement = statement
        .replace("{base}", base)
        .replace("{group}", group)
        .replace("{samples}", &samples.join(" UNION ALL "));
    Texts {
        sqlite: statement.replace("{usage}", "attempts.usage"),
        postgres: statement.replace("{usage}", "CAST(attempts.usage AS json)"),
    }
}

struct Tally {
    group: String,
    state: String,
    count: u64,
    retries: u64,
}

fn tally(row: &dyn Columns) -> StoreResult<Tally> {
    let r = Record::of("(statistics)", row);
    Ok(Tally {
        group: r.text("grp")?,
        state: r.text("state")?,
        count: r.count("n")?,
        retries: r.count("retries")?,
    })
}

fn measure(row: &dyn Columns) -> StoreResult<(String, String, Distribution)> {
    let r = Record::of("(statistics)", row);
    // A clock that was set back makes a span negative: it is none then.
    let value = |name: &str| r.count::<i64>(name).map(|value| value.max(0).unsigned_abs());
    let count: u64 = r.count("n")?;
    Ok((
        r.text("grp")?,
        r.text("metric")?,
        Distribution {
            count,
            min: value("lowest")?,
            avg: value("total")? as f64 / count.max(1) as f64,
            p50: value("p50")?,
            p95: value("p95")?,
            max: value("highest")?,
        },
    ))
}

impl TenantStore {
    /// Statistics over the tenant's runs.
    pub async fn statistics(&self, filter: &StatisticsFilter) -> StoreResult<Statistics> {
        let [all_runs, runs] = &SQL.runs;
        let [all_durations, durations] = &SQL.run_durations;
        let [all_attempts, attempts, phase_attempts] = &SQL.attempts;
        let mut overall = self.groups(filter, all_runs, all_durations).await?;
        let mut workflows = self.groups(filter, runs, durations).await?;
        for (groups, sql) in [(&mut overall, all_attempts), (&mut workflows, attempts)] {
            for Tally { group, retries, .. } in self.all(filter, sql, tally).await? {
                if let Some(group) = groups.groups.get_mut(&group) {
                    group.retries += retries;
                }
            }
        }
        Ok(Statistics {
            overall: overall.groups.remove("").unwrap_or_default(),
            workflows,
            phases: self.groups(filter, phase_attempts, &SQL.attempt_measures).await?,
        })
    }

    async fn groups(
        &self,
        filter: &StatisticsFilter,
        tallies: &'static Texts,
        measures: &'static Texts,
    ) -> StoreResult<Groups> {
        let mut groups: BTreeMap<String, GroupStatistics> = BTreeMap::new();
        for Tally { group, state, count, retries } in self.all(filter, tallies, tally).await? {
            let group = groups.entry(group).or_default();
            group.states.insert(state, count);
            group.retries += retries;
        }
        for (group, name, distribution) in self.all(filter, measures, measure).await? {
            // A run that began between the two statements belongs to the next statistics.
            if let Some(group) = groups.get_mut(&group) {
                group.measures.insert(name, distribution);
            }
        }
        let truncated = groups.len() > GROUPS;
        if truncated {
            let size = |group: &GroupStatistics| group.states.values().sum::<u64>();
            let least = groups.iter().min_by_key(|(_, group)| size(group)).map(|(name, _)| name.clone());
            least.map(|name| groups.remove(&name));
        }
        Ok(Groups { groups, truncated })
    }

    async fn all<T>(
        &self,
        filter: &StatisticsFilter,
        sql: &'static Texts,
        read: fn(&dyn Columns) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let StatisticsFilter { workflow, since, until } = filter;
        let since = since.map_or(i64::MIN, Timestamp::as_micros);
        let until = until.map_or(i64::MAX, Timestamp::as_micros);
        let cells = cells![self.id(), since, until, workflow, GROUPS as u64 + 1];
        let readers = &self.store().readers;
        let sql = match readers {
            Pool::Sqlite(_) => &sql.sqlite,
            Pool::Postgres(_) => &sql.postgres,
        };
        readers.all(sql, &cells, read).await
    }
}
