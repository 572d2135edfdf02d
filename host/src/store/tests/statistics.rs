//! Statistics and lists, by value, over rows made by hand.

use std::collections::BTreeMap;

use super::{
    World, both, commit, created,
    samples::{step, tenant},
};
use crate::{
    model::{
        AttemptId, AttemptState, HostId, RunId, RunState, ScheduleId, StepState, TenantId, Timestamp, Usage,
    },
    store::{AttemptRow, Distribution, GroupStatistics, RunFilter, StatisticsFilter, StepRow, Transition},
};

both!(
    figures_are_those_of_the_rows,
    a_span_and_a_workflow_bound_what_counts,
    groups_beyond_the_most_frequent_are_left_out,
    lists_are_filtered_by_everything_at_once,
);

/// A run that was created at `at` and took so many microseconds.
fn run(workflow: &str, state: RunState, at: i64, took: Option<i64>) -> Transition {
    let mut transition = created(None);
    let run = &mut transition.run;
    run.workflow = workflow.to_owned();
    run.state = state;
    run.created_at = Timestamp::from_micros(at);
    run.started_at = took.map(|_| Timestamp::from_micros(at + 10));
    run.finished_at = took.map(|took| Timestamp::from_micros(at + 10 + took));
    transition.steps.clear();
    transition
}

/// A step with an attempt for each (state, wall time, queue time, whether it was reused).
fn attempts(
    transition: &mut Transition,
    name: &str,
    phase: &str,
    attempts: &[(AttemptState, u64, i64, bool)],
) {
    transition.steps.push(StepRow {
        phase: phase.to_owned(),
        state: StepState::Completed,
        attempt: attempts.len() as u32,
        ..step(name)
    });
    for (i, (state, wall_us, queued, reused)) in attempts.iter().enumerate() {
        transition.attempts.push(AttemptRow {
            id: AttemptId::new(),
            step: name.to_owned(),
            number: i as u32 + 1,
            state: *state,
            host: HostId::new(),
            crashes: 0,
            reused: *reused,
            overrides: None,
            step_key: None,
            output: None,
            shared: None,
            expansion: None,
            inside: None,
            failure: None,
            usage: (*state != AttemptState::Running).then(|| Usage {
                wall_us: *wall_us,
                cpu_us: wall_us / 2,
                peak_memory_bytes: wall_us * 1000,
                ..Usage::default()
            }),
            log: None,
            ready_at: Some(Timestamp::from_micros(1000)),
            started_at: Timestamp::from_micros(1000 + queued),
            finished_at: None,
        });
    }
}

fn states<const N: usize>(states: [(&str, u64); N]) -> BTreeMap<String, u64> {
    states.map(|(state, count)| (state.to_owned(), count)).into()
}

fn distribution(count: u64, min: u64, avg: f64, p50: u64, p95: u64, max: u64) -> Distribution {
    Distribution { count, min, avg, p50, p95, max }
}

async fn figures_are_those_of_the_rows(world: &World) {
    use AttemptState::{Cancelled, Completed, Failed, Running};
    let store = &world.store;
    // Twenty-one runs of `a` that took 1 to 21 ms, in no order: p50 is the 11th, p95 the ⌈19.95⌉ = 20th.
    for i in 0..21_i64 {
        let took = (i * 8 % 21 + 1) * 1000;
        let state = if i < 3 { RunState::Failed } else { RunState::Completed };
        commit(store, run("a", state, 1_000_000 + i, Some(took))).await.unwrap();
    }
    let mut one = run("b", RunState::Cancelled, 1_000_000, Some(5));
    attempts(
        &mut one,
        "s",
        "p/x",
        &[(Failed, 10, 1, false), (Failed, 20, 2, false), (Completed, 30, 3, false)],
    );
    // Done again after a result: no retry. The second took the first one's result, and did not run.
    attempts(&mut one, "t", "p/x", &[(Completed, 40, 4, false), (Completed, 9999, 9999, true)]);
    attempts(&mut one, "u", "p/y", &[(Cancelled, 50, 0, false)]);
    commit(store, one).await.unwrap();
    let mut other = run("b", RunState::Running, 1_000_000, None);
    attempts(&mut other, "s", "p/x", &[(Failed, 60, 6, false), (Running, 0, 0, false)]);
    commit(store, other).await.unwrap();
    // Of another tenant: not seen.
    let stranger: TenantId = "stranger".parse().unwrap();
    store.tenant_ensure(&stranger).await.unwrap();
    let mut theirs = run("a", RunState::Failed, 1_000_000, Some(1));
    theirs.tenant = stranger;
    commit(store, theirs).await.unwrap();

    let found = store.tenant(&tenant()).statistics(&StatisticsFilter::default()).await.unwrap();
    let a = distribution(21, 1000, 11_000.0, 11_000, 20_000, 21_000);
    assert_eq!(
        found.workflows.groups["a"],
        GroupStatistics {
            states: states([("completed", 18), ("failed", 3)]),
            retries: 0,
            measures: [("duration_us".to_owned(), a)].into(),
        }
    );
    let b = distribution(1, 5, 5.0, 5, 5, 5);
    assert_eq!(
        found.workflows.groups["b"],
        GroupStatistics {
            states: states([("cancelled", 1), ("running", 1)]),
            retries: 3,
            measures: [("duration_us".to_owned(), b)].into(),
        }
    );
    assert_eq!(found.workflows.groups.len(), 2);
    // Twenty-two: p50 is the 11th of 5, 1000, 2000 …; p95 the ⌈20.9⌉ = 21st.
    let all = distribution(22, 5, 231_005.0 / 22.0, 10_000, 20_000, 21_000);
    assert_eq!(
        found.overall,
        GroupStatistics {
            states: states([("cancelled", 1), ("completed", 18), ("failed", 3), ("running", 1)]),
            retries: 3,
            measures: [("duration_us".to_owned(), all)].into(),
        }
    );
    // Five that ended: 10, 20, 30, 40, 60; six that began, queued 0, 1, 2, 3, 4, 6.
    let x = &found.phases.groups["p/x"];
    assert_eq!(x.states, states([("completed", 2), ("failed", 3), ("running", 1)]));
    assert_eq!(x.retries, 3);
    assert_eq!(x.measures["wall_us"], distribution(5, 10, 32.0, 30, 60, 60));
    assert_eq!(x.measures["cpu_us"], distribution(5, 5, 16.0, 15, 30, 30));
    assert_eq!(x.measures["peak_memory_bytes"], distribution(5, 10_000, 32_000.0, 30_000, 60_000, 60_000));
    assert_eq!(x.measures["queued_us"], distribution(6, 0, 16.0 / 6.0, 2, 6, 6));
    let y = &found.phases.groups["p/y"];
    assert_eq!((y.states.clone(), y.retries), (states([("cancelled", 1)]), 0));
    assert!(!found.workflows.truncated && !found.phases.truncated);
}

