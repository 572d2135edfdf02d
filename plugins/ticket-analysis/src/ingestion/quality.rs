//! What the data-quality report holds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::listed::{MOST_GROUPS, MOST_IDS, MOST_TICKETS, largest};

/// What is missing, doubled, impossible or unreadable in the tickets. Nothing is repaired silently: every record that
/// was read is either a ticket or listed in `excluded`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataQualityReport {
    /// Records in all sources; `n_tickets` + `n_excluded`.
    pub n_records: usize,
    /// Tickets in the result.
    pub n_tickets: usize,
    /// Records that are not in the result: see `excluded`.
    pub n_excluded: usize,
    /// One for each source, in the order in which they were read.
    pub sources: Vec<SourceSummary>,
    /// How many tickets do not have the field: null, blank or absent in the source.
    pub missing: BTreeMap<String, usize>,
    /// Records whose id an earlier record has. Above 0 only with `on_duplicate: keep_first`.
    pub duplicate_ids: usize,
    /// The ids that occurred more than once.
    pub duplicates: Vec<Duplicate>,
    /// Tickets resolved before they were created.
    pub resolved_before_created: usize,
    /// Tickets first answered before they were created.
    pub answered_before_created: usize,
    /// Tickets created after `as_of`.
    pub created_in_future: usize,
    /// Tickets resolved after `as_of`.
    pub resolved_in_future: usize,
    /// Tickets that are resolved or closed without a time of resolution.
    pub closed_without_resolved_at: usize,
    /// Tickets with a time of resolution whose status is neither resolved nor closed.
    pub open_with_resolved_at: usize,
    /// The tickets counted in the four counts of impossible times.
    pub impossible_dates: Vec<ImpossibleDate>,
    /// How many times could not be read.
    pub n_unparseable_dates: usize,
    /// How many words for status and priority are not known.
    pub n_unknown_words: usize,
    /// Times that could not be read. The ticket has none then.
    pub unparseable_dates: Vec<UnreadValue>,
    /// Words for status and priority that are not known. The ticket has none then.
    pub unknown_words: Vec<UnreadValue>,
    /// Times that name no zone: they were read as `utc_offset` says.
    pub times_without_zone: usize,
    /// The offset from UTC used for times that name no zone.
    pub utc_offset: String,
    /// Tickets of each product, of those that have one.
    pub by_product: BTreeMap<String, usize>,
    /// Tickets of each status, of those that have one.
    pub by_status: BTreeMap<String, usize>,
    /// Tickets of each priority, of those that have one.
    pub by_priority: BTreeMap<String, usize>,
    /// Tickets of each customer tier, of those that have one.
    pub by_customer_tier: BTreeMap<String, usize>,
    /// The earliest creation, RFC 3339 in UTC.
    pub first_created_at: Option<String>,
    /// The latest creation, RFC 3339 in UTC.
    pub last_created_at: Option<String>,
    /// The records that are not in the result.
    pub excluded: Vec<ExcludedRecord>,
    /// How the sources were read, where that matters to a reader of the results.
    pub notes: Vec<String>,
}

impl DataQualityReport {
    /// Cut every list to what an output may hold; the counts beside them stay.
    pub(super) fn shorten(&mut self) {
        self.duplicates.truncate(MOST_GROUPS);
        for duplicate in &mut self.duplicates {
            duplicate.dropped.truncate(MOST_IDS);
        }
        self.impossible_dates.truncate(MOST_TICKETS);
        self.unparseable_dates.truncate(MOST_TICKETS);
        self.unknown_words.truncate(MOST_TICKETS);
        self.excluded.truncate(MOST_TICKETS);
        self.sources.truncate(MOST_GROUPS);
        self.notes.truncate(MOST_GROUPS);
        for counts in
            [&mut self.by_product, &mut self.by_status, &mut self.by_priority, &mut self.by_customer_tier]
        {
            largest(counts, |n| *n);
        }
    }
}

/// One source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceSummary {
    /// `ticket_data` or the file's name.
    pub name: String,
    /// The form in which it was recognised.
    pub form: String,
    /// Records in it.
    pub records: usize,
    /// Those that became tickets.
    pub tickets: usize,
    /// Those that did not.
    pub excluded: usize,
}

/// An id that occurred more than once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Duplicate {
    /// The id.
    pub id: String,
    /// Where the record is that was kept.
    pub kept: String,
    /// Where the other records are.
    pub dropped: Vec<String>,
}

/// A time that cannot be right.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImpossibleDate {
    /// The ticket.
    pub id: String,
    /// `resolved_before_created`, `answered_before_created`, `created_in_future` or `resolved_in_future`.
    pub problem: String,
    /// The ticket's creation.
    pub created_at: String,
    /// The time that contradicts it.
    pub other: String,
}

/// A value that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadValue {
    /// The ticket.
    pub id: String,
    /// The ticket's field.
    pub field: String,
    /// What the source has there.
    pub text: String,
}

/// A record that is not in the result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExcludedRecord {
    /// Where it is: a JSON Pointer into the run's input, or a place in a file.
    pub position: String,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Why it is left out.
    pub reason: String,
}
