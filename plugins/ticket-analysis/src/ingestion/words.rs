//! The words that trackers use for status and priority, and mail addresses.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

use crate::ticket::{Priority, Status};

/// The status that a tracker's word means. None for a word that is not known.
pub(super) fn status(word: &str) -> Option<Status> {
    let word = plain(word);
    let any = |words: &[&str]| words.contains(&word.as_str());
    if any(&[
        "open",
        "opened",
        "new",
        "to do",
        "todo",
        "backlog",
        "reopened",
        "re opened",
        "triage",
        "unassigned",
        "needs triage",
        "untriaged",
        "submitted",
        "selected for development",
        "ready",
        "ready for development",
        "created",
        "received",
    ]) {
        Some(Status::Open)
    } else if any(&[
        "in progress",
        "in review",
        "under review",
        "code review",
        "in development",
        "doing",
        "active",
        "assigned",
        "accepted",
        "started",
        "working",
        "work in progress",
        "investigating",
        "under investigation",
        "in testing",
        "testing",
        "in qa",
        "qa",
        "escalated",
        "acknowledged",
        "confirmed",
        "review",
    ]) {
        Some(Status::InProgress)
    } else if any(&["pending", "hold", "on hold", "blocked", "paused", "deferred", "needs info", "need info"])
        || word.starts_with("waiting")
        || word.starts_with("awaiting")
        || word.starts_with("pending ")
    {
        Some(Status::Waiting)
    } else if any(&["resolved", "solved", "fixed", "answered"]) {
        Some(Status::Resolved)
    } else if any(&[
        "closed",
        "done",
        "complete",
        "completed",
        "finished",
        "cancelled",
        "canceled",
        "declined",
        "rejected",
        "duplicate",
        "wont fix",
        "won t fix",
        "wontfix",
        "not planned",
        "archived",
        "released",
        "deployed",
        "invalid",
        "verified",
    ]) {
        Some(Status::Closed)
    } else {
        None
    }
}

/// Lower case; everything but letters and digits is a blank.
fn plain(word: &str) -> String {
    let word: String =
        word.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    word.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether the word says that nobody set a priority.
pub(super) fn says_none(word: &str) -> bool {
    matches!(
        plain(word).as_str(),
        "" | "none" | "n a" | "not set" | "unset" | "undefined" | "null" | "no priority"
    )
}

/// The priority that a tracker's word means. `zero_based` tells how bare numbers count: from 0, or from 1.
/// None for a word that is not known.
pub(super) fn priority(word: &str, zero_based: bool) -> Option<Priority> {
    use Priority::{P0, P1, P2, P3};
    let word = plain(word);
    let parts: Vec<&str> = word.split(' ').collect();
    let level = |n: u32| match n {
        0 => P0,
        1 => P1,
        2 => P2,
        _ => P3,
    };
    // `P2`, `P1 - High`, `High (P1)`: the explicit code wins over the word beside it.
    for part in &parts {
        if let Some(n) = part.strip_prefix('p').and_then(|n| n.parse::<u32>().ok()).filter(|&n| n <= 5) {
            return Some(level(n));
        }
    }
    for part in &parts {
        let found = match *part {
            "blocker" | "blocking" | "urgent" | "critical" | "highest" | "emergency" | "showstopper"
            | "immediate" | "immediately" => P0,
            "high" | "major" | "important" | "severe" => P1,
            "medium" | "normal" | "moderate" | "default" | "standard" | "mid" => P2,
            "low" | "lowest" | "minor" | "trivial" | "planning" | "cosmetic" | "whenever" => P3,
            _ => continue,
        };
        return Some(found);
    }
    // Severities count from 1 (`SEV-1` is the top); a `SEV0` is the top as well.
    let mut numbers = parts.iter().filter_map(|p| {
        p.strip_prefix("severity")
            .or(p.strip_prefix("sev"))
            .or(p.strip_prefix('s'))
            .unwrap_or(p)
            .parse::<u32>()
            .ok()
    });
    let number = numbers.next().filter(|&n| n <= 5)?;
    let severity = parts.iter().any(|p| p.starts_with('s'));
    if zero_based && !severity { Some(level(number)) } else { Some(level(number.saturating_sub(1))) }
}

/// Whether the word is a bare `0`: then the source's numbers count from zero.
pub(super) fn is_zero(word: &str) -> bool {
    word.trim() == "0"
}

/// The priority that a label states: `P1`, `priority: high`, `prio/critical`, `severity-2`.
pub(super) fn priority_label(labels: &[String]) -> Option<String> {
    static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:p[0-4]\b.*|(?:priority|prio|severity|sev)[\s:/_.-]*(?:p?[0-5]|critical|urgent|blocker|highest|high|major|medium|normal|moderate|low|lowest|minor|trivial)\b.*|(?:critical|urgent|high|medium|low)[\s_-]priority)$").ok()
    });
    let label = LABEL.as_ref()?;
    labels.iter().find(|l| label.is_match(l)).cloned()
}