async fn a_span_and_a_workflow_bound_what_counts(world: &World) {
    let store = &world.store;
    for (workflow, at) in [("a", 10), ("a", 20), ("b", 20), ("a", 30)] {
        let mut run = run(workflow, RunState::Completed, at, Some(at));
        attempts(&mut run, "s", "p/x", &[(AttemptState::Completed, 7, 1, false)]);
        commit(store, run).await.unwrap();
    }
    let view = store.tenant(&tenant());
    let at = |micros| Some(Timestamp::from_micros(micros));
    for (filter, count) in [
        (StatisticsFilter { since: at(20), ..Default::default() }, 3),
        (StatisticsFilter { until: at(20), ..Default::default() }, 1),
        (StatisticsFilter { since: at(20), until: at(30), workflow: Some("a".into()) }, 1),
        (StatisticsFilter { workflow: Some("c".into()), ..Default::default() }, 0),
    ] {
        let found = view.statistics(&filter).await.unwrap();
        let counted = |group: Option<&GroupStatistics>| group.map_or(0, |group| group.states.values().sum());
        assert_eq!(counted(Some(&found.overall)), count, "{filter:?}");
        assert_eq!(counted(found.phases.groups.get("p/x")), count, "{filter:?}");
    }
}

async fn groups_beyond_the_most_frequent_are_left_out(world: &World) {
    let store = &world.store;
    for i in 0..205 {
        for _ in 0..=u8::from(i % 2 == 0 || i > 7) {
            commit(store, run(&format!("w{i:03}"), RunState::Completed, 1, Some(1))).await.unwrap();
        }
    }
    let found = store.tenant(&tenant()).statistics(&StatisticsFilter::default()).await.unwrap();
    assert!(found.workflows.truncated && !found.phases.truncated);
    assert_eq!(found.workflows.groups.len(), 200);
    // The four that ran but once went first.
    for rare in ["w001", "w003", "w005", "w007"] {
        assert!(!found.workflows.groups.contains_key(rare), "{rare}");
    }
    assert_eq!(found.overall.states["completed"], 205 * 2 - 4);
}

async fn lists_are_filtered_by_everything_at_once(world: &World) {
    let store = &world.store;
    let (origin, schedule) = (RunId::new(), ScheduleId::new());
    let mut ids = Vec::new();
    for (i, (workflow, state)) in [
        ("Order_intake", RunState::Completed),
        ("orders", RunState::Failed),
        ("100%", RunState::Cancelled),
        ("other", RunState::Failed),
    ]
    .into_iter()
    .enumerate()
    {
        let mut run = run(workflow, state, i as i64 * 10, Some(1));
        run.run.forked_from = (i == 1).then_some(origin);
        run.run.schedule = (i == 2).then_some(schedule);
        ids.push(run.run.id);
        commit(store, run).await.unwrap();
    }
    let at = |micros| Some(Timestamp::from_micros(micros));
    let search = |text: &str| RunFilter { search: Some(text.to_owned()), ..Default::default() };
    let whole = ids[2].to_string();
    for (filter, expected) in [
        (RunFilter::default(), vec![3, 2, 1, 0]),
        (
            RunFilter { states: vec![RunState::Failed, RunState::Cancelled], ..Default::default() },
            vec![3, 2, 1],
        ),
        (RunFilter { since: at(10), until: at(30), ..Default::default() }, vec![2, 1]),
        (RunFilter { forked_from: Some(origin), ..Default::default() }, vec![1]),
        (RunFilter { schedule: Some(schedule), ..Default::default() }, vec![2]),
        (search("ORDER"), vec![1, 0]),
        (search("order_"), vec![0]),
        (search("0%"), vec![2]),
        (search("%"), vec![2]),
        (search("\\"), vec![]),
        (search(&whole), vec![2]),
        (search("run_"), vec![3, 2, 1, 0]),
        (search(&whole[5..]), vec![]),
        (RunFilter { states: vec![RunState::Completed], ..search("order") }, vec![0]),
    ] {
        let rows = store.tenant(&tenant()).run_list(&filter, None, 10).await.unwrap();
        let found: Vec<usize> =
            rows.iter().map(|row| ids.iter().position(|id| *id == row.id).unwrap()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
