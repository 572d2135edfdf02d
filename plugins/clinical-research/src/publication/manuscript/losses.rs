//! Who has an outcome and is not in an adjusted analysis, because a covariate is missing.

use super::Book;
use crate::publication::say;

/// A sentence for each endpoint whose adjusted analysis lost subjects, the primary one first.
pub(in crate::publication) fn without_covariate(book: Book<'_>) -> Vec<String> {
    let all = book.sources.efficacy.all().into_iter();
    all.filter_map(|endpoint| say::loss(endpoint, book.design)).take(12).collect()
}
