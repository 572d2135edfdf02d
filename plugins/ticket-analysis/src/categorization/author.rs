//! What the ticket's author wrote, apart from what a form or a program put there.
//!
//! Issue forms speak of bugs, features and questions in every ticket that uses them. Their lines are told from the
//! author's by being the same in many tickets of one product: nothing of any particular tracker is known here.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

use crate::ticket::Ticket;

/// A line, or the beginning of one up to its colon, is a form's if so many tickets have it …
const FORM_COUNT: usize = 4;
/// … and this share of the product's tickets.
const FORM_SHARE: f64 = 0.015;
/// Bytes of a description that are looked at; what follows is nearly always a log.
const LONGEST: usize = 6000;

/// A ticket taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct AuthorText {
    /// The subject as it is.
    pub(crate) subject: String,
    /// The subject without a prefix such as `[Area]` or `Bug:`.
    pub(crate) headline: String,
    /// The prefix, without its brackets or colon.
    pub(crate) prefix: String,
    /// The description without code, images, addresses and the form's lines. Code is ` CODE `, an address ` URL `, a
    /// picture ` IMAGE `.
    pub(crate) own: String,
    /// The form's lines and headings.
    pub(crate) form: String,
    /// What stands in HTML comments.
    pub(crate) comments: String,
    /// The whole description without HTML comments.
    pub(crate) whole: String,
    /// Whether there is code.
    pub(crate) has_code: bool,
    /// The source's labels.
    pub(crate) labels: Vec<String>,
}

macro_rules! pattern {
    ($name:ident, $regex:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($regex).ok());
    };
}
pattern!(COMMENT, r"(?s)<!--(.*?)(?:-->|$)");
pattern!(DETAILS, r"(?s)<details>.*?(?:</details>|$)");
pattern!(DETAILS_TAG, r"</?(?:details|summary)>");
pattern!(FENCE, r"(?s)```.*?(?:```|$)");
pattern!(INDENTED, r"(?m)^(?: {4}|\t)\S");
pattern!(HEADING, r"^(?:#{1,6}\s|\*\*[^*]+\*\*:?\s*$|[-*] \[[ xX]?\])");
pattern!(TABLE_ROW, r"^\|.*\|$");
pattern!(INLINE_CODE, r"`[^`\n]*`");
pattern!(IMAGE, r"!\[[^\]]*\]\([^)\n]*\)?|<img[^>]*>?");
pattern!(ADDRESS, r"https?://\S+");
pattern!(PREFIX, r"^\W*(?:\[([^\]]*)\]|([\w /-]{0,20}):)\s*:?\s*");
pattern!(FAULT, r"(?i)\b(?:error|exception|warning|fail\w*|crash\w*)\b");

fn replace<'t>(pattern: &Option<Regex>, text: &'t str, by: &str) -> Cow<'t, str> {
    pattern.as_ref().map_or(Cow::Borrowed(text), |pattern| pattern.replace_all(text, by))
}

fn matches(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Take the tickets apart, in their order.
pub(crate) fn author_texts(tickets: &[Ticket]) -> Vec<AuthorText> {
    let mut products: BTreeMap<&str, Vec<&Ticket>> = BTreeMap::new();
    for ticket in tickets {
        products.entry(ticket.product.as_deref().unwrap_or_default()).or_default().push(ticket);
    }
    let forms: BTreeMap<&str, BTreeSet<String>> =
        products.into_iter().map(|(product, tickets)| (product, form_lines(&tickets))).collect();
    let none = BTreeSet::new();
    let form = |ticket: &Ticket| forms.get(ticket.product.as_deref().unwrap_or_default()).unwrap_or(&none);
    tickets.iter().map(|ticket| author_text(ticket, form(ticket))).collect()
}

/// The lines, and the beginnings of lines up to a colon, that many of the tickets have, lower-cased.
fn form_lines(tickets: &[&Ticket]) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for ticket in tickets {
        let mut own = BTreeSet::new();
        for line in head(&ticket.description).lines().map(str::trim) {
            let lower = line.to_lowercase();
            if let Some(key) = key(&lower) {
                own.insert(key.to_owned());
            }
            if lower.len() >= 4 {
                own.insert(lower);
            }
        }
        for line in own {
            *counts.entry(line).or_default() += 1;
        }
    }
    let enough = FORM_COUNT.max((FORM_SHARE * tickets.len() as f64) as usize);
    counts.into_iter().filter(|(_, count)| *count >= enough).map(|(line, _)| line).collect()
}

/// The first [`LONGEST`] bytes, at a character's end.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// What stands before the first colon, question mark or arrow of a line, if it is long enough to be a form's.
fn key(line: &str) -> Option<&str> {
    let end = line.char_indices().find(|&(at, c)| {
        let rest = &line[at + c.len_utf8()..];
        at >= 8
            && match c {
                ':' | '?' => rest.is_empty() || rest.starts_with(char::is_whitespace),
                '=' => rest.starts_with('>'),
                _ => false,
            }
    })?;
    Some(&line[..end.0])
}

