//! Runs of the same plan share it: a plan is larger than what a run of it needs besides.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use super::Machine;
use crate::{engine::plan::Plan, model::Digest};

/// So many plans are known before it is looked whether there are runs of them.
const FEW: usize = 64;

/// The plans of the runs in memory.
#[derive(Default)]
pub(super) struct Plans {
    known: HashMap<Digest, Weak<Plan>>,
    /// How many were known when it was last looked which there are runs of.
    looked: usize,
}

impl Plans {
    /// Let the run have the plan that other runs have, if it is the same.
    pub(super) fn share(&mut self, machine: &mut Machine) {
        let plan = machine.plan();
        match self.known.get(&plan.digest).and_then(Weak::upgrade) {
            Some(known) => machine.set_plan(known),
            None => {
                self.known.insert(plan.digest, Arc::downgrade(plan));
                if self.known.len() > 2 * self.looked.max(FEW) {
                    self.known.retain(|_, plan| plan.strong_count() > 0);
                    self.looked = self.known.len();
                }
            }
        }
    }
}
