//! A private PostgreSQL server in a temporary directory, for tests, and databases of their own on one.
//!
//! `cargo xtask test` starts one server for all tests and names it in `HEDDLE_TEST_POSTGRES`; a test that stops its
//! server starts its own.

#[cfg(feature = "client")]
mod database;

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
#[cfg(feature = "client")]
pub use database::Database;
use tempfile::TempDir;

/// The environment variable that names the server for tests: a `postgres://` URL whose user may create databases.
pub const VARIABLE: &str = "HEDDLE_TEST_POSTGRES";

/// The superuser of a private server. It needs no password: only this user and root reach the socket.
const USER: &str = "heddle";
/// It names the socket; no such port is listened on.
const PORT: u16 = 5432;
/// So long a server may take to start, crash recovery included.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Where the server's programs are: the newest of Debian's, else those on the `PATH`.
pub fn find() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let newest = debian.filter(|path| is_complete(path)).max_by_key(version);
    newest.or_else(|| {
        let path = env::var_os("PATH")?;
        // What is on the PATH may be a link to one program of several.
        let real =
            |folder: PathBuf| fs::canonicalize(folder.join("postgres")).ok()?.parent().map(Path::to_owned);
        env::split_paths(&path).filter_map(real).find(|folder| is_complete(folder))
    })
}

fn is_complete(bin: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl", "pg_isready"].iter().all(|program| bin.join(program).is_file())
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Connections are cut, and everything is written.
    Fast,
    /// As if it had crashed: it recovers from its log at the next start.
    Immediate,
}

/// A running server. Dropped, it is stopped and its directory removed; so it is when this process dies.
pub struct Postgres {
    bin: PathBuf,
    directory: TempDir,
    owner: Option<Owner>,
    keeper: Option<Child>,
    synced: bool,
}

/// PostgreSQL refuses to run as root: then it runs as this user.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Make a server with nothing in it, and start it.
    ///
    /// # Errors
    /// If it cannot be made or does not start, with what it said.
    pub fn start(bin: &Path) -> Result<Self> {
        Self::make(bin, false)
    }

    /// The same, as durable as PostgreSQL is by default: for benchmarks.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_synced(bin: &Path) -> Result<Self> {
        Self::make(bin, true)
    }

    fn make(bin: &Path, synced: bool) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("heddle-pg-").tempdir()?;
        let owner = owner(directory.path())?;
        if let Some(owner) = owner {
            chown(directory.path(), Some(owner.uid), Some(owner.gid))?;
        }
        let mut server = Self { bin: bin.to_owned(), directory, owner, keeper: None, synced };
        let mut initdb = server.program("initdb");
        initdb.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--pgdata"]);
        initdb.arg(server.data());
        // Names sort otherwise in this language than byte by byte: a query that depends on it is found out.
        initdb.args(["--locale", "C"]);
        if server.version()? >= 15 {
            initdb.args(["--locale-provider", "icu", "--icu-locale", "en-US"]);
        }
        let output = initdb.output().with_context(|| format!("{}/initdb", server.bin.display()))?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        server.start_again()?;
        Ok(server)
    }

    /// One of a test's own. Where PostgreSQL is not installed, this says so and is `None`; in CI it is a failure.
    ///
    /// # Panics
    /// In CI, if PostgreSQL is not installed.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn for_test() -> Result<Option<Self>> {
        match find() {
            Some(bin) => Self::start(&bin).map(Some),
            None => {
                assert!(env::var_os("CI").is_none(), "in CI PostgreSQL must be installed");
                println!("SKIPPED: PostgreSQL is not installed");
                Ok(None)
            }
        }
    }

    /// Start it once more after a stop.
    ///
    /// # Errors
    /// If it does not start, with what it said.
    pub fn start_again(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.directory.path().join("log"))?;
        // The shell holds the end of a pipe that closes when this process dies, however it dies.
        let mut keeper = Command::new("sh");
        self.owned(&mut keeper);
        keeper.args(["-c", r#""$@" & server=$!; read -r _; kill -QUIT $server; wait $server"#, "sh"]);
        keeper.arg(self.bin.join("postgres")).arg("-D").arg(self.data()).arg("-k").arg(self.directory.path());
        keeper.args(["-c", "listen_addresses=", "-c", &format!("port={PORT}"), "-c", "max_connections=200"]);
        if !self.synced {
            // These servers survive a crash of their own, and need not survive one of the machine.
            keeper.args(["-c", "fsync=off"]);
        }
        keeper.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        self.keeper = Some(keeper.spawn().context("sh")?);
        let start = Instant::now();
        loop {
            let mut ready = self.program("pg_isready");
            ready.args(["-q", "-h"]).arg(self.directory.path()).args(["-p", &PORT.to_string()]);
            if ready.status().context("pg_isready")?.success() {
                return Ok(());
            }
            if start.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                bail!("PostgreSQL did not start within {} s; it said:\n{log}", START_LIMIT.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stop it.
    ///
    /// # Errors
    /// If it was not running, or does not stop.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--silent", "--wait", "--mode", mode, "--pgdata"]).arg(self.data());
        let output = stop.output().context("pg_ctl")?;
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait()?;
        }
        if output.status.success() {
            Ok(())
        } else {
            bail!("PostgreSQL was not stopped: {}", String::from_utf8_lossy(&output.stderr))
        }
    }

    /// The URL of one of its databases; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost:{PORT}/{database}?host={}", self.directory.path().display())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The major version.
    fn version(&self) -> Result<u32> {
        let output = self.program("postgres").arg("--version").output().context("postgres --version")?;
        // `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`
        let text = String::from_utf8_lossy(&output.stdout);
        let digits = text.split_whitespace().nth(2).and_then(|version| version.split(['.', 'b', 'r']).next());
        digits.and_then(|digits| digits.parse().ok()).with_context(|| format!("what version is {text:?}?"))
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        self.owned(&mut command);
        command.stdin(Stdio::null());
        command
    }

    fn owned(&self, command: &mut Command) {
        // The directory in which we are may be closed to that user.
        command.current_dir("/");
        if let Some(owner) = self.owner {
            command.uid(owner.uid).gid(owner.gid);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// Whose the server is to be, if we are root: Debian's `postgres`, else `nobody`.
fn owner(ours: &Path) -> Result<Option<Owner>> {
    use std::os::unix::fs::MetadataExt as _;
    // A file that we have just made is ours.
    if fs::metadata(ours)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
    let owner = ["postgres", "nobody"].iter().find_map(|name| entry(&users, name));
    Ok(Some(owner.context("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")?))
}

/// `name:x:uid:gid:…`
fn entry(users: &str, name: &str) -> Option<Owner> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some(Owner { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}
