//! Steering of `heddle run`: a definition from a file, decisions, and a door for other terminals.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{data_dir::ServerFile, output, run_progress::Progress};
use crate::{
    api::ServeConfig,
    engine::{Answer, Engine, Tenant, definition::parse},
    error::{Code, Error},
    model::{ApprovalId, RunId, Workflow},
    store::{ApprovalRow, ApprovalState},
};

/// `NAME=VALUE` taken apart.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    parts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} has not the form NAME=VALUE"))
}

/// The definition in a file, if the name of a workflow is one.
pub(super) fn definition(name: &str) -> anyhow::Result<Option<Workflow>> {
    let path = Path::new(name);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !["yaml", "yml", "json"].contains(&ending) {
        return Ok(None);
    }
    let bytes = std::fs::read(path)
        .map_err(|error| Error::invalid(format!("the definition {name} cannot be read: {error}")))?;
    Ok(Some(parse(&bytes).with_context(|| name.to_owned())?))
}

/// Decisions that name no step of the definition, or no option of a checkpoint, are mistakes: the run would wait for ever.
pub(super) fn check_decisions(workflow: &Workflow, decisions: &[(String, String)]) -> anyhow::Result<()> {
    for (step, option) in decisions {
        let top = step.split(['/', '[']).next().unwrap_or(step);
        let known: Vec<&str> = workflow.steps.iter().map(|step| step.name.as_str()).collect();
        let Some(definition) = workflow.steps.iter().find(|step| step.name == top) else {
            return Err(unknown("step", top, &known).context(format!("--decide {step}={option}")));
        };
        let Some(checkpoint) = definition.checkpoint.as_ref().filter(|_| top == step) else { continue };
        let options: Vec<&str> = checkpoint.options.iter().map(|option| option.name.as_str()).collect();
        if !options.contains(&option.as_str()) {
            return Err(unknown("option", option, &options).context(format!("--decide {step}={option}")));
        }
    }
    Ok(())
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> anyhow::Error {
    super::access::unknown(kind, name, known).into()
}

/// The API on a loopback address while a run lasts, so that other terminals can steer it.
pub(super) struct Door {
    stop: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    data_dir: PathBuf,
}

impl Door {
    pub(super) async fn open(engine: &Engine, data_dir: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no loopback address is free")?;
        let url = format!("http://{}", listener.local_addr()?);
        engine.admin_token().await?;
        ServerFile { url, pid: std::process::id() }.write(data_dir)?;
        let stop = CancellationToken::new();
        let (engine, stopped) = (engine.clone(), stop.clone());
        let served = tokio::spawn(async move {
            let served =
                crate::api::serve(listener, engine, ServeConfig::default(), stopped.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::warn!(%error, "other terminals cannot steer the run any more");
            }
        });
        Ok(Self { stop, served, data_dir: data_dir.to_owned() })
    }

    pub(super) async fn close(self) {
        self.stop.cancel();
        // It ends by itself; that it panicked was logged where it did.
        let _ = self.served.await;
        ServerFile::remove(&self.data_dir);
    }
}

/// Decides what a run asks: as the command line says, as the terminal answers, or not at all.
pub(super) struct Decider<'a> {
    tenant: &'a Tenant,
    run: RunId,
    decisions: BTreeMap<String, String>,
    progress: &'a Progress,
}

impl<'a> Decider<'a> {
    pub(super) fn new(
        tenant: &'a Tenant,
        run: RunId,
        decisions: Vec<(String, String)>,
        progress: &'a Progress,
    ) -> Self {
        Self { tenant, run, decisions: decisions.into_iter().collect(), progress }
    }

    /// Decide for as long as the run lasts. Ends only with an error.
    pub(super) async fn decide(&self) -> anyhow::Error {
        match self.try_decide().await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    }

    async fn try_decide(&self) -> anyhow::Result<()> {
        let mut follow = self.tenant.follow(self.run).await?;
        let mut told: Vec<ApprovalId> = Vec::new();
        loop {
            follow.committed.borrow_and_update();
            for approval in self.tenant.run_approvals(self.run).await? {
                if approval.state != ApprovalState::Open || told.contains(&approval.id) {
                    continue;
                }
                told.push(approval.id);
                let given = self.decisions.get(&approval.step).cloned();
                let asks = given.is_none() && std::io::stdin().is_terminal();
                let option = if asks { self.ask(&approval).await? } else { given };
                match option {
                    Some(option) => self.answer(approval.id, option).await?,
                    None => eprintln!(
                        "{} waits for a decision: heddle approvals decide {} OPTION",
                        approval.step, approval.id
                    ),
                }
            }
            if follow.committed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn answer(&self, id: ApprovalId, option: String) -> anyhow::Result<()> {
        let answer = Answer { option, feedback: None, modification: None };
        match self.tenant.approval_decide(id, answer).await {
            // Somebody else was faster, or the deadline.
            Err(error) if error.code() == Code::Conflict => Ok(()),
            other => {
                let waits =
                    || format!("run {} still waits, and goes on when approval {id} is decided", self.run);
                other.map(drop).with_context(waits)
            }
        }
    }

    /// Ask the terminal; `None` if it was decided elsewhere meanwhile, or nothing comes from there any more.
    async fn ask(&self, approval: &ApprovalRow) -> anyhow::Result<Option<String>> {
        let text = |value: &serde_json::Value| output::plain(value.as_str().unwrap_or_default());
        let mut question = format!("\n{}: {}\n", approval.step, text(&approval.request["title"]));
        let message = text(&approval.request["message"]);
        if !message.is_empty() {
            question.push_str(&format!("{message}\n"));
        }
        if let Some(show) = approval.request.get("show").filter(|show| !show.is_null()) {
            question.push_str(&format!("{}\n", serde_json::to_string_pretty(show)?));
        }
        let mut names = Vec::new();
        for option in approval.request["options"].as_array().into_iter().flatten() {
            question.push_str(&format!("  {}: {}\n", text(&option["name"]), text(&option["label"])));
            names.push(text(&option["name"]));
        }
        let over = Arc::new(AtomicBool::new(false));
        let _over = Over(Arc::clone(&over));
        loop {
            self.progress.aside(|| {
                eprint!("{question}{} > ", names.join(" | "));
                std::io::stderr().flush()
            })?;
            let line = read_line(Arc::clone(&over)).await?;
            if self.tenant.approval(approval.id).await?.state != ApprovalState::Open {
                return Ok(None);
            }
            match line {
                None => return Ok(None),
                Some(line) if names.contains(&line) => return Ok(Some(line)),
                Some(_) => question.clear(),
            }
        }
    }
}

struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A line from standard input, on a thread of its own: when the run ends first, nobody waits for it.
async fn read_line(over: Arc<AtomicBool>) -> anyhow::Result<Option<String>> {
    let (sender, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_line(&mut text);
        if !over.load(Ordering::Relaxed) {
            let _ = sender.send(read.map(|bytes| (bytes > 0).then(|| text.trim().to_owned())));
        }
    });
    match line.await {
        Ok(read) => Ok(read?),
        Err(_) => Ok(None),
    }
}
