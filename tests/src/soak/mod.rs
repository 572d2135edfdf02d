//! kill -9 in a loop: the real host, on either database, with many runs of every kind in flight, and a log of all that left it.
//!
//! A place (a data directory, and a database) has so many hosts one after the other, each of which meets its [`fate::Fate`]. Clients
//! go on from one to the next, and log what leaves the host before they do anything else: events, progress of attempts that are
//! under way, questions to people, outputs that are read. After each kill, before the next host starts, all of it is checked
//! against what is there ([`crate::history`]): had something left the host that rests on a result which the kill has undone, it
//! would be found here. In the end everything must have ended, and been told; a part of it is executed once more.

mod crowd;
mod fate;
mod place;
mod tally;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use heddle_test_disk::Random;
use place::Place;
pub use tally::Tally;

/// Where hosts keep what they keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// In the data directory.
    Sqlite,
    /// On the server for tests.
    Postgres,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// How much is to be done.
#[derive(Debug, Clone)]
pub struct Soak {
    /// On which database.
    pub backend: Backend,
    /// Of all that is random. That of a place is printed, and repeats it as the first one.
    pub seed: u64,
    /// Runs in flight.
    pub runs: usize,
    /// Hosts of a place that meet a fate; another one ends the work.
    pub hosts: usize,
    /// Runs of a place that are executed once more in the end.
    pub verified: usize,
    /// Go on to the next place for so long; one is done in any case.
    pub time: Duration,
}

impl Soak {
    /// Do it. `None` where there is no such database.
    ///
    /// # Errors
    /// If something is wrong: what, where all of it is kept, and how to have it again.
    pub async fn run(&self) -> Result<Option<Tally>> {
        let (begin, mut tally, mut seed) = (Instant::now(), Tally::default(), self.seed);
        for n in 1.. {
            let Some(mut place) = Place::new(self.backend).await? else { return Ok(None) };
            match place.soak(self, seed).await {
                Ok(one) => tally.add(one),
                Err(error) => {
                    let (kept, name) = (place.keep().await, self.backend.name());
                    bail!(
                        "{error:#}\nAll of it is in {kept}\nOnce more: cargo xtask soak --seed {seed} --database {name} --runs {}",
                        self.runs
                    );
                }
            }
            println!(
                "{}: {n} places, the last of seed {seed}, {} s: {tally}",
                self.backend.name(),
                begin.elapsed().as_secs()
            );
            if begin.elapsed() >= self.time {
                break;
            }
            seed = Random::new(seed).number();
        }
        Ok(Some(tally))
    }
}
