//! Steps that no run can come to: what each needs of the conditions before it, as far as that is plain.

use std::collections::BTreeMap;

use super::{EdgeKind, Graph};
use crate::model::{JoinMode, Node, StepDefinition};

/// So many conditions are looked at for each step. Of one that depends on more, the others are taken to be met.
const CONDITIONS: usize = 16;

/// Which cases of which conditions, by their places, are left to a step. A condition that is not there does not matter.
type Ways = BTreeMap<usize, u128>;

impl Graph {
    /// The first steps, in their order, that come after cases of a condition which exclude each other, with that condition.
    /// What comes after these is not told as well.
    pub(crate) fn never_reached(&self, steps: &[StepDefinition]) -> Vec<(usize, usize)> {
        let mut ways: Vec<Option<Ways>> = vec![None; steps.len()];
        let mut found = Vec::new();
        for &i in &self.order {
            let edges = self.predecessors[i].iter();
            let needed = edges.filter(|edge| matches!(edge.kind, EdgeKind::After | EdgeKind::Cases(_)));
            let of = needed.map(|edge| {
                let mut of = ways[edge.from].clone()?;
                if let (EdgeKind::Cases(cases), Some(condition)) = (&edge.kind, &steps[edge.from].condition) {
                    let names = condition.names();
                    let places = (0..names.len()).filter(|&k| cases.contains(names[k]));
                    let mask = places.fold(0, |mask, k| mask | 1_u128.checked_shl(k as u32).unwrap_or(0));
                    *of.entry(edge.from).or_insert(u128::MAX) &= mask;
                }
                Some(of)
            });
            let any = matches!(steps[i].node(), Some(Node::Join(join)) if join.mode == JoinMode::Any);
            let of: Vec<Option<Ways>> = of.collect();
            let mut here = if any { either(&of) } else { both(&of) };
            if let Some(left) = &mut here {
                if let Some((&condition, _)) = left.iter().find(|(_, left)| **left == 0) {
                    found.push((i, condition));
                    here = None;
                } else {
                    while left.len() > CONDITIONS {
                        left.pop_last();
                    }
                }
            }
            ways[i] = here;
        }
        found
    }
}

/// All of them are to be reached.
fn both(all: &[Option<Ways>]) -> Option<Ways> {
    let mut here = Ways::new();
    for of in all {
        for (&condition, &left) in of.as_ref()? {
            *here.entry(condition).or_insert(u128::MAX) &= left;
        }
    }
    Some(here)
}

/// One of them is to be reached.
fn either(all: &[Option<Ways>]) -> Option<Ways> {
    let mut reached = all.iter().flatten();
    let Some(mut here) = reached.next().cloned() else { return all.is_empty().then(Ways::new) };
    for of in reached {
        here.retain(|condition, left| of.get(condition).map(|more| *left |= more).is_some());
    }
    Some(here)
}
