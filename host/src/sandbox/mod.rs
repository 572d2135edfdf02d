//! Runs untrusted components: compiles them, links only what was granted, bounds everything, and returns an outcome.
//!
//! The sandbox knows nothing of the database, of runs, or of HTTP. It reads and writes files only through [`Files`].

mod files;
mod request;

pub use files::{FileEntry, FileWriter, Files, StoredFile};
pub use request::{AttemptReport, AttemptRequest, GuestOutcome, LogLevel, LogLine, Progress, WrittenFile};
#[derive(Clone)]
pub struct Sandbox;
pub struct LoadedPlugin;
pub struct SandboxConfig;
impl SandboxConfig {
    pub fn new(_c: impl Into<std::path::PathBuf>, _b: impl Into<std::path::PathBuf>) -> Self {
        Self
    }
}
impl LoadedPlugin {
    pub fn manifest(&self) -> &crate::model::Manifest {
        unimplemented!()
    }
    pub fn digest(&self) -> crate::model::Digest {
        unimplemented!()
    }
}
impl Sandbox {
    pub fn new(_c: SandboxConfig) -> std::io::Result<Self> {
        Ok(Self)
    }
    pub async fn load(
        &self,
        _b: impl Into<std::sync::Arc<[u8]>>,
    ) -> Result<std::sync::Arc<LoadedPlugin>, LoadError> {
        unimplemented!()
    }
    pub async fn validate(
        &self,
        _p: &std::sync::Arc<LoadedPlugin>,
        _s: &str,
        _i: &str,
    ) -> Result<Vec<crate::model::Problem>, crate::model::Failure> {
        unimplemented!()
    }
    pub async fn execute(&self, _p: &std::sync::Arc<LoadedPlugin>, _r: AttemptRequest) -> AttemptReport {
        unimplemented!()
    }
}

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("not loaded")]
pub enum LoadError {
    #[allow(missing_docs)]
    Manifest { problems: Vec<crate::model::Problem> },
    #[allow(missing_docs)]
    TooLarge { size: u64 },
    #[allow(missing_docs)]
    Compiler { message: String },
    #[allow(missing_docs)]
    Storage { what: &'static str },
    #[allow(missing_docs)]
    Other,
}
