//! The checker finds what it is there to find: each thing that must not be is forged, and told.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use heddle_test_disk::Random;
use heddle_tests::{
    Server, data_dir,
    history::{Ack, History, Results, Rule, Snapshot},
    workload::{self, Witness},
};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

const CHAIN: &str = "run_id = (SELECT id FROM runs WHERE workflow = 'chain')";

/// What is forged, and which rule is broken then.
fn forgeries() -> Vec<(Rule, String)> {
    let all = [
        (Rule::Runs, "DELETE FROM runs WHERE workflow = 'chain'"),
        (Rule::Runs, "UPDATE idempotency_keys SET run_id = 'run_other' WHERE key = 'chain-0'"),
        (Rule::Runs, "DELETE FROM plans"),
        (Rule::Events, "DELETE FROM single WHERE CHAIN AND seq = 3"),
        (Rule::Events, "DELETE FROM single WHERE CHAIN AND kind = 'run.completed'"),
        (Rule::Events, "UPDATE single SET data = '{\"attempt\":7}' WHERE CHAIN AND seq = 4"),
        (Rule::Events, "UPDATE runs SET event_seq = event_seq + 1 WHERE workflow = 'chain'"),
        (Rule::Events, "UPDATE runs SET state = 'failed' WHERE workflow = 'chain'"),
        (
            Rule::Once,
            "UPDATE single SET kind = 'step.completed', step = 's0', data = '{\"attempt\":1}'
             WHERE CHAIN AND kind = 'step.ready' AND step = 's2'",
        ),
        (
            Rule::Once,
            "UPDATE single SET kind = 'run.started' WHERE CHAIN AND kind = 'step.ready' AND step = 's2'",
        ),
        (Rule::Order, "UPDATE single SET step = 's5' WHERE CHAIN AND kind = 'step.started' AND step = 's1'"),
        (Rule::Order, "UPDATE single SET step = 'step[0]' WHERE kind = 'step.started' AND step = 'step'"),
        (Rule::Results, "UPDATE steps SET output = '{\"json\":\"1\"}' WHERE CHAIN AND name = 's3'"),
        (
            Rule::Results,
            "UPDATE steps SET output = '{\"json\":\"1\"}' WHERE CHAIN AND name = 's3';
             UPDATE attempts SET output = '{\"json\":\"1\"}' WHERE CHAIN AND step = 's3'",
        ),
        (Rule::Results, "DELETE FROM attempts WHERE CHAIN AND step = 's3'"),
        (Rule::Results, "UPDATE runs SET state = 'running' WHERE workflow = 'chain'"),
        (Rule::Results, "UPDATE steps SET state = 'running' WHERE CHAIN AND name = 's3'"),
        (Rule::Results, "DELETE FROM artifacts WHERE name = 'copy.bin'"),
        (Rule::Decisions, "UPDATE approvals SET state = 'open', decision = NULL"),
        (Rule::Decisions, "UPDATE approvals SET decision = '{\"option\":\"reject\"}'"),
        (
            Rule::Decisions,
            "UPDATE single SET kind = 'approval.decided',
                               data = (SELECT data FROM single WHERE kind = 'approval.decided' LIMIT 1)
             WHERE kind = 'run.waiting_approval'",
        ),
        (Rule::Decisions, "DELETE FROM approvals"),
        (Rule::Signals, "DELETE FROM signals"),
        (
            Rule::Signals,
            "INSERT INTO signals (tenant_id, key, data, created_at, taken_by, taken_step)
             SELECT tenant_id, key, data, created_at, taken_by, taken_step FROM signals",
        ),
        (Rule::Effects, "UPDATE approvals SET request = replace(request, 'Shall', 'Must')"),
        (Rule::Effects, "UPDATE steps SET output = '{\"json\":\"1\"}' WHERE name = 'before'"),
        (
            Rule::Effects,
            "INSERT INTO approvals (id, tenant_id, run_id, step, kind, request, state, created_at)
             SELECT id || '2', tenant_id, run_id, step, kind, request, 'withdrawn', created_at FROM approvals",
        ),
        (
            Rule::Effects,
            "INSERT INTO attempts (run_id, step, number, tenant_id, id, state, host, crashes, reused, output, started_at)
             SELECT run_id, step, 2, tenant_id, id || '2', state, host, crashes, reused, output, started_at
             FROM attempts WHERE CHAIN AND step = 's3'",
        ),
        (Rule::Kept, "DELETE FROM uploads"),
        (Rule::Kept, "DELETE FROM grants"),
        (Rule::Kept, "DELETE FROM plugins"),
        (Rule::Kept, "DELETE FROM workflows"),
        (Rule::Token, "DELETE FROM tokens"),
        (Rule::Blobs, "DELETE FROM blobs"),
        (Rule::Blobs, "UPDATE uploads SET size = size + 1"),
    ];
    all.into_iter().map(|(rule, sql)| (rule, sql.replace("CHAIN", CHAIN))).collect()
}

