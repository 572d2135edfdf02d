//! Components that no compiler would make: memory, tables and modules beyond the usual, and exports that hang.

use heddle::{
    model::{Capability, FailureKind},
    sandbox::LoadError,
};
use serde_json::{Value, json};

use crate::{
    component::Wat,
    support::{Attempt, Ran, sandbox},
};

const MIB: u64 = 1 << 20;
const FOR_EVER: &str = "(loop $l (br $l))";

async fn load_error(wat: Wat) -> LoadError {
    sandbox().load(wat.assemble()).await.unwrap_err()
}

async fn run(wat: Wat, memory_bytes: u64) -> Ran {
    let plugin = sandbox().load(wat.assemble()).await.unwrap();
    Attempt::new("it", &Value::Null).limits(|limits| limits.memory_bytes = memory_bytes).run(&plugin).await
}

#[tokio::test]
async fn the_smallest_plugin_there_is_runs() {
    assert_eq!(run(Wat::default(), MIB).await.output(), Value::Bool(true));
}

#[tokio::test]
async fn tables_are_memory_too() {
    let in_execute = "(loop $l (br_if $l (i32.ne (i32.const -1)
        (table.grow $table (ref.null func) (i32.const 1000))))) unreachable";
    let wat = || Wat { in_execute: in_execute.to_owned(), ..Wat::default() };
    run(wat(), MIB).await.breach("table_elements", 20_000);
    // One page of memory, and less than the 20,000 elements' 160,000 bytes.
    let ran = run(wat(), 65_536 + 100_000).await;
    ran.breach("memory_bytes", 165_536);
    assert!(ran.report.usage.peak_memory_bytes > 65_536 + 80_000);
}

/// So many memories of 10 MiB, each in a module of its own.
fn memories(count: u32) -> String {
    (0..count)
        .map(|i| format!("(core module $m{i} (memory 160)) (core instance (instantiate $m{i}))\n"))
        .collect()
}

#[tokio::test]
async fn all_memories_are_summed() {
    let wat = |count| Wat { modules: memories(count), ..Wat::default() };
    let ran = run(wat(3), 40 * MIB).await;
    ran.output();
    assert_eq!(ran.report.usage.peak_memory_bytes, 30 * MIB + 65_536 + 8);
    let ran = run(wat(3), 25 * MIB).await;
    assert_eq!(ran.breach("memory_bytes", 25 * MIB).breach.as_ref().unwrap().used, 30 * MIB);
    let error = load_error(wat(5)).await.to_string();
    assert!(error.contains("memories") && error.contains('4'), "{error}");
}

