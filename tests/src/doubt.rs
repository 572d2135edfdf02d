//! A PostgreSQL server behind a connection that breaks in the middle of COMMITs: before one has reached the server, or after
//! the server has done it and before the client hears of it. The client cannot tell which.
//!
//! It reads as much of the protocol as that takes (PostgreSQL's documentation, "Message Formats").

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result, bail};
use heddle_test_disk::Random;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinHandle,
};

/// A server that is reached by way of such connections.
pub struct Doubt {
    url: String,
    faults: Arc<Faults>,
    accepting: JoinHandle<()>,
}

struct Faults {
    on: AtomicBool,
    /// Of so many COMMITs one is lost on its way there, and one on its way back.
    share: u64,
    random: Mutex<Random>,
    requests_lost: AtomicU64,
    answers_lost: AtomicU64,
}

/// What becomes of a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It never reaches the server.
    RequestLost,
    /// It does, and nobody hears.
    AnswerLost,
}

impl Doubt {
    /// Before the database of a URL. Nothing breaks until [`Doubt::begin`].
    ///
    /// # Errors
    /// If no port can be listened on, or the URL is none.
    pub async fn before(url: &str, seed: u64, share: u64) -> Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let database = options.get_database().context("the URL names a database")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let url =
            format!("postgres://{}@127.0.0.1:{port}/{database}?sslmode=disable", options.get_username());
        let faults = Arc::new(Faults {
            on: AtomicBool::new(false),
            share,
            random: Mutex::new(Random::new(seed)),
            requests_lost: AtomicU64::new(0),
            answers_lost: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, options, faults.clone()));
        Ok(Self { url, faults, accepting })
    }

    /// By which the server is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on connections break.
    pub fn begin(&self) {
        self.faults.on.store(true, Ordering::Relaxed);
    }

    /// From now on they do not.
    pub fn end(&self) {
        self.faults.on.store(false, Ordering::Relaxed);
    }

    /// How many COMMITs were lost on their way there, and how many on their way back.
    pub fn lost(&self) -> (u64, u64) {
        let Faults { requests_lost, answers_lost, .. } = &*self.faults;
        (requests_lost.load(Ordering::Relaxed), answers_lost.load(Ordering::Relaxed))
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Faults {
    fn fate(&self) -> Fate {
        if !self.on.load(Ordering::Relaxed) {
            return Fate::Done;
        }
        let chance = self.random.lock().unwrap_or_else(PoisonError::into_inner).below(self.share);
        let (fate, count) = match chance {
            0 => (Fate::RequestLost, &self.requests_lost),
            1 => (Fate::AnswerLost, &self.answers_lost),
            _ => return Fate::Done,
        };
        count.fetch_add(1, Ordering::Relaxed);
        fate
    }
}

async fn accept(listener: TcpListener, server: PgConnectOptions, faults: Arc<Faults>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, faults) = (server.clone(), faults.clone());
        tokio::spawn(async move {
            // Whoever is behind it sees that it ended, as of any connection that breaks.
            let _ = connect(client, &server, &faults).await;
        });
    }
}

async fn connect(client: TcpStream, server: &PgConnectOptions, faults: &Faults) -> Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let socket = server.get_socket().cloned();
    // In a URL that names a socket, the host is a directory.
    let directory = socket.or_else(|| server.get_host().starts_with('/').then(|| server.get_host().into()));
    match directory {
        Some(directory) => {
            let path = directory.join(format!(".s.PGSQL.{}", server.get_port()));
            let (from_server, to_server) = UnixStream::connect(path).await?.into_split();
            relay((from_client, to_server), (from_server, to_client), faults).await
        }
        None => {
            let address = (server.get_host(), server.get_port());
            let (from_server, to_server) = TcpStream::connect(address).await?.into_split();
            relay((from_client, to_server), (from_server, to_client), faults).await
        }
    }
}

/// Until one side ends, or it is the fate of a COMMIT: then both are cut off.
async fn relay(
    there: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    back: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    faults: &Faults,
) -> Result<()> {
    let answer_is_lost = AtomicBool::new(false);
    tokio::select! {
        ended = requests(there.0, there.1, faults, &answer_is_lost) => ended,
        ended = answers(back.0, back.1, &answer_is_lost) => ended,
    }
}

/// A message's kind, and all of it.
async fn message(from: &mut (impl AsyncRead + Unpin), has_kind: bool) -> Result<(u8, Vec<u8>)> {
    let head = if has_kind { 5 } else { 4 };
    let mut bytes = vec![0; head];
    from.read_exact(&mut bytes).await?;
    let length: [u8; 4] = bytes[head - 4..].try_into()?;
    let length = u32::from_be_bytes(length) as usize;
    if !(4..1 << 30).contains(&length) {
        bail!("a message of {length} bytes");
    }
    bytes.resize(head - 4 + length, 0);
    from.read_exact(&mut bytes[head..]).await?;
    Ok((if has_kind { bytes[0] } else { 0 }, bytes))
}

/// The texts, each ended by a zero byte, at the beginning of a message's body.
fn texts<const N: usize>(message: &[u8]) -> Option<[&[u8]; N]> {
    let mut texts = message.get(5..)?.split(|byte| *byte == 0);
    let texts: Vec<&[u8]> = texts.by_ref().take(N).collect();
    texts.try_into().ok()
}

async fn requests(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    faults: &Faults,
    answer_is_lost: &AtomicBool,
) -> Result<()> {
    let (_, startup) = message(&mut client, false).await?;
    server.write_all(&startup).await?;
    let mut statements: BTreeSet<Vec<u8>> = BTreeSet::new();
    loop {
        let (kind, bytes) = message(&mut client, true).await?;
        let commits = match kind {
            b'Q' => texts(&bytes).is_some_and(|[query]| query == b"COMMIT"),
            // Prepared under a name, and from then on bound by it.
            b'P' => {
                let [name, query] = texts(&bytes).context("a name and a query")?;
                match query == b"COMMIT" {
                    true => drop(statements.insert(name.to_vec())),
                    false => drop(statements.remove(name)),
                }
                false
            }
            b'B' => texts(&bytes).is_some_and(|[_portal, name]| statements.contains(name)),
            _ => false,
        };
        if commits {
            match faults.fate() {
                Fate::Done => {}
                Fate::RequestLost => return Ok(()),
                Fate::AnswerLost => answer_is_lost.store(true, Ordering::Relaxed),
            }
        }
        server.write_all(&bytes).await?;
    }
}

async fn answers(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    answer_is_lost: &AtomicBool,
) -> Result<()> {
    loop {
        let (kind, bytes) = message(&mut server, true).await?;
        // That the command is complete: the transaction is committed.
        if kind == b'C' && answer_is_lost.load(Ordering::Relaxed) {
            return Ok(());
        }
        client.write_all(&bytes).await?;
    }
}
