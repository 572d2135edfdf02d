//! The power fails, anywhere, also while the host recovers from the last time: nothing is lost that was acknowledged, and
//! every run ends as if nothing had happened.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use heddle::model::Digest;
use heddle_test_disk::{Crash, Disk, Put, Random, Record, Synced};
use heddle_tests::{
    Database, Recorded, Recording, Server,
    history::{Ack, History, Rule, Snapshot, Violation},
    workload::{self, Job, Witness},
};
use tempfile::TempDir;

/// The seed, and how much is to be done.
pub(crate) fn asked() -> Result<(u64, u64)> {
    let number = |name: &str, default: u64| match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name}={text} is no number")),
        Err(_) => Ok(default),
    };
    let (seed, rounds) = (number("HEDDLE_DISK_SEED", 20_261_121)?, number("HEDDLE_DISK_ROUNDS", 10)?);
    println!("HEDDLE_DISK_SEED={seed} HEDDLE_DISK_ROUNDS={rounds}");
    Ok((seed, rounds))
}

/// The power fails after so many records, and all that was not synced meets the fate of this seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cut {
    moment: usize,
    seed: u64,
}

impl Cut {
    /// Half of them right after somebody was told something, a quarter after a sync, the rest anywhere.
    fn many(recorded: &Recorded, random: &mut Random, n: u64) -> Vec<Self> {
        let after = |wanted: fn(&Record<'_>) -> bool| -> Vec<usize> {
            let all = recorded.log.iter().enumerate();
            all.filter(|(_, record)| wanted(record)).map(|(at, _)| at + 1).collect()
        };
        let notes = after(|record| matches!(record, Record::Note { .. }));
        let syncs = after(|record| matches!(record, Record::SyncEnd { .. }));
        let any: Vec<usize> = (0..=recorded.log.len()).collect();
        let cut = |i| {
            let of = match i % 4 {
                0 | 1 if !notes.is_empty() => &notes,
                2 if !syncs.is_empty() => &syncs,
                _ => &any,
            };
            Self { moment: of[random.below(of.len() as u64) as usize], seed: random.number() }
        };
        let mut cuts: Vec<Self> = (0..n).map(cut).collect();
        cuts.sort_unstable();
        cuts
    }
}

fn advance<'a>(disk: &mut Disk<'a>, recorded: &'a Recorded, at: &mut usize, moment: usize) -> Result<()> {
    while *at < moment {
        disk.apply(&recorded.log.get(*at))?;
        *at += 1;
    }
    Ok(())
}

/// Have the power fail, each time anew; returns what was broken, and when.
pub(crate) async fn cut(
    recorded: &Recorded,
    cuts: &[Cut],
    counts: impl Fn(Synced<'_>) -> bool + Send + 'static,
) -> Result<Vec<(Cut, Violation)>> {
    let place = tempfile::tempdir()?;
    let mut disk = recorded.disk()?.counting(counts);
    let (mut at, mut broken, mut checks) = (0, Vec::new(), tokio::task::JoinSet::new());
    for cut in cuts.iter().copied() {
        advance(&mut disk, recorded, &mut at, cut.moment)?;
        let to = place.path().join(format!("{}-{}", cut.moment, cut.seed));
        disk.put(&Crash::seeded(cut.seed), &to, &|path| match path {
            path if path.starts_with("data/cache") => Put::Nothing,
            // Whoever checks writes to the database, and to nothing else.
            path if path.starts_with("data/blobs") => Put::Share,
            _ => Put::Copy,
        })?;
        let history = recorded.history(cut.moment);
        if checks.len() >= 3 {
            broken.extend(checks.join_next().await.context("a check")???);
        }
        checks.spawn(async move { check(cut, &history, &to).await });
    }
    while let Some(checked) = checks.join_next().await {
        broken.extend(checked??);
    }
    Ok(broken)
}

async fn check(cut: Cut, history: &History, root: &Path) -> Result<Vec<(Cut, Violation)>> {
    let snapshot = Snapshot::of_directory(&root.join("data")).await?;
    fs::remove_dir_all(root)?;
    Ok(history.check(&snapshot).into_iter().map(|violation| (cut, violation)).collect())
}

pub(crate) fn told(broken: &[(Cut, Violation)]) -> String {
    let lines = broken.iter().take(20).map(|(cut, violation)| format!("{cut:?}: {violation}"));
    format!("{} violations\n{}", broken.len(), lines.collect::<Vec<_>>().join("\n"))
}

/// A host at work, recorded from its start to its end.
pub(crate) struct Work {
    pub(crate) recorded: Recorded,
    jobs: Vec<Job>,
    /// All that was acknowledged in the end.
    history: History,
    place: TempDir,
}

impl Work {
    /// From the host's first start on.
    pub(crate) async fn from_the_first_start(seed: u64) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let recording = Recording::of_a_first_start(place.path())?;
        Self::record(&recording, place, seed, || true).await
    }

    /// Of a host that was started before, and so much that the database's log is written back and begun anew.
    pub(crate) async fn until_the_log_is_begun_anew(seed: u64) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let recording = Recording::of_a_second_start(place.path())?;
        let log = recording.data_dir().join("heddle.db-wal");
        // Its head has numbers that change each time.
        let head = move || fs::read(&log).map(|log| log.into_iter().take(32).collect::<Vec<u8>>()).ok();
        let (before, mut since) = (head(), 0);
        // And then goes on for a while.
        let enough = move || {
            since += usize::from(head() != before);
            since == 2
        };
        Self::record(&recording, place, seed, enough).await
    }

    async fn record(
        recording: &Recording,
        place: TempDir,
        seed: u64,
        mut enough: impl FnMut() -> bool,
    ) -> Result<Self> {
        let (mut random, mut jobs) = (Random::new(seed), Vec::new());
        let server = Arc::new(recording.start()?);
        let witness = Witness::new(History::default(), Some(recording.notes()));
        workload::prepare(&server, &witness).await?;
        for round in 0.. {
            let more = workload::jobs(&mut random, round..round + 1);
            workload::drive(&server, &more, &witness).await?;
            jobs.extend(more);
            if enough() {
                break;
            }
            ensure!(round < 100, "the database's log is never written back");
        }
        stop(server)?;
        let recorded = recording.recorded()?;
        let history = witness.history();
        ensure!(history.results().len() == jobs.len(), "not every run ended");
        Ok(Self { recorded, jobs, history, place })
    }

    pub(crate) fn cuts(&self, random: &mut Random, n: u64) -> Vec<Cut> {
        Cut::many(&self.recorded, random, n)
    }

    /// What was recorded depends on the machine as well as on the seed: it is kept, so that the same power cut can be had again.
    fn keep(self, broken: &[(Cut, Violation)]) -> anyhow::Error {
        let place = self.place.keep();
        let Cut { moment, seed } = broken[0].0;
        anyhow::anyhow!(
            "{}\nThe first once more: HEDDLE_DISK_KEPT={} HEDDLE_DISK_CUT={moment},{seed},{} cargo test --workspace --test disk kept",
            told(broken),
            place.display(),
            if self.recorded.is_new() { "first-start" } else { "second-start" }
        )
    }
}

