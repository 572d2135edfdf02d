//! What a component's imports are linked to: what every plugin has, what was granted, and for the rest functions that
//! end the attempt and say what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker, ResourceType, types::ComponentItem},
};

use super::{
    bindings::{
        PluginPre,
        heddle::plugin::{approvals, artifacts, context, log, progress},
    },
    inspect,
    state::GuestState,
};
use crate::model::Capability;

/// The granted imports that this host has.
pub(super) const OFFERED: [Capability; 1] = [Capability::Approvals];

/// What every plugin may import.
pub(super) fn base(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    context::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut GuestState| state)?;
    artifacts::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    progress::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Ok(linker)
}

/// A component with its imports resolved, once for each set of granted imports that a phase of it needs.
pub(super) struct Links {
    base: Arc<Linker<GuestState>>,
    component: Component,
    /// The granted imports that it has and the host offers.
    possible: BTreeSet<Capability>,
    linked: Mutex<BTreeMap<BTreeSet<Capability>, PluginPre<GuestState>>>,
}

impl Links {
    pub(super) fn new(
        base: Arc<Linker<GuestState>>,
        component: Component,
        imported: &BTreeSet<Capability>,
    ) -> Self {
        let possible = imported.iter().copied().filter(|import| OFFERED.contains(import)).collect();
        Self { base, component, possible, linked: Mutex::default() }
    }

    /// The component with these of its granted imports linked, and no other.
    ///
    /// # Errors
    /// If an import is not of the shape that the host has.
    pub(super) fn with(&self, granted: &BTreeSet<Capability>) -> wasmtime::Result<PluginPre<GuestState>> {
        let mut linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = linked.get(granted) {
            return Ok(pre.clone());
        }
        let pre = self.link(granted)?;
        linked.insert(granted.clone(), pre.clone());
        Ok(pre)
    }

    /// As [`Links::with`], with everything that can be granted: for exports that may not call the host, and to learn
    /// whether the component can be linked at all.
    ///
    /// # Errors
    /// As [`Links::with`].
    pub(super) fn with_all(&self) -> wasmtime::Result<PluginPre<GuestState>> {
        self.with(&self.possible)
    }

    fn link(&self, granted: &BTreeSet<Capability>) -> wasmtime::Result<PluginPre<GuestState>> {
        let mut linker = Linker::clone(&self.base);
        if granted.contains(&Capability::Approvals) {
            approvals::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        }
        self.refuse_others(granted, &mut linker)?;
        linker.instantiate_pre(&self.component).and_then(PluginPre::new)
    }

    /// Define the other granted imports that it has: an attempt that calls one ends, and says why.
    fn refuse_others(
        &self,
        granted: &BTreeSet<Capability>,
        linker: &mut Linker<GuestState>,
    ) -> wasmtime::Result<()> {
        let engine = self.component.engine();
        for (name, import) in self.component.component_type().imports(engine) {
            let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
            let Some(capability) = inspect::capability(name).filter(|c| !granted.contains(c)) else {
                continue;
            };
            let mut instance = linker.instance(name)?;
            for (item, export) in interface.exports(engine) {
                match export.ty {
                    ComponentItem::ComponentFunc(_) => {
                        let called = format!("{capability}.{item}");
                        instance.func_new(item, move |mut store, _, _, _| {
                            Err(store.data_mut().undeclared(capability, &called))
                        })?;
                    }
                    ComponentItem::Resource(_) => {
                        instance.resource(item, ResourceType::host::<Refused>(), |_, _| Ok(()))?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// A resource of an interface that is not linked.
struct Refused;

/// What to do about a capability that a phase needs and has not.
pub(super) fn missing(plugin: &str, capability: Capability) -> String {
    if OFFERED.contains(&capability) {
        format!("{capability} was not granted; `heddle plugin grant {plugin} {capability}` grants it")
    } else {
        format!("this host does not offer {capability}")
    }
}
