//! Error messages as written: exception lines, `error: …`, codes, and what is quoted as the message.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Findings,
    text::{Parts, cut, readable, without_links},
};

const MOST: usize = 8;
const LENGTH: usize = 200;

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

/// `TypeError: …`, `java.lang.IllegalStateException: …`, `Uncaught Error [CODE]: …`.
static EXCEPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?:\b(?:Uncaught|Unhandled)(?: \(in promise\))? )?\b(?:[A-Za-z_$][\w$]*\.)*(?:[A-Z][A-Za-z0-9_]*)?(?:Error|Exception|Warning|Panic|Fault)(?: \[[\w-]+\])?(?: [A-Z]{1,3}\d{3,5})?: +\S.*",
    )
});
/// `error: …`, `fatal: …`, `ERROR [worker] …`, `npm ERR! …` at the start of a line (after a time stamp or a mark).
static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"^(?:[\[\d][\d:\-T.,Z/ \]]+\s+)?[\s>*\-]*((?:error|fatal|panic|critical|FATAL|ERROR|PANIC|CRITICAL|SEVERE|warn|WARN)(?: ?\[[^\]]+\]| [A-Z]{1,4}\d{2,5})?:? ?(?:[:\-]\s*)?\S.{4,}|npm ERR! \S.*|thread '.*' panicked at .*|Segmentation fault.*)$",
    )
});
/// Codes that stand for an error wherever they are.
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(concat!(
        r"\bERR_[A-Z0-9_]{3,}\b|\bE(?:NOENT|ACCES|CONNREFUSED|CONNRESET|ADDRINUSE|PERM|EXIST|TIMEDOUT|MFILE|PIPE|ISDIR|NOTFOUND|NOSPC|BUSY|INVAL)\b",
        r"|\bSIG(?:SEGV|ABRT|BUS|ILL|FPE)\b|\bORA-\d{5}\b|\b0x8[0-9A-Fa-f]{7}\b",
        r"|\b(?:HTTP(?:/[\d.]+)?|status(?: code)?|error(?: code)?|code)[ :=]{1,2}[45]\d\d\b(?: [A-Z][a-z]+(?: [A-Z][a-z]+){0,3})?",
        r"|\b[45]\d\d (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?[Oo]ut|Not Found|Forbidden|Unauthori[sz]ed|Too Many Requests|Bad Request|Conflict|Payload Too Large|(?:[Ee]rrors?|responses?|page)\b)",
        r"|(?i:\berror code:? )[A-Z0-9][A-Z0-9_-]{2,20}\b|(?i:\bexit(?:ed with|s with)? (?:code|status):? )[1-9]\d*\b"
    ))
});
/// `… the message "Cannot reach the host"`.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r#"(?i)\b(?:errors?|messages?|warnings?|toast|alert|banner|says?|saying|said|reads|states|stating|fail(?:s|ed|ing)? with)\b(?:[^"“”`'\n.]{0,40})["“`]([^"“”`\n]{6,180})["”`]"#,
    )
});
/// The heading of a form's field for the message.
static SECTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"(?i)\berror (?:message|text|output|log)s?\b|^\W*(?:error|exception|stack ?trace)\W*$")
});

/// A subject without the exception that it quotes: the words of a message name no feature.
pub(super) fn without_exception(subject: &str) -> String {
    EXCEPTION.as_ref().map_or_else(|| subject.to_owned(), |r| r.replace(subject, " ").into_owned())
}

/// The error messages of a ticket, most telling first: exceptions, then prefixed lines, quotations, and codes.
pub(super) fn find(parts: &Parts) -> Vec<String> {
    let mut found: [Vec<String>; 5] = Default::default();
    let subject = without_links(&parts.subject).replace('`', "");
    let mut lines = vec![subject];
    let mut in_section = false;
    for line in &parts.lines {
        let text = without_links(&line.text).replace('`', if line.code { "`" } else { "" });
        if line.heading {
            in_section = SECTION.as_ref().is_some_and(|r| r.is_match(&line.text));
        } else if in_section {
            in_section = false;
            let text = text.trim();
            let none = matches!(
                text.to_lowercase().trim_matches(['.', '-', '_']),
                "none" | "n/a" | "na" | "no" | ""
            );
            if !none && text.len() > 3 {
                found[0].push(text.to_owned());
            }
        }
        lines.push(text);
    }
    for line in &lines {
        if let Some(hit) = EXCEPTION.as_ref().and_then(|r| r.find(line)) {
            found[1].push(hit.as_str().to_owned());
        } else if let Some(hit) = PREFIX.as_ref().and_then(|r| r.captures(line)) {
            found[2].push(hit[1].to_owned());
        }
        if let Some(regex) = CODE.as_ref() {
            found[4].extend(regex.find_iter(line).map(|hit| hit.as_str().to_owned()));
        }
    }
    let spoken =
        std::iter::once(&parts.subject).chain(parts.lines.iter().filter(|l| !l.code).map(|l| &l.text));
    for line in spoken {
        if let Some(regex) = QUOTED.as_ref() {
            found[3]
                .extend(regex.captures_iter(line).map(|hit| hit[1].to_owned()).filter(|t| t.contains(' ')));
        }
    }
    let mut messages = Findings::at_most(MOST);
    for text in found.iter().flatten() {
        let text = readable(text);
        let text = text.trim_matches(['"', '\'', '*', '|', ',', ' ']);
        let known = messages.list.iter().any(|m| m.to_lowercase().contains(&text.to_lowercase()));
        if text.chars().any(char::is_alphanumeric) && !known {
            messages.add(&cut(text, LENGTH));
        }
    }
    messages.list
}
