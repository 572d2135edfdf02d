//! Spans of time on the command line: a moment, or how long ago it was.

use std::time::Duration;

use crate::{error::Error, model::Timestamp};

/// A moment: RFC 3339, or how long ago it was (`7d`, `12h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl std::str::FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(at) = text.parse() {
            return Ok(Self(at));
        }
        let wrong = || {
            Error::invalid(format!(
                "{text:?} is neither a moment such as 2026-01-31T08:00:00Z nor how long ago it was, such as 7d or 12h"
            ))
        };
        length(text).map(|ago| Self(Timestamp::now().minus(ago))).ok_or_else(wrong)
    }
}

/// A length of time (`30d`, `12h`, `0s`); a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct For(pub(super) Duration);

impl std::str::FromStr for For {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid(format!("{text:?} is no length of time such as 30d, 12h, or 0s"));
        length(text).map(Self).ok_or_else(wrong)
    }
}

fn length(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    Duration::try_from(span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?).ok()
}

/// A query of those parameters that are there.
pub(super) fn query(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", crate::api::uri::segment(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_given_as_itself_or_as_how_long_ago_it_was() {
        let at: Moment = "2026-01-31T08:00:00Z".parse().unwrap();
        assert_eq!(at.0.to_string(), "2026-01-31T08:00:00.000000Z");
        for (text, hours) in [("7d", 168), ("12h", 12), ("2w", 336), ("90m", 1)] {
            let ago: Moment = text.parse().unwrap();
            assert_eq!(Timestamp::now().since(ago.0).as_secs() / 3600, hours, "{text}");
        }
        for wrong in ["", "soon", "-3d", "2026-01-31", "3 apples"] {
            assert!(wrong.parse::<Moment>().unwrap_err().to_string().contains("such as 7d"), "{wrong}");
        }
    }

    #[test]
    fn a_length_of_time_is_never_negative() {
        for (text, seconds) in [("30d", 30 * 86400), ("12h", 43200), ("0s", 0), ("1h 30m", 5400)] {
            assert_eq!(text.parse::<For>().unwrap().0.as_secs(), seconds, "{text}");
        }
        for wrong in ["", "-1d", "30", "for ever"] {
            assert!(wrong.parse::<For>().unwrap_err().to_string().contains("such as 30d"), "{wrong}");
        }
    }

    #[test]
    fn a_query_has_what_is_given() {
        assert_eq!(query(&[("a", None)]), "");
        assert_eq!(query(&[("a", Some("x&y".into())), ("b", None), ("c", Some("1".into()))]), "?a=x%26y&c=1");
    }
}
