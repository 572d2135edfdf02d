//! What the standard library finds around a phase. Only in the WASI variant: without WASI there is not even a clock to
//! ask, and the phase traps.

use std::{
    env, fs,
    hash::{BuildHasher as _, RandomState},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use heddle_sdk::prelude::*;

/// Looks around.
pub struct Surroundings;

/// What there is.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Milliseconds since 1970-01-01T00:00:00Z, by the system's clock.
    wall_clock_ms: u64,
    /// Between two looks at the monotonic clock, in nanoseconds.
    elapsed_ns: u64,
    /// A hash with the standard library's random seed.
    hash: u64,
    /// Names of environment variables.
    environment: Vec<String>,
    /// Arguments.
    arguments: Vec<String>,
    /// Whether the root directory can be read.
    root: &'static str,
    /// Whether a connection can be made.
    connection: &'static str,
}

/// Tries the network where WASI has it, as a plugin would that means harm.
#[cfg(target_os = "wasi")]
fn connect() -> Result<(), wasip2::sockets::network::ErrorCode> {
    use wasip2::sockets::{
        instance_network::instance_network,
        network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
        tcp_create_socket::create_tcp_socket,
    };
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    let remote = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 80, address: (127, 0, 0, 1) });
    socket.start_connect(&instance_network(), remote)?;
    socket.subscribe().block();
    socket.finish_connect().map(|_| ())
}

#[cfg(not(target_os = "wasi"))]
fn connect() -> std::io::Result<()> {
    std::net::TcpStream::connect("127.0.0.1:80").map(|_| ())
}

fn how<T, E>(result: &Result<T, E>) -> &'static str {
    if result.is_ok() { "ok" } else { "error" }
}

impl Phase for Surroundings {
    const NAME: &'static str = "surroundings";
    type Input = serde_json::Value;
    type Output = Found;
    type Config = NoConfig;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Surroundings", "What the standard library finds: clock, random, files, network.")
    }

    #[allow(clippy::disallowed_methods, reason = "it is the guest's own system clock that is looked at")]
    fn execute(_: &mut Context<NoConfig>, _: serde_json::Value) -> PhaseResult<Found> {
        let began = Instant::now();
        println!("to standard output");
        eprint!("to standard error");
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        done(Found {
            wall_clock_ms: u64::try_from(since.as_millis())?,
            elapsed_ns: u64::try_from(began.elapsed().as_nanos())?,
            hash: RandomState::new().hash_one(1),
            environment: env::vars().map(|(name, _)| name).collect(),
            arguments: env::args().collect(),
            root: how(&fs::read_dir("/")),
            connection: how(&connect()),
        })
    }
}
