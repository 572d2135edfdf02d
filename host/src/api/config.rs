//! What a server allows at once, and how long it waits for its clients.

use std::time::Duration;

/// The bounds of a server. The defaults are for use; tests that wait for a deadline take shorter ones.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Connections that are served at once; more wait to be accepted.
    pub connections: usize,
    /// Event streams and archives that are sent at once.
    pub streams: usize,
    /// Of these, those that one token may have: a client that forgets to close its streams takes them from itself alone.
    pub streams_per_token: usize,
    /// The head of a request must be there in this time, also of the next one on a connection that is kept.
    pub head: Duration,
    /// A body whose next bytes do not come in this time is given up.
    pub body_pause: Duration,
    /// A body that is held in memory must be there in this time.
    pub body: Duration,
    /// A client that takes nothing of what it is sent for this long is cut off.
    pub write_pause: Duration,
    /// A comment or a ping goes out on a stream when nothing else did for this long.
    pub heartbeat: Duration,
    /// Requests under way may take this long to end when the server stops.
    pub drain: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connections: 1024,
            streams: 256,
            streams_per_token: 64,
            head: Duration::from_secs(30),
            body_pause: Duration::from_secs(30),
            body: Duration::from_secs(120),
            write_pause: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
            drain: Duration::from_secs(10),
        }
    }
}
