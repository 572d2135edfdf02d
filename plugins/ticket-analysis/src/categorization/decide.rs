//! From labels, given names and texts to a category for each ticket.

use std::collections::BTreeMap;

use heddle_kit::stats::equal_rates;
use rand::Rng;

use super::{
    author::{AuthorText, author_texts},
    evidence::{Evidence, evidence},
    given::{Given, plain_name, same_name},
    learned::{FEWEST_LABELS, FOLDS, Learned, Validation, learn},
    results::{Basis, Classifier, Disagreement},
    scheme::Scheme,
};
use crate::ticket::Ticket;

/// The decision on all tickets.
pub(crate) struct Decision {
    pub(crate) scheme: Scheme,
    /// By ticket: the place of the category that the input states.
    pub(crate) stated: Vec<Option<usize>>,
    /// By ticket: each category's probability; for a labelled ticket from a classifier that had not seen the label.
    pub(crate) probabilities: Vec<Vec<f64>>,
    pub(crate) texts: Vec<AuthorText>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) classifier: Classifier,
    pub(crate) notes: Vec<String>,
}

/// So many names of labels become categories, the most frequent; more would be texts of another kind, such as subjects.
const MOST_NAMES: usize = 100;
/// So many labels that are none of the categories are named.
const MOST_NAMED: usize = 20;

/// The place of the highest value; the first of equal ones.
pub(crate) fn best(values: &[f64]) -> usize {
    let higher = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
    (1..values.len()).fold(0, higher)
}

/// Decide.
pub(crate) fn decide(
    tickets: &[Ticket],
    given: &Given,
    rng: &mut impl Rng,
    report: impl FnMut(f64),
) -> Decision {
    let mut notes = Vec::new();
    let texts = author_texts(tickets);
    let products: Vec<&str> =
        tickets.iter().map(|ticket| ticket.product.as_deref().unwrap_or_default()).collect();
    let signs = evidence(&texts, &products);

    let labels = labels(tickets, given, &mut notes);
    let (names, enough) = label_names(&labels);
    let scheme = Scheme::new(&given.categories, &names, enough);
    let stated = places(&labels, &scheme, &mut notes);
    let built_in = scheme.classify(&texts, &signs);

    // Examples are documents like the tickets, with a label and without a ticket.
    let examples: Vec<(usize, Ticket)> = given
        .categories
        .iter()
        .enumerate()
        .flat_map(|(place, category)| category.examples.iter().map(move |text| (place, example(text))))
        .collect();
    let (example_places, example_tickets): (Vec<usize>, Vec<Ticket>) = examples.into_iter().unzip();
    let example_texts = author_texts(&example_tickets);
    let example_signs = evidence(&example_texts, &vec![""; example_texts.len()]);
    let truth: Vec<Option<usize>> =
        stated.iter().copied().chain(example_places.into_iter().map(Some)).collect();
    let n_labels = truth.iter().flatten().count();

    let trainable = trainable(&truth, scheme.categories.len());
    let n_trainable = trainable.iter().flatten().count();
    let n_classes = (0..scheme.categories.len()).filter(|c| trainable.contains(&Some(*c))).count();
    let mut classifier =
        Classifier { used: Basis::BuiltIn, reason: String::new(), n_labels, validations: Vec::new() };
    let mut probabilities = built_in.clone();
    if n_labels == 0 {
        "the input has no labels to learn from".clone_into(&mut classifier.reason);
    } else if n_trainable < FEWEST_LABELS || n_classes < 2 {
        classifier.reason = format!(
            "too few labels to learn from: {n_trainable} in {n_classes} categories with at least {FOLDS} each, and \
             {FEWEST_LABELS} in two are needed"
        );
        notes.push(format!("The labels were kept, but nothing was learnt from them: {}.", classifier.reason));
    } else {
        let missing: Vec<&str> = (0..scheme.categories.len())
            .filter(|c| !trainable.contains(&Some(*c)))
            .map(|c| scheme.categories[c].name.as_str())
            .collect();
        if !missing.is_empty() {
            notes.push(format!(
                "Fewer than {FOLDS} labels, so never predicted by what was learnt: {}.",
                missing.join(", ")
            ));
        }
        let all_texts: Vec<AuthorText> = texts.iter().cloned().chain(example_texts.iter().cloned()).collect();
        let all_signs: Vec<Evidence> = signs.iter().cloned().chain(example_signs.iter().cloned()).collect();
        let learned = learn(&all_texts, &all_signs, &trainable, scheme.categories.len(), rng, report);
        let mut own = built_in;
        own.extend(scheme.classify(&example_texts, &example_signs));
        choose(&mut classifier, &scheme, &trainable, &learned, &own);
        if classifier.used == Basis::Learned {
            probabilities = learned.probabilities;
            probabilities.truncate(tickets.len());
        }
    }
    Decision { scheme, stated, probabilities, texts, evidence: signs, classifier, notes }
}

/// The label of each ticket: the ticket's own, else that of the run's `categories`.
fn labels(tickets: &[Ticket], given: &Given, notes: &mut Vec<String>) -> Vec<Option<String>> {
    let mut differ = 0;
    let labels = tickets.iter().map(|ticket| {
        let own = ticket.category.as_deref().map(str::trim).filter(|own| !own.is_empty());
        let named = given.labels.get(&ticket.id).map(String::as_str);
        differ += usize::from(own.zip(named).is_some_and(|(own, named)| !same_name(own, named)));
        own.or(named).map(str::to_owned)
    });
    let labels = labels.collect();
    if differ > 0 {
        notes.push(format!("{differ} tickets are labelled otherwise in `categories` than in themselves; their own label was kept."));
    }
    labels
}

