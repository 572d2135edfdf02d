//! The suite fails when a sync is left out: each of those that the host relies on is disregarded in turn, as if nobody had asked
//! for it, and what is then lost is found.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Result, bail, ensure};
use heddle_test_disk::{Random, Synced};
use heddle_tests::history::Rule;

use crate::cuts::{Work, asked, cut, told};

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

/// Within so many power cuts it is found.
const CUTS: u64 = 32;

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
    let cuts = work.cuts(random, CUTS);
    for &Omission { what, counts, breaks } in omissions {
        let broken = cut(&work.recorded, &cuts, counts).await?;
        let Some((at, violation)) = broken.iter().find(|(_, violation)| breaks.contains(&violation.rule))
        else {
            bail!("without syncs of {what}, {CUTS} power cuts break none of {breaks:?}: {}", told(&broken));
        };
        let losing: BTreeSet<_> = broken.iter().map(|(cut, _)| cut).collect();
        println!(
            "without syncs of {what}, {} of {CUTS} power cuts break something; {at:?}: {violation}",
            losing.len()
        );
    }
    // With all of them, the same power cuts break nothing.
    let broken = cut(&work.recorded, &cuts, |_| true).await?;
    ensure!(broken.is_empty(), "{}", told(&broken));
    Ok(())
}
