//! How much a step's output lists. Files hold every ticket; outputs pass through the host's database and API, which bound
//! the number of values in a document, so that of many tickets they list the first ones and say where the others are.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write as _},
};

use heddle_sdk::{manifest::LimitRequest, prelude::*};

/// The most tickets that an output lists.
pub const MOST_TICKETS: usize = 5_000;
/// The most groups (queues, clusters, components …) that an output lists.
pub(crate) const MOST_GROUPS: usize = 500;
/// The most ids of one group that an output lists where it does not list all tickets.
pub(crate) const MOST_IDS: usize = 50;

/// That an output does not list everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// All tickets.
    pub n_tickets: usize,
    /// Those that the output lists, the first ones. Lists of groups, of findings and of ids are shortened as well.
    pub n_listed: usize,
    /// The file that holds all of it.
    pub all_in: String,
}

impl Listed {
    /// What an output says that does not list all tickets. `None` if it does.
    pub(crate) fn of(n_tickets: usize, n_listed: usize, file: &str) -> Option<Self> {
        (n_listed < n_tickets).then(|| Self { n_tickets, n_listed, all_in: file.to_owned() })
    }
}

/// What a phase asks for that works on as many tickets as are read: 64 MiB of text become several copies on the way.
pub(crate) fn limits() -> LimitRequest {
    LimitRequest { memory_bytes: Some(1 << 30), ..LimitRequest::default() }
}

/// Keep the largest groups.
pub(crate) fn largest<T>(groups: &mut BTreeMap<String, T>, size: impl Fn(&T) -> usize) {
    if groups.len() <= MOST_GROUPS {
        return;
    }
    let mut sizes: Vec<(usize, String)> =
        groups.iter().map(|(name, group)| (size(group), name.clone())).collect();
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, name) in &sizes[MOST_GROUPS..] {
        groups.remove(name);
    }
}

/// Write a value as a JSON file, indented, without a second copy of it in memory.
///
/// # Errors
/// If the file is not declared, was written before, or cannot be stored.
pub(crate) fn write_json<C>(
    ctx: &mut Context<'_, C>,
    name: &str,
    value: &impl Serialize,
) -> Result<(), PhaseError> {
    let mut out = BufWriter::with_capacity(1 << 20, ctx.writer(name)?);
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")?;
    let writer = out.into_inner().map_err(|error| PhaseError::failed(error.error()))?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_groups_are_kept() {
        let mut groups: BTreeMap<String, usize> =
            (0..MOST_GROUPS + 3).map(|k| (format!("g{k:04}"), k % 7)).collect();
        largest(&mut groups, |n| *n);
        assert_eq!(groups.len(), MOST_GROUPS);
        assert!(!groups.contains_key("g0497") && groups.contains_key("g0006"), "the smallest and last go");
        assert_eq!(Listed::of(3, 3, "a.json"), None);
        assert_eq!(Listed::of(3, 2, "a.json").map(|l| l.n_listed), Some(2));
    }
}
