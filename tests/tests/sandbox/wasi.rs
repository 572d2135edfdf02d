//! Components for wasm32-wasip2: their standard library gets a WASI with nothing in it.

use serde_json::{Value, json};

use crate::support::{Attempt, example};

#[tokio::test]
async fn a_wasi_component_runs_as_one_without() {
    let (plain, wasi) = (example("echo").await, example("echo-wasip2").await);
    assert!(!plain.uses_wasi() && wasi.uses_wasi());
    assert_eq!(plain.manifest(), wasi.manifest());
    let attempt = || Attempt::new("echo", &json!({ "x": 1 })).files(&[("input/a.txt", b"abc")]);
    let (one, other) = (attempt().run(&plain).await, attempt().run(&wasi).await);
    assert_eq!(one.output(), other.output());
}

#[tokio::test]
async fn wasi_has_the_given_clock_and_random_and_nothing_else() {
    let wasi = example("echo-wasip2").await;
    let surroundings = |seed, now_ms| {
        let attempt = Attempt::new("surroundings", &Value::Null).with(|request| {
            request.seed = [seed; 32];
            request.now_ms = now_ms;
        });
        attempt.run(&wasi)
    };
    let first = surroundings(1, 1_767_225_600_000).await;
    let output = first.output();
    assert_eq!(output["wall_clock_ms"], 1_767_225_600_000_u64);
    assert_eq!(output["environment"], json!([]));
    assert_eq!(output["arguments"], json!([]));
    assert_eq!(output["root"], "error");
    assert_eq!(output["connection"], "error");
    let lines: Vec<_> = first.report.log.iter().map(|l| (l.level, l.message.as_str())).collect();
    use heddle::sandbox::LogLevel::{Error, Info};
    assert_eq!(lines, [(Info, "to standard output"), (Error, "to standard error")]);
    assert_eq!(output, surroundings(1, 1_767_225_600_000).await.output(), "the same again");
    let other = surroundings(2, 1_767_225_600_000).await.output();
    assert_ne!(output["hash"], other["hash"], "std's hash maps are seeded from the seed");
    assert_eq!(output["elapsed_ns"], other["elapsed_ns"]);
}
