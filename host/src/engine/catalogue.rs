//! Lists of workflows, page by page: a definition may be large, and a tenant may have many.

use std::collections::{BTreeMap, BTreeSet};

use super::{Tenant, WorkflowInfo, library::custom};
use crate::error::{Code, Error, Result};

/// A page of definitions ends when it has so many bytes of JSON; it has one at least.
const PAGE_BYTES: usize = 8 << 20;
/// So many names are told to one who asks for a workflow that is not there.
pub(super) const NAMES_TOLD: u32 = 50;

/// A page of workflows.
#[derive(Debug, Clone)]
pub struct WorkflowPage {
    /// Those of the page.
    pub items: Vec<WorkflowInfo>,
    /// Whether there are more.
    pub more: bool,
}

impl Tenant {
    /// The workflows that a run can be started from whose names come after that one, by name; of the tenant's own the
    /// newest version.
    ///
    /// # Errors
    /// `Unavailable` if storage fails.
    pub async fn workflows(&self, after: &str, limit: u32) -> Result<WorkflowPage> {
        let mut shipped = self.engine.plugins.active(self.id()).await?.workflows();
        // One more than is shown tells whether there is another page.
        let own = self.store().workflow_names(after, limit + 1).await?;
        let names: BTreeSet<String> =
            shipped.keys().filter(|name| name.as_str() > after).cloned().chain(own).collect();
        let mut page = Page::default();
        for name in names {
            // A plugin's before any of the tenant's own.
            if let Some(info) = shipped.remove(&name) {
                let bytes = serde_json::to_string(&*info.workflow).map_or(0, |text| text.len());
                if !page.takes(limit, bytes) {
                    break;
                }
                page.items.push(info);
            } else if page.is_full(limit) {
                page.more = true;
            } else if let Some(row) = self.store().workflow_get(&name, None).await? {
                // One that was deleted a moment ago is none.
                if !page.takes(limit, row.body.len()) {
                    break;
                }
                page.items.push(custom(&row)?);
            }
            if page.more {
                break;
            }
        }
        Ok(WorkflowPage { items: page.items, more: page.more })
    }

    /// The versions of one of the tenant's own workflows, the newest first; those that are older than one of them, if it
    /// is named.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn workflow_versions(
        &self,
        name: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<WorkflowPage> {
        let versions = self.store().workflow_versions(name, after, limit + 1).await?;
        if versions.is_empty() && after.is_none() {
            return Ok(WorkflowPage { items: vec![self.workflow(name, None).await?], more: false });
        }
        let mut page = Page::default();
        for version in versions {
            if page.is_full(limit) {
                page.more = true;
                break;
            }
            let Some(row) = self.store().workflow_get(name, Some(&version)).await? else { continue };
            if !page.takes(limit, row.body.len()) {
                break;
            }
            page.items.push(custom(&row)?);
        }
        Ok(WorkflowPage { items: page.items, more: page.more })
    }

    /// That there is no such workflow, and which ones there are.
    pub(super) async fn no_workflow(
        &self,
        shipped: &BTreeMap<String, WorkflowInfo>,
        name: &str,
        version: Option<&str>,
    ) -> Result<Error> {
        let told = |names: &[&str]| {
            let more = if names.len() > NAMES_TOLD as usize { ", and more" } else { "" };
            format!("{}{more}", names[..names.len().min(NAMES_TOLD as usize)].join(", "))
        };
        let versions = match shipped.get(name) {
            Some(info) => vec![info.workflow.version.clone()],
            None => self.store().workflow_versions(name, None, NAMES_TOLD + 1).await?,
        };
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        if let (Some(version), false) = (version, versions.is_empty()) {
            let message = format!("workflow {name} has no version {version}; there are: {}", told(&versions));
            return Ok(Error::new(Code::NotFound, message));
        }
        let own = self.store().workflow_names("", NAMES_TOLD + 1).await?;
        let names: BTreeSet<&str> =
            shipped.keys().map(String::as_str).chain(own.iter().map(String::as_str)).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let message = format!("there is no workflow {name:?}; there are: {}", told(&names));
        Ok(Error::new(Code::NotFound, message))
    }
}

#[derive(Default)]
struct Page {
    items: Vec<WorkflowInfo>,
    bytes: usize,
    more: bool,
}

impl Page {
    fn is_full(&self, limit: u32) -> bool {
        self.items.len() >= limit as usize
    }

    /// Whether one of that size has its place here; if not, there is another page.
    fn takes(&mut self, limit: u32, bytes: usize) -> bool {
        self.bytes += bytes;
        self.more = self.is_full(limit) || (self.bytes > PAGE_BYTES && !self.items.is_empty());
        !self.more
    }
}
