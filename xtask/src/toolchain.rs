//! The compiler for WebAssembly: the one that cargo uses if it has the target, what rustup can add, or Debian's.
//!
//! Debian packages a recent compiler for its browsers (`rustc-web`), with the standard library's source but without
//! a compiled one for WebAssembly; cargo then builds that library first. It is slower, and needs no rustup server.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{command, workspace};

/// WebAssembly without any system interface: such a component imports what our WIT declares and nothing else.
pub(crate) const BARE: &str = "wasm32-unknown-unknown";
/// WebAssembly with WASI 0.2.
pub(crate) const WASIP2: &str = "wasm32-wasip2";

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The C library that the standard library stands on where there is WASI.
const DEBIAN_WASI_PACKAGES: [&str; 1] = ["wasi-libc"];
const DEBIAN_WASI_LIBC: &str = "/usr/lib/wasm32-wasi";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// The `rust-version` of this workspace, as (major, minor).
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");
/// A standard library is about 25 MB; where nothing answers, people should not wait for long.
const RUSTUP_LIMIT: Duration = Duration::from_mins(3);

/// What the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The first that works, in the order below
    Auto,
    /// The toolchain that runs this command, with the target added by rustup if need be
    Rustup,
    /// Debian's rustc-web, which builds the standard library from source
    Debian,
}

/// A compiler that can produce WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain that runs this command.
    Own,
    /// Debian's, with the standard library from source.
    Debian,
}

impl Toolchain {
    /// Finds one for `target`, installs one if need be, and says in plain words what it does.
    ///
    /// # Errors
    /// When there is none, with what to type.
    pub(crate) fn get(choice: Choice, target: &str) -> Result<Self> {
        if choice != Choice::Debian {
            match add_target(target) {
                Ok(()) => return Ok(Self::Own),
                Err(reason) if choice == Choice::Rustup => return Err(reason),
                Err(reason) => {
                    println!("The Rust toolchain in use cannot compile to {target}: {reason:#}.");
                }
            }
        }
        debian()?;
        if target == WASIP2 {
            debian_wasi()?;
        }
        Ok(Self::Debian)
    }

    /// Whether what it makes of a crate for WASI is a component already. Debian has the linker for modules alone; what
    /// makes components of them, with an adapter between the C library's older WASI and 0.2, is not packaged.
    pub(crate) fn links_components(self) -> bool {
        self == Self::Own
    }

    /// Flags for the compiler beyond those that every build has.
    pub(crate) fn flags(self, target: &str) -> Vec<String> {
        match self {
            Self::Debian if target == WASIP2 => vec![format!("-L{DEBIAN_WASI_LIBC}")],
            _ => Vec::new(),
        }
    }

    /// A folder name of its own for each compiler, so that they do not overwrite each other's work.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Own => "guest",
            Self::Debian => "guest-debian",
        }
    }

    /// A `cargo build` for `target`.
    pub(crate) fn cargo_build(self, target: &str) -> Command {
        let mut build = match self {
            Self::Own => workspace::cargo(),
            Self::Debian => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                cargo.env("RUSTC", DEBIAN_RUSTC);
                // Building the standard library is an unstable feature; this switches it on in a stable compiler.
                cargo.env("RUSTC_BOOTSTRAP", "1");
                if let Some(linker) = newest_wasm_ld(Path::new("/usr/bin")) {
                    let name = target.to_uppercase().replace('-', "_");
                    cargo.env(format!("CARGO_TARGET_{name}_LINKER"), linker);
                }
                cargo
            }
        };
        build.args(["build", "--target", target]);
        if self == Self::Debian {
            build.arg("-Zbuild-std=std,panic_abort");
        }
        build
    }
}

/// Sees to it that the toolchain in use can compile to `target`, by rustup if need be.
///
/// # Errors
/// When it cannot, with the reason.
pub(crate) fn add_target(target: &str) -> Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    println!("The target {target} is missing; `rustup target add {target}` fetches it (up to 3 minutes).");
    let mut rustup = Command::new("rustup");
    command::run_within(rustup.args(["target", "add", target]), RUSTUP_LIMIT)
        .with_context(|| format!("it lacks the target {target}, and rustup did not add it"))?;
    if has_target(target)? {
        Ok(())
    } else {
        bail!("rustup added {target}, but to another toolchain than the one in use ({})", rustc())
    }
}

/// Looks at the files rather than asking rustup, since a distribution's compiler may have the target too.
fn has_target(target: &str) -> Result<bool> {
    let rustc = rustc();
    let sysroot = command::output(Command::new(&rustc).args(["--print", "sysroot"]))
        .with_context(|| format!("`{rustc} --print sysroot` does not work"))?;
    Ok(Path::new(&sysroot).join("lib/rustlib").join(target).join("lib").is_dir())
}

