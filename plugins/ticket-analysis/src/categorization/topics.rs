//! Matters that a ticket may be about, whatever its kind: found by the words that name them.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{author::AuthorText, evidence::build};

/// A matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Topic {
    /// Its name where the input gives none.
    pub(crate) name: &'static str,
    /// Words by which a category's name means it, singular and lower-case.
    pub(crate) means: &'static [&'static str],
    /// Words of a ticket that name it: a regular expression on ASCII bytes, without regard to case.
    pattern: &'static str,
}

/// The matters that are known.
pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "documentation",
        means: &["documentation", "doc", "manual", "guide", "typo"],
        pattern: r"\b(?:docs?|documentation|documented|readme|typos?|tutorial|changelog|user guide|manual|help page|spelling|broken link|wiki)\b",
    },
    Topic {
        name: "performance",
        means: &["performance", "speed", "slowness", "latency", "perf", "optimisation", "optimization"],
        pattern: r"\b(?:performance|perf|slow(?:er|ly|ness|down)?|sluggish|latency|lag(?:s|gy|ging)?|speed|high (?:cpu|memory)|cpu usage|memory (?:usage|leak|consumption)|takes (?:too long|forever|ages|\d+ (?:seconds|minutes|hours))|throughput|bottleneck)\b",
    },
    Topic {
        name: "security",
        means: &["security", "vulnerability", "privacy", "compliance", "abuse", "fraud"],
        pattern: r"\b(?:security|vulnerab\w+|cve-\d+[-\d]*|exploit\w*|xss|csrf|sql injection|injection attack|phish\w*|malware|breach\w*|leaked (?:keys?|passwords?|tokens?|credentials)|gdpr|privacy|hacked|compromised|unauthori[sz]ed (?:access|charge|login)|suspicious)\b",
    },
    Topic {
        name: "incident",
        means: &["incident", "outage", "downtime", "availability", "emergency"],
        pattern: r"\b(?:outages?|downtime|service (?:is )?(?:down|unavailable)|(?:site|server|system|service|app|api|platform|production|prod|website|network|portal|everything) (?:is|are|went|goes|has been|seems) (?:completely |totally |currently )?(?:down|offline|unreachable|unavailable)|unavailable|all (?:users|customers) (?:are )?(?:affected|unable|cannot|can't)|nobody can|sev-?[01]|50[234] (?:error|bad gateway|service|gateway)|production (?:down|incident)|incident)\b",
    },
    Topic {
        name: "billing",
        means: &["billing", "payment", "invoice", "refund", "subscription", "pricing", "finance", "charge"],
        pattern: r"\b(?:billing|billed|invoices?|invoicing|refund\w*|payments?|charged|overcharg\w*|double charge|credit card|subscription|pricing|receipt|vat|tax(?:es)?|renewal|coupon|discount|upgrade my plan|cancel my plan)\b",
    },
    Topic {
        name: "account_access",
        means: &[
            "account",
            "access",
            "login",
            "password",
            "authentication",
            "permission",
            "signin",
            "identity",
        ],
        pattern: r"\b(?:(?:my|the|our|an?|user|customer) accounts?|log ?in|login|sign(?:ing)?[ -]?in|logging in|passwords?|locked out|password reset|reset my|2fa|mfa|two[- ]factor|verification (?:code|mail|email)|sso|single sign|access (?:denied|request|to)|permissions?|credentials|deactivat\w+|invite)\b",
    },
    Topic {
        name: "installation",
        means: &[
            "installation",
            "install",
            "setup",
            "build",
            "deployment",
            "configuration",
            "compilation",
            "onboarding",
        ],
        pattern: r"\b(?:install(?:s|ed|ing|ation|er)?|uninstall\w*|set ?up|build (?:fail\w*|errors?|from source)|compil\w+|cmake|makefile|linker|deploy\w*|configur(?:e|ed|ing|ation)|dependency|dependencies)\b",
    },
];

static PATTERNS: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| TOPICS.iter().map(|topic| build(topic.pattern, true)).collect());

/// How clearly a ticket is about a topic: 4 if the subject names it, and 0.7 for each of up to three mentions by the
/// author in the description.
pub(crate) fn strength(topic: usize, text: &AuthorText) -> f64 {
    let Some(Some(pattern)) = PATTERNS.get(topic) else { return 0.0 };
    let in_subject = pattern.is_match(text.subject.as_bytes());
    mentions(in_subject, pattern.find_iter(text.own.as_bytes()).take(3).count())
}

/// The common scale of topics and of categories known only by their words.
pub(crate) fn mentions(in_subject: bool, in_text: usize) -> f64 {
    f64::from(u8::from(in_subject)) * 4.0 + 0.7 * in_text.min(3) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{categorization::author::author_texts, ticket::Ticket};

    #[test]
    fn each_topic_is_found_by_its_words() {
        assert!(PATTERNS.iter().all(Option::is_some));
        let of = |subject: &str, description: &str| {
            let ticket = Ticket {
                subject: subject.to_owned(),
                description: description.to_owned(),
                ..Ticket::default()
            };
            let text = author_texts(&[ticket]).remove(0);
            (0..TOPICS.len())
                .filter(|topic| strength(*topic, &text) > 0.0)
                .map(|topic| TOPICS[topic].name)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("Typo on the first page of the manual", ""), ["documentation"]);
        assert_eq!(of("Search is slow", ""), ["performance"]);
        assert_eq!(of("I was charged twice", "Please refund one."), ["billing"]);
        assert_eq!(of("Locked out after the password change", ""), ["account_access"]);
        assert_eq!(of("The whole site is down", ""), ["incident"]);
        assert_eq!(of("Vulnerable library", "CVE-2024-12345"), ["security"]);
        assert!(of("Blue lamp", "It is blue.").is_empty());
    }
}
