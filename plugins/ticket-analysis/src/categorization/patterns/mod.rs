//! What the tickets have in common: similar ones, clusters, recurring issues, and what is new.

pub mod clusters;
pub mod emerging;
pub mod recurring;
pub mod similar;

use heddle_sdk::prelude::*;

use self::{clusters::Cluster, emerging::Emerging, recurring::Recurring, similar::Similar};
use crate::listed::{MOST_GROUPS, MOST_IDS};

/// What the tickets have in common.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Patterns {
    /// Pairs with like subjects.
    pub similar: Similar,
    /// Ids of tickets whose subjects have the same words in the same order, by first ticket.
    pub identical_subject_groups: Vec<Vec<String>>,
    /// Groups of tickets that speak of like things, the largest first.
    pub clusters: Vec<Cluster>,
    /// Issues that came up again and again, the most frequent first.
    pub recurring: Vec<Recurring>,
    /// What has become more frequent.
    pub emerging: Emerging,
}

impl Patterns {
    /// Cut every list to what an output may hold; the counts beside them stay.
    pub(super) fn shorten(&mut self) {
        self.identical_subject_groups.truncate(MOST_GROUPS);
        self.clusters.truncate(MOST_GROUPS);
        let ids = self.identical_subject_groups.iter_mut();
        let ids = ids.chain(self.clusters.iter_mut().map(|cluster| &mut cluster.ticket_ids));
        for list in ids.chain(self.recurring.iter_mut().map(|issue| &mut issue.ticket_ids)) {
            list.truncate(MOST_IDS);
        }
    }
}
