//! Nodes that the host evaluates itself: they run no code of others.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Executor,
    arrays::count,
    documents::Documents,
    ended,
    key::node_key,
    memory::{Draft, Memory, check_value, made_of},
};
use crate::{
    engine::{
        core::{AttemptEnd, AttemptOutcome, Child, Document, Launch, Stage, Suspension},
        expression::Root,
        graph::EdgeKind,
        signals::KEY_BYTES,
        stored::MadeText,
    },
    model::{
        Checkpoint, Condition, Digest, Failure, FailureKind, Loop, Mapping, Node, OnDeadline, TenantId,
        Timestamp, Usage, Value, Wait, approval,
    },
    store::ApprovalKind,
};

/// What a checkpoint may show, as JSON text; a phase's own question has the same bound.
const SHOW_BYTES: usize = approval::REQUEST_BYTES_MAX;

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
        // What is inside a step may have changed although its own key has not.
        let contains = node.body().is_some() || launch.definition().workflow.is_some();
        let stands = |outcome: &AttemptOutcome| !contains || !matches!(outcome, AttemptOutcome::Unchanged);
        if let Some(outcome) = launch.known.outcome(key).filter(stands) {
            return Ok(ended(outcome));
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
            (_, Node::Join(_)) => self.made(launch, join(launch, documents)?, key, None).await,
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
                let over = Mapping::Whole(map.over.clone());
                let (array, count) = self
                    .evaluate(|| {
                        let array = documents.map(&over)?;
                        let count = count(&array)?;
                        Ok((array, count))
                    })
                    .await?;
                self.expanded(launch, array, count).await
            }
            (Stage::Close(children), Node::Map(_)) => {
                let result = self.results(launch, children).await?;
                self.made(launch, result, key, None).await
            }
            (Stage::Open, Node::Loop(_)) => self.expanded(launch, "null".to_owned(), 1).await,
            (Stage::Round(rounds), Node::Loop(repeat)) => {
                self.again(launch, repeat, *rounds, documents, key).await
            }
            (_, Node::Phase(_))
            | (Stage::Round(_), Node::Workflow(_) | Node::Map(_))
            | (Stage::Close(_), Node::Loop(_)) => {
                Err(Failure::new(FailureKind::Host, "the host itself has nothing to do here"))
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
        if let Some(output) = launch.inner_output() {
            return self.evaluate(|| documents.map(output)).await;
        }
        self.last_outputs(&launch.tenant, children).await
    }

    /// The result of a run, by its workflow's output mapping if it has one, with its room in `memory`.
    pub(crate) async fn run_result(
        &self,
        memory: &Memory,
        tenant: &TenantId,
        output: Option<&Mapping>,
        (documents, children): &(BTreeMap<Root, Document>, Vec<Child>),
    ) -> Result<MadeText, Failure> {
        let Some(output) = output else {
            let room = memory.room(size_of_outputs(children)?).await?;
            return Ok(MadeText::new(self.last_outputs(tenant, children).await?, room));
        };
        let read = Documents::size(documents)?;
        let expressions = if let Mapping::Keys(keys) = output { keys.len() } else { 1 };
        let mut room = memory.room(read + made_of(read, expressions)).await?;
        let documents = Documents::read(self, tenant, documents).await?;
        let made = self.evaluate(|| documents.map(output)).await?;
        drop(documents);
        room.shrink(made.len() as u64);
        Ok(MadeText::new(made, room))
    }

    /// An object with the outputs of the steps that no other comes after, by name.
    async fn last_outputs(&self, tenant: &TenantId, children: &[Child]) -> Result<String, Failure> {
        let mut draft = Draft::with_capacity(size_of_outputs(children)?)?;
        draft.push("{")?;
        for (name, output) in last(children) {
            draft.key(name)?;
            draft.push(&self.text(tenant, output).await?)?;
        }
        draft.push("}")?;
        Ok(draft.finish())
    }

    async fn results(&self, launch: &Launch, children: &[Child]) -> Result<String, Failure> {
        let mut draft = Draft::with_capacity(size_of_results(children)?)?;
        draft.push(r#"{"results":["#)?;
        for (index, child) in children.iter().enumerate() {
            if index > 0 {
                draft.push(",")?;
            }
            match &child.output {
                Some(output) => draft.push(&self.text(&launch.tenant, output).await?)?,
                None => draft.push("null")?,
            }
        }
        draft.push(r#"],"failures":["#)?;
        let failures =
            children.iter().enumerate().filter_map(|(i, child)| Some((i, child.failure.as_ref()?)));
        for (n, (index, message)) in failures.enumerate() {
            if n > 0 {
                draft.push(",")?;
            }
            draft.push(&json!({ "index": index, "message": message }).to_string())?;
        }
        draft.push("]}")?;
        Ok(draft.finish())
    }

    async fn again(
        &self,
        launch: &Launch,
        repeat: &Loop,
        rounds: usize,
        documents: &Documents,
        key: Digest,
    ) -> Result<AttemptEnd, Failure> {
        let done = self.evaluate(|| documents.holds(&repeat.until)).await?;
        let most = repeat.max_iterations as usize;
        if !done && rounds < most {
            return Ok(ended(AttemptOutcome::Again));
        }
        if !done && repeat.on_limit == OnDeadline::Fail {
            let (most, n) = (most as u64, rounds as u64);
            return Err(Failure::limit("max_iterations", most, n, "the loop's end was not reached"));
        }
        let mut draft = Draft::default();
        draft.push(r#"{"result":"#)?;
        draft.push(documents.get(&Root::Previous).unwrap_or("null"))?;
        draft.push(&format!(r#","iterations":{rounds}}}"#))?;
        self.made(launch, draft.finish(), key, None).await
    }
}

/// The outputs of the steps that no other comes after, with their names.
fn last(children: &[Child]) -> impl Iterator<Item = (&str, &Value)> {
    let last = children.iter().filter(|child| child.is_last);
    last.filter_map(|child| Some((child.name.as_str(), child.output.as_ref()?)))
}

/// What the outputs of the last steps take as one object.
pub(super) fn size_of_outputs(children: &[Child]) -> Result<u64, Failure> {
    let member = |(name, output): (&str, &Value)| name.len() as u64 + 4 + output.size();
    let bytes = 2 + last(children).map(member).sum::<u64>();
    check_value(bytes)?;
    Ok(bytes)
}

/// What a map's results take as one document: the outputs, whose sizes are known before they are read, and the failures.
pub(super) fn size_of_results(children: &[Child]) -> Result<u64, Failure> {
    let one = |child: &Child| {
        let output = child.output.as_ref().map_or(4, Value::size) + 1;
        output + child.failure.as_ref().map_or(0, |message| message.len() as u64 + 40)
    };
    let bytes = 32 + children.iter().map(one).sum::<u64>();
    check_value(bytes)?;
    Ok(bytes)
}

/// Whether a sub-workflow takes an input.
fn check_input(launch: &Launch, name: &str, input: &str) -> Result<(), Failure> {
    let missing = || Failure::new(FailureKind::Host, format!("the plan lacks the workflow {name:?}"));
    let workflow = launch.plan.body.workflows.get(name).ok_or_else(missing)?;
    let document = crate::sandbox::parse_json(input).map_err(|error| {
        Failure::new(FailureKind::InvalidInput, format!("the input of workflow {name:?}: {error}"))
    })?;
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

fn join(launch: &Launch, documents: &Documents) -> Result<String, Failure> {
    let layout = launch.layout();
    let before = layout.graph.predecessors[launch.local].iter().filter(|edge| edge.kind != EdgeKind::StandIn);
    let mut draft = Draft::default();
    draft.push("{")?;
    for edge in before {
        let name = &layout.steps[edge.from].name;
        if let Some(output) = documents.get(&Root::Output(name.clone())) {
            draft.key(name)?;
            draft.push(output)?;
        }
    }
    draft.push("}")?;
    Ok(draft.finish())
}

fn ask(checkpoint: &Checkpoint, documents: &Documents, key: Digest) -> Result<AttemptOutcome, Failure> {
    let show = checkpoint.show.as_ref().map(|mapping: &Mapping| documents.map(mapping)).transpose()?;
    if let Some(bytes) = show.as_ref().map(String::len).filter(|bytes| *bytes > SHOW_BYTES) {
        let what = "what the checkpoint shows is too large; show a part of it, or a file";
        return Err(Failure::limit("show_bytes", SHOW_BYTES as u64, bytes as u64, what));
    }
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
        let shown: String = value.chars().take(100).collect();
        let message = format!("{text:?} gives {shown}; expected {expected}");
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
