//! Groups of tickets that speak of like things.

use heddle_kit::text::{SparseVec, Tfidf, TfidfOptions, is_stop_word, similar_pairs, tokens};
use heddle_sdk::prelude::*;

use crate::{categorization::author::AuthorText, ticket::Ticket};

/// A member's least cosine with the cluster's centre.
const THRESHOLD: f64 = 0.5;
/// Words of the description that are read: the matter is named early.
const MOST_WORDS: usize = 40;
/// A subject's word weighs as much as so many of the description.
const SUBJECT_WEIGHT: usize = 2;
/// Fewer tickets are no cluster.
const SMALLEST: usize = 3;
/// Pairs that are looked at, the most alike first.
const MOST_PAIRS: usize = 300_000;

/// A group of tickets that speak of like things.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cluster {
    /// `C1` is the largest.
    pub cluster_id: String,
    /// The words that set it apart.
    pub terms: Vec<String>,
    /// The ticket that most others are like.
    pub representative: String,
    /// The representative's subject.
    pub subject: String,
    /// The tickets' ids, in the tickets' order.
    pub ticket_ids: Vec<String>,
    /// How many.
    pub size: usize,
    /// Mean cosine of the others with the representative, 0.5..=1.
    pub cohesion: f64,
}

/// Star clusters: the ticket with the most neighbours not yet in a cluster becomes a centre and takes them. Every
/// member is alike the centre itself, so that chains of pairs do not join what has nothing in common.
pub(crate) fn clusters(tickets: &[Ticket], texts: &[AuthorText]) -> Vec<Cluster> {
    let documents: Vec<String> = texts.iter().map(document).collect();
    let options = TfidfOptions { sublinear_tf: true, max_features: Some(30_000), ..TfidfOptions::default() };
    let (tfidf, vectors) = Tfidf::fit(&documents, &options);
    let mut neighbours: Vec<Vec<(usize, f64)>> = vec![Vec::new(); tickets.len()];
    for (a, b, cosine) in similar_pairs(&vectors, THRESHOLD, MOST_PAIRS).pairs {
        neighbours[a].push((b, cosine));
        neighbours[b].push((a, cosine));
    }
    let names: Vec<&str> = tfidf.terms().collect();
    let mut free = vec![true; tickets.len()];
    let mut degrees: Vec<usize> = neighbours.iter().map(Vec::len).collect();
    let mut clusters = Vec::new();
    while let Some(centre) = (0..tickets.len())
        .filter(|at| free[*at] && degrees[*at] + 1 >= SMALLEST)
        .max_by(|a, b| degrees[*a].cmp(&degrees[*b]).then(b.cmp(a)))
    {
        let others: Vec<(usize, f64)> =
            neighbours[centre].iter().copied().filter(|(at, _)| free[*at]).collect();
        let mut members: Vec<usize> = others.iter().map(|(at, _)| *at).chain([centre]).collect();
        members.sort_unstable();
        for &member in &members {
            free[member] = false;
            for (neighbour, _) in &neighbours[member] {
                degrees[*neighbour] = degrees[*neighbour].saturating_sub(1);
            }
        }
        clusters.push(Cluster {
            cluster_id: String::new(),
            terms: top_terms(&members, &vectors, &names),
            representative: tickets[centre].id.clone(),
            subject: tickets[centre].subject.clone(),
            size: members.len(),
            ticket_ids: members.iter().map(|at| tickets[*at].id.clone()).collect(),
            cohesion: others.iter().map(|(_, cosine)| cosine).sum::<f64>() / others.len().max(1) as f64,
        });
    }
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.size));
    for (at, cluster) in clusters.iter_mut().enumerate() {
        cluster.cluster_id = format!("C{}", at + 1);
    }
    clusters
}

fn document(text: &AuthorText) -> String {
    // Numbers are versions, amounts and dates: they make strangers alike.
    let tells = |word: &String| !is_stop_word(word) && !word.contains(|c: char| c.is_ascii_digit());
    let telling = |text: &str| tokens(text).into_iter().filter(tells).collect::<Vec<_>>();
    let subject = telling(&text.subject);
    let mut words: Vec<String> = Vec::new();
    for _ in 0..SUBJECT_WEIGHT {
        words.extend(subject.iter().cloned());
    }
    let placeholder = |word: &String| !["code", "url", "image"].contains(&word.as_str());
    words.extend(telling(&text.own).into_iter().filter(placeholder).take(MOST_WORDS));
    words.join(" ")
}

/// The five terms with the greatest sum of weights.
fn top_terms(members: &[usize], vectors: &[SparseVec], names: &[&str]) -> Vec<String> {
    let all = members.iter().flat_map(|at| vectors[*at].iter()).collect();
    let mut sums: Vec<(u32, f64)> = SparseVec::from_pairs(all).iter().collect();
    sums.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    sums.into_iter()
        .take(5)
        .filter_map(|(term, _)| names.get(term as usize))
        .map(|name| (*name).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::categorization::author::author_texts;

    #[test]
    fn like_tickets_are_clustered_and_others_left_alone() {
        let subjects = [
            "Printer prints blank pages",
            "Blank pages from the printer",
            "The printer gives blank pages",
            "Invoice sum wrong",
            "Wrong sum on invoice",
            "Sum of the invoice is wrong",
            "Sum on my invoice wrong",
            "Blue lamp",
        ];
        let tickets: Vec<Ticket> = subjects
            .iter()
            .enumerate()
            .map(|(at, subject)| Ticket {
                id: at.to_string(),
                subject: (*subject).to_owned(),
                ..Ticket::default()
            })
            .collect();
        let clusters = clusters(&tickets, &author_texts(&tickets));
        assert_eq!(clusters.len(), 2);
        assert_eq!((clusters[0].cluster_id.as_str(), clusters[0].size), ("C1", 4));
        assert_eq!(clusters[0].ticket_ids, ["3", "4", "5", "6"]);
        assert_eq!(clusters[1].ticket_ids, ["0", "1", "2"]);
        assert!(clusters[1].terms.contains(&"blank".to_owned()));
        assert!(clusters.iter().all(|c| c.cohesion >= THRESHOLD && c.cohesion <= 1.0));
    }
}
