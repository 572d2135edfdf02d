//! The suite fails when a sync is left out: each of those that the host relies on is disregarded in turn, as if nobody had asked
//! for it, and what is then lost is found.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, bail, ensure};
use heddle_test_disk::{Random, Synced};
use heddle_tests::history::Rule;

use crate::cuts::{Cut, Work, asked, cut, told};

/// A sync that is left out, and what is broken then.
struct Omission {
    what: &'static str,
    counts: fn(Synced<'_>) -> bool,
    breaks: &'static [Rule],
}

fn is_database(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("heddle.db"))
}

const OMISSIONS: [Omission; 7] = [
    Omission {
        what: "the database and its log (synchronous=OFF)",
        counts: |synced| !is_database(synced.path),
        breaks: &[Rule::Readable, Rule::Runs, Rule::Events, Rule::Results],
    },
    Omission {
        what: "the database's log",
        counts: |synced| !synced.path.ends_with("heddle.db-wal"),
        breaks: &[Rule::Readable, Rule::Runs, Rule::Events, Rule::Results],
    },
    Omission {
        what: "the database's file",
        counts: |synced| !synced.path.ends_with("heddle.db"),
        breaks: &[Rule::Readable, Rule::Runs, Rule::Events, Rule::Results],
    },
    Omission {
        what: "the files of blobs",
        counts: |synced| synced.directory || !synced.path.starts_with("data/staging"),
        breaks: &[Rule::Blobs],
    },
    Omission {
        what: "the directories of blobs",
        counts: |synced| !synced.directory || !synced.path.starts_with("data/blobs"),
        breaks: &[Rule::Blobs],
    },
    Omission {
        what: "the data directory",
        counts: |synced| !synced.directory || synced.path != "data",
        breaks: &[Rule::Token, Rule::Runs, Rule::Kept],
    },
    Omission {
        what: "the directory that has the data directory",
        counts: |synced| !synced.directory || synced.path != "",
        breaks: &[Rule::Token, Rule::Runs, Rule::Kept],
    },
];

/// So many power cuts are tried at a time, and so often: which moments there are to cut at depends on the machine, and some
/// omissions do harm at few of them.
const CUTS: u64 = 32;
const TIMES: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_left_out_is_found() -> Result<()> {
    let (seed, _) = asked()?;
    let mut random = Random::new(seed);
    let (at_work, at_first) = OMISSIONS.split_at(5);
    let work = Work::until_the_log_is_begun_anew(random.number()).await?;
    are_found(&work, at_work, &mut random).await?;
    let work = Work::from_the_first_start(random.number()).await?;
    are_found(&work, at_first, &mut random).await
}

async fn are_found(work: &Work, omissions: &[Omission], random: &mut Random) -> Result<()> {
    let mut cuts = work.cuts(random, CUTS);
    for omission in omissions {
        is_found(work, omission, random, &mut cuts).await?;
    }
    // With all of them, the same power cuts break nothing.
    let broken = cut(&work.recorded, &cuts, |_| true).await?;
    ensure!(broken.is_empty(), "{}", told(&broken));
    Ok(())
}

/// More power cuts are added where those that there are do not find it.
async fn is_found(work: &Work, omission: &Omission, random: &mut Random, cuts: &mut Vec<Cut>) -> Result<()> {
    let &Omission { what, counts, breaks } = omission;
    let mut tried = 0;
    for _ in 0..TIMES {
        let these = &cuts[tried..];
        let broken = cut(&work.recorded, these, counts).await?;
        if let Some((at, violation)) = broken.iter().find(|(_, violation)| breaks.contains(&violation.rule)) {
            let losing: BTreeSet<_> = broken.iter().map(|(cut, _)| cut).collect();
            println!(
                "without syncs of {what}, {} of {} power cuts break something; {at:?}: {violation}",
                losing.len(),
                these.len()
            );
            return Ok(());
        }
        tried = cuts.len();
        cuts.extend(work.cuts(random, CUTS));
    }
    bail!("without syncs of {what}, {tried} power cuts break none of {breaks:?}")
}
