//! Nodes that the host evaluates itself: they run no code of others.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Executor,
    documents::{Documents, elements},
    ended,
    key::node_key,
};
use crate::{
    engine::{
        core::{AttemptEnd, AttemptOutcome, Child, Document, Launch, Stage, Suspension},
        expression::Root,
        graph::EdgeKind,
        signals::KEY_BYTES,
    },
    model::{
        Checkpoint, Condition, Digest, Failure, FailureKind, Loop, Mapping, Node, OnDeadline, TenantId,
        Timestamp, Usage, Wait,
    },
    store::ApprovalKind,
};

/// A map goes over so many items at the most (law 5).
const MAX_ITEMS: usize = 10_000;

impl Executor {
    /// Evaluate a node.
    pub(super) async fn node(
        &self,
        launch: &Launch,
        node: Node<'_>,
        documents: &Documents,
    ) -> Result<AttemptEnd, Failure> {
        let key =
            node_key(&serde_json::to_string(launch.definition()).unwrap_or_default(), documents.texts());
        if node.body().is_none() && launch.definition().workflow.is_none() && launch.known == Some(key) {
            return Ok(ended(AttemptOutcome::Unchanged));
        }
        match (&launch.stage, node) {
            (_, Node::Transform(mapping)) => {
                let made = self.evaluate(|| documents.map(mapping)).await?;
                self.made(launch, made, key, None).await
            }
            (_, Node::Condition(condition)) => {
                let chosen = self.evaluate(|| choose(condition, documents)).await?;
                self.made(launch, json!({ "case": chosen }).to_string(), key, chosen).await
            }
            (_, Node::Join(_)) => self.made(launch, join(launch, documents), key, None).await,
            (_, Node::Checkpoint(checkpoint)) => {
                Ok(ended(self.evaluate(|| ask(checkpoint, documents, key)).await?))
            }
            (_, Node::Wait(wait)) => {
                let suspension = self.evaluate(|| until(wait, documents, key)).await?;
                Ok(ended(AttemptOutcome::Suspended(suspension)))
            }
            (Stage::Open, Node::Workflow(sub)) => {
                let input = self
                    .evaluate(|| {
                        let input = documents.input(launch)?;
                        check_input(launch, &sub.name, &input)?;
                        Ok(input)
                    })
                    .await?;
                self.expanded(launch, input, 1).await
            }
            (Stage::Close(children), Node::Workflow(_)) => {
                let result = self.result(launch, children, documents).await?;
                self.made(launch, result, key, None).await
            }
            (Stage::Open, Node::Map(map)) => {
                let (array, count) = self
                    .evaluate(|| {
                        let array = documents.evaluate(&map.over)?.unwrap_or_else(|| "null".to_owned());
                        let count = elements(&array)?.len();
                        Ok((array, count))
                    })
                    .await?;
                if count > MAX_ITEMS {
                    return Err(Failure::limit(
                        "map_items",
                        MAX_ITEMS as u64,
                        count as u64,
                        "the map's array is too long",
                    ));
                }
                self.expanded(launch, array, count).await
            }
            (Stage::Close(children), Node::Map(_)) => {
                let result = self.results(launch, children).await?;
                self.made(launch, result, key, None).await
            }
            (Stage::Open, Node::Loop(_)) => self.expanded(launch, "null".to_owned(), 1).await,
            (Stage::Close(children), Node::Loop(repeat)) => {
                self.again(launch, repeat, children, documents, key).await
            }
            (_, Node::Phase(_)) => {
                Err(Failure::new(FailureKind::Host, "a phase is no node of the host's own"))
            }
        }
    }

    /// The node has this output.
    async fn made(
        &self,
        launch: &Launch,
        json: String,
        step_key: Digest,
        chosen: Option<String>,
    ) -> Result<AttemptEnd, Failure> {
        let mut blobs = Vec::new();
        let output = self.value(&launch.tenant, json, &mut blobs).await?;
        let outcome =
            AttemptOutcome::Completed { output, step_key, artifacts: Vec::new(), shared: [].into(), chosen };
        Ok(AttemptEnd { result: Ok(outcome), usage: Usage::default(), log: None, blobs })
    }

    async fn expanded(&self, launch: &Launch, json: String, count: usize) -> Result<AttemptEnd, Failure> {
        let mut blobs = Vec::new();
        let expansion = self.value(&launch.tenant, json, &mut blobs).await?;
        let result = Ok(AttemptOutcome::Expanded { expansion, count });
        Ok(AttemptEnd { result, usage: Usage::default(), log: None, blobs })
    }

    /// A sub-workflow's result.
    async fn result(
        &self,
        launch: &Launch,
        children: &[Child],
        documents: &Documents,
    ) -> Result<String, Failure> {
        let inner = launch.layout().inner[launch.local].map(|inner| &launch.plan.layouts[inner]);
        if let Some(output) = inner.and_then(|layout| layout.output.as_ref()) {
            return self.evaluate(|| documents.map(output)).await;
        }
        self.last_outputs(&launch.tenant, children).await
    }

    /// The result of a run, by its workflow's output mapping if it has one.
    pub(crate) async fn run_result(
        &self,
        tenant: &TenantId,
        output: Option<&Mapping>,
        (documents, children): &(BTreeMap<Root, Document>, Vec<Child>),
    ) -> Result<String, Failure> {
        let Some(output) = output else { return self.last_outputs(tenant, children).await };
        let documents = Documents::read(self, tenant, documents).await?;
        self.evaluate(|| documents.map(output)).await
    }

