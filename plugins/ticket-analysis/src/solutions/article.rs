//! Articles of the knowledge base, and the steps that they state.

use std::collections::BTreeSet;

use heddle_sdk::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::content_words;

/// Longest quotation, in characters.
const LONGEST: usize = 400;
/// Most steps of one article.
const MOST_STEPS: usize = 8;

/// An article of the knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Article {
    /// Its id: a text or a number. Absent, `KB-1`, `KB-2` … by its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ArticleId>,
    /// Its title.
    #[serde(alias = "subject", alias = "name")]
    pub title: String,
    /// Its text: plain or Markdown.
    #[serde(alias = "content", alias = "text", alias = "description")]
    pub body: String,
    /// Tags.
    #[serde(alias = "labels", alias = "keywords")]
    pub tags: Option<Vec<String>>,
    /// Where it can be read.
    #[serde(alias = "link", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A text or a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "an article's id is a text or a whole number")]
pub enum ArticleId {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl Article {
    /// The id, or one made of the place (from 0).
    pub fn id_at(&self, place: usize) -> String {
        match &self.id {
            Some(ArticleId::Text(id)) if !id.trim().is_empty() => id.clone(),
            Some(ArticleId::Number(id)) => id.to_string(),
            _ => format!("KB-{}", place + 1),
        }
    }

    /// What is searched: title and tags twice, since they say what the article is about, and the body.
    pub(crate) fn searched(&self) -> String {
        let tags = self.tags.as_deref().unwrap_or_default().join(" ");
        format!("{0} {0} {tags} {tags} {1}", self.title, self.body)
    }
}

/// What is wrong with a knowledge base.
pub(crate) fn problems(articles: &[Article]) -> Vec<Problem> {
    let (mut problems, mut ids) = (Vec::new(), BTreeSet::new());
    for (i, article) in articles.iter().enumerate() {
        let at = format!("/knowledge_base/{i}");
        if article.title.trim().is_empty() && article.body.trim().is_empty() {
            problems.push(Problem::new(&at, "the article has neither title nor body; give it both"));
        }
        let id = article.id_at(i);
        if !ids.insert(id.clone()) {
            problems.push(Problem::new(
                format!("{at}/id"),
                format!("there are two articles {id:?}; ids must differ"),
            ));
        }
    }
    problems
}

/// A passage as it stands in its source, white space aside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passage {
    pub(crate) text: String,
    pub(crate) shortened: bool,
}

impl Passage {
    fn new(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= LONGEST {
            return Self { text, shortened: false };
        }
        let cut: String = text.chars().take(LONGEST - 1).collect();
        Self { text: format!("{}…", cut.trim_end()), shortened: true }
    }
}

/// The steps of an article for a ticket: of its lists of at least two items the one that shares most with the ticket (of
/// equal ones the first); without lists, up to three sentences that share words with it, in the article's order. `weight`
/// says how much a word tells.
pub(crate) fn steps(body: &str, weight: impl Fn(&str) -> f64) -> Vec<Passage> {
    let share = |text: &str| {
        content_words(text).iter().collect::<BTreeSet<_>>().into_iter().map(|word| weight(word)).sum::<f64>()
    };
    let mut best: Option<(f64, Vec<String>)> = None;
    for (heading, items) in lists(body).into_iter().filter(|(_, items)| items.len() >= 2) {
        let points = share(&heading) + items.iter().map(|item| share(item)).sum::<f64>() / items.len() as f64;
        if best.as_ref().is_none_or(|(most, _)| points > *most) {
            best = Some((points, items));
        }
    }
    if let Some((_, items)) = best {
        return items.iter().take(MOST_STEPS).map(|item| Passage::new(item)).collect();
    }
    let sentences = sentences(body);
    let mut ranked: Vec<(f64, usize)> = sentences
        .iter()
        .enumerate()
        .map(|(i, text)| (share(text), i))
        .filter(|(points, _)| *points > 0.0)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = ranked.into_iter().take(3).map(|(_, i)| i).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|i| Passage::new(&sentences[i])).collect()
}

