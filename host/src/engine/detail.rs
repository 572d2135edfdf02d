//! A run as those see it who look at it: with a page of its steps, however many it has (law 5).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Tenant, core::Machine, graph::EdgeKind, plan::Plan};
use crate::{
    error::{Error, Result},
    model::{Concurrency, Digest, RunId, StepState},
    store::{AttemptRow, RunRow, StepPlace, StepRow},
};

/// Steps on a page.
pub(crate) const MAX_STEPS_SHOWN: u32 = 500;
/// Attempts that are shown of a step: the last ones.
const ATTEMPTS_SHOWN: u32 = 100;
/// Steps of a run of which it is said what they wait for: the first ones.
const WAITING_SHOWN: u32 = 500;

/// A page of a run's steps.
#[derive(Debug, Clone)]
pub struct StepPage {
    /// In the definition's order.
    pub steps: Vec<StepRow>,
    /// Their last attempts, by step and number.
    pub attempts: Vec<AttemptRow>,
    /// Whether there are more.
    pub more: bool,
    /// For each step of the page those that it comes after directly.
    pub after: BTreeMap<String, Vec<String>>,
}

/// A step that has not ended.
#[derive(Debug, Clone)]
pub struct OpenStep {
    /// The step.
    pub row: StepRow,
    /// The key that bounds how many like it run at once.
    pub concurrency: Option<Concurrency>,
    /// All that it comes after directly, those included that stand in for others.
    pub after: Vec<String>,
}

impl OpenStep {
    fn of(row: StepRow, plan: &Plan) -> Self {
        let place = plan.place_of(&row.name);
        let (concurrency, after) = place.map_or_else(Default::default, |(layout, local, around)| {
            let (layout, around) = (&plan.layouts[layout], &row.name[..around]);
            let before = layout.graph.predecessors[local].iter();
            let names = before.map(|edge| format!("{around}{}", layout.steps[edge.from].name));
            (layout.steps[local].concurrency.clone(), names.collect())
        });
        Self { row, concurrency, after }
    }
}

/// A run with its first steps.
#[derive(Debug, Clone)]
pub struct RunDetail {
    /// The run.
    pub run: RunRow,
    /// The first page of its steps.
    pub page: StepPage,
    /// How many of all its steps are in each state.
    pub counts: HashMap<StepState, u64>,
    /// The first of those that have not ended.
    pub open: Vec<OpenStep>,
    /// The component of each plugin that it is pinned to.
    pub pins: BTreeMap<String, Digest>,
}

impl RunDetail {
    /// A run that is over, as memory has it. `None` if memory has not all of it.
    pub(super) fn of(machine: &Machine) -> Option<Self> {
        let (steps, mut attempts) = machine.whole(MAX_STEPS_SHOWN as usize)?;
        for attempt in &mut attempts {
            attempt.without_documents();
        }
        let plan = machine.plan();
        let after = after_of(&steps, plan);
        let page = StepPage { steps, attempts, more: false, after };
        Some(Self::with(machine.run().clone(), page, plan))
    }

    /// One that has no more steps than are on the page.
    fn with(run: RunRow, page: StepPage, plan: &Plan) -> Self {
        let mut counts = HashMap::new();
        for step in &page.steps {
            *counts.entry(step.state).or_default() += 1;
        }
        let open = page.steps.iter().filter(|step| !step.state.is_terminal());
        let open = open.take(WAITING_SHOWN as usize).map(|row| OpenStep::of(row.clone(), plan)).collect();
        Self { page, counts, open, run, pins: plan.body.plugins.clone() }
    }
}

impl Tenant {
    /// A run.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn run(&self, id: RunId) -> Result<RunDetail> {
        let run = self.run_row(id).await?;
        let plan = self.plan_of(&run).await?;
        let page = self.page(&run, &plan, None, MAX_STEPS_SHOWN).await?;
        if !page.more {
            return Ok(RunDetail::with(run, page, &plan));
        }
        let open = self.store().step_list_open(id, WAITING_SHOWN).await?;
        Ok(RunDetail {
            counts: self.store().step_counts(id).await?.into_iter().collect(),
            open: open.into_iter().map(|row| OpenStep::of(row, &plan)).collect(),
            page,
            run,
            pins: plan.body.plugins.clone(),
        })
    }

    /// A page of a run's steps: those after that place.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn run_steps(&self, id: RunId, after: Option<&StepPlace>, limit: u32) -> Result<StepPage> {
        let run = self.run_row(id).await?;
        let plan = self.plan_of(&run).await?;
        self.page(&run, &plan, after, limit).await
    }

    async fn plan_of(&self, run: &RunRow) -> Result<Arc<Plan>> {
        let read = async {
            let plan = self.store().plan_get(run.plan).await?;
            let plan = plan.ok_or_else(|| Error::not_found("plan", run.plan))?;
            Plan::stored(&plan).map_err(|error| Error::internal("the run's plan cannot be read", error))
        };
        let key = (self.id().clone(), run.plan);
        self.engine.plans.get_or_read(key, |plan| plan.json.len(), read).await
    }

    async fn page(
        &self,
        run: &RunRow,
        plan: &Plan,
        after: Option<&StepPlace>,
        limit: u32,
    ) -> Result<StepPage> {
        // One more than is shown tells whether there is another page.
        let mut steps = self.store().step_page(run.id, after, limit + 1).await?;
        let more = steps.len() > limit as usize;
        steps.truncate(limit as usize);
        let attempts = match (steps.first(), steps.last()) {
            (Some(first), Some(last)) => {
                let (first, last) = (place(first), place(last));
                self.store().attempt_page(run.id, &first, &last, ATTEMPTS_SHOWN).await?
            }
            _ => Vec::new(),
        };
        let after = after_of(&steps, plan);
        Ok(StepPage { steps, attempts, more, after })
    }
}

/// For each step those that it comes after directly.
fn after_of(steps: &[StepRow], plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let layout = &plan.layouts[0];
    // Those inside others come after what the plan's other layouts say: it is shown of the run's own.
    let own = steps.iter().filter_map(|step| Some((step.name.clone(), layout.place(&step.name)?)));
    own.map(|(name, local)| {
        let before = layout.graph.predecessors[local].iter();
        let before = before.filter(|edge| edge.kind != EdgeKind::StandIn);
        (name, before.map(|edge| layout.steps[edge.from].name.clone()).collect())
    })
    .collect()
}

/// Where a step stands: the page after it begins there.
pub(crate) fn place(step: &StepRow) -> StepPlace {
    (step.ord, step.name.clone())
}
