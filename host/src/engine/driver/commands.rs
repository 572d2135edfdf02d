//! Commands on their way from the database to the core, and refusals on their way back.
//!
//! The database may be slow, or away: whatever asks it does so beside the driver, and reports by a message.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::sync::mpsc::UnboundedSender;

use super::{Driver, Message};
use crate::{
    engine::core::Input,
    model::{HostId, RunId},
    store::{CommandRow, Store, StoreResult},
};

/// A command that was taken up so often without an end is not done: it may be what kills hosts.
const MAX_TRIES: u32 = 3;
/// So many commands are read at once.
const PAGE: u32 = 1000;
/// So many may be taken before it is looked which of them have been done.
const FEW: usize = 1024;
/// After a failure of storage it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(1);

/// Which commands the core knows of.
#[derive(Default)]
pub(super) struct Inbox {
    /// Those that the core has taken and that were not done when it was last looked, with their runs.
    taken: HashMap<i64, RunId>,
    /// How many these were then.
    open: usize,
    /// The last one that was read: a later one has a higher number.
    last: i64,
    /// The highest number that was ever read.
    highest: i64,
    /// Whether all are to be read again, from the first on.
    from_first: bool,
    /// Whether somebody is looking.
    looks: bool,
    /// Whether there may be more than is being found.
    again: bool,
}

/// What is found in the database.
pub(crate) struct Found {
    /// All that wait, if that was asked.
    waiting: Option<HashSet<i64>>,
    /// Those that were not taken yet.
    new: Vec<CommandRow>,
    /// The last one that was read.
    last: i64,
    /// Whether there are more.
    more: bool,
}

impl Inbox {
    /// Let the core be told again of a run's commands: what it knew of them is gone.
    pub(super) fn forget(&mut self, run: RunId) {
        self.taken.retain(|_, of| *of != run);
        self.from_first = true;
    }
}

impl Driver {
    /// Look what commands have come.
    pub(super) fn look_for_commands(&mut self) {
        if std::mem::replace(&mut self.inbox.looks, true) {
            self.inbox.again = true;
            return;
        }
        if std::mem::take(&mut self.inbox.from_first) {
            self.inbox.last = 0;
        }
        let Inbox { taken, open, last, highest, .. } = &self.inbox;
        // Among those that are read once more are some that were taken.
        let known = if last < highest { taken.keys().copied().collect() } else { HashSet::new() };
        let (last, all) = (*last, taken.len() > 2 * open.max(&FEW));
        let (store, host, sender) = (self.store.clone(), self.host, self.sender.clone());
        tokio::spawn(async move {
            let found = look(&store, host, last, &known, all).await;
            let _ = sender.send(Message::Commands(found));
        });
    }

    /// Each command is told once.
    pub(super) fn commands(&mut self, found: StoreResult<Found>) {
        self.inbox.looks = false;
        match found {
            Ok(Found { waiting, new, last, more }) => {
                if let Some(waiting) = waiting {
                    self.inbox.taken.retain(|id, _| waiting.contains(id));
                    self.inbox.open = self.inbox.taken.len();
                }
                self.inbox.last = last;
                self.inbox.highest = last.max(self.inbox.highest);
                self.inbox.again |= more;
                self.inbox.taken.extend(new.iter().map(|command| (command.id, command.run)));
                for CommandRow { id, run, order, tries } in new {
                    if tries >= MAX_TRIES {
                        tracing::error!(id, %run, ?order, "this command never came to an end; it is refused");
                        self.refuse_command(
                            run,
                            id,
                            format!(
                                "it was taken up {tries} times, and each time its host died or could not write what \
                                 came of it; it is not tried again"
                            ),
                        );
                        continue;
                    }
                    self.input(Input::Command { id, run, order: Box::new(order) }, None);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "commands cannot be read; trying again");
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(PAUSE).await;
                    let _ = sender.send(Message::CommandsWait);
                });
            }
        }
        if std::mem::take(&mut self.inbox.again) {
            self.look_for_commands();
        }
    }

    /// The answer queues behind the transitions that there are, also behind those that were kept, so nobody is told of a state of
    /// the run that is not durable.
    pub(super) fn refuse_command(&mut self, run: RunId, id: i64, why: String) {
        self.commit_held();
        let (refused, bus) = (refuse(self.store.clone(), self.sender.clone(), id, why), self.bus.clone());
        tokio::spawn(async move {
            refused.await;
            bus.answered(run);
        });
    }
}

/// The commands that have come after that one, without those that are known. That they are taken up is recorded before they
/// are done. `all` asks which of all commands wait still.
async fn look(
    store: &Store,
    host: HostId,
    after: i64,
    known: &HashSet<i64>,
    all: bool,
) -> StoreResult<Found> {
    let waiting = if all { Some(store.commands_waiting().await?.into_iter().collect()) } else { None };
    let mut new = store.command_list(host, after, PAGE).await?;
    let last = new.last().map_or(after, |command| command.id);
    let more = new.len() == PAGE as usize;
    new.retain(|command| !known.contains(&command.id));
    if !new.is_empty() {
        store.command_tried(new.iter().map(|command| command.id).collect()).await?;
    }
    Ok(Found { waiting, new, last, more })
}

/// Without its answer whoever asked would wait, and the next host would do what was refused: it is tried until it is durable.
async fn refuse(store: Store, driver: UnboundedSender<Message>, id: i64, why: String) {
    while let Err(error) = store.command_refuse(id, &why).await {
        tracing::warn!(%error, "a command that cannot be done cannot be answered; trying again");
        tokio::time::sleep(PAUSE).await;
        if driver.is_closed() {
            return;
        }
    }
}
