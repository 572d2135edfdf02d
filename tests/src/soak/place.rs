//! One place, and the hosts that work there one after the other.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use heddle_test_disk::Random;
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Backend, Soak,
    crowd::{Crowd, Desk, look_around},
    fate::{Fate, Life, Lives, Thing},
    tally::Tally,
};
use crate::{
    Kept, Server, Starting,
    history::Violation,
    recording::slow_disk,
    workload::{self, Counts, Witness},
};

/// So long a host is left alone at the most.
const LIFE: Duration = Duration::from_secs(4);
/// Attempts that run at once, on any machine.
const SLOTS: &str = "3";
/// So long the last host may take for all that is left to do.
const END: Duration = Duration::from_secs(300);

/// PostgreSQL waits so many microseconds before it syncs, if it does sync: what comes meanwhile is not even sent to it.
const SLOW_COMMITS: &str = "DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET commit_delay = 15000', current_database());
    EXECUTE format('ALTER DATABASE %I SET commit_siblings = 0', current_database());
END $$";

/// A data directory, and a database; and beside it the logs.
pub(super) struct Place {
    kept: Kept,
    logs: TempDir,
    witness: Witness,
    tally: Tally,
    begun: Instant,
}

impl Place {
    pub(super) async fn new(backend: Backend) -> Result<Option<Self>> {
        let kept = match backend {
            Backend::Sqlite => Some(Kept::on_sqlite()?),
            Backend::Postgres => Kept::on_postgres().await?,
        };
        if let (Some(kept), Backend::Postgres) = (&kept, backend) {
            kept.forge(SLOW_COMMITS).await.context("only a superuser may have commits take longer")?;
        }
        let Some(kept) = kept else { return Ok(None) };
        let logs = tempfile::Builder::new().prefix("heddle-soak-").tempdir()?;
        let witness = Witness::logging(File::create(logs.path().join("effects.jsonl"))?);
        Ok(Some(Self { kept, logs, witness, tally: Tally::default(), begun: Instant::now() }))
    }

