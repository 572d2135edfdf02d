//! `matches`, with time that is linear in the text whatever the pattern: the crate's own would compile the pattern
//! for each element of a loop, and a regular expression that is large may take long for each character.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cel::ExecutionError;
use regex_automata::{
    Input,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson::{self, NFA, pikevm::PikeVM},
    util::syntax,
};

use super::{
    bounds::{COMPILED_PATTERN_BYTES, PATTERN_BYTES},
    meter::{Meter, refused},
};

/// The patterns of one evaluation.
#[derive(Debug, Default)]
pub(super) struct Patterns(Mutex<HashMap<String, Arc<Pattern>>>);

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    nfa: NFA,
    /// Absent if the pattern cannot be one.
    dfa: Option<(DFA, Mutex<Cache>)>,
}

impl Patterns {
    /// Whether a pattern is found in a text.
    pub(super) fn matches(&self, meter: &Meter, pattern: &str, text: &str) -> Result<bool, ExecutionError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
        let compiled = match known {
            Some(compiled) => compiled,
            None => {
                meter.charge(COMPILING, COMPILED_PATTERN_BYTES as u64)?;
                let compiled = Arc::new(Pattern::new(pattern).map_err(refused)?);
                let mut patterns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                patterns.insert(pattern.to_owned(), Arc::clone(&compiled));
                compiled
            }
        };
        compiled.is_match(meter, text)
    }
}

/// Steps for making a pattern ready. A pattern at the bound takes about 2 ms.
const COMPILING: u64 = 40_000;

impl Pattern {
    /// Compile a pattern, or say what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > PATTERN_BYTES {
            return Err(format!(
                "the pattern has {} bytes; at most {PATTERN_BYTES} are allowed",
                pattern.len()
            ));
        }
        let config = thompson::Config::new().nfa_size_limit(Some(COMPILED_PATTERN_BYTES));
        let nfa = thompson::Compiler::new()
            .configure(config)
            .syntax(syntax::Config::new().nest_limit(50))
            .build(pattern)
            .map_err(|error| match error.size_limit() {
                Some(limit) => {
                    format!("the pattern is too large: compiled, at most {limit} bytes are allowed")
                }
                None => {
                    let cause = std::error::Error::source(&error)
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    // The last line of a drawing says what is wrong.
                    let cause =
                        cause.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    format!("{pattern:?} is no pattern: {cause}")
                }
            })?;
        let config = DFA::config()
            .cache_capacity(COMPILED_PATTERN_BYTES)
            .skip_cache_capacity_check(true)
            .unicode_word_boundary(true)
            // A pattern that needs new states all the time is left to the slower engine, which costs what it costs.
            .minimum_cache_clear_count(Some(3));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa.clone()).ok().map(|dfa| {
            let cache = Mutex::new(dfa.create_cache());
            (dfa, cache)
        });
        Ok(Self { nfa, dfa })
    }

    fn is_match(&self, meter: &Meter, text: &str) -> Result<bool, ExecutionError> {
        if let Some((dfa, cache)) = &self.dfa {
            meter.charge(1 + text.len() as u64 / 16, 0)?;
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(found) = dfa.try_search_fwd(&mut cache, &Input::new(text).earliest(true)) {
                return Ok(found.is_some());
            }
        }
        // Each character may look at each state.
        let states = self.nfa.states().len() as u64;
        meter.charge((text.len() as u64).saturating_mul(states) / 8, 0)?;
        let machine = PikeVM::new_from_nfa(self.nfa.clone()).map_err(|error| refused(error.to_string()))?;
        Ok(machine.is_match(&mut machine.create_cache(), text))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_in_texts_of_any_script() {
        let (patterns, meter) = (Patterns::default(), Meter::default());
        for (pattern, text, found) in [
            ("b+", "abbc", true),
            ("^b", "abbc", false),
            (r"\bné\b", "il est né.", true),
            (r"(?i)ÉTÉ", "été", true),
            ("", "", true),
            (r"^\d{4}-\d{2}$", "2024-07", true),
        ] {
            assert_eq!(patterns.matches(&meter, pattern, text), Ok(found), "{pattern} in {text}");
        }
    }

    #[test]
    fn a_pattern_is_bounded_in_length_size_and_time() {
        let error = |pattern: &str| Pattern::new(pattern).unwrap_err();
        assert!(error(&"a".repeat(1025)).contains("1025 bytes; at most 1024"));
        assert!(error(r"\w{500}").contains("at most 262144 bytes"), "{}", error(r"\w{500}"));
        assert!(error("a(b").contains("unclosed group"), "{}", error("a(b"));
        assert!(error("(?=a)").contains("look-around"), "{}", error("(?=a)"));
        assert!(Pattern::new(&"(".repeat(500)).is_err());
        // A state for each set of places of the last forty characters: more than the cache holds.
        let (patterns, meter) = (Patterns::default(), Meter::default());
        let mut random = 1u32;
        let text: String = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            if random & 1 == 0 { 'a' } else { 'b' }
        })
        .take(4_000_000)
        .collect();
        let refused = patterns.matches(&meter, "a[ab]{40}c", &text);
        assert!(refused.is_err() && meter.broken().unwrap().contains("steps"));
    }
}
