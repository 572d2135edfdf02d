//! The statements that commit a group of transitions: one for each table, whatever the size of the group.

use std::collections::HashMap;

use super::{
    StoreError, StoreResult, Transition,
    database::Connection,
    pages,
    read::Record,
    sql::GroupRows,
    tables::{
        APPROVALS, ARTIFACTS, ATTEMPTS, BLOBS, COMMANDS_DONE, EVENTS, HEADS, HOST_CALLS, KEYS, NEW_RUNS,
        PLANS, REMOVED_STEPS, RUNS, SHARED, SIGNALS_TAKEN, STEPS,
    },
};
use crate::model::RunId;

/// Where the runs of a group stand in the database: epoch and rev by id.
pub(super) async fn heads(
    connection: &mut Connection,
    group: &[Box<Transition>],
) -> StoreResult<HashMap<RunId, (u64, u64)>> {
    let mut runs: Vec<_> = group.iter().map(|t| (&**t, &**t)).collect();
    runs.sort_by_key(|(t, _)| t.run.id);
    runs.dedup_by_key(|(t, _)| t.run.id);
    let heads = connection
        .batch_all(&HEADS, runs, |row| {
            let r = Record::of("runs", row);
            Ok((r.parse("id")?, (r.count("epoch")?, r.count("rev")?)))
        })
        .await?;
    Ok(heads.into_iter().collect())
}

/// Write everything of these transitions. The caller has checked that each follows its run's last one.
pub(super) async fn apply(connection: &mut Connection, group: &[&Transition]) -> StoreResult<()> {
    // Runs come first of what only their owner writes: whether a transition was committed after all, which a lost
    // answer leaves open, then shows there.
    connection.batch(&PLANS, each(group, |t| t.creation.as_slice())).await?;
    connection.batch(&NEW_RUNS, each(group, |t| t.creation.as_slice())).await?;
    connection.batch(&RUNS, changed(group).into_iter().map(|t| (t, t)).collect()).await?;
    let mut keyed = each(group, |t| t.creation.as_slice());
    keyed.retain(|(_, creation)| creation.idempotency.is_some());
    connection.batch(&KEYS, keyed).await?;
    connection.batch(&BLOBS, each(group, |t| &t.blobs)).await?;
    connection.batch(&STEPS, each(group, |t| &t.steps)).await?;
    connection.batch(&REMOVED_STEPS, removed(group)).await?;
    connection.batch(&ATTEMPTS, each(group, |t| &t.attempts)).await?;
    connection.batch(&HOST_CALLS, each(group, |t| &t.host_calls)).await?;
    connection.batch(&APPROVALS, each(group, |t| &t.approvals)).await?;
    connection.batch(&ARTIFACTS, each(group, |t| &t.artifacts)).await?;
    let shared = group.iter().flat_map(|t| t.shared.keys().map(|key| (*t, key))).collect();
    connection.batch(&SHARED, shared).await?;
    let pages = pages::of(group)?;
    connection.batch(&EVENTS, pages.iter().map(|(t, page)| (*t, page)).collect()).await?;
    connection.batch(&COMMANDS_DONE, each(group, |t| &t.commands_done)).await?;
    let signals: usize = group.iter().map(|t| t.signals_taken.len()).sum();
    let taken = connection.batch(&SIGNALS_TAKEN, each(group, |t| &t.signals_taken)).await?;
    if taken == signals as u64 { Ok(()) } else { Err(StoreError::SignalTaken) }
}

/// A part of each transition, with the transition.
fn each<'a, R: 'a>(group: &[&'a Transition], rows: impl Fn(&'a Transition) -> &'a [R]) -> GroupRows<'a, R> {
    let mut all = Vec::new();
    for t in group {
        all.extend(rows(t).iter().map(|row| (*t, row)));
    }
    all
}

/// The steps that are no more when all transitions are done.
fn removed<'a>(group: &[&'a Transition]) -> Vec<(&'a Transition, &'a String)> {
    let mut gone = HashMap::new();
    for t in group {
        gone.extend(t.removed_steps.iter().map(|name| ((t.run.id, name), *t)));
        if !gone.is_empty() {
            for step in &t.steps {
                gone.remove(&(t.run.id, &step.name));
            }
        }
    }
    gone.into_iter().map(|((_, name), t)| (t, name)).collect()
}

/// The runs that were there before. Of several transitions of one run only the last one's row is to stay.
fn changed<'a>(group: &[&'a Transition]) -> Vec<&'a Transition> {
    let mut last: HashMap<RunId, &Transition> = HashMap::with_capacity(group.len());
    last.extend(group.iter().filter(|t| t.run.rev > 1).map(|t| (t.run.id, *t)));
    last.into_values().collect()
}
