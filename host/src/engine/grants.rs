//! What plugins were granted: nothing, until an admin says so.

use std::collections::BTreeSet;

use super::Tenant;
use crate::{
    error::{Error, Result},
    model::Capability,
};

/// What a plugin wants of the host, and what it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The capabilities that its phases declare.
    pub wanted: Vec<Capability>,
    /// Those that it was granted.
    pub granted: Vec<Capability>,
}

impl Tenant {
    /// What a plugin wants, and what it has.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn grants(&self, plugin: &str) -> Result<Grants> {
        let (row, manifest) = self.plugin(plugin).await?;
        let loaded = self.engine.plugins.load(self.id(), row.digest).await.map_err(|failure| {
            Error::unavailable(format!("plugin {} cannot be loaded: {failure}", row.name), failure)
        })?;
        let wanted: BTreeSet<Capability> = manifest
            .phases
            .iter()
            .flat_map(|phase| loaded.needs(&phase.name).into_iter().flatten())
            .collect();
        let granted =
            self.store().grant_list(&row.name).await?.into_iter().map(|row| row.capability).collect();
        Ok(Grants { wanted: wanted.into_iter().collect(), granted })
    }

    /// Give a plugin a capability; its later versions have it too.
    ///
    /// # Errors
    /// `NotFound` for the plugin; `Invalid` if there is no such capability, or the plugin does not want it.
    pub async fn grant(&self, plugin: &str, capability: &str) -> Result<Grants> {
        let capability: Capability =
            capability.parse().map_err(|error| Error::invalid(format!("{error}")))?;
        let (row, _) = self.plugin(plugin).await?;
        if !self.grants(plugin).await?.wanted.contains(&capability) {
            let message = format!("no phase of plugin {} declares that it wants {capability}", row.name);
            return Err(Error::invalid(message));
        }
        let put = self.store().grant_put(&row.name, capability).await;
        self.engine.plugins.changed(self.id());
        put?;
        self.grants(plugin).await
    }

    /// Take a capability from a plugin.
    ///
    /// # Errors
    /// `NotFound` for the plugin; `Invalid` if there is no such capability.
    pub async fn revoke(&self, plugin: &str, capability: &str) -> Result<Grants> {
        let capability: Capability =
            capability.parse().map_err(|error| Error::invalid(format!("{error}")))?;
        let (row, _) = self.plugin(plugin).await?;
        let deleted = self.store().grant_delete(&row.name, capability).await;
        self.engine.plugins.changed(self.id());
        deleted?;
        self.grants(plugin).await
    }
}