#[tokio::test]
async fn an_instance_that_is_too_large_from_the_start_is_refused() {
    let modules = "(core module $big (memory 16000)) (core instance (instantiate $big))".to_owned();
    match load_error(Wat { modules, ..Wat::default() }).await {
        LoadError::ManifestCall(failure) => assert_eq!(failure.breach.unwrap().limit, "memory_bytes"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_manifest_that_never_comes_is_not_waited_for() {
    let in_manifest = FOR_EVER.to_owned();
    let start = format!("(func $start {FOR_EVER}) (start $start)");
    for wat in [Wat { in_manifest, ..Wat::default() }, Wat { items: start, ..Wat::default() }] {
        match load_error(wat).await {
            LoadError::ManifestCall(failure) => assert_eq!(failure.breach.unwrap().limit, "cpu_ms"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_manifest_is_checked_in_whole() {
    let manifest = json!({
        "name": "By Hand",
        "version": "one",
        "phases": [{ "name": "it", "outputs": [{ "file": "../x", "kind": "text" }],
            "output_schema": { "$ref": "http://127.0.0.1:1/x" } }],
    });
    match load_error(Wat { manifest, ..Wat::default() }).await {
        LoadError::Manifest { problems } => {
            let paths: Vec<_> = problems.iter().map(|p| p.path.as_str()).collect();
            assert_eq!(paths, ["/name", "/version", "/phases/0/outputs/0/file", "/phases/0/output_schema"]);
        }
        other => panic!("{other:?}"),
    }
    let manifest = json!({ "name": "by-hand", "version": "0.1.0", "phases": [], "colour": "red" });
    let error = load_error(Wat { manifest, ..Wat::default() }).await.to_string();
    assert!(error.contains("colour"), "{error}");
    let error = load_error(Wat { manifest: json!([1]), ..Wat::default() }).await.to_string();
    assert!(error.contains("manifest document"), "{error}");
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let ran = run(Wat { output: r"\ff\fe\fd\fc".to_owned(), ..Wat::default() }, MIB).await;
    assert!(ran.failure(FailureKind::Trapped).message.contains("utf-8"));
}

#[tokio::test]
async fn what_is_imported_must_be_declared_granted_and_offered() {
    let secrets = r#"(import "heddle:plugin/secrets@0.1.0" (instance
        (export "get" (func (param "name" string) (result (result (list u8) (error string)))))))"#;
    let approvals = r#"(import "heddle:plugin/approvals@0.1.0" (instance
        (export "request" (func (param "request" string) (result (result string (error string)))))))"#;
    let wat = |imports: &str, capabilities: Value| Wat {
        manifest: json!({ "name": "by-hand", "version": "0.1.0", "phases": [{ "name": "it" }],
            "capabilities": capabilities }),
        imports: imports.to_owned(),
        ..Wat::default()
    };
    let error = load_error(wat(secrets, json!([]))).await.to_string();
    assert!(error.contains("heddle:plugin/secrets") && error.contains("does not declare"), "{error}");

    // Whether a phase calls what the component imports, nobody knows unless it says so.
    let plugin = sandbox().load(wat(approvals, json!(["approvals"])).assemble()).await.unwrap();
    let ran = Attempt::new("it", &Value::Null).run(&plugin).await;
    let message = &ran.failure(FailureKind::PluginUnavailable).message;
    assert!(message.contains("`heddle plugin grant by-hand approvals` grants it"), "{message}");
    let granted = Attempt::new("it", &Value::Null)
        .with(|r| r.granted = std::sync::Arc::new([Capability::Approvals].into()));
    assert_eq!(granted.run(&plugin).await.output(), json!(true));

    let plugin = sandbox().load(wat(secrets, json!(["secrets"])).assemble()).await.unwrap();
    assert_eq!(plugin.capabilities().iter().collect::<Vec<_>>(), [&Capability::Secrets]);
    let granted = Attempt::new("it", &Value::Null)
        .with(|r| r.granted = std::sync::Arc::new([Capability::Secrets].into()));
    let ran = granted.run(&plugin).await;
    let message = &ran.failure(FailureKind::PluginUnavailable).message;
    assert!(message.contains("this host does not offer secrets"), "{message}");

    // An import of another shape than the host has.
    let odd = r#"(import "heddle:plugin/approvals@0.1.0" (instance
        (export "request" (func (param "request" u32)))))"#;
    let error = load_error(wat(odd, json!(["approvals"]))).await;
    assert!(
        matches!(error, LoadError::OtherWorld { .. }) && error.to_string().contains("approvals"),
        "{error}"
    );
}

#[tokio::test]
async fn unknown_imports_are_named() {
    for name in ["wasi:http/types@0.2.0", "heddle:plugin/shell@0.1.0", "evil:thing/it@1.0.0", "plain"] {
        let imports = format!(r#"(import "{name}" (instance (export "run" (func))))"#);
        let error = load_error(Wat { imports, ..Wat::default() }).await;
        assert!(matches!(error, LoadError::UnknownImports { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // A known interface with another function in it.
    let imports = r#"(import "heddle:plugin/log@0.1.0" (instance (export "erase" (func))))"#.to_owned();
    let error = load_error(Wat { imports, ..Wat::default() }).await;
    assert!(matches!(error, LoadError::OtherWorld { .. }) && error.to_string().contains("erase"), "{error}");
}