async fn forge(database: &Path, sql: &str) -> Result<u64> {
    let options = SqliteConnectOptions::new().filename(database).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut changed = 0;
    for sql in [SINGLY, sql, IN_PAGES] {
        let ended = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        changed = if sql == IN_PAGES { changed } else { ended.rows_affected() };
    }
    connection.close().await?;
    Ok(changed)
}

/// Events are kept in pages; they are forged one by one, in the table `single`.
const SINGLY: &str = "CREATE TEMP TABLE single AS
    SELECT run_id, tenant_id, value ->> 'seq' AS seq, value ->> 'type' AS kind, value ->> 'step' AS step,
           value ->> 'at' AS at, value -> 'data' AS data
    FROM events, json_each(body)";
const IN_PAGES: &str = "DELETE FROM events;
    INSERT INTO events (run_id, first_seq, last_seq, tenant_id, body)
    SELECT run_id, seq, seq, tenant_id,
           json_array(json_object('seq', seq, 'type', kind, 'step', step, 'at', at, 'data', json(data)))
    FROM single";

/// Everything is in the file itself then, and nothing in its log.
async fn checkpoint(database: &Path) -> Result<()> {
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database)).await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// A file of a host's blobs.
fn a_blob(data_dir: &Path) -> Result<std::path::PathBuf> {
    let mut path = data_dir.join("blobs/default");
    for _ in 0..2 {
        path = fs::read_dir(&path)?.next().context("there is a blob")??.path();
    }
    Ok(path)
}

