//! COMMITs whose answer is lost, under a host at work on PostgreSQL: it reads the truth back, so that nothing is lost or doubled.
//! (That whoever assumes failure instead is found out is shown in `host/src/store/tests/in_doubt.rs`.)

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use heddle_test_disk::Random;
use heddle_tests::{
    Database, Server, data_dir,
    doubt::Doubt,
    history::{History, Snapshot},
    workload::{self, Witness},
};

use crate::cuts::asked;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_whose_answers_are_lost_are_committed_once() -> Result<()> {
    let (seed, rounds) = asked()?;
    let mut histories = Vec::new();
    for commit in ["output", "step"] {
        let Some(database) = Database::create().await? else { return Ok(()) };
        let (directory, witness) = (data_dir(), Witness::new(History::default(), None));
        let doubt = Doubt::before(database.url(), seed, 8).await?;
        let arguments = ["--database", doubt.url(), "--commit", commit];
        let server = Arc::new(Server::start_with(directory.path(), &arguments)?);
        workload::prepare(&server, &witness).await?;
        let jobs = workload::jobs(&mut Random::new(seed), 0..usize::try_from(rounds.div_ceil(4))?);
        doubt.begin();
        workload::drive(&server, &jobs, &witness)
            .await
            .with_context(|| format!("HEDDLE_DISK_SEED={seed}"))?;
        doubt.end();
        Arc::into_inner(server).context("a server")?.stop()?;

        let (requests, answers) = doubt.lost();
        println!("{commit}: {requests} COMMITs and {answers} answers to one were lost");
        ensure!(requests > 3 && answers > 3, "too few of them");
        let (snapshot, history) =
            (Snapshot::of_postgres(database.url(), directory.path()).await?, witness.history());
        let broken = history.check(&snapshot);
        ensure!(broken.is_empty(), "HEDDLE_DISK_SEED={seed}: {broken:#?}");
        let runs = snapshot.rows("runs").len();
        ensure!(
            runs == jobs.len(),
            "HEDDLE_DISK_SEED={seed}: {} runs were asked for, {runs} are there",
            jobs.len()
        );
        histories.push(history);
    }
    let differences = workload::differences(&histories[0], &histories[1]);
    ensure!(
        differences.is_empty() && histories[0].results().len() == histories[1].results().len(),
        "{differences:#?}"
    );
    Ok(())
}
