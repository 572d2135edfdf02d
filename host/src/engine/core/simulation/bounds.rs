//! What the core holds in memory is bounded by what is under way.

use super::*;
use crate::{
    engine::{TenantBounds, plan::PlanBody},
    model::{Concurrency, StepDefinition, Usage, Workflow},
};

/// A core that has taken up all that there was: nothing.
fn core(most: usize) -> Core {
    let bounds = TenantBounds { open_runs: most, ..TenantBounds::default() };
    let mut core = Core::new(HostId::new(), 3, bounds, BTreeSet::new());
    core.handle(Input::TakenUp, Timestamp::from_micros(0));
    core
}

fn run_with_key(core: &mut Core, key: &str) -> (RunId, Vec<Action>) {
    let mut step = StepDefinition::phase("s", "p/x");
    step.concurrency = Some(Concurrency { key: key.to_owned(), limit: 1 });
    let workflow = Workflow { steps: vec![step], ..Workflow::new("w") };
    let body = PlanBody { workflow, workflows: BTreeMap::new(), plugins: BTreeMap::new() };
    let plan = Plan::of(body).unwrap();
    let now = Timestamp::from_micros(1);
    let run = new_run(&plan, core.host, now);
    let id = run.id;
    let creation = Creation { plan: plan.json.clone(), idempotency: None };
    let machine = Machine::create(TenantId::default_tenant(), Arc::new(plan), run, creation, None, now);
    (id, core.handle(Input::Create(Box::new(machine)), now))
}

fn launched(actions: &[Action]) -> Option<Launch> {
    actions.iter().find_map(|action| match action {
        Action::Launch(launch) => Some((**launch).clone()),
        _ => None,
    })
}

fn end(core: &mut Core, launch: &Launch) -> Vec<Action> {
    let end = AttemptEnd {
        result: Ok(outcomes::completed(None)),
        usage: Usage::default(),
        log: None,
        blobs: Vec::new(),
    };
    let input = Input::Ended {
        run: launch.run.id,
        epoch: launch.run.epoch,
        step: launch.step,
        attempt: launch.attempt,
        end: Box::new(end),
    };
    core.handle(input, Timestamp::from_micros(2))
}

#[test]
fn keys_that_nobody_holds_are_forgotten() {
    let mut core = core(100);
    let (_, held) = run_with_key(&mut core, "held");
    let held = launched(&held).unwrap();
    for i in 0..10_000 {
        let (_, actions) = run_with_key(&mut core, &format!("key {i}"));
        end(&mut core, &launched(&actions).unwrap());
    }
    assert!(core.queue.keys() <= 64, "{} keys are kept", core.queue.keys());
    // The one that is held all the while still bounds.
    let (waiting, actions) = run_with_key(&mut core, "held");
    assert!(launched(&actions).is_none(), "two held the key at once");
    assert_eq!(launched(&end(&mut core, &held)).map(|launch| launch.run.id), Some(waiting));
}

#[test]
fn a_tenant_is_full_with_so_many_open_runs() {
    let mut core = core(2);
    let tenant = TenantId::default_tenant();
    let (_, first) = run_with_key(&mut core, "a");
    assert!(!core.is_full(&tenant));
    run_with_key(&mut core, "b");
    assert!(core.is_full(&tenant) && !core.is_full(&"other".parse().unwrap()));
    end(&mut core, &launched(&first).unwrap());
    assert!(!core.is_full(&tenant));
}
