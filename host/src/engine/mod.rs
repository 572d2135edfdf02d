//! Runs workflows: plans them, schedules their steps, and keeps every result durable.
//!
//! `core` decides (pure), `driver` commits and carries out, `attempt` runs one attempt, `plugins` knows the components,
//! and `tenant` is the door through which the API and the CLI come in.

mod alarm;
mod approvals;
mod attempt;
mod awaited;
mod backup;
mod bounds;
mod cache;
mod calendar;
mod catalogue;
mod checks;
mod control;
mod core;
mod database;
pub mod definition;
mod detail;
mod directory;
mod driver;
mod expression;
mod fork;
mod garbage;
mod grants;
mod graph;
mod library;
mod plan;
mod plugins;
mod problems;
mod recovery;
mod schedules;
mod signals;
mod start;
mod stored;
mod tenant;
mod tokens;
mod verify;
mod work;

use std::{collections::BTreeSet, fs::File, path::PathBuf, time::Duration};

pub use approvals::Answer;
pub use backup::{Backup, BackupSummary, check as check_backup, restore};
pub use bounds::TenantBounds;
pub use catalogue::WorkflowPage;
pub use control::RollbackTo;
pub(crate) use database::is_used;
pub(crate) use detail::{MAX_STEPS_SHOWN, place};
pub use detail::{OpenStep, RunDetail, StepPage};
pub use driver::CommitMode;
pub use fork::{ForkRun, PhaseRun};
pub use garbage::{Collected, Retention};
pub use grants::Grants;
pub use library::{WorkflowInfo, WorkflowSource};
pub use schedules::{NewSchedule, ScheduleChange, ScheduleInfo};
pub use signals::SentSignal;
pub use start::{StartFile, StartRun, StartedRun};
pub use stored::{MadeText, StoredText};
pub use tenant::Tenant;
pub use tokens::{NewToken, Principal, Role};
pub use verify::{StepVerification, Verification, Verified};

use self::{
    attempt::Executor,
    core::Core,
    driver::{Driver, DriverHandle, Message, Seat},
    plugins::Plugins,
};
use crate::{
    artifacts::BlobStore,
    error::{Code, Error, Result},
    events::EventBus,
    model::{HostId, TenantId},
    sandbox::{Sandbox, SandboxConfig},
    store::{Store, StoreLocation},
};

/// Plans of so many bytes of JSON together are kept.
const PLANS_KEPT: usize = 64 << 20;
/// So many tokens are kept.
const TOKENS_KEPT: usize = 10_000;

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where everything is kept. Made with mode 0700 if it is not there.
    pub data_dir: PathBuf,
    /// The database, if it is not the file `heddle.db` in the data directory.
    pub database: Option<StoreLocation>,
    /// The heddle binary: it is started again to compile plugins in a process of its own.
    pub compiler: PathBuf,
    /// Attempts that run at once. With 0 the engine is there to look at: it runs nothing, and takes up no run.
    pub slots: usize,
    /// Whether an attempt may begin before what it is launched from is durable.
    pub commit: CommitMode,
    /// Whether it starts what schedules are due.
    pub schedules: bool,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// How often what is kept no longer is removed; if it is absent, only when somebody says so.
    pub collect_every: Option<Duration>,
    /// The largest file that may be uploaded, in bytes.
    pub max_upload_bytes: u64,
    /// The largest input of a run, in bytes.
    pub max_input_bytes: u64,
    /// How much of everything a tenant may have at once.
    pub bounds: TenantBounds,
}

impl EngineConfig {
    /// With the defaults: an attempt for each core, files up to 1 GiB, inputs up to 128 MiB.
    pub fn new(data_dir: impl Into<PathBuf>, compiler: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            compiler: compiler.into(),
            slots: std::thread::available_parallelism().map_or(2, usize::from).max(2),
            commit: CommitMode::default(),
            schedules: false,
            retention: Retention::default(),
            collect_every: None,
            max_upload_bytes: 1 << 30,
            max_input_bytes: 128 << 20,
            bounds: TenantBounds::default(),
        }
    }
}

/// A host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    config: EngineConfig,
    store: Store,
    blobs: BlobStore,
    bus: EventBus,
    plugins: Plugins,
    /// Plans of runs that were looked at: one never changes.
    plans: cache::Cache<(TenantId, crate::model::Digest), plan::Plan>,
    /// Who the secrets are of that were shown of late, by their digests.
    principals: cache::Cache<crate::model::Digest, crate::store::TokenRow>,
    sandbox: Sandbox,
    /// Places for checking what tenants wrote.
    checks: checks::Checks,
    driver: DriverHandle,
    host: HostId,
    /// What runs attempts, beside the driver: for those that are of no run.
    executor: Executor,
    /// Room for the outputs of runs that are on their way to whoever asked: apart from the attempts', so that slow
    /// readers hold no run up.
    outputs: attempt::Memory,
    /// Verifications that run.
    verifying: std::sync::Arc<tokio::sync::Semaphore>,
    /// The turn to make a backup.
    backing_up: std::sync::Arc<tokio::sync::Semaphore>,
    collector: garbage::Collector,
    matchmaker: signals::Matchmaker,
    alarm: alarm::Alarm,
    /// Held as long as the host lives: a second one on the same directory would own the same runs.
    _lock: std::sync::Arc<File>,
}

