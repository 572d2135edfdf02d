//! Each shape at some size and at twice that: what is looked at is counted, and may be no more than about twice as much.

use super::*;
use crate::{
    engine::work,
    model::{Command, Concurrency, DecidedBy, Decision, Overrides, Timestamp},
};

/// How much more than twice as much may be looked at: what is done once at the beginning does not grow.
const MOST: f64 = 2.2;

/// Look at how the work grows from one size to the next. `begin` is not counted.
fn grows<T>(what: &str, n: usize, begin: impl Fn(usize) -> T, work: impl Fn(T)) {
    let [one, two] = [n, 2 * n].map(|n| {
        let world = begin(n);
        work::of(|| work(world))
    });
    let ratio = two as f64 / one as f64;
    println!("{what}: {one} things looked at for {n}, {two} for twice as many, {ratio:.2} as many");
    assert!(one >= n as u64, "{what}: what is done is not counted");
    assert!(ratio < MOST, "{what}: {one} things were looked at for {n}, {two} for twice as many");
}

fn all(mut drive: Drive) {
    drive.run(usize::MAX);
}

/// A drive in which all is done that can be.
fn done(mut drive: Drive) -> Drive {
    drive.run(usize::MAX);
    drive
}

fn one(plan: &Arc<Plan>, width: usize, makes: bool) -> Drive {
    let mut drive = Drive::new(4);
    (drive.width, drive.makes) = (width, makes);
    drive.create(plan);
    drive
}

fn many(plan: &Arc<Plan>, n: usize) -> Drive {
    let mut drive = Drive::new(4);
    for _ in 0..n {
        drive.create(plan);
    }
    drive
}

#[test]
fn a_run_of_many_steps_takes_work_for_each_of_them() {
    for makes in [false, true] {
        grows("chain", 400, |n| one(&chain(n), 0, makes), all);
        grows("fan", 400, |n| one(&fan(n), 0, makes), all);
        grows("map", 400, |n| one(&map(None), n, makes), all);
        grows("map, four at once", 400, |n| one(&map(Some(4)), n, makes), all);
        grows("map, one at once", 400, |n| one(&map(Some(1)), n, makes), all);
        grows("loop", 400, |n| one(&repeat(), n, makes), all);
    }
}

#[test]
fn many_runs_take_work_for_each_of_them() {
    grows("runs that are created", 400, |n| n, |n| drop(many(&single(), n)));
    grows("runs in the queue", 400, |n| many(&single(), n), all);
    let cancel = |mut drive: Drive| {
        for run in drive.created.clone() {
            drive.command(run, Command::Cancel);
        }
    };
    grows("runs cancelled while they wait for a place", 400, |n| many(&single(), n), cancel);
    let change = |mut drive: Drive| {
        for run in drive.created.clone() {
            drive.command(run, Command::Change { auto_run: None, priority: Some(1) });
        }
    };
    grows("runs that are to go first", 400, |n| many(&single(), n), change);
}

fn keyed(key: String) -> Arc<Plan> {
    plan(vec![Step { concurrency: Some(Concurrency { key, limit: 2 }), ..Step::sleep("s", 60) }])
}

#[test]
fn keys_that_others_hold_take_no_work() {
    let same = |n| many(&keyed("key".to_owned()), n);
    let waits = |mut drive: Drive| {
        drive.run(usize::MAX);
        while let Some(at) = drive.core.next_timer() {
            drive.now = at;
            drive.input(Input::Tick);
            drive.run(usize::MAX);
        }
    };
    grows("runs that wait for one key", 400, same, waits);
    let others = |n| {
        let mut drive = Drive::new(4);
        for i in 0..n {
            drive.create(&keyed(format!("key {i}")));
        }
        drive
    };
    grows("runs that hold a key each", 400, others, waits);
}

#[test]
fn whatever_waits_in_a_run_is_woken_by_itself() {
    let sleeps = |n| plan((0..n).map(|i| Step::sleep(format!("s{i}"), 60)).collect());
    let timers = |mut drive: Drive| {
        drive.now = Timestamp::from_micros(120_000_000);
        drive.input(Input::Tick);
    };
    grows("steps that wait for a time", 400, |n| done(one(&sleeps(n), 0, false)), timers);
    let asks = |n| plan((0..n).map(|i| Step::checkpoint(format!("s{i}"), "?")).collect());
    let decide = |mut drive: Drive| {
        for (run, approval) in std::mem::take(&mut drive.asked) {
            let option = "approve".to_owned();
            let decision =
                Decision { option, feedback: None, modification: None, decided_by: DecidedBy::Person };
            drive.command(run, Command::Decide { approval: approval.to_string(), decision });
        }
    };
    grows("steps that wait for a decision", 400, |n| done(one(&asks(n), 0, false)), decide);
    let cancel = |mut drive: Drive| drive.command(drive.created[0], Command::Cancel);
    grows("steps that wait, of a run that is cancelled", 400, |n| done(one(&asks(n), 0, false)), cancel);
}

#[test]
fn what_is_done_again_takes_work_for_each_step() {
    let kept = |plan: &Arc<Plan>| {
        let mut drive = Drive::new(4);
        (drive.makes, drive.database) = (true, Some(Default::default()));
        drive.create(plan);
        drive
    };
    let failed = |n| {
        let mut drive = kept(&chain(n));
        drive.fails = Some("s0");
        drive.run(usize::MAX);
        drive.fails = None;
        drive
    };
    let retry = |mut drive: Drive| {
        let step = "s0".to_owned();
        drive.command(drive.created[0], Command::Retry { step, overrides: Overrides::default() });
        drive.run(usize::MAX);
    };
    grows("steps that were skipped for a failure", 400, failed, retry);
    grows("steps that were done", 400, |n| done(kept(&chain(n))), retry);
    let skipped = |n| {
        let mut drive = one(&fan(n), 0, false);
        drive.fails = Some("s0");
        drive
    };
    grows("steps beside one that fails", 400, skipped, all);
}