/// The lists of a Markdown text: what stands above each, and its items. An item's further lines are part of it.
fn lists(body: &str) -> Vec<(String, Vec<String>)> {
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    let (mut above, mut open, mut in_code) = (String::new(), false, false);
    for line in body.lines() {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        let item = if in_code || fence { None } else { list_item(line) };
        match (item, lists.last_mut()) {
            (Some(text), Some((_, items))) if open => items.push(text.to_owned()),
            (Some(text), _) => {
                lists.push((above.clone(), vec![text.to_owned()]));
                open = true;
            }
            (None, _) if line.trim().is_empty() => {}
            (None, Some((_, items)))
                if open && (line.starts_with(' ') || line.starts_with('\t') || in_code || fence) =>
            {
                if let Some(last) = items.last_mut() {
                    last.push(' ');
                    last.push_str(line.trim());
                }
            }
            (None, _) => {
                above = line.trim().to_owned();
                open = false;
            }
        }
    }
    lists
}

/// The text of a list item.
fn list_item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix(['-', '*', '+', '•']).or_else(|| {
        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (digits.len() < line.len()).then(|| digits.strip_prefix(['.', ')'])).flatten()
    })?;
    (rest.starts_with([' ', '\t']) && !rest.trim().is_empty()).then(|| rest.trim())
}

/// The sentences of a text's prose; headings are none.
pub(crate) fn sentences(body: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for paragraph in body.replace("\r\n", "\n").split("\n\n") {
        let lines = paragraph.lines().filter(|line| !line.trim_start().starts_with(['#', '>', '|']));
        let text = lines.collect::<Vec<_>>().join(" ");
        let mut start = 0;
        for (i, c) in text.char_indices() {
            if !matches!(c, '.' | '!' | '?') {
                continue;
            }
            // "e.g. this" is no end.
            let rest = &text[i + 1..];
            let next = rest.trim_start();
            if next.len() < rest.len() && !next.starts_with(char::is_lowercase) {
                sentences.push(text[start..=i].trim().to_owned());
                start = i + 1;
            }
        }
        sentences.push(text[start..].trim().to_owned());
    }
    sentences.retain(|sentence| sentence.split_whitespace().count() >= 3);
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, words: &[&str]) -> Vec<String> {
        let weight = |word: &str| if words.contains(&word) { 1.0 } else { 0.0 };
        steps(body, weight).into_iter().map(|passage| passage.text).collect()
    }

    #[test]
    fn the_list_that_fits_gives_the_steps() {
        let body = "Exports.\n\nTo export:\n1. Open the report\n2. Click export\n   and wait\n\nTo import:\n- Open a file\n- Click import\n";
        assert_eq!(texts(body, &["import"]), ["Open a file", "Click import"]);
        assert_eq!(texts(body, &["report"]), ["Open the report", "Click export and wait"]);
        assert_eq!(texts(body, &[]), ["Open the report", "Click export and wait"], "else the first");
    }

    #[test]
    fn without_lists_sentences_that_fit_are_quoted() {
        let body = "# Passwords\nPasswords expire. Use the reset link to get a new one. Ask us about e.g. invoices at any time! The end is near.";
        assert_eq!(
            texts(body, &["reset", "invoice"]),
            ["Use the reset link to get a new one.", "Ask us about e.g. invoices at any time!"]
                .map(str::to_owned)
                .to_vec()
        );
        assert!(texts(body, &["unheard"]).is_empty());
        assert!(texts("", &["x"]).is_empty());
        let long = format!("reset {}", "word ".repeat(200));
        let passage = &steps(&long, |_| 1.0)[0];
        assert!(passage.shortened && passage.text.chars().count() <= LONGEST && passage.text.ends_with('…'));
    }
}
