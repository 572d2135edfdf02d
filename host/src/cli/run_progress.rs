//! How a run is shown while it goes on: a bar for each step on a terminal, a line for each change elsewhere.

use std::{collections::BTreeMap, io::IsTerminal as _, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::plain;
use crate::{
    engine::Tenant,
    error::Result,
    events::{Follow, Live},
    model::{Event, EventKind, RunId},
};

/// The place of a bar's end.
const WHOLE: u64 = 1000;

/// Shows a run on standard error.
pub(super) struct Progress {
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    by_step: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// With bars for these steps if standard error is a terminal and `lines` is not asked for.
    pub(super) fn new(steps: &[String], lines: bool) -> Self {
        if lines || !std::io::stderr().is_terminal() {
            return Self { bars: None };
        }
        let all = MultiProgress::new();
        let width = steps.iter().map(|step| step.chars().count()).max().unwrap_or(0);
        // The template is ours: it is right, or a test of it fails.
        let style = ProgressStyle::with_template("{prefix} {bar:30} {elapsed:>4} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸ ");
        let by_step = steps
            .iter()
            .map(|step| {
                let bar = all.add(ProgressBar::new(WHOLE).with_style(style.clone()));
                bar.set_prefix(format!("{step:width$}"));
                bar.set_message("waits");
                (step.clone(), bar)
            })
            .collect();
        Self { bars: Some(Bars { all, by_step }) }
    }

    /// Let a question stand on the terminal while it is asked.
    pub(super) fn aside<T>(&self, ask: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.all.suspend(ask),
            None => ask(),
        }
    }

    /// Show a run until it has ended.
    ///
    /// # Errors
    /// If its events cannot be read.
    pub(super) async fn follow(&self, tenant: &Tenant, run: RunId, mut follow: Follow) -> Result<()> {
        let mut after = 0;
        loop {
            follow.committed.borrow_and_update();
            let events = tenant.events(run, after, 256).await?;
            let more = events.len() == 256;
            for event in events {
                after = event.seq;
                self.event(&event);
                if matches!(
                    event.kind,
                    EventKind::RunCompleted | EventKind::RunFailed | EventKind::RunCancelled
                ) {
                    self.end();
                    return Ok(());
                }
            }
            if !more && !self.wait(&mut follow).await {
                return Ok(());
            }
        }
    }

    /// Show what is live until more is committed. False when nothing more will be.
    async fn wait(&self, follow: &mut Follow) -> bool {
        loop {
            tokio::select! {
                biased;
                changed = follow.committed.changed() => return changed.is_ok(),
                live = follow.live.recv() => {
                    // What was not shown in time is out of date.
                    if let Ok(live) = live {
                        self.live(&live);
                    }
                }
            }
        }
    }

    fn event(&self, event: &Event) {
        let Some(step) = &event.step else {
            if self.bars.is_none() && event.kind != EventKind::RunCreated {
                eprintln!("{} {}", event.at, event.kind);
            }
            return;
        };
        let Some(bars) = &self.bars else {
            let file = event.data.get("name").and_then(|name| name.as_str()).unwrap_or_default();
            eprintln!("{} {} {step} {}", event.at, event.kind, plain(file));
            return;
        };
        let Some(bar) = bars.by_step.get(step) else { return };
        match event.kind {
            EventKind::StepReady => bar.set_message("ready"),
            EventKind::StepStarted => {
                bar.reset();
                bar.set_message("runs");
                bar.enable_steady_tick(Duration::from_millis(200));
            }
            EventKind::StepRetrying => bar.set_message("will be tried again"),
            EventKind::StepCompleted => {
                bar.set_position(WHOLE);
                bar.finish_with_message("done");
            }
            EventKind::StepFailed => bar.abandon_with_message("FAILED"),
            EventKind::StepSkipped => bar.abandon_with_message("skipped"),
            EventKind::StepCancelled => bar.abandon_with_message("cancelled"),
            _ => {}
        }
    }

    fn live(&self, live: &Live) {
        match &self.bars {
            Some(bars) => {
                if let Some(bar) = bars.by_step.get(&live.step) {
                    bar.set_position((live.fraction.clamp(0.0, 1.0) * WHOLE as f64) as u64);
                    bar.set_message(plain(&live.message).replace('\n', " "));
                }
            }
            None => {
                let message = plain(&live.message).replace('\n', " ");
                eprintln!("step.progress {} {:.0} % {message}", live.step, live.fraction * 100.0);
            }
        }
    }

    fn end(&self) {
        if let Some(bars) = &self.bars {
            for bar in bars.by_step.values().filter(|bar| !bar.is_finished()) {
                bar.abandon_with_message("not run");
            }
            // Above the table that follows, the bars stay as they ended.
            let _ = bars.all.println("");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn the_bars_template_is_one() {
        indicatif::ProgressStyle::with_template("{prefix} {bar:30} {elapsed:>4} {wide_msg}").unwrap();
    }
}