impl Engine {
    /// Open the data directory, load the plugins that the binary carries, and take up the runs that have not ended.
    ///
    /// # Errors
    /// `Conflict` if another host has the directory; `Unavailable` if storage fails.
    pub async fn open(config: EngineConfig) -> Result<Self> {
        let lock = directory::open(&config.data_dir)?;
        let unusable = |error: std::io::Error| {
            Error::unavailable(
                format!("the data directory {} cannot be used: {error}", config.data_dir.display()),
                error,
            )
        };
        let store = database::open(&config.data_dir, config.database.as_ref()).await?;
        let blobs = BlobStore::open(&config.data_dir).map_err(unusable)?;
        let sandbox = Sandbox::new(SandboxConfig::new(config.data_dir.join("cache"), &config.compiler))
            .map_err(|error| Error::unavailable(format!("the sandbox cannot be set up: {error}"), error))?;
        let bus = EventBus::default();
        let checks = checks::Checks::default();
        let plugins = Plugins::new(store.clone(), blobs.clone(), sandbox.clone(), checks.clone());
        let host = HostId::new();
        let tenant = TenantId::default_tenant();
        store.tenant_ensure(&tenant).await?;
        plugins.add_bundled(&tenant, crate::plugins::bundled()).await?;

        let observes = config.slots == 0;
        if !observes {
            store.host_start(host).await?;
        }
        let stopped: BTreeSet<HostId> = store.hosts_stopped().await?.into_iter().collect();
        let core = Core::new(host, config.slots, config.bounds, stopped);
        let executor = Executor {
            sandbox: sandbox.clone(),
            plugins: plugins.clone(),
            blobs: blobs.clone(),
            bus: bus.clone(),
            arrays: std::sync::Arc::default(),
            evaluations: std::sync::Arc::new(tokio::sync::Semaphore::new(attempt::EVALUATIONS)),
            memory: attempt::Memory::for_attempts(),
            expressions: attempt::expressions(),
            main: tokio::runtime::Handle::current(),
        };
        let plans = cache::Cache::new(PLANS_KEPT);
        let loader = recovery::Loader { store: store.clone(), host, plans: plans.clone() };
        let (matchmaker, wanted) = signals::Matchmaker::new();
        let crashed_before = store.host_before_crashed(host).await?;
        let seat = Seat { host, commit: config.commit, crashed_before, matchmaker: matchmaker.clone() };
        let (driver, receiver) =
            Driver::new(core, store.clone(), bus.clone(), executor.clone(), loader, seat);
        let driver = driver.start(receiver);
        let engine = Self {
            config,
            store,
            blobs,
            bus,
            plugins,
            plans,
            principals: cache::Cache::new(TOKENS_KEPT),
            sandbox,
            checks,
            driver,
            host,
            executor,
            outputs: attempt::Memory::for_readers(),
            verifying: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
            backing_up: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
            collector: garbage::Collector::default(),
            matchmaker,
            alarm: alarm::Alarm::default(),
            _lock: std::sync::Arc::new(lock),
        };
        if !observes {
            engine.take_up_runs().await?;
            engine.driver.send(Message::CommandsWait);
            let age = engine.config.bounds.signal_age;
            let (store, driver, bus) = (engine.store.clone(), engine.driver.clone(), engine.bus.clone());
            signals::start(store, driver, bus, age, wanted);
        }
        if !observes && engine.config.schedules {
            alarm::start(engine.clone());
        }
        if let Some(every) = engine.config.collect_every.filter(|_| !observes) {
            garbage::start(engine.clone(), every);
        }
        Ok(engine)
    }

    /// How it is set up.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// The engine as a tenant may use it.
    pub fn tenant(&self, id: &TenantId) -> Tenant {
        Tenant::new(self.clone(), id)
    }

    fn executor(&self) -> Executor {
        self.executor.clone()
    }

    /// Whether it is there to look at only.
    pub(crate) fn observes(&self) -> bool {
        self.config.slots == 0
    }

    /// Whether the host can do its work.
    ///
    /// # Errors
    /// `Unavailable`, with what is amiss.
    pub async fn ready(&self) -> Result<()> {
        if self.driver.has_stopped() {
            return Err(Error::new(Code::Unavailable, "the host is shutting down"));
        }
        Ok(self.store.ping().await?)
    }

    /// Start nothing more, let attempts under way finish within `grace`, then stop them. They are launched again at
    /// the next start, and that they were stopped does not count as a crash.
    pub async fn shutdown(&self, grace: Duration) {
        self.driver.send(Message::Shutdown(grace));
        self.driver.stopped().await;
        if let Err(error) = self.store.host_stop(self.host).await {
            tracing::warn!(%error, "the stop could not be recorded: attempts that were under way count a crash");
        }
    }
}

/// Run what blocks on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(std::io::Error::other(error)),
    }
}