/// Masks mail addresses: `jane@acme.example` becomes `j***@acme.example`. Different addresses that would look the same
/// get a number, in the order in which they are seen, so that customers stay apart.
#[derive(Debug, Default)]
pub(super) struct Masks {
    by_address: BTreeMap<String, String>,
    used: BTreeMap<String, usize>,
}

fn address() -> Option<&'static Regex> {
    static ADDRESS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+").ok());
    ADDRESS.as_ref()
}

impl Masks {
    /// Mask every address in a customer's name.
    pub(super) fn customer(&mut self, text: &str) -> String {
        match address() {
            Some(regex) => regex.replace_all(text, |found: &Captures<'_>| self.mask(&found[0])).into_owned(),
            None => text.to_owned(),
        }
    }

    /// Mask the addresses of known customers in a text; others (documentation, other people's code) are left.
    pub(super) fn text(&self, text: &str) -> Option<String> {
        if !text.contains('@') {
            return None;
        }
        let masked = address()?.replace_all(text, |found: &Captures<'_>| {
            self.by_address.get(&found[0].to_lowercase()).cloned().unwrap_or_else(|| found[0].to_owned())
        });
        (masked != text).then(|| masked.into_owned())
    }

    fn mask(&mut self, address: &str) -> String {
        let key = address.to_lowercase();
        if let Some(mask) = self.by_address.get(&key) {
            return mask.clone();
        }
        let (local, domain) = key.split_once('@').unwrap_or((&key, ""));
        let initial: String = local.chars().take(1).collect();
        let count = self.used.entry(format!("{initial}@{domain}")).or_insert(0);
        *count += 1;
        let number = if *count == 1 { String::new() } else { count.to_string() };
        let mask = format!("{initial}***{number}@{domain}");
        self.by_address.insert(key, mask.clone());
        mask
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn status_words() {
        for (word, wanted) in [
            ("OPEN", Some(Status::Open)),
            ("To Do", Some(Status::Open)),
            ("In Progress", Some(Status::InProgress)),
            ("in_progress", Some(Status::InProgress)),
            ("Waiting for customer", Some(Status::Waiting)),
            ("on-hold", Some(Status::Waiting)),
            ("pending", Some(Status::Waiting)),
            ("solved", Some(Status::Resolved)),
            ("Won't Fix", Some(Status::Closed)),
            ("CLOSED", Some(Status::Closed)),
            ("Fermenting", None),
        ] {
            assert_eq!(status(word), wanted, "{word}");
        }
    }

    #[test]
    fn priority_words_codes_and_numbers() {
        use Priority::{P0, P1, P2, P3};
        for (word, zero_based, wanted) in [
            ("Highest", false, Some(P0)),
            ("Blocker", false, Some(P0)),
            ("urgent", false, Some(P0)),
            ("High", false, Some(P1)),
            ("Major", false, Some(P1)),
            ("normal", false, Some(P2)),
            ("Lowest", false, Some(P3)),
            ("P0", false, Some(P0)),
            ("p4", false, Some(P3)),
            ("P1 - Critical", false, Some(P1)),
            ("1", false, Some(P0)),
            ("3", false, Some(P2)),
            ("5", false, Some(P3)),
            ("1", true, Some(P1)),
            ("0", true, Some(P0)),
            ("SEV-1", true, Some(P0)),
            ("sev2", false, Some(P1)),
            ("2 - High", false, Some(P1)),
            ("purple", false, None),
            ("42", false, None),
        ] {
            assert_eq!(priority(word, zero_based), wanted, "{word}");
        }
        let labels = |l: &[&str]| priority_label(&l.iter().map(|&s| s.to_owned()).collect::<Vec<_>>());
        assert_eq!(labels(&["bug", "priority: high"]).as_deref(), Some("priority: high"));
        assert_eq!(labels(&["P2"]).as_deref(), Some("P2"));
        assert_eq!(labels(&["prio/critical-urgent"]).as_deref(), Some("prio/critical-urgent"));
        assert_eq!(labels(&["php", "p-limit", "highlight"]), None);
    }

    #[test]
    fn masks_keep_customers_apart() {
        let mut masks = Masks::default();
        assert_eq!(masks.customer("jane@acme.example"), "j***@acme.example");
        assert_eq!(masks.customer("john@acme.example"), "j***2@acme.example");
        assert_eq!(masks.customer("JANE@acme.example"), "j***@acme.example");
        assert_eq!(masks.customer("Jane Doe <jane@acme.example>"), "Jane Doe <j***@acme.example>");
        assert_eq!(masks.customer("octocat"), "octocat");
        assert_eq!(
            masks.text("write to john@acme.example, not help@us.example").unwrap(),
            "write to j***2@acme.example, not help@us.example"
        );
        assert_eq!(masks.text("git@github.com"), None);
    }
}
