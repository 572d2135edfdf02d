//! The host's functions of `artifacts`.
//!
//! A guest learns of its own mistakes, but not of storage that fails: what is on the host's disk is nothing that a phase may
//! observe, so that ends the attempt, which is made again when there is room.

use std::{io, sync::Arc};

use wasmtime::component::Resource;

use super::{
    bindings::heddle::plugin::artifacts,
    log::excerpt,
    state::{Created, GuestState, NAME_MAX, OpenFile, Stopped},
};
use crate::model::Failure;

/// The most that one call to `artifacts.read` returns, in bytes.
const READ_MAX: u32 = 1 << 20;

impl GuestState {
    /// What storage gave; if it failed, the attempt ends.
    fn stored<T>(&self, result: io::Result<T>, what: impl FnOnce() -> String) -> wasmtime::Result<T> {
        result.map_err(|error| self.stop(Failure::storage(what(), &error)))
    }
}

impl artifacts::Host for GuestState {
    fn list(&mut self) -> wasmtime::Result<Vec<artifacts::Entry>> {
        let attempt = self.call("artifacts.list")?;
        let spec = attempt.spec();
        let entries = attempt.files.entries().iter().filter(|e| spec.may_read(&e.name));
        Ok(entries
            .map(|e| artifacts::Entry {
                name: e.name.clone(),
                media_type: e.media_type.clone(),
                size: e.size,
            })
            .collect())
    }

    fn read(
        &mut self,
        name: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, artifacts::ArtifactError>> {
        use artifacts::ArtifactError as E;
        let meter = Arc::clone(&self.meter);
        let attempt = self.call("artifacts.read")?;
        let spec = attempt.spec();
        if !spec.may_read(&name) {
            let name = excerpt(&name, NAME_MAX);
            return Ok(Err(E::NotDeclared(format!(
                "{name:?} is not among the reads of phase {}",
                spec.name
            ))));
        }
        if !attempt.files.entries().iter().any(|e| e.name == name) {
            return Ok(Err(E::NotFound(format!("there is no artifact {:?}", excerpt(&name, NAME_MAX)))));
        }
        let bytes = meter.waiting(|| attempt.files.read(&name, offset, length.min(READ_MAX)));
        self.stored(bytes, || format!("{name:?} could not be read")).map(Ok)
    }

    fn create(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Resource<OpenFile>, artifacts::ArtifactError>> {
        use artifacts::ArtifactError as E;
        let meter = Arc::clone(&self.meter);
        let attempt = self.call("artifacts.create")?;
        let spec = attempt.spec();
        if spec.output(&name).is_none() {
            let name = excerpt(&name, NAME_MAX);
            return Ok(Err(E::NotDeclared(format!(
                "{name:?} is not among the outputs of phase {}",
                spec.name
            ))));
        }
        if attempt.created.iter().any(|c| c.name == name) {
            return Ok(Err(E::Failed(format!("{name:?} was written before"))));
        }
        let (limit, used) = (attempt.limits.artifacts, attempt.created.len() as u64 + 1);
        if used > limit {
            return Err(self.stop(Failure::limit(
                "artifacts",
                limit,
                used,
                "the guest wrote too many files",
            )));
        }
        let index = attempt.created.len();
        let writer = meter.waiting(|| attempt.files.create());
        attempt.created.push(Created { name: name.clone(), stored: None });
        let writer = self.stored(writer, || format!("{name:?} could not be written"))?;
        Ok(Ok(self.table.push(OpenFile { index, writer: Some(writer) })?))
    }
}

impl artifacts::HostWriter for GuestState {
    fn write(
        &mut self,
        file: Resource<OpenFile>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), artifacts::ArtifactError>> {
        use artifacts::ArtifactError as E;
        let meter = Arc::clone(&self.meter);
        let attempt = self.call("writer.write")?;
        if let Err(failure) = attempt.output(bytes.len() as u64) {
            return Err(self.stop(failure));
        }
        let file = self.table.get_mut(&file)?;
        let name = self.attempt.as_ref().map_or("", |a| a.created[file.index].name.as_str());
        let Some(writer) = &mut file.writer else {
            return Ok(Err(E::Failed(format!("{name:?} is finished; nothing more can be written to it"))));
        };
        let written = meter.waiting(|| writer.write(&bytes));
        let what = format!("{name:?} could not be written");
        self.stored(written, || what).map(Ok)
    }

    fn finish(&mut self, file: Resource<OpenFile>) -> wasmtime::Result<Result<(), artifacts::ArtifactError>> {
        use artifacts::ArtifactError as E;
        let meter = Arc::clone(&self.meter);
        self.call("writer.finish")?;
        let file = self.table.get_mut(&file)?;
        let (writer, index) = (file.writer.take(), file.index);
        let Some(attempt) = &mut self.attempt else { return Err(wasmtime::Error::new(Stopped)) };
        let created = &mut attempt.created[index];
        let Some(writer) = writer else {
            return Ok(Err(E::Failed(format!("{:?} is finished already", created.name))));
        };
        match meter.waiting(|| writer.finish()) {
            Ok(stored) => created.stored = Some(stored),
            Err(error) => {
                let what = format!("{:?} could not be stored", created.name);
                return Err(self.stop(Failure::storage(what, &error)));
            }
        }
        Ok(Ok(()))
    }

    fn drop(&mut self, file: Resource<OpenFile>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}