fn author_text(ticket: &Ticket, form_lines: &BTreeSet<String>) -> AuthorText {
    let description = head(&ticket.description).replace('\u{2019}', "'");
    let mut comments = String::new();
    for comment in COMMENT.iter().flat_map(|pattern| pattern.captures_iter(&description)) {
        comments.push_str(comment.get(1).map_or("", |text| text.as_str()));
        comments.push('\n');
    }
    let whole = replace(&COMMENT, &description, " ").into_owned();
    let indented = INDENTED.iter().flat_map(|pattern| pattern.find_iter(&whole)).count();
    let has_code = whole.contains("```") || indented >= 3;

    // Folded-away parts are reports of programs, unless everything is folded away.
    let mut text = replace(&DETAILS, &whole, " ");
    if text.split_whitespace().nth(2).is_none() {
        text = replace(&DETAILS_TAG, &whole, " ");
    }
    let text = replace(&FENCE, &text, " CODE ").into_owned();
    let (mut own, mut form) = (String::new(), String::new());
    for line in text.lines().map(str::trim) {
        let lower = line.to_lowercase();
        if form_lines.contains(&lower) || matches(&HEADING, line) {
            form.push_str(line);
            form.push('\n');
        } else if !matches(&TABLE_ROW, line) {
            let mut rest = line;
            if let Some(key) = key(&lower).filter(|key| form_lines.contains(*key)) {
                form.push_str(key);
                form.push('\n');
                // Lower-casing may change lengths; then the line stays whole.
                rest = if lower.len() == line.len() { line.get(key.len()..).unwrap_or(line) } else { line };
            }
            own.push_str(rest);
            own.push('\n');
        }
    }
    let own = replace(&INLINE_CODE, &own, " CODE ").into_owned();
    let own = replace(&IMAGE, &own, " IMAGE ").into_owned();
    let own = replace(&ADDRESS, &own, " URL ").into_owned();

    let subject = ticket.subject.replace('\u{2019}', "'");
    let (prefix, headline) = split_prefix(&subject);
    AuthorText {
        prefix: prefix.to_owned(),
        headline: headline.to_owned(),
        subject,
        own,
        form,
        comments,
        whole,
        has_code,
        labels: ticket.labels.clone(),
    }
}

/// A subject's prefix and the rest; `Error: …` is no prefix but the matter itself.
pub(crate) fn split_prefix(subject: &str) -> (&str, &str) {
    let Some(found) = PREFIX.as_ref().and_then(|pattern| pattern.captures(subject)) else {
        return ("", subject);
    };
    let prefix = found.get(1).or(found.get(2)).map_or("", |text| text.as_str()).trim();
    let rest = found.get(0).map_or(subject, |whole| &subject[whole.end()..]);
    if rest.trim().is_empty() || found.get(0).is_some_and(|whole| matches(&FAULT, whole.as_str())) {
        (if rest.trim().is_empty() { prefix } else { "" }, subject)
    } else {
        (prefix, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket(subject: &str, description: &str) -> Ticket {
        Ticket { subject: subject.to_owned(), description: description.to_owned(), ..Ticket::default() }
    }

    #[test]
    fn a_forms_lines_are_found_by_being_repeated() {
        let tickets: Vec<Ticket> = ["red", "green", "blue", "grey"]
            .iter()
            .map(|c| {
                ticket("x", &format!("Is it a defect or a wish?\nYour colour here: {c}\nI see {c} lamps."))
            })
            .collect();
        let texts = author_texts(&tickets);
        assert_eq!(texts[1].own, ": green\nI see green lamps.\n");
        assert_eq!(texts[1].form, "Is it a defect or a wish?\nyour colour here\n");
        let alone = author_texts(&tickets[..1]);
        assert!(alone[0].own.contains("defect or a wish"), "one ticket alone has no form");
    }

    #[test]
    fn code_comments_and_folded_parts_are_not_the_authors_words() {
        let text =
            "<!-- describe -->It stops at `x()`\n```\nlet y;\n```\n<details>cpu</details> see https://a.b\n";
        let apart = author_texts(&[ticket("s", text)]).remove(0);
        assert_eq!(
            apart.own.split_whitespace().collect::<Vec<_>>().join(" "),
            "It stops at CODE CODE see URL"
        );
        assert_eq!(apart.comments.trim(), "describe");
        assert!(apart.has_code);
        let folded =
            author_texts(&[ticket("s", "<details><summary>Open</summary>all is here</details>")]).remove(0);
        assert!(folded.own.contains("all is here"));
    }

    #[test]
    fn prefixes_are_split_off() {
        assert_eq!(split_prefix("[Invoices] wrong sum"), ("Invoices", "wrong sum"));
        assert_eq!(split_prefix("Bug: wrong sum"), ("Bug", "wrong sum"));
        assert_eq!(split_prefix("TypeError: x is not a function"), ("TypeError", "x is not a function"));
        assert_eq!(split_prefix("Fatal error: out of paper"), ("", "Fatal error: out of paper"));
        assert_eq!(split_prefix("Bug: "), ("Bug", "Bug: "));
        assert_eq!(split_prefix("plain"), ("", "plain"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_taken_apart(subject in "\\PC{0,40}", description in "(\\PC|[\\n`<>#*:?|-]){0,200}") {
            let apart = author_texts(&[ticket(&subject, &description)]);
            prop_assert_eq!(apart.len(), 1);
        }
    }
}
