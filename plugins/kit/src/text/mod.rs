//! Text: tokens, TF-IDF, similarity, linear classification.
//!
//! Tokens and TF-IDF weights are those of scikit-learn's `TfidfVectorizer` with its default settings, so that results
//! can be compared with it figure by figure:
//!
//! ```
//! use heddle_kit::text::{Index, Tfidf, TfidfOptions};
//!
//! let articles = ["How to reset a password", "How to export a report", "Billing address"];
//! let (tfidf, vectors) = Tfidf::fit(&articles, &TfidfOptions::default());
//! let index = Index::new(&vectors);
//! let best = index.nearest(&tfidf.transform("I forgot my password"), 1, 0.1);
//! assert_eq!(best[0].0, 0);
//! ```

mod evaluate;
mod lbfgs;
mod logistic;
mod similar;
mod sparse;
mod tfidf;
mod tokens;

pub use evaluate::{ClassScore, Scores, stratified_folds};
pub use lbfgs::{MinimiseOptions, Minimum, minimise};
pub use logistic::{LogisticOptions, LogisticRegression};
pub use similar::{Index, SimilarPairs, similar_pairs};
pub use sparse::SparseVec;
pub use tfidf::{Tfidf, TfidfOptions};
pub use tokens::{is_stop_word, ngrams, normalise, tokens};
