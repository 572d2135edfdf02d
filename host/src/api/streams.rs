//! Places for streams that last: so many in all, and of each token a share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{
    config::ServeConfig,
    error::{ApiError, ApiResult, Kind},
};
use crate::model::TokenId;

/// The streams that are open. Cheap to clone.
#[derive(Clone)]
pub(super) struct Streams(Arc<Inner>);

struct Inner {
    all: usize,
    each: usize,
    /// Ends them all when the server stops.
    stop: CancellationToken,
    open: Mutex<HashMap<TokenId, Share>>,
}

/// What one token has open.
struct Share {
    open: usize,
    cut: CancellationToken,
}

/// A place, held until the stream ends.
pub(super) struct Place {
    streams: Streams,
    token: TokenId,
    /// Cancelled when the server stops or the token is revoked.
    pub(super) cut: CancellationToken,
}

impl Streams {
    pub(super) fn new(config: &ServeConfig, stop: CancellationToken) -> Self {
        let (all, each) = (config.streams, config.streams_per_token);
        Self(Arc::new(Inner { all, each, stop, open: Mutex::default() }))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<TokenId, Share>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a stream of a token's owner.
    pub(super) fn place(&self, token: TokenId) -> ApiResult<Place> {
        let Inner { all, each, stop, .. } = &*self.0;
        let mut open = self.open();
        if open.get(&token).is_some_and(|share| share.open >= *each) {
            let message =
                format!("{each} streams are open with this token, which is all that it may have; close some");
            return Err(ApiError::new(Kind::TooManyStreams, message));
        }
        if open.values().map(|share| share.open).sum::<usize>() >= *all {
            return Err(ApiError::new(
                Kind::Busy,
                format!("{all} streams are open, and no more are served at once"),
            ));
        }
        let share = open.entry(token).or_insert_with(|| Share { open: 0, cut: stop.child_token() });
        share.open += 1;
        Ok(Place { streams: self.clone(), token, cut: share.cut.clone() })
    }

    /// End the streams of a token that opens nothing any more.
    pub(super) fn revoke(&self, token: TokenId) {
        if let Some(share) = self.open().get(&token) {
            share.cut.cancel();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(share) = open.get_mut(&self.token) {
            share.open -= 1;
            if share.open == 0 {
                open.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn kind(place: ApiResult<Place>) -> Option<Kind> {
        place.err().map(|error| error.kind)
    }

    #[test]
    fn a_token_has_its_share_and_leaves_the_others_theirs() {
        let config = ServeConfig { streams: 5, streams_per_token: 2, ..ServeConfig::default() };
        let streams = Streams::new(&config, CancellationToken::new());
        let [greedy, second, third] = [(); 3].map(|()| TokenId::new());
        let held = [streams.place(greedy).unwrap(), streams.place(greedy).unwrap()];
        assert_eq!(kind(streams.place(greedy)), Some(Kind::TooManyStreams));
        let others = [second, second, third].map(|token| streams.place(token).unwrap());
        assert_eq!(kind(streams.place(third)), Some(Kind::Busy));
        drop(held);
        assert_eq!(kind(streams.place(greedy)), None, "a place is free again when its stream has ended");
        drop(others);
        assert!(streams.open().is_empty(), "nothing is kept of tokens that have no stream open");
    }

    #[test]
    fn revoking_a_token_ends_its_streams_alone_and_stopping_ends_all() {
        let stop = CancellationToken::new();
        let streams = Streams::new(&ServeConfig::default(), stop.clone());
        let [revoked, other] = [(); 2].map(|()| TokenId::new());
        let (first, second) = (streams.place(revoked).unwrap(), streams.place(other).unwrap());
        streams.revoke(revoked);
        assert!(first.cut.is_cancelled() && !second.cut.is_cancelled());
        stop.cancel();
        assert!(second.cut.is_cancelled());
    }
}