fn rustc() -> String {
    env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}

/// Sees to it that Debian's compiler is there, by apt if need be.
fn debian() -> Result<()> {
    let manual = format!("apt-get install {}", DEBIAN_PACKAGES.join(" "));
    if !debian_is_there() {
        println!(
            "Missing: a compiler for WebAssembly. Installing Debian's packages {} (about 350 MB on disk, 1 to 3 \
             minutes).",
            DEBIAN_PACKAGES.join(", ")
        );
        apt_install(&DEBIAN_PACKAGES).with_context(|| {
            format!(
                "there is no way to compile to WebAssembly. Either of these gives one: `rustup target add {BARE}` \
                 (fetches from Rust's server), or as root on Debian 12 or newer: `{manual}`"
            )
        })?;
    }
    let version = command::output(Command::new(DEBIAN_RUSTC).arg("--version")).unwrap_or_default();
    if !debian_is_there() || !new_enough(&version, OLDEST) {
        bail!(
            "{DEBIAN_RUSTC} says {version:?}; Rust {OLDEST} or newer with its source is needed. As root: `{manual}`"
        );
    }
    println!(
        "Compiling plugins with Debian's {version}; its standard library takes 2 to 3 minutes the first time."
    );
    Ok(())
}

/// Sees to it that Debian's C library for WASI is there, by apt if need be.
fn debian_wasi() -> Result<()> {
    let library = Path::new(DEBIAN_WASI_LIBC).join("libc.a");
    if !library.exists() {
        println!(
            "Missing: a C library for {WASIP2}. Installing Debian's package {}.",
            DEBIAN_WASI_PACKAGES[0]
        );
        apt_install(&DEBIAN_WASI_PACKAGES).with_context(|| {
            format!("as root on Debian 12 or newer: `apt-get install {}`", DEBIAN_WASI_PACKAGES[0])
        })?;
    }
    if library.exists() { Ok(()) } else { bail!("{} is not there", library.display()) }
}

fn debian_is_there() -> bool {
    let source = Path::new("/usr/lib/rustlib/src/rust/library/std");
    [Path::new(DEBIAN_RUSTC), Path::new(DEBIAN_CARGO), source].iter().all(|path| path.exists())
}

/// Installs Debian packages, as root or by a `sudo` that asks nothing.
///
/// # Errors
/// When there is no apt, no right to use it, or no such package.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    if command::output(Command::new("apt-get").arg("--version")).is_none() {
        bail!("this machine has no apt-get");
    }
    let root = command::output(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !root && command::output(Command::new("sudo").args(["-n", "true"])).is_none() {
        bail!("apt-get needs root; type: sudo apt-get install {}", packages.join(" "));
    }
    let apt = || {
        let mut apt = Command::new(if root { "env" } else { "sudo" });
        if !root {
            apt.args(["-n", "env"]);
        }
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
        apt
    };
    let install = || command::run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages));
    // A fresh machine or container has no package lists yet; where there are some, they are good enough.
    install().or_else(|_| {
        command::run(apt().arg("update"))?;
        install()
    })
}

/// `rustc 1.96.0 (…)` is new enough for 1.95, `rustc 1.63.0` is not.
fn new_enough(version: &str, oldest: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    let found = version.split_whitespace().nth(1).and_then(numbers);
    found.is_some() && found >= numbers(oldest)
}

/// Debian numbers its linkers: `wasm-ld-19`. The compiler's own default, `rust-lld`, is not packaged.
fn newest_wasm_ld(folder: &Path) -> Option<PathBuf> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("wasm-ld-")?.parse::<u32>().ok();
    let entries = folder.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter_map(|path| Some((number(&path)?, path))).max().map(|(_, path)| path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(new_enough("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)", "1.95"));
        assert!(new_enough("rustc 1.95.0", "1.95"));
        assert!(new_enough("rustc 1.100.0", "1.95"));
        assert!(!new_enough("rustc 1.63.0", "1.95"));
        assert!(!new_enough("", "1.95"));
    }

    #[test]
    fn the_newest_linker_is_found_by_number_not_by_text() {
        let folder = env::temp_dir().join(format!("heddle-xtask-linkers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(newest_wasm_ld(&folder), None);
        for name in ["wasm-ld-9", "wasm-ld-19", "wasm-ld", "wasm-ld-x"] {
            fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(newest_wasm_ld(&folder), Some(folder.join("wasm-ld-19")));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_toolchain_in_use_has_its_own_target_and_no_invented_one() {
        let host = command::output(Command::new(rustc()).args(["--print", "host-tuple"])).unwrap();
        assert!(has_target(&host).unwrap());
        assert!(!has_target("wasm32-heddle-none").unwrap());
    }
}
