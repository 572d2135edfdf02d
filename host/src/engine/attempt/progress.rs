//! An attempt's progress, which nobody sees before what the attempt was launched from is durable (law 2).

use std::sync::{Mutex, PoisonError};

use crate::{
    engine::{core::Launch, driver::Durable},
    events::{EventBus, Live},
    model::RunId,
    sandbox::Progress,
};

/// Shows progress, and holds the last report back as long as it must not be seen.
pub(super) struct HeldProgress {
    bus: EventBus,
    run: RunId,
    step: String,
    durable: Durable,
    held: Mutex<Option<Progress>>,
}

impl HeldProgress {
    pub(super) fn new(bus: EventBus, launch: &Launch, durable: Durable) -> Self {
        Self { bus, run: launch.run.id, step: launch.name.clone(), durable, held: Mutex::new(None) }
    }

    /// The guest says how far it is.
    pub(super) fn report(&self, progress: Progress) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.durable.is() {
            *held = None;
            self.show(progress);
        } else {
            *held = Some(progress);
        }
    }

    /// What it was launched from is durable: show what was held back.
    pub(super) fn release(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = held.take() {
            self.show(progress);
        }
    }

    fn show(&self, Progress { fraction, message }: Progress) {
        self.bus.live(self.run, || Live { step: self.step.clone(), fraction, message });
    }
}
