//! The OpenAPI document: it says what is served, and what it says is reviewed.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::echo_server;

/// With `HEDDLE_UPDATE_SNAPSHOTS=1` the snapshot is written anew; the change is reviewed with the rest of the commit.
#[test]
fn the_document_is_the_reviewed_one() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/openapi.json");
    let mut now = serde_json::to_string_pretty(&heddle::api::document())?;
    now.push('\n');
    if std::env::var_os("HEDDLE_UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &now)?;
    }
    let reviewed = fs::read_to_string(&path).context("tests/snapshots/openapi.json")?;
    let differs = reviewed.lines().zip(now.lines()).position(|(one, other)| one != other);
    ensure!(
        reviewed == now,
        "the document differs from tests/snapshots/openapi.json, first in line {}; if that is meant, run this test with \
         HEDDLE_UPDATE_SNAPSHOTS=1 and review the change",
        differs.map_or_else(|| "(its length)".to_owned(), |line| (line + 1).to_string())
    );
    Ok(())
}

#[test]
fn every_operation_tells_its_errors_and_every_reference_leads_somewhere() -> Result<()> {
    let document = heddle::api::document();
    ensure!(document["openapi"] == "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().context("paths")? {
        for (method, operation) in item.as_object().context("a path")? {
            let id = operation["operationId"].as_str().context("no operationId")?;
            ensure!(ids.insert(id.to_owned()), "{id} is there twice");
            ensure!(operation["summary"].is_string(), "{method} {path} has no summary");
            let responses = operation["responses"].as_object().context("responses")?;
            if path.starts_with("/api/v1") {
                for status in ["400", "401", "403", "500", "503"] {
                    let schema = responses
                        .get(status)
                        .with_context(|| format!("{method} {path} tells no {status}"))?;
                    let reference = &schema["content"]["application/problem+json"]["schema"]["$ref"];
                    ensure!(
                        reference == "#/components/schemas/Problem",
                        "{method} {path} {status}: {schema}"
                    );
                }
                ensure!(!path.contains('{') || responses.contains_key("404"), "{method} {path} tells no 404");
                let takes_a_body = operation.get("requestBody").is_some();
                ensure!(!takes_a_body || responses.contains_key("413"), "{method} {path} tells no 413");
            }
            for name in path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().context("no parameters")?;
                let told = parameters.iter().any(|one| one["name"] == name && one["in"] == "path");
                ensure!(told, "{method} {path} does not tell {name}");
            }
        }
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    ensure!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').context("a reference to elsewhere")?;
        ensure!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    Ok(())
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

/// Every operation of the document is served, and no method that it does not tell.
#[tokio::test]
async fn what_is_told_is_served_and_nothing_else() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let client = reqwest::Client::new();
    let served: Value = client.get(format!("{}/openapi.json", server.url())).send().await?.json().await?;
    ensure!(served == heddle::api::document());
    for (path, item) in served["paths"].as_object().unwrap() {
        let told: BTreeSet<Method> =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase().parse().unwrap()).collect();
        // Of a thing that is not there. Removing and cancelling it does no harm, nor does an empty body.
        let url = format!(
            "{}{}",
            server.url(),
            path.replace("{id}", "run_00000000000000000000000000").replace(['{', '}'], "")
        );
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let response = client.request(method.clone(), &url).bearer_auth(server.token()).send().await?;
            let status = response.status();
            let text = response.text().await?;
            ensure!(!text.contains("urn:heddle:problem:no_route"), "{method} {path} is not served");
            let refused = status == StatusCode::METHOD_NOT_ALLOWED;
            ensure!(refused != told.contains(&method), "{method} {path}: {status} {text}");
        }
    }
    Ok(())
}

/// Routes are added in one way only, the one that also puts them into the document.
#[test]
fn no_route_goes_past_the_document() -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src/api");
    let mut files = 0;
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        if path.is_file() {
            files += 1;
            let text = fs::read_to_string(&path)?;
            for way in [".route(", ".route_service(", ".nest_service("] {
                ensure!(!text.contains(way), "{} has {way}; use routes!", path.display());
            }
        }
    }
    ensure!(files > 10, "{files} files were looked at");
    Ok(())
}