    /// Where the hosts' log is, and what becomes of them.
    fn log(&self) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.logs.path().join("host.log"))?)
    }

    fn note(&self, text: &str) -> Result<()> {
        let at = self.begun.elapsed().as_millis();
        Ok(writeln!(
            self.log()?,
            "=== after {at} ms, {} effects: {text}",
            self.witness.counts().borrow().all
        )?)
    }

    /// Begin to start a host.
    fn begin(&self, sync: Option<Duration>) -> Result<Starting> {
        let log = self.log()?;
        // Each client has a stream open; and what a host does when it is asked to stop is not to take long.
        let arguments = [
            ["--bound", "streams=2000"],
            ["--bound", "streams-per-token=2000"],
            ["--drain-seconds", "0"],
            ["--slots", SLOTS],
        ];
        let arguments: Vec<&str> = arguments.into_iter().flatten().collect();
        let slow = sync.map(|time| slow_disk(self.kept.path(), time));
        let slow: Vec<(&str, &OsStr)> =
            slow.iter().flatten().map(|(name, value)| (*name, value.as_os_str())).collect();
        self.kept.begin(&arguments, &slow, Stdio::from(log))
    }

    fn start(&mut self, sync: Option<Duration>) -> Result<Arc<Server>> {
        let begin = Instant::now();
        let starting = self.begin(sync)?;
        let server = tokio::task::block_in_place(|| starting.listens())?;
        self.tally.recoveries.push(begin.elapsed());
        Ok(Arc::new(server))
    }

    /// One host after the other, and the end.
    pub(super) async fn soak(&mut self, soak: &Soak, seed: u64) -> Result<Tally> {
        let mut random = Random::new(seed);
        let mut lives = Lives::new(random.number());
        let (hosts, enough) = (watch::Sender::new(None), watch::Sender::new(false));
        let desk = Desk::new(hosts.subscribe(), self.witness.clone());
        let crowd = Crowd { desk: desk.clone(), in_flight: soak.runs, enough: enough.subscribe() };
        let mut work = Task(tokio::spawn(crowd.work(workload::endless(random.number()))));
        let mut look = Task(tokio::spawn(look_around(desk.clone(), random.number())));
        for n in 1..=soak.hosts {
            let life = lives.next();
            self.note(&format!("host {n}: {life:?}"))?;
            let lived = self.live(life, n == 1, &hosts, &desk).await;
            // What the clients found is told first.
            work.ensure_alive().await?;
            look.ensure_alive().await?;
            lived.with_context(|| format!("host {n}: {life:?}"))?;
            self.note(&format!("host {n} is gone"))?;
            self.check().await.with_context(|| format!("after host {n}: {life:?}"))?;
        }
        self.note("the last host")?;
        let server = self.start(None)?;
        hosts.send_replace(Some(server.clone()));
        enough.send_replace(true);
        let runs = tokio::time::timeout(END, &mut work.0).await;
        let runs =
            runs.with_context(|| format!("after {} s some runs have not ended", END.as_secs()))???;
        look.ensure_alive().await?;
        drop(look);
        self.note("all runs have ended")?;
        self.verify(&server, soak.verified, &mut random).await?;
        self.note("some were executed once more")?;
        tokio::task::block_in_place(|| server.terminate())?;
        let (history, snapshot) = (self.witness.history(), self.kept.snapshot().await?);
        nothing_is_wrong(&history.check_at_the_end(&snapshot, runs))?;
        self.tally.count(&history, &snapshot);
        Ok(self.tally.clone())
    }

    /// One host, from its start to its fate.
    async fn live(
        &mut self,
        Life { fate, ahead, sync }: Life,
        new: bool,
        hosts: &watch::Sender<Option<Arc<Server>>>,
        desk: &Desk,
    ) -> Result<()> {
        if let Fate::KilledAtTheStart(after) = fate {
            let starting = self.begin(sync)?;
            tokio::time::sleep(after).await;
            starting.kill()?;
            self.tally.kills += 1;
            self.tally.kills_at_the_start += 1;
            return Ok(());
        }
        let server = self.start(sync)?;
        if new {
            workload::prepare(&server, &self.witness).await?;
        }
        let counts = self.witness.counts();
        hosts.send_replace(Some(server.clone()));
        match fate {
            Fate::KilledAtTheStart(after) | Fate::KilledAfter(after) | Fate::Stopped(after) => {
                tokio::time::sleep(after).await;
            }
            Fate::KilledWhenItTells(thing, n) => tells(counts, thing, n).await?,
        }
        hosts.send_replace(None);
        if let Fate::Stopped(_) = fate {
            tokio::task::block_in_place(|| server.terminate())?;
            self.tally.stops += 1;
        } else {
            server.kill()?;
            self.tally.kills += 1;
            self.tally.kills_ahead += usize::from(ahead);
        }
        desk.is_quiet().await
    }

    /// While no host works.
    async fn check(&self) -> Result<()> {
        let (history, snapshot) = (self.witness.history(), self.kept.snapshot().await?);
        nothing_is_wrong(&history.check(&snapshot))
    }

    /// Have some of the runs executed once more: each must come to the same.
    async fn verify(&mut self, server: &Server, n: usize, random: &mut Random) -> Result<()> {
        let history = self.witness.history();
        let results = history.results();
        let runs = history.runs();
        let completed: Vec<&str> = runs
            .iter()
            .filter(|(key, _)| results.get(*key).is_some_and(|results| results.state == "completed"))
            .map(|(_, run)| *run)
            .collect();
        ensure!(!completed.is_empty(), "no run has completed");
        for _ in 0..n {
            let run = completed[random.below(completed.len() as u64) as usize];
            let found = server.post(&format!("/runs/{run}/verify"), &json!({})).await?;
            ensure!(found["verified"] == true, "run {run} comes to something else: {found:#}");
            self.tally.verified += 1;
        }
        Ok(())
    }

    /// Leave everything where it can be looked at; says where.
    pub(super) async fn keep(self) -> String {
        let rows = self.kept.snapshot().await;
        let (data, logs) = (self.kept.keep(), self.logs.keep());
        let saved = rows.and_then(|rows| rows.save(&logs.join("rows.json")));
        let data = match fs::rename(&data, logs.join("data")) {
            Ok(()) => "data".to_owned(),
            Err(_) => data.display().to_string(),
        };
        let rows = match saved {
            Ok(()) => "rows.json".to_owned(),
            Err(error) => format!("no rows, since they cannot be read: {error:#}"),
        };
        format!("{}: effects.jsonl, host.log, {data}, {rows}", logs.display())
    }
}

/// Wait until so many things were told, or for the longest time.
async fn tells(mut counts: watch::Receiver<Counts>, thing: Thing, n: u64) -> Result<()> {
    let of = |counts: &Counts| match thing {
        Thing::Any => counts.all,
        Thing::Started => counts.started,
        Thing::Shown => counts.shown,
        Thing::Over => counts.over,
    };
    let until = of(&counts.borrow()) + n;
    if let Ok(told) = tokio::time::timeout(LIFE, counts.wait_for(|counts| of(counts) >= until)).await {
        told?;
    }
    Ok(())
}

fn nothing_is_wrong(found: &[Violation]) -> Result<()> {
    let lines: Vec<String> = found.iter().take(20).map(ToString::to_string).collect();
    ensure!(found.is_empty(), "{} violations:\n{}", found.len(), lines.join("\n"));
    Ok(())
}

/// A task that ends when it is dropped.
struct Task<T>(JoinHandle<Result<T>>);

impl<T> Task<T> {
    /// It goes on until it is told otherwise: if it has ended, it has found something.
    async fn ensure_alive(&mut self) -> Result<()> {
        if self.0.is_finished() {
            (&mut self.0).await??;
            anyhow::bail!("the clients have gone away");
        }
        Ok(())
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
