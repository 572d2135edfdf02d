//! From a file to a plugin that can run, and why a file is refused.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use wasmtime::{Engine, component::Component};

use super::{Inner, LoadedPlugin, Sandbox, compile, execute, inspect, link::Links, manifest};
use crate::model::{Digest, Failure, Manifest, Problem, io_reason};

/// What a plugin has to be, at the end of messages.
const EXPECTED: &str = "a plugin is a WebAssembly component of the world heddle:plugin/plugin@0.1";

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It has too many bytes.
    #[error("the component has {size} bytes; at most {limit} are accepted (max_component_bytes)")]
    TooLarge {
        /// Bytes that it has.
        size: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// It is something else.
    #[error("this is no WebAssembly component ({found}); {EXPECTED}")]
    NotWasm {
        /// What it is, as far as its first bytes tell.
        found: String,
    },
    /// It is a core module.
    #[error(
        "this is a WebAssembly core module; {EXPECTED} (make one of it with `wasm-tools component new`, or build \
         for wasm32-wasip2)"
    )]
    CoreModule,
    /// It is compiled code.
    #[error("this is precompiled code, which is never accepted: it cannot be checked; {EXPECTED}")]
    Precompiled,
    /// It is a component, but not of our world.
    #[error("this is a component of another world: {found}; {EXPECTED}")]
    OtherWorld {
        /// What it exports or imports.
        found: String,
    },
    /// It imports what no host offers.
    #[error(
        "the component imports what a plugin cannot have: {names}; heddle:plugin@0.1 and WASI 0.2 are possible"
    )]
    UnknownImports {
        /// The imports.
        names: String,
    },
    /// It is not valid.
    #[error("the component is not valid: {message}")]
    Invalid {
        /// What the compiler says.
        message: String,
    },
    /// Compiling it took too much.
    #[error("{0}")]
    CompileLimit(Failure),
    /// The compiling process failed for another reason.
    #[error("the component could not be compiled: {message}")]
    Compiler {
        /// What happened.
        message: String,
    },
    /// Its export `manifest` failed.
    #[error("the plugin gave no manifest: {0}")]
    ManifestCall(Failure),
    /// The manifest cannot be used.
    #[error("the plugin's manifest cannot be used{}", listed(.problems))]
    Manifest {
        /// Everything that is wrong.
        problems: Vec<Problem>,
    },
    /// The host could not do its part.
    #[error("{what} failed: {}", io_reason(.error))]
    Storage {
        /// What failed.
        what: &'static str,
        /// How. It may name paths.
        #[source]
        error: io::Error,
    },
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("; {p}")).collect()
}

/// The plugins that are in use, so that each is compiled and loaded once.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<Digest, Arc<Slot>>>);

type Slot = tokio::sync::Mutex<Weak<LoadedPlugin>>;

impl Registry {
    fn slot(&self, digest: Digest) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody has these, or they hold a plugin that is gone.
        slots.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().map_or(true, |plugin| plugin.strong_count() > 0)
        });
        Arc::clone(slots.entry(digest).or_default())
    }
}

impl Sandbox {
    /// Load a component: compile it unless that was done before, look at what it imports, ask it for its manifest.
    /// Loads of the same bytes at the same time compile once.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load(&self, bytes: impl Into<Arc<[u8]>>) -> Result<Arc<LoadedPlugin>, LoadError> {
        let (inner, bytes) = (Arc::clone(&self.inner), bytes.into());
        self.on_guest_threads(load(inner, bytes)).await.unwrap_or_else(|panic| {
            Err(LoadError::Storage { what: "loading the component", error: io::Error::other(panic) })
        })
    }

    /// As [`Sandbox::load`], from a file.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub async fn load_file(&self, path: &Path) -> Result<Arc<LoadedPlugin>, LoadError> {
        let read = |error| LoadError::Storage { what: "reading the component", error };
        let limit = self.inner.config.max_component_bytes;
        let size = tokio::fs::metadata(path).await.map_err(read)?.len();
        if size > limit {
            return Err(LoadError::TooLarge { size, limit });
        }
        self.load(tokio::fs::read(path).await.map_err(read)?).await
    }
}

async fn load(inner: Arc<Inner>, bytes: Arc<[u8]>) -> Result<Arc<LoadedPlugin>, LoadError> {
    let (size, limit) = (bytes.len() as u64, inner.config.max_component_bytes);
    if size > limit {
        return Err(LoadError::TooLarge { size, limit });
    }
    inspect::header(&bytes)?;
    let digest = Digest::of(&bytes);
    let slot = inner.registry.slot(digest);
    let mut slot = slot.lock().await;
    if let Some(plugin) = slot.upgrade() {
        return Ok(plugin);
    }
    let component = compiled(&inner, digest, bytes).await?;
    let imports = inspect::world(&inner.engine, &component)?;
    let links = Links::new(Arc::clone(&inner.linker), component, &imports.capabilities);
    let pre = links.with_all().map_err(|error| LoadError::OtherWorld { found: format!("{error:#}") })?;
    let json = execute::manifest(pre).await?;
    let manifest = parse_manifest(&json)?;
    let checks = manifest::check(&manifest, &imports.capabilities)
        .map_err(|problems| LoadError::Manifest { problems })?;
    let plugin = Arc::new(LoadedPlugin::new(digest, size, manifest, imports, links, checks));
    *slot = Arc::downgrade(&plugin);
    Ok(plugin)
}

fn parse_manifest(json: &str) -> Result<Manifest, LoadError> {
    serde_json::from_str(json).map_err(|error| LoadError::Manifest {
        problems: vec![Problem::new("", format!("not a manifest document: {error}"))],
    })
}

async fn compiled(inner: &Arc<Inner>, digest: Digest, bytes: Arc<[u8]>) -> Result<Component, LoadError> {
    let in_cache = {
        let inner = Arc::clone(inner);
        blocking(move || Ok(inner.cache.get(&digest).and_then(|code| deserialize(&inner.engine, &code).ok())))
            .await?
    };
    if let Some(component) = in_cache {
        return Ok(component);
    }
    let _turn = inner
        .compilations
        .acquire()
        .await
        .map_err(|error| LoadError::Compiler { message: error.to_string() })?;
    let inner = Arc::clone(inner);
    blocking(move || {
        let super::SandboxConfig { compiler, compile: limits, .. } = &inner.config;
        let code = compile::compile(compiler, limits, &inner.cache, &digest, &bytes)?;
        deserialize(&inner.engine, &code).map_err(|error| {
            // Whoever brought the component may see what is wrong, but not where we keep its code.
            let error = format!("{error:#}").replace(&code.display().to_string(), "it");
            tracing::error!(compiler = %compiler.display(), error, "compiled code cannot be used");
            let message = "is the compiling program of the same build as this one?";
            LoadError::Compiler { message: format!("the compiled code cannot be used ({error}); {message}") }
        })
    })
    .await
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, LoadError> + Send + 'static,
) -> Result<R, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(LoadError::Compiler { message: format!("the host's own fault: {error}") })
    })
}

#[allow(unsafe_code, reason = "wasmtime's only way to load code that was compiled before")]
fn deserialize(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: `code` is a file of the private cache directory which our own compiler wrote there: either this moment,
    // or earlier and its checksum holds. It is never written in place, only replaced.
    unsafe { Component::deserialize_file(engine, code) }
}
