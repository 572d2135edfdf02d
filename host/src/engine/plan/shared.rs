//! The state that the steps of a run share.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::known::Keys;
use crate::{
    engine::{
        graph::Reach,
        problems::{Problems, list},
    },
    model::{Problem, StepDefinition},
};

/// Two steps of which neither comes after the other may not both write a key, nor one write what the other reads: what
/// the reader saw, or which value stayed, would be chance. Of the steps that are apart, neighbours are told.
pub(super) fn check_shared(
    steps: &[StepDefinition],
    keys: &[Arc<Keys>],
    reach: &Reach,
    problems: &mut Problems,
) {
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut readers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut in_order: Vec<usize> = (0..steps.len()).collect();
    in_order.sort_unstable_by_key(|&i| reach.place(i));
    for &i in &in_order {
        for key in &keys[i].writes {
            writers.entry(key).or_default().push(i);
        }
        for key in &keys[i].reads {
            readers.entry(key).or_default().push(i);
        }
    }
    for (i, step) in steps.iter().enumerate() {
        if keys[i].writes.is_empty() {
            continue;
        }
        let (mut inside, mut at) = (step, format!("/steps/{i}"));
        while let Some(body) = inside.node().and_then(|node| node.body()) {
            let is_map = inside.map.is_some();
            at.push_str(if is_map { "/map/body" } else { "/loop/body" });
            if is_map {
                let keys = list(&keys[i].writes);
                let message = format!(
                    "the items of a map run side by side, and each would write the shared key {keys}"
                );
                problems.push(Problem::new(at, message));
                break;
            }
            inside = body;
        }
    }
    for (key, writing) in &writers {
        // Who follows their neighbour in this order, each of them, follows all that are before.
        for pair in writing.windows(2).filter(|pair| !reach.is_before(pair[0], pair[1])) {
            let (i, j) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            let message = format!(
                "steps {} and {} both write the shared key {key:?}, and neither comes after the other",
                steps[i].name, steps[j].name
            );
            problems.push(Problem::new(format!("/steps/{j}"), message));
        }
        let own: BTreeSet<usize> = writing.iter().copied().collect();
        for &j in readers.get(key).into_iter().flatten().filter(|j| !own.contains(j)) {
            let next = writing.partition_point(|&i| reach.place(i) < reach.place(j));
            let before = next.checked_sub(1).map(|last| writing[last]).filter(|&i| !reach.is_before(i, j));
            let after = writing.get(next).copied().filter(|&i| !reach.is_before(j, i));
            for i in before.into_iter().chain(after) {
                let message = format!(
                    "step {} reads the shared key {key:?} that step {} writes, and neither comes after the other",
                    steps[j].name, steps[i].name
                );
                problems.push(Problem::new(format!("/steps/{j}"), message));
            }
        }
    }
}
