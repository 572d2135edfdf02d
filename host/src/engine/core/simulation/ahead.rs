//! Output commit against step commit: the same runs with the same fates come to the same, whatever was on its way to the
//! disk when hosts died.

use std::collections::BTreeMap;

use rand::RngExt as _;

use super::{begin, world::World};

/// What came of each step of each run, by what the fates are made of.
type Ends = Vec<(String, BTreeMap<String, String>)>;

/// Runs with a fate, on a schedule of its own, with crashes. Returns also how many attempts began ahead of the disk and were
/// lost with their host.
fn simulate(fate: u64, schedule: u64, ahead: bool) -> (Ends, usize) {
    let mut world = World::new(fate);
    world.interferences = 0;
    world.fate = Some(fate);
    world.ahead = ahead;
    let runs = world.rng.random_range(1..4);
    // The same plans, whatever the schedule does with the generator.
    for _ in 0..runs {
        begin(&mut world, 0.0);
        while !world.host.queue.is_empty() {
            world.durable();
        }
        world.reseed(fate);
    }
    world.reseed(schedule);
    let (mut lost, mut crashes) = (0, 0);
    for _ in 0..world.rng.random_range(20..200) {
        match world.rng.random_range(0..20) {
            // An attempt that saw three hosts die would fail.
            0 if crashes < 2 => {
                crashes += 1;
                lost += world.undurable();
                world.crash();
            }
            1..8 => world.durable(),
            _ => world.goes_on(),
        }
    }
    world.quiet();
    let rows = world.database.runs.values().map(|row| {
        let steps = row.steps.values().map(|step| {
            let end = format!("{} {:?} {:?} {}", step.state, step.output, step.chosen, step.bypassed);
            (step.name.clone(), end)
        });
        (row.run.state.to_string(), steps.collect())
    });
    (rows.collect(), lost)
}

#[test]
fn whatever_was_on_its_way_to_the_disk_runs_come_to_the_same() {
    let (mut lost, mut steps, mut compared) = (0, 0, 0);
    for fate in 0..1_500 {
        let (expected, none) = simulate(fate, 1, false);
        assert_eq!(none, 0, "by step commit nothing begins that is not durable");
        if expected.iter().any(|(_, steps)| steps.values().any(|end| end.starts_with("failed"))) {
            // A time that ended before what it was for: what else is skipped then depends on what had begun.
            continue;
        }
        compared += 1;
        for schedule in [2, 3] {
            let (found, undurable) = simulate(fate, fate * 10 + schedule, true);
            assert_eq!(found, expected, "fate {fate}, schedule {schedule}");
            lost += undurable;
        }
        steps += expected.iter().map(|(_, steps)| steps.len()).sum::<usize>();
    }
    assert!(compared > 500, "{compared}");
    assert!(lost > 500 && steps > 5_000, "hosts die while attempts are ahead of the disk: {lost} of {steps}");
}
