//! A run's steps as those see them who look at it: page by page, and without what is large.

use super::{
    World, both, commit, created, next,
    samples::{full, step},
    tenant,
};
use crate::{model::StepState, store::AttemptRow};

both!(what_is_looked_at_is_what_was_written_but_for_what_is_large, pages_of_steps_follow_each_other,);

async fn what_is_looked_at_is_what_was_written_but_for_what_is_large(world: &World) {
    let first = created(None);
    commit(&world.store, first.clone()).await.unwrap();
    let second = full(&first);
    commit(&world.store, second.clone()).await.unwrap();
    let (view, run) = (world.store.tenant(&tenant()), first.run.id);
    assert_eq!(view.step_page(run, None, 10).await.unwrap(), second.steps);
    let (from, to) = (&second.steps[0], &second.steps[second.steps.len() - 1]);
    let place = |step: &crate::store::StepRow| (step.ord, step.name.clone());
    let seen = view.attempt_page(run, &place(from), &place(to), 100).await.unwrap();
    let light = |attempt: &AttemptRow| AttemptRow {
        overrides: None,
        output: None,
        shared: None,
        expansion: None,
        inside: None,
        log: None,
        ..attempt.clone()
    };
    assert_eq!(seen, second.attempts.iter().map(light).collect::<Vec<_>>());
    for step in &second.steps {
        assert_eq!(view.step_get(run, &step.name).await.unwrap().as_ref(), Some(step));
        let own: Vec<AttemptRow> = second.attempts.iter().filter(|a| a.step == step.name).cloned().collect();
        assert_eq!(view.attempt_list_of(run, &step.name).await.unwrap(), own);
    }
    // One that has not ended, with all that such a one has.
    let mut third = next(&second);
    let mut waiting = step("waits");
    waiting.state = StepState::Waiting;
    waiting.event_key = Some("key".into());
    waiting.ord = 7;
    third.steps.push(waiting.clone());
    commit(&world.store, third).await.unwrap();
    let open = view.step_list_open(run, 10).await.unwrap();
    assert!(open.contains(&waiting), "{open:?}");
    assert!(open.iter().all(|step| !step.state.is_terminal()), "{open:?}");
    let counts = view.step_counts(run).await.unwrap();
    assert!(counts.contains(&(StepState::Waiting, 1)), "{counts:?}");
    let other = world.store.tenant(&"other".parse().unwrap());
    assert!(other.step_page(run, None, 10).await.unwrap().is_empty());
    assert!(other.step_list_open(run, 10).await.unwrap().is_empty());
    assert!(other.attempt_page(run, &place(from), &place(to), 100).await.unwrap().is_empty());
    assert!(other.step_counts(run).await.unwrap().is_empty());
}

async fn pages_of_steps_follow_each_other(world: &World) {
    let mut first = created(None);
    // Of one place there may be several, after steps were removed.
    first.steps = (0..7).map(|i| crate::store::StepRow { ord: i / 2, ..step(&format!("s{i}")) }).collect();
    commit(&world.store, first.clone()).await.unwrap();
    let (view, run) = (world.store.tenant(&tenant()), first.run.id);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = view.step_page(run, after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.ord, last.name.clone()));
        seen.extend(page);
    }
    assert_eq!(seen, first.steps);
}