/// Where a host has worked, what it has told, and how many runs there were.
async fn worked() -> Result<(TempDir, History, usize)> {
    let directory = data_dir();
    let data = directory.path();
    let server = Arc::new(Server::start(data)?);
    let witness = Witness::new(History::default(), None);
    workload::prepare(&server, &witness).await?;
    let mut jobs = workload::jobs(&mut Random::new(7), 0..1);
    jobs.extend(workload::endless(7).find(|job| job.key.starts_with("question")));
    workload::drive(&server, &jobs, &witness).await?;
    let history = witness.history();
    // Also while it works.
    ensure!(history.check(&Snapshot::of_directory(data).await?).is_empty());
    Arc::into_inner(server).context("a server")?.stop()?;
    Ok((directory, history, jobs.len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_must_not_be_is_told() -> Result<()> {
    let (directory, history, _) = worked().await?;
    let data = directory.path();
    checkpoint(&data.join("heddle.db")).await?;
    let whole = fs::read(data.join("heddle.db"))?;
    let found = history.check(&Snapshot::of_directory(data).await?);
    ensure!(found.is_empty(), "{found:#?}");

    for (rule, sql) in forgeries() {
        ensure!(forge(&data.join("heddle.db"), &sql).await? > 0, "{sql}: nothing was changed");
        let found = history.check(&Snapshot::of_directory(data).await?);
        ensure!(found.iter().any(|violation| violation.rule == rule), "{rule:?}: {sql}: {found:#?}");
        fs::write(data.join("heddle.db"), &whole)?;
    }

    let blob = a_blob(data)?;
    let bytes = fs::read(&blob)?;
    let damages: [(&str, &dyn Fn() -> std::io::Result<()>); 3] = [
        ("is not there", &|| fs::remove_file(&blob)),
        ("is something else", &|| fs::write(&blob, &bytes[1..])),
        ("is something else", &|| fs::write(&blob, vec![0; bytes.len()])),
    ];
    for (what, damage) in damages {
        damage()?;
        let found = history.check(&Snapshot::of_directory(data).await?);
        let told =
            found.iter().any(|violation| violation.rule == Rule::Blobs && violation.text.contains(what));
        ensure!(told, "{what}: {found:#?}");
        fs::write(&blob, &bytes)?;
    }

    fs::write(data.join("admin-token"), "other")?;
    let found = history.check(&Snapshot::of_directory(data).await?);
    ensure!(found.iter().any(|violation| violation.rule == Rule::Token), "{found:#?}");
    let mut damaged = whole.clone();
    damaged[100..9000].fill(7);
    fs::write(data.join("heddle.db"), damaged)?;
    let found = history.check(&Snapshot::of_directory(data).await?);
    ensure!(found.len() == 1 && found[0].rule == Rule::Readable, "{found:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_should_not_have_left_the_host_is_told_and_so_is_what_was_not_told() -> Result<()> {
    let (directory, history, runs) = worked().await?;
    let data = directory.path();
    let snapshot = Snapshot::of_directory(data).await?;
    let found = history.check_at_the_end(&snapshot, runs);
    ensure!(found.is_empty(), "{found:#?}");

    let run = history.runs()["chain-0"].to_owned();
    let asked = history.acks.iter().find_map(|ack| match ack {
        Ack::Asked { run, step, approval, question } => {
            Some((run.clone(), step.clone(), approval.clone(), question.clone()))
        }
        _ => None,
    });
    let (asker, step, approval, question) = asked.context("somebody was asked")?;
    let results = history.results()["chain-0"].clone();
    let failed = Results { state: "failed".to_owned(), ..results.clone() };
    let mut other = results;
    other.outputs.insert("s3".to_owned(), "0".to_owned());
    for results in [failed, other] {
        let mut history = history.clone();
        history.acks.push(Ack::Over { run: run.clone(), results });
        let found = history.check(&snapshot);
        ensure!(found.iter().any(|violation| violation.rule == Rule::Results), "{found:#?}");
    }
    let forged = [
        Ack::Shown { run: run.clone(), step: "s9".to_owned() },
        Ack::Read { run: run.clone(), step: "s3".to_owned(), digest: "0".to_owned() },
        Ack::Read { run, step: "s9".to_owned(), digest: "0".to_owned() },
        Ack::Asked {
            run: asker.clone(),
            step: step.clone(),
            approval: format!("{approval}2"),
            question: question.clone(),
        },
        Ack::Asked { run: asker, step: "other".to_owned(), approval, question },
    ];
    for ack in forged {
        let mut history = history.clone();
        history.acks.push(ack.clone());
        let found = history.check(&snapshot);
        ensure!(found.iter().any(|violation| violation.rule == Rule::Effects), "{ack:?}: {found:#?}");
    }

    for (rule, kind) in [(Rule::Effects, "told"), (Rule::Effects, "asked"), (Rule::Ends, "ended")] {
        let mut history = history.clone();
        let of_kind = |ack: &Ack| serde_json::to_value(ack).is_ok_and(|ack| ack["ack"] == kind);
        let at = history.acks.iter().position(of_kind).context("there is one")?;
        let ack = history.acks.remove(at);
        let found = history.check_at_the_end(&snapshot, runs);
        ensure!(found.iter().any(|violation| violation.rule == rule), "{ack:?}: {found:#?}");
    }
    let found = history.check_at_the_end(&snapshot, runs + 1);
    ensure!(found.iter().any(|violation| violation.rule == Rule::Runs), "{found:#?}");
    forge(&data.join("heddle.db"), "UPDATE runs SET state = 'failed' WHERE workflow = 'chain'").await?;
    let found = history.check_at_the_end(&Snapshot::of_directory(data).await?, runs);
    ensure!(found.iter().any(|violation| violation.rule == Rule::Ends), "{found:#?}");
    Ok(())
}
