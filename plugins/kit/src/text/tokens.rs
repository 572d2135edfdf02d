//! Words and n-grams.

use std::sync::LazyLock;

use regex::Regex;

/// Python's `\w` is `[\p{L}\p{N}_]` (`str.isalnum` or the underscore); Rust's also has marks and joiners. A greedy run
/// of at least two is what `\b\w\w+\b` matches.
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]{2,}").ok());

/// The words of a text, lower-cased, in order: runs of at least two letters, digits or underscores. These are the
/// tokens of scikit-learn's `TfidfVectorizer` with `lowercase=True` and `token_pattern=r"(?u)\b\w\w+\b"`.
///
/// ```
/// assert_eq!(heddle_kit::text::tokens("Can't open a File_2!"), ["can", "open", "file_2"]);
/// ```
pub fn tokens(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    WORD.iter().flat_map(|word| word.find_iter(&text)).map(|m| m.as_str().to_owned()).collect()
}

/// The text lower-cased, with each run of white space one space and none at the ends.
pub fn normalise(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every run of `min` to `max` neighbouring tokens, joined by spaces: the shortest first, each length in text order.
///
/// ```
/// let words = heddle_kit::text::tokens("red green blue");
/// assert_eq!(heddle_kit::text::ngrams(&words, 2, 3), ["red green", "green blue", "red green blue"]);
/// ```
pub fn ngrams(tokens: &[String], min: usize, max: usize) -> Vec<String> {
    let mut all = Vec::new();
    for n in min.max(1)..=max {
        all.extend(tokens.windows(n).map(|window| window.join(" ")));
    }
    all
}

/// English function words: they say nothing of a text's subject. For naming clusters, not for TF-IDF weights.
const STOP_WORDS: &[&str] = &[
    "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "cannot", "could",
    "did", "do", "does", "doesn", "doing", "don", "down", "during", "each", "else", "etc", "ever", "few",
    "for", "from", "further", "get", "gets", "getting", "got", "had", "has", "have", "having", "he", "her",
    "here", "him", "his", "how", "however", "if", "in", "into", "is", "isn", "it", "its", "just", "let",
    "ll", "me", "more", "most", "must", "my", "no", "nor", "not", "now", "of", "off", "on", "once", "one",
    "only", "or", "other", "our", "out", "over", "own", "re", "same", "she", "should", "since", "so", "some",
    "still", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "through", "to", "too", "under", "until", "up", "us", "ve", "very", "via", "was", "we", "were",
    "what", "when", "where", "whether", "which", "while", "who", "why", "will", "with", "without", "won",
    "would", "yet", "you", "your",
];

/// Whether a lower-cased word is an English function word.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_those_of_scikit_learn() {
        // Checked with sklearn.feature_extraction.text.TfidfVectorizer().build_analyzer() of scikit-learn 1.9.1.
        assert_eq!(tokens("C++ isn't a_b é Éa x² ²² naïve"), ["isn", "a_b", "éa", "x²", "²²", "naïve"]);
        assert!(tokens("हिन्दी").is_empty(), "marks are no word characters, and what is left is too short");
        assert_eq!(tokens("日本語のテスト ok"), ["日本語のテスト", "ok"]);
        assert!(tokens(" - ! a b").is_empty());
    }

    #[test]
    fn the_stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && !is_stop_word("crash"));
    }

    proptest! {
        #[test]
        fn tokens_are_lower_case_words_of_at_least_two(text in "\\PC{0,80}") {
            for token in tokens(&text) {
                prop_assert!(token.chars().count() >= 2);
                prop_assert_eq!(tokens(&token), std::slice::from_ref(&token));
            }
        }

        #[test]
        fn there_are_as_many_ngrams_as_windows(words in prop::collection::vec("[a-z]{2,5}", 0..12), n in 1usize..4) {
            prop_assert_eq!(ngrams(&words, n, n).len(), (words.len() + 1).saturating_sub(n));
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "[a-zA-Z \\t\\n]{0,40}") {
            prop_assert_eq!(normalise(&normalise(&text)), normalise(&text));
        }
    }
}
