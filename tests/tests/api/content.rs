//! What runs made: artifacts by ranges and tags, and all of it in an archive.

use std::{collections::BTreeMap, io::Read as _};

use anyhow::{Result, ensure};
use heddle::model::Digest;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{analysed, echo_server, get, problem};

#[tokio::test]
async fn artifacts_and_archives_by_value() -> Result<()> {
    let (server, _directory) = echo_server().await?;
    let run = analysed(&server).await?;
    let id = run["id"].as_str().unwrap();
    let listed = server.get(&format!("/runs/{id}/artifacts")).await?;
    let listed = listed["items"].as_array().unwrap();
    ensure!(listed.len() == 15, "{} files", listed.len());

    let mut contents = BTreeMap::new();
    for artifact in listed {
        let url = artifact["url"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
        let response = get(&server, url, &[]).await?;
        let tag = format!("\"{}\"", artifact["digest"].as_str().unwrap());
        ensure!(response.headers()["etag"] == tag.as_str());
        ensure!(response.headers()["content-type"] == artifact["media_type"].as_str().unwrap());
        ensure!(response.headers()["x-content-type-options"] == "nosniff");
        let bytes = response.bytes().await?;
        ensure!(artifact["digest"] == Digest::of(&bytes).to_string() && artifact["size"] == bytes.len());
        let path = format!("{}/{}", artifact["step"].as_str().unwrap(), artifact["name"].as_str().unwrap());
        contents.insert(path, bytes.to_vec());
    }
    for step in run["steps"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        let bytes = get(&server, &format!("/runs/{id}/steps/{name}/output"), &[]).await?.bytes().await?;
        ensure!(step["output_digest"] == Digest::of(&bytes).to_string());
        contents.insert(format!("{name}/output.json"), bytes.to_vec());
    }

    let download = format!("/runs/{id}/outputs?format=download");
    let first = get(&server, &download, &[]).await?;
    ensure!(first.headers()["content-type"] == "application/zip");
    let first = first.bytes().await?;
    ensure!(
        first == get(&server, &download, &[]).await?.bytes().await?,
        "the archive has the same bytes each time"
    );
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(first))?;
    let mut manifest = String::new();
    archive.by_name("manifest.json")?.read_to_string(&mut manifest)?;
    let manifest: Value = serde_json::from_str(&manifest)?;
    let files = manifest["files"].as_array().unwrap();
    ensure!(files.len() == contents.len() && archive.len() == contents.len() + 1);
    for file in files {
        let path = file["path"].as_str().unwrap();
        let mut bytes = Vec::new();
        archive.by_name(path)?.read_to_end(&mut bytes)?;
        ensure!(bytes == contents[path], "{path}");
        ensure!(file["sha256"] == Digest::of(&bytes).to_string(), "{path}");
    }
    ensure!(manifest["run"] == id && manifest["seed"] == run["seed"] && manifest["as_of"] == run["as_of"]);
    ensure!(manifest["plan"] == run["plan"] && manifest["plugins"] == run["pins"]);
    for (step, told) in run["steps"].as_array().unwrap().iter().zip(manifest["steps"].as_array().unwrap()) {
        ensure!(step["step_key"].is_string() && step["step_key"] == told["step_key"]);
    }

    let outputs = server.get(&format!("/runs/{id}/outputs")).await?;
    let deliverables: Vec<&str> = outputs["deliverables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    ensure!(
        deliverables
            == [
                "tickets_structured.json",
                "categorization_results.json",
                "category_distribution.png",
                "priority_scores.json",
                "priority_matrix.png",
                "solutions.json",
                "dashboard.html",
                "analytics_summary.json"
            ],
        "{deliverables:?}"
    );

    // A part, as the client asks for it; and nothing, if it has all of it.
    let path = format!("/runs/{id}/artifacts/analytics_dashboard/dashboard.html");
    let whole = &contents["analytics_dashboard/dashboard.html"];
    let part = get(&server, &path, &[("range", "bytes=10-19")]).await?;
    ensure!(part.status() == StatusCode::PARTIAL_CONTENT);
    ensure!(part.headers()["content-range"] == format!("bytes 10-19/{}", whole.len()).as_str());
    ensure!(part.bytes().await? == whole[10..20]);
    let tail = get(&server, &path, &[("range", "bytes=-5")]).await?;
    ensure!(tail.bytes().await? == whole[whole.len() - 5..]);
    let beyond = get(&server, &path, &[("range", &format!("bytes={}-", whole.len()))]).await?;
    ensure!(beyond.headers()["content-range"] == format!("bytes */{}", whole.len()).as_str());
    problem(beyond, StatusCode::RANGE_NOT_SATISFIABLE, "range").await?;
    let tag = format!("\"{}\"", Digest::of(whole));
    let same = get(&server, &path, &[("if-none-match", &format!("\"x\", {tag}"))]).await?;
    ensure!(same.status() == StatusCode::NOT_MODIFIED && same.bytes().await?.is_empty());

    // A tenant's page may not act as the host's origin; saved, it is a file like any other.
    let shown = get(&server, &path, &[]).await?;
    let policy = shown.headers()["content-security-policy"].to_str()?;
    ensure!(policy.starts_with("sandbox") && !policy.contains("allow-same-origin"), "{policy}");
    ensure!(shown.headers()["content-disposition"] == "inline; filename=\"dashboard.html\"");
    let saved = get(&server, &format!("{path}?download=1"), &[]).await?;
    ensure!(saved.headers()["content-disposition"] == "attachment; filename=\"dashboard.html\"");
    ensure!(!saved.headers().contains_key("content-security-policy"));
    let version = get(&server, &format!("{path}?version=2"), &[]).await?;
    problem(version, StatusCode::NOT_FOUND, "not_found").await?;
    Ok(())
}
