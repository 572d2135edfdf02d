//! Takes a ticket's text apart: prose, code, and what a template put there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

/// A line of a description that is not template text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Inside a fenced block.
    pub(super) code: bool,
    /// A heading, or a short line that ends in a colon.
    pub(super) heading: bool,
}

/// A ticket's text in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) subject: String,
    /// In the text's order, without comments and blank lines. Template lines are left out unless they are headings.
    pub(super) lines: Vec<Line>,
    /// Prose: subject and lines, without code, addresses of pages, pictures and marks. One line a paragraph line.
    pub(super) prose: String,
    /// What stands in backticks within a line, in order.
    pub(super) inline_code: Vec<String>,
}

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"(?s)<!--.*?(?:-->|\z)"));
static IMAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r#"!\[[^\]\n]*\]\([^)\n]*\)?|<img\b[^>\n]*>?|<video\b[^>\n]*>?"#));
static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"\[([^\]\n]+)\]\([^)\n]*\)"));
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r#"(?i)\b(?:https?|ftp|file)://[^\s<>"')\]]+"#));
static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)</?(?:b|i|em|strong|p|br|div|span|details|summary|h\d|ul|ol|li|table|tr|td|th|sub|sup|hr|code|pre|kbd|a)\b[^>\n]*>",
    )
});
static INLINE: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"`([^`\n]+)`"));
static HEADING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"^\s*(?:#{1,6}\s+\S.*|\*\*[^*\n]{2,60}\*\*:?|__[^_\n]{2,60}__:?|[A-Z][^.!?\n]{2,50}:)\s*$")
});

fn replace(regex: &LazyLock<Option<Regex>>, text: &str, with: &str) -> String {
    regex.as_ref().map_or_else(|| text.to_owned(), |r| r.replace_all(text, with).into_owned())
}

/// The lines that so many tickets have that a template must have put them there: at least five, and one in fifty.
pub(super) fn template_lines<'a>(descriptions: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut n = 0;
    for description in descriptions {
        n += 1;
        let lines: BTreeSet<&str> = description.lines().map(str::trim).filter(|l| l.len() >= 8).collect();
        for line in lines {
            *counts.entry(line.to_owned()).or_default() += 1;
        }
    }
    let enough = 5.max(n / 50);
    counts.into_iter().filter(|&(_, count)| count >= enough).map(|(line, _)| line).collect()
}

impl Parts {
    /// Take a ticket's text apart.
    pub(super) fn of(subject: &str, description: &str, templates: &BTreeSet<String>) -> Self {
        let body = replace(&COMMENT, description, "\n");
        let mut parts = Self { subject: subject.to_owned(), ..Self::default() };
        parts.take_inline(subject);
        let mut prose = vec![plain(subject)];
        let mut fence: Option<&str> = None;
        for line in body.lines() {
            let trimmed = line.trim();
            if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark)) {
                match fence {
                    // ```` ```like this``` ```` is inline code that somebody wrote with three marks.
                    None if trimmed.len() > 5 && trimmed.ends_with(mark) => {}
                    None => {
                        fence = Some(mark);
                        continue;
                    }
                    Some(open) if open == mark => {
                        fence = None;
                        continue;
                    }
                    Some(_) => {}
                }
            }
            if trimmed.is_empty() || trimmed == "_No response_" {
                continue;
            }
            let code = fence.is_some();
            let heading = !code && HEADING.as_ref().is_some_and(|r| r.is_match(line));
            let template = !code && templates.contains(trimmed);
            if template && !heading {
                continue;
            }
            if !code && !heading {
                parts.take_inline(line);
                // An unticked box is an option that the user did not choose; a quotation is somebody else's words.
                // A table lists what is installed or measured.
                let table = trimmed.matches('|').count() >= 2;
                if !table
                    && !trimmed.starts_with("- [ ]")
                    && !trimmed.starts_with("* [ ]")
                    && !trimmed.starts_with('>')
                {
                    prose.push(plain(line));
                }
            }
            parts.lines.push(Line { text: line.trim_end().to_owned(), code, heading });
        }
        parts.prose = prose.join("\n");
        parts
    }

    fn take_inline(&mut self, line: &str) {
        if let Some(regex) = INLINE.as_ref() {
            self.inline_code.extend(regex.captures_iter(line).map(|found| found[1].trim().to_owned()));
        }
    }
}

/// A line without pictures, addresses of pages and HTML tags.
pub(super) fn without_links(line: &str) -> String {
    let line = replace(&IMAGE, line, " ");
    let line = replace(&LINK, &line, "$1");
    let line = replace(&URL, &line, " ");
    replace(&TAG, &line, " ")
}

/// Prose alone: without links, code and marks.
fn plain(line: &str) -> String {
    let line = without_links(line);
    let line = replace(&INLINE, &line, " ");
    line.replace("**", "").replace("__", "").trim_start_matches(['#', '>', ' ']).to_owned()
}

/// A line for people: without links and Markdown's marks, but with its code.
pub(super) fn readable(line: &str) -> String {
    let line = without_links(line).replace("**", "").replace("__", "").replace('`', "");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most that many characters, with an ellipsis where something is cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}
