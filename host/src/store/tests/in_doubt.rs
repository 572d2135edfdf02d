//! COMMITs without an answer: the truth is read back, so that nothing is lost, doubled or refused; and whoever assumes that
//! they failed instead is found out.

use super::{World, both, commit, created, faults::Faults, next, tenant};
use crate::{
    model::{RunId, StepState},
    store::{RunFilter, Store, StoreLocation},
};

both!(nothing_is_lost_doubled_or_refused, whoever_assumes_failure_is_found_out);

/// Runs that are carried on at the same time, so that they share commits.
const RUNS: usize = 12;
/// Transitions of each run.
const LENGTH: u64 = 12;

/// Carry runs on, each transition when the one before has its answer. Returns what is wrong: an answer, or what is there.
async fn wrongs(location: &StoreLocation, faults: &Faults) -> Vec<String> {
    let store = Store::open_faulty(location, faults.clone()).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..RUNS {
        writers.spawn(carry_on(store.clone()));
    }
    let mut wrongs = Vec::new();
    while let Some(written) = writers.join_next().await {
        let (run, answered, refused) = written.unwrap();
        wrongs.extend(refused);
        wrongs.extend(compare(&store, run, answered).await);
    }
    let runs = store.tenant(&tenant()).run_list(&RunFilter::default(), None, 200).await.unwrap().len();
    if runs != RUNS {
        wrongs.push(format!("{runs} runs are there, not {RUNS}"));
    }
    wrongs
}

/// The run, the last revision that was answered, and what was refused of it.
async fn carry_on(store: Store) -> (RunId, u64, Option<String>) {
    let mut transition = created(Some(&RunId::new().to_string()));
    let (run, mut answered) = (transition.run.id, 0);
    loop {
        if let Err(error) = commit(&store, transition.clone()).await {
            let refused = format!("run {run}: what follows revision {answered} is refused: {error}");
            return (run, answered, Some(refused));
        }
        answered = transition.run.rev;
        if answered == LENGTH {
            return (run, answered, None);
        }
        let mut step = created(None).steps.remove(0);
        step.state = StepState::Running;
        step.attempt = u32::try_from(answered).unwrap();
        transition = next(&transition);
        transition.steps.push(step);
    }
}

/// What is there of a run, and what was answered.
async fn compare(store: &Store, run: RunId, answered: u64) -> Vec<String> {
    let view = store.tenant(&tenant());
    let Some(row) = view.run_get(run).await.unwrap() else { return vec![format!("run {run} is lost")] };
    let events = view.event_list(run, 0, 100).await.unwrap();
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    let steps = view.step_list(run).await.unwrap();
    let there = (row.rev, row.event_seq, numbers, u64::from(steps[0].attempt) + 1);
    let expected = (answered, answered, (1..=answered).collect(), answered);
    if there == expected { vec![] } else { vec![format!("run {run}: {there:?} is there, not {expected:?}")] }
}

async fn nothing_is_lost_doubled_or_refused(world: &World) {
    let faults = Faults::seeded(1);
    let wrongs = wrongs(&world.location, &faults).await;
    assert!(wrongs.is_empty(), "{wrongs:#?}");
    let (requests, answers) = faults.lost();
    assert!(requests > 3 && answers > 3, "{requests} COMMITs and {answers} answers were lost: too few");
}

async fn whoever_assumes_failure_is_found_out(world: &World) {
    let faults = Faults::seeded(1).assuming_failure();
    let wrongs = wrongs(&world.location, &faults).await;
    let (_, answers) = faults.lost();
    println!("{answers} answers were lost; {}", wrongs.join("; "));
    assert!(answers > 0 && wrongs.iter().any(|wrong| wrong.contains("is refused")), "{wrongs:#?}");
}