    /// An object with the outputs of the steps that no other comes after, by name.
    async fn last_outputs(&self, tenant: &TenantId, children: &[Child]) -> Result<String, Failure> {
        let mut members = Vec::new();
        for child in children.iter().filter(|child| child.is_last) {
            if let Some(output) = &child.output {
                let text = self.text(tenant, output).await?;
                members.push(format!("{}:{text}", json!(child.name)));
            }
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    async fn results(&self, launch: &Launch, children: &[Child]) -> Result<String, Failure> {
        let (mut results, mut failures) = (Vec::with_capacity(children.len()), Vec::new());
        for (index, child) in children.iter().enumerate() {
            results.push(match &child.output {
                Some(output) => self.text(&launch.tenant, output).await?,
                None => "null".to_owned(),
            });
            failures
                .extend(child.failure.as_ref().map(|message| json!({ "index": index, "message": message })));
        }
        Ok(format!(r#"{{"results":[{}],"failures":{}}}"#, results.join(","), json!(failures)))
    }

    async fn again(
        &self,
        launch: &Launch,
        repeat: &Loop,
        children: &[Child],
        documents: &Documents,
        key: Digest,
    ) -> Result<AttemptEnd, Failure> {
        let done = self.evaluate(|| documents.holds(&repeat.until)).await?;
        let most = repeat.max_iterations as usize;
        if !done && children.len() < most {
            return Ok(ended(AttemptOutcome::Again));
        }
        if !done && repeat.on_limit == OnDeadline::Fail {
            let (most, n) = (most as u64, children.len() as u64);
            return Err(Failure::limit("max_iterations", most, n, "the loop's end was not reached"));
        }
        let last = documents.get(&Root::Previous).unwrap_or("null");
        let output = format!(r#"{{"result":{last},"iterations":{}}}"#, children.len());
        self.made(launch, output, key, None).await
    }
}

/// Whether a sub-workflow takes an input.
fn check_input(launch: &Launch, name: &str, input: &str) -> Result<(), Failure> {
    let missing = || Failure::new(FailureKind::Host, format!("the plan lacks the workflow {name:?}"));
    let workflow = launch.plan.body.workflows.get(name).ok_or_else(missing)?;
    let document: serde_json::Value = serde_json::from_str(input)
        .map_err(|error| Failure::new(FailureKind::InvalidInput, error.to_string()))?;
    let schema = crate::schema::compile(&workflow.input_schema)
        .map_err(|error| Failure::new(FailureKind::InvalidInput, error))?;
    let problems = crate::schema::check(&schema, &document);
    if problems.is_empty() {
        return Ok(());
    }
    let what = format!("the input does not fit workflow {name:?}");
    Err(Failure::problems(FailureKind::InvalidInput, what, problems))
}

fn choose(condition: &Condition, documents: &Documents) -> Result<Option<String>, Failure> {
    match condition {
        Condition::When(text) => Ok(Some(documents.holds(text)?.to_string())),
        Condition::Cases(cases) => {
            for case in &cases.cases {
                if documents.holds(&case.when)? {
                    return Ok(Some(case.name.clone()));
                }
            }
            Ok(cases.otherwise.clone())
        }
    }
}

fn join(launch: &Launch, documents: &Documents) -> String {
    let layout = launch.layout();
    let before = layout.graph.predecessors[launch.local].iter().filter(|edge| edge.kind != EdgeKind::StandIn);
    let members: Vec<String> = before
        .filter_map(|edge| {
            let name = &layout.steps[edge.from].name;
            let output = documents.get(&Root::Output(name.clone()))?;
            Some(format!("{}:{output}", json!(name)))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn ask(checkpoint: &Checkpoint, documents: &Documents, key: Digest) -> Result<AttemptOutcome, Failure> {
    let show = checkpoint.show.as_ref().map(|mapping: &Mapping| documents.map(mapping)).transpose()?;
    let show: serde_json::Value =
        show.map_or(Ok(json!(null)), |text| serde_json::from_str(&text)).unwrap_or_default();
    let options: Vec<_> = checkpoint
        .options
        .iter()
        .map(|option| {
            let label = if option.label.is_empty() { &option.name } else { &option.label };
            json!({ "name": option.name, "label": label })
        })
        .collect();
    let request = json!({
        "title": checkpoint.title,
        "message": checkpoint.message,
        "show": show,
        "options": options,
        "input_schema": checkpoint.input_schema,
        "default": checkpoint.default,
    });
    Ok(AttemptOutcome::Suspended(Suspension::Approval {
        kind: ApprovalKind::Checkpoint,
        request,
        deadline: checkpoint.deadline_seconds.map(in_seconds),
        call: None,
        key: Some(key),
    }))
}

fn in_seconds(seconds: u64) -> Timestamp {
    Timestamp::now().plus(std::time::Duration::from_secs(seconds))
}

fn until(wait: &Wait, documents: &Documents, key: Digest) -> Result<Suspension, Failure> {
    if let Some(seconds) = wait.seconds {
        return Ok(Suspension::Until { at: in_seconds(seconds), key });
    }
    let text = wait.until.as_deref().or(wait.event.as_deref()).unwrap_or_default();
    let value = documents.evaluate(text)?.unwrap_or_else(|| "null".to_owned());
    let unusable = |expected: &str| {
        let message = format!("{text:?} gives {value}; expected {expected}");
        Failure::new(FailureKind::InvalidExpression, message)
    };
    let said: Option<String> = serde_json::from_str(&value).ok();
    if wait.until.is_some() {
        let at = said.and_then(|said| said.parse().ok());
        return Ok(Suspension::Until { at: at.ok_or_else(|| unusable("an RFC 3339 timestamp"))?, key });
    }
    let said = said
        .filter(|said| (1..=KEY_BYTES).contains(&said.len()))
        .ok_or_else(|| unusable(&format!("a text of 1 to {KEY_BYTES} bytes")))?;
    Ok(Suspension::Event { event: said, deadline: wait.deadline_seconds.map(in_seconds), key })
}
