//! A classifier learnt from labelled tickets: TF-IDF of words and word pairs, together with the built-in signs, in a
//! multinomial logistic regression. Its worth is cross-validated on the labels before it is used.

use heddle_kit::text::{
    LogisticOptions, LogisticRegression, MinimiseOptions, Scores, SparseVec, Tfidf, TfidfOptions,
    stratified_folds,
};
use heddle_sdk::prelude::*;
use rand::{Rng, seq::SliceRandom};

use super::{author::AuthorText, decide::best, evidence::Evidence};

/// Fewer labels than this teach nothing that could be checked.
pub(crate) const FEWEST_LABELS: usize = 30;
/// A category with fewer labels than folds is not in every fold.
pub(crate) const FOLDS: usize = 5;
/// Terms of the vocabulary at most, so that many long tickets fit into a component's memory.
const MOST_TERMS: usize = 30_000;
/// Bytes of a description that are read.
const LONGEST: usize = 3000;
/// The signs' scale beside TF-IDF vectors of length 1.
const SIGN_SCALE: f64 = 0.3;
/// Inverse strength of the penalty.
const C: f64 = 2.0;

/// Cross-validated agreement with the labels.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Validation {
    /// Which classifier.
    pub classifier: String,
    /// How many labelled tickets and examples were compared.
    pub n_labels: usize,
    /// Folds of the cross-validation; 1 where nothing was learnt, so that nothing had to be held out.
    pub folds: usize,
    /// Share of predictions that agree, 0..=1.
    pub accuracy: f64,
    /// Mean over the categories of the F1, 0..=1.
    pub macro_f1: f64,
    /// Mean probability of the predicted category, 0..=1: a calibrated classifier's is its accuracy.
    pub mean_confidence: f64,
    /// Expected calibration error, 0..=1: mean over the predictions of |share that agrees − mean probability| within
    /// ten equal bins of probability.
    pub calibration_error: f64,
    /// By category.
    pub per_category: Vec<CategoryScore>,
}

/// Agreement for one category.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CategoryScore {
    /// The category.
    pub category: String,
    /// Share of the predictions of it that agree, 0..=1.
    pub precision: f64,
    /// Share of those labelled with it that were found, 0..=1.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// How many are labelled with it.
    pub support: usize,
}

impl Validation {
    /// Compare probabilities with labels (places in `names`).
    pub(crate) fn new(
        classifier: &str,
        folds: usize,
        labels: &[usize],
        probabilities: &[Vec<f64>],
        names: &[String],
    ) -> Self {
        let predicted: Vec<usize> = probabilities.iter().map(|row| best(row)).collect();
        let scores = Scores::new(labels, &predicted, names.len());
        let mut bins = [(0.0, 0.0); 10];
        let mut sure = 0.0;
        for ((row, class), label) in probabilities.iter().zip(&predicted).zip(labels) {
            let bin = &mut bins[((row[*class] * 10.0) as usize).min(9)];
            bin.0 += row[*class];
            bin.1 += f64::from(u8::from(class == label));
            sure += row[*class];
        }
        let n = scores.n.max(1) as f64;
        let per_category = names.iter().zip(&scores.per_class).map(|(name, score)| CategoryScore {
            category: name.clone(),
            precision: score.precision,
            recall: score.recall,
            f1: score.f1,
            support: score.support,
        });
        Self {
            classifier: classifier.to_owned(),
            n_labels: scores.n,
            folds,
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            mean_confidence: sure / n,
            calibration_error: bins
                .iter()
                .map(|(sure, right): &(f64, f64)| (sure - right).abs())
                .sum::<f64>()
                / n,
            per_category: per_category.filter(|score| score.support > 0).collect(),
        }
    }
}

/// What was learnt.
pub(crate) struct Learned {
    /// For each document, its probabilities: of a labelled one from a fold that did not see it.
    pub(crate) probabilities: Vec<Vec<f64>>,
    /// Whether all fits converged.
    pub(crate) converged: bool,
}

/// Learn from the labels and predict all documents. `labels` has a category's place for a labelled document; `report`
/// is told the share of the work done.
pub(crate) fn learn(
    texts: &[AuthorText],
    evidence: &[Evidence],
    labels: &[Option<usize>],
    n_categories: usize,
    rng: &mut impl Rng,
    mut report: impl FnMut(f64),
) -> Learned {
    let (vectors, n_features) = features(texts, evidence);
    let labelled: Vec<usize> = (0..labels.len()).filter(|at| labels[*at].is_some()).collect();
    let classes: Vec<usize> = labels.iter().filter_map(|label| *label).collect();
    let folds = stratified_folds(&classes, FOLDS, |n| {
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(rng);
        order
    });
    let options = LogisticOptions {
        c: C,
        minimise: MinimiseOptions { max_iterations: 150, gradient_tolerance: 1e-4, memory: 8 },
    };
    let fit = |holding_out: Option<usize>| {
        let kept = (0..labelled.len()).filter(|at| Some(folds[*at]) != holding_out);
        let (documents, classes): (Vec<&SparseVec>, Vec<usize>) =
            kept.map(|at| (&vectors[labelled[at]], classes[at])).unzip();
        LogisticRegression::fit(&documents, &classes, n_categories, n_features, &options)
    };

    let whole = fit(None);
    report(1.0 / (FOLDS as f64 + 1.0));
    let mut converged = whole.converged;
    let mut probabilities: Vec<Vec<f64>> = vectors
        .iter()
        .zip(labels)
        .map(|(vector, label)| if label.is_none() { whole.probabilities(vector) } else { Vec::new() })
        .collect();
    for fold in 0..FOLDS {
        let model = fit(Some(fold));
        converged &= model.converged;
        for (at, _) in labelled.iter().zip(&folds).filter(|(_, own)| **own == fold) {
            probabilities[*at] = model.probabilities(&vectors[*at]);
        }
        report((fold as f64 + 2.0) / (FOLDS as f64 + 1.0));
    }
    Learned { probabilities, converged }
}

/// TF-IDF over all documents, labelled or not (it sees no label), followed by the signs.
fn features(texts: &[AuthorText], evidence: &[Evidence]) -> (Vec<SparseVec>, usize) {
    let documents: Vec<String> = texts
        .iter()
        .map(|text| format!("{}\n{}", text.subject, &text.whole[..text.whole.floor_char_boundary(LONGEST)]))
        .collect();
    let options = TfidfOptions {
        ngrams: (1, 2),
        min_df: if documents.len() < 100 { 1 } else { 2 },
        max_features: Some(MOST_TERMS),
        sublinear_tf: true,
    };
    let (tfidf, vectors) = Tfidf::fit(&documents, &options);
    let offset = tfidf.n_features() as u32;
    let n_signs = evidence.first().map_or(0, |evidence| evidence.strengths.len() + evidence.scores.len());
    let vectors = vectors.into_iter().zip(evidence).map(|(vector, evidence)| {
        let signs = evidence.strengths.iter().chain(&evidence.scores).enumerate();
        let signs = signs.map(|(at, strength)| (at as u32, SIGN_SCALE * strength)).collect();
        vector.followed_by(&SparseVec::from_pairs(signs), offset)
    });
    (vectors.collect(), offset as usize + n_signs)
}