/// The names of the labels, the most frequent first, and whether they can be all the categories: there are enough of at
/// least two to learn from.
fn label_names(labels: &[Option<String>]) -> (Vec<String>, bool) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for label in labels.iter().flatten() {
        *counts.entry(label).or_default() += 1;
    }
    let mut by_count: Vec<(&str, usize)> = counts.into_iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut names: Vec<(String, usize)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (name, count) in by_count {
        let key = plain_name(name);
        let at = *places.entry(key).or_insert(names.len());
        match names.get_mut(at) {
            Some((_, sum)) => *sum += count,
            None => names.push((name.to_owned(), count)),
        }
    }
    let usable = || names.iter().filter(|(_, count)| *count >= FOLDS);
    let enough = usable().count() >= 2 && usable().map(|(_, count)| count).sum::<usize>() >= FEWEST_LABELS;
    names.truncate(MOST_NAMES);
    (names.into_iter().map(|(name, _)| name).collect(), enough)
}

fn places(labels: &[Option<String>], scheme: &Scheme, notes: &mut Vec<String>) -> Vec<Option<usize>> {
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    let places = labels.iter().map(|label| {
        let label = label.as_deref()?;
        let place = scheme.place(label);
        if place.is_none() {
            *unknown.entry(label).or_default() += 1;
        }
        place
    });
    let places = places.collect();
    let more = unknown.len().saturating_sub(MOST_NAMED);
    for (label, count) in unknown.into_iter().take(MOST_NAMED) {
        notes.push(format!(
            "The label {label:?} of {count} tickets is none of the categories; it was not used."
        ));
    }
    if more > 0 {
        notes.push(format!(
            "{more} more labels are none of the categories; of labels that no given category covers, the {MOST_NAMES} most \
             frequent are used."
        ));
    }
    places
}

fn example(text: &str) -> Ticket {
    let (subject, description) = text.split_once('\n').unwrap_or((text, ""));
    Ticket { subject: subject.to_owned(), description: description.to_owned(), ..Ticket::default() }
}

/// The labels of categories that have one for every fold.
fn trainable(truth: &[Option<usize>], n_categories: usize) -> Vec<Option<usize>> {
    let mut counts = vec![0; n_categories];
    for label in truth.iter().flatten() {
        counts[*label] += 1;
    }
    truth.iter().map(|label| label.filter(|label| counts[*label] >= FOLDS)).collect()
}

/// Use what was learnt if it agrees with the labels at least as well as the built-in signs do; whether by more than chance
/// is said.
fn choose(
    classifier: &mut Classifier,
    scheme: &Scheme,
    truth: &[Option<usize>],
    learned: &Learned,
    built_in: &[Vec<f64>],
) {
    let names: Vec<String> = scheme.categories.iter().map(|category| category.name.clone()).collect();
    let labels: Vec<usize> = truth.iter().flatten().copied().collect();
    let of_labelled = |probabilities: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let rows = probabilities.iter().zip(truth).filter(|(_, label)| label.is_some());
        rows.map(|(row, _)| row.clone()).collect()
    };
    let what = "TF-IDF of words and word pairs with the built-in signs, logistic regression";
    let trained = Validation::new(what, FOLDS, &labels, &of_labelled(&learned.probabilities), &names);
    let untrained = Validation::new("built-in signs", 1, &labels, &of_labelled(built_in), &names);
    let better = trained.macro_f1 >= untrained.macro_f1;
    classifier.used = if better { Basis::Learned } else { Basis::BuiltIn };
    // McNemar's exact test: of the labels that only one of the two agrees with, is the split more uneven than chance gives?
    let (mut only_trained, mut only_untrained) = (0, 0);
    for ((learned, signs), label) in learned.probabilities.iter().zip(built_in).zip(truth) {
        let Some(label) = label else { continue };
        match (best(learned) == *label, best(signs) == *label) {
            (true, false) => only_trained += 1,
            (false, true) => only_untrained += 1,
            _ => {}
        }
    }
    let p = equal_rates(only_trained, only_untrained).unwrap_or(1.0);
    classifier.reason = format!(
        "in {FOLDS}-fold cross-validation on {} labels what was learnt has macro-F1 {:.3}, the built-in signs have {:.3}; \
         {only_trained} labels are met by the former alone, {only_untrained} by the latter alone: {} (exact McNemar test, \
         p {}){}",
        labels.len(),
        trained.macro_f1,
        untrained.macro_f1,
        if p < 0.05 { "a difference beyond chance" } else { "no clear difference" },
        if p < 0.001 { "< 0.001".to_owned() } else { format!("= {p:.3}") },
        if learned.converged { "" } else { " (not every fit converged within its iterations)" }
    );
    classifier.validations = vec![trained, untrained];
}

/// Labelled tickets that the classifier would have put elsewhere, the surest first.
pub(crate) fn disagreements(tickets: &[Ticket], decision: &Decision) -> Vec<Disagreement> {
    let name = |place: usize| decision.scheme.categories[place].name.clone();
    let mut found: Vec<Disagreement> = tickets
        .iter()
        .zip(&decision.stated)
        .zip(&decision.probabilities)
        .filter_map(|((ticket, stated), row)| {
            let (stated, predicted) = ((*stated)?, best(row));
            (stated != predicted && !row.is_empty()).then(|| Disagreement {
                ticket_id: ticket.id.clone(),
                stated: name(stated),
                predicted: name(predicted),
                confidence: row[predicted],
            })
        })
        .collect();
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    found
}
