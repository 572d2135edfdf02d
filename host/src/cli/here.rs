//! A run that goes on in this process although nobody serves the data directory: seen, asked about and ended as one of
//! `heddle run` is.

use super::{
    access::Local,
    run,
    run_progress::Progress,
    run_steer::{Decider, Door},
};
use crate::{
    api::wire::RunBody,
    model::{RunId, TenantId},
};

/// Let a run go on until it has ended, and show how it does. Other terminals can steer it meanwhile.
pub(super) async fn to_its_end(local: &Local, id: RunId, json: bool) -> anyhow::Result<RunBody> {
    let tenant = local.engine.tenant(&TenantId::default_tenant()).acting("whoever holds the data directory");
    eprintln!("run {id}");
    let door = Door::open(&local.engine, &local.path).await?;
    let steps: Vec<String> = tenant.run(id).await?.page.steps.into_iter().map(|step| step.name).collect();
    let progress = Progress::new(&steps, json);
    let decider = Decider::new(&tenant, id, Vec::new(), &progress);
    let ended = tokio::select! {
        ended = run::watch(&tenant, id, &progress) => ended,
        failed = decider.decide() => Err(failed),
    };
    door.close().await;
    ended
}
