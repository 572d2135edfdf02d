//! The recorder itself: nothing that happens to the files is missed.

use std::{process::Command, sync::Arc};

use anyhow::{Result, ensure};
use heddle_test_disk::{Random, Record};
use heddle_tests::{
    Recording,
    history::History,
    workload::{self, Witness},
};

/// Every kind of call that programs make, by the shell and the programs that every machine has.
const SCRIPT: &str = "
set -e
umask 027
mkdir -p a/b c
echo one > a/one
echo two >> a/one
printf 0123456789 > a/b/digits
dd if=/dev/zero of=a/b/digits bs=1 seek=3 count=2 conv=notrunc,fsync 2>&1
truncate -s 5 a/b/digits
truncate -s 5000 a/b/digits
cp a/b/digits c/copy
cp -r a d
mv a/one c/moved
echo replaced > a/two
mv -f a/two c/moved
ln c/moved c/linked
echo more >> c/linked
chmod 600 c/moved
rm a/b/digits
rmdir a/b
rm -r d
cd c
echo relative > ../a/./relative
echo other > ../a/../a/other
sync ../a/other ../a
exec 3>log 4>&3
echo three >&3
echo four >&4
";

#[test]
fn what_programs_do_is_recorded() -> Result<()> {
    let place = tempfile::tempdir()?;
    let recording = Recording::of_a_first_start(place.path())?;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]).current_dir(recording.root());
    recording.record(&mut shell);
    let output = shell.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let recorded = recording.recorded()?;
    let syncs: Vec<_> =
        recorded.log.iter().filter(|record| matches!(record, Record::SyncEnd { .. })).collect();
    ensure!(syncs.len() == 3, "{syncs:?}");
    ensure!(std::fs::read_to_string(recording.root().join("c/log"))? == "three\nfour\n");
    Ok(())
}

#[test]
fn what_is_not_recorded_is_noticed() -> Result<()> {
    let place = tempfile::tempdir()?;
    let recording = Recording::of_a_first_start(place.path())?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo x > seen"]).current_dir(recording.root());
    recording.record(&mut shell);
    ensure!(shell.status()?.success());
    recording.recorded()?;
    std::fs::write(recording.root().join("seen"), "y\n")?;
    std::fs::write(recording.root().join("data/unseen"), "")?;
    let error = recording.recorded().err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(
        error.contains("seen: byte 0 differs") && error.contains("data/unseen: nothing was recorded"),
        "{error}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_host_does_is_recorded() -> Result<()> {
    let place = tempfile::tempdir()?;
    let recording = Recording::of_a_first_start(place.path())?;
    let server = Arc::new(recording.start()?);
    let witness = Witness::new(History::default(), Some(recording.notes()));
    workload::prepare(&server, &witness).await?;
    workload::drive(&server, &workload::jobs(&mut Random::new(1), 0..2), &witness).await?;
    Arc::into_inner(server).unwrap().stop()?;
    let recorded = recording.recorded()?;
    let history = recorded.history(recorded.log.len());
    let (recorded_acks, acks) = (history.acks.len(), witness.history().acks.len());
    ensure!(recorded_acks == acks, "{recorded_acks} of {acks} answers are in the recording");
    ensure!(history.results().len() == 20, "{} of 20 runs have ended", history.results().len());
    println!("{} records", recorded.log.len());
    Ok(())
}