fn stop(server: Arc<Server>) -> Result<()> {
    Arc::into_inner(server).context("somebody still asks the server")?.stop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_power_cut() -> Result<()> {
    let (seed, rounds) = asked()?;
    let mut random = Random::new(seed);
    for first in (0..rounds).step_by(10) {
        let n = 5 * (rounds - first).min(10);
        survives(Work::until_the_log_is_begun_anew(random.number()).await?, &mut random, 3 * n).await?;
        survives(Work::from_the_first_start(random.number()).await?, &mut random, n).await?;
    }
    Ok(())
}

async fn survives(work: Work, random: &mut Random, n: u64) -> Result<()> {
    let broken = cut(&work.recorded, &work.cuts(random, n), |_| true).await?;
    if !broken.is_empty() {
        bail!(work.keep(&broken));
    }
    println!("{} records, {n} power cuts: nothing was lost", work.recorded.log.len());
    Ok(())
}

/// A power cut that broke something, from what was kept of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_cut_once_more() -> Result<()> {
    let (Ok(kept), Ok(text)) = (env::var("HEDDLE_DISK_KEPT"), env::var("HEDDLE_DISK_CUT")) else {
        return Ok(());
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [moment, seed, which] = parts[..] else {
        bail!("HEDDLE_DISK_CUT is MOMENT,SEED,first-start or second-start")
    };
    let once_more = Cut { moment: moment.parse()?, seed: seed.parse()? };
    let recorded = Recording::kept(&PathBuf::from(kept), which == "first-start").recorded()?;
    for record in recorded.log.iter().take(once_more.moment).skip(once_more.moment.saturating_sub(40)) {
        println!("{}", shown(&record));
    }
    let broken = cut(&recorded, &[once_more], |_| true).await?;
    ensure!(broken.is_empty(), "{}", told(&broken));
    Ok(())
}

fn shown(record: &Record<'_>) -> String {
    match record {
        Record::Write { handle, offset, data } => format!("{handle}: {} bytes from {offset} on", data.len()),
        Record::Note { text } => format!("told: {}", String::from_utf8_lossy(text)),
        Record::Open { handle, path, .. } => format!("{handle}: open {}", String::from_utf8_lossy(path)),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_every_power_cut_all_runs_end_as_they_would_have() -> Result<()> {
    let (seed, rounds) = asked()?;
    let mut random = Random::new(seed);
    let mut work = Work::from_the_first_start(random.number()).await?;
    for round in 1..=rounds.div_ceil(2) {
        let depth = 1 + random.below(3);
        let place = tempfile::tempdir()?;
        let recovered = recover(&work, place.path(), depth, &mut Random::new(random.number())).await;
        if let Err(error) = recovered {
            bail!("round {round}, {depth} deep; all of it is in {}: {error:?}", place.keep().display());
        }
        if round % 10 == 0 {
            work = Work::from_the_first_start(random.number()).await?;
        }
    }
    Ok(())
}

/// The power fails, the host recovers, the power fails while it does, and so on; the last time it is left in peace.
async fn recover(work: &Work, place: &Path, depth: u64, random: &mut Random) -> Result<()> {
    let mut told = History::default();
    let mut recordings: Vec<Recorded> = Vec::new();
    for level in 1..=depth {
        let recorded = recordings.last().unwrap_or(&work.recorded);
        let cut = Cut::many(recorded, random, 1)[0];
        let (mut disk, mut at) = (recorded.disk()?, 0);
        advance(&mut disk, recorded, &mut at, cut.moment)?;
        told.acks.extend(recorded.history(cut.moment).acks);
        println!("{cut:?} of {} records, {level} of {depth}", recorded.log.len());
        let recording = Recording::after(&place.join(level.to_string()), &disk, &Crash::seeded(cut.seed))?;
        if level == depth {
            return finish(work, &recording, told).await;
        }
        let witness = Witness::new(told.clone(), Some(recording.notes()));
        let server = Arc::new(recording.start()?);
        workload::prepare(&server, &witness).await?;
        let while_it_recovers = Duration::from_millis(random.below(1_000));
        workload::drive_for(&server, &work.jobs, &witness, while_it_recovers).await?;
        stop(server)?;
        recordings.push(recording.recorded()?);
    }
    Ok(())
}

async fn finish(work: &Work, recording: &Recording, told: History) -> Result<()> {
    let witness = Witness::new(told, None);
    let data_dir = recording.data_dir();
    let server = Arc::new(Server::start(&data_dir)?);
    let mut broken = witness.history().check(&Snapshot::of_directory(&data_dir).await?);
    workload::prepare(&server, &witness).await?;
    workload::drive(&server, &work.jobs, &witness).await?;
    stop(server)?;
    let (snapshot, history) = (Snapshot::of_directory(&data_dir).await?, witness.history());
    broken.extend(history.check(&snapshot));
    let runs = snapshot.rows("runs").len();
    if runs != work.jobs.len() {
        let text = format!("{} runs were asked for, {runs} are there", work.jobs.len());
        broken.push(Violation { rule: Rule::Runs, text });
    }
    // An attempt that has seen three hosts die is given up: it may be what kills them.
    let worn = snapshot.rows("attempts").iter().any(|attempt| attempt.number("crashes") >= 3);
    let differences = workload::differences(&work.history, &history);
    ensure!(broken.is_empty() && (worn || differences.is_empty()), "{broken:#?}\n{differences:#?}");
    Ok(())
}

/// A host whose rows are elsewhere: a power cut of its own machine takes none of its files, nor where the rows are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_postgres_the_files_survive_every_power_cut() -> Result<()> {
    let Some(database) = Database::create().await? else { return Ok(()) };
    let (seed, rounds) = asked()?;
    let (mut random, place) = (Random::new(seed), tempfile::tempdir()?);
    let recording = Recording::of_a_first_start(place.path())?;
    let server = Arc::new(recording.start_with(&["--database", database.url()])?);
    let witness = Witness::new(History::default(), Some(recording.notes()));
    workload::prepare(&server, &witness).await?;
    workload::drive(&server, &workload::jobs(&mut random, 0..2), &witness).await?;
    stop(server)?;
    let recorded = recording.recorded()?;
    let (mut disk, mut at) = (recorded.disk()?, 0);
    for cut in Cut::many(&recorded, &mut random, 4 * rounds) {
        advance(&mut disk, &recorded, &mut at, cut.moment)?;
        let left = tempfile::tempdir()?;
        let data_dir = left.path().join("root/data");
        disk.after(&Crash::seeded(cut.seed), &left.path().join("root"))?;
        for ack in recorded.history(cut.moment).acks {
            let there = match &ack {
                Ack::Listening { token } => {
                    let [secret, database] =
                        ["admin-token", "database"].map(|name| fs::read_to_string(data_dir.join(name)));
                    Digest::of(secret?.trim()).to_string() == *token && database?.starts_with("postgres://")
                }
                Ack::Loaded { digest } | Ack::Uploaded { digest, .. } => is_there(&data_dir, digest),
                Ack::Ended { results, .. } => {
                    results.files.values().all(|digest| is_there(&data_dir, digest))
                }
                _ => true,
            };
            ensure!(there, "HEDDLE_DISK_SEED={seed}: {cut:?}: {ack:?}");
        }
    }
    Ok(())
}

fn is_there(data_dir: &Path, digest: &str) -> bool {
    let path = data_dir.join("blobs/default").join(&digest[..2]).join(digest);
    fs::read(path).is_ok_and(|bytes| Digest::of(bytes).to_string() == digest)
}
