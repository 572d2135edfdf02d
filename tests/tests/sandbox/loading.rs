//! From a file to a plugin: what is refused and how, compiling under limits, the cache.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use heddle::sandbox::{LoadError, Sandbox};
use heddle_tests::PATIENCE;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    component::Wat,
    support::{config, sandbox},
};

async fn refused(bytes: &[u8]) -> LoadError {
    let error = sandbox().load(bytes).await.unwrap_err();
    assert!(!error.to_string().is_empty());
    error
}

#[tokio::test]
async fn what_is_no_plugin_is_told_apart() {
    let component = Wat::default().assemble();
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(refused(&module).await, LoadError::CoreModule));
    assert!(matches!(refused(b"").await, LoadError::NotWasm { .. }));
    assert!(matches!(refused(&[7; 1_000]).await, LoadError::NotWasm { .. }));
    assert!(matches!(refused(&component[..component.len() / 2]).await, LoadError::Invalid { .. }));
    let mut broken = component.clone();
    broken.truncate(8);
    broken.extend([0xff; 100]);
    assert!(matches!(refused(&broken).await, LoadError::Invalid { .. }));

    let empty = wat::parse_str("(component)").unwrap();
    let error = refused(&empty).await;
    assert!(matches!(error, LoadError::OtherWorld { .. }));
    let text = error.to_string();
    assert!(text.contains("exports nothing") && text.contains("heddle:plugin/plugin@0.1"), "{text}");

    let other = r#"(component (core module $m (func (export "f") (result i32) i32.const 1))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))
        (export "manifest" (func $f)) (export "validate" (func $f)) (export "execute" (func $f)))"#;
    let error = refused(&wat::parse_str(other).unwrap()).await;
    assert!(matches!(error, LoadError::OtherWorld { .. }), "{error:?}");
}

#[tokio::test]
async fn a_component_that_is_too_large_is_not_even_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    config.max_component_bytes = 1_000;
    let sandbox = Sandbox::new(config).unwrap();
    let error = sandbox.load(vec![0; 1_001]).await.unwrap_err().to_string();
    assert!(error.contains("1001 bytes") && error.contains("1000"), "{error}");
    let path = dir.path().join("big.wasm");
    fs::write(&path, [0; 1_001]).unwrap();
    assert!(matches!(sandbox.load_file(&path).await, Err(LoadError::TooLarge { size: 1_001, limit: 1_000 })));
    let missing = sandbox.load_file(&dir.path().join("gone.wasm")).await.unwrap_err().to_string();
    assert!(missing.contains("No such file"), "{missing}");
}

/// A compiler that counts how often it is started.
fn counting_compiler(dir: &TempDir, before: &str) -> (PathBuf, PathBuf) {
    let (script, count) = (dir.path().join("compiler.sh"), dir.path().join("count"));
    let heddle = heddle_tests::heddle_bin();
    let text =
        format!("#!/bin/sh\necho >> {}\n{before}\nexec {} \"$@\"\n", count.display(), heddle.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    (script, count)
}

fn starts(count: &Path) -> usize {
    fs::read_to_string(count).unwrap_or_default().lines().count()
}

fn compiled(dir: &TempDir) -> PathBuf {
    let entries = fs::read_dir(dir.path().join("cache")).unwrap();
    let mut paths =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "cwasm"));
    paths.next().unwrap()
}

#[tokio::test]
async fn a_component_is_compiled_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (compiler, count) = counting_compiler(&dir, "sleep 0.2");
    let mut config = config(&dir);
    config.compiler = compiler;
    config.max_instances = 4;
    let component = Wat::default().assemble();
    let first = Sandbox::new(config.clone()).unwrap();
    let loads = (0..8).map(|_| first.load(component.clone()));
    let plugins: Vec<_> = futures::future::join_all(loads).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(starts(&count), 1, "eight loads at once");
    assert!(plugins.iter().all(|p| std::sync::Arc::ptr_eq(p, &plugins[0])));
    drop((plugins, first));

    let second = Sandbox::new(config.clone()).unwrap();
    second.load(component.clone()).await.unwrap();
    assert_eq!(starts(&count), 1, "another host finds the code");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("cache")), 0o700);

    // Damage is found, and mended.
    let code = compiled(&dir);
    let mut bytes = fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&code, &bytes).unwrap();
    let third = Sandbox::new(config.clone()).unwrap();
    third.load(component.clone()).await.unwrap();
    assert_eq!(starts(&count), 2, "damaged code is made again");
    bytes[middle] ^= 1;
    assert!(fs::read(&code).unwrap() == bytes, "and is what it was");

    // Code of one component does not pass for another's, checksum or not.
    let other = Wat { output: "null".to_owned(), ..Wat::default() }.assemble();
    let name = code.file_name().unwrap().to_str().unwrap();
    let stolen = name.replacen(&name[..64], &heddle::model::Digest::of(&other).to_string(), 1);
    for extension in ["cwasm", "sha256"] {
        let to = code.with_file_name(&stolen).with_extension(extension);
        fs::copy(code.with_extension(extension), to).unwrap();
    }
    Sandbox::new(config).unwrap().load(other).await.unwrap();
    assert_eq!(starts(&count), 3);

    // And from outside it is never taken.
    assert!(matches!(refused(&bytes).await, LoadError::Precompiled));
}

async fn limited(
    change: impl FnOnce(&TempDir, &mut heddle::sandbox::SandboxConfig),
    component: &[u8],
) -> LoadError {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir);
    config.max_instances = 4;
    change(&dir, &mut config);
    let error = Sandbox::new(config).unwrap().load(component).await.unwrap_err();
    let left: Vec<_> = fs::read_dir(dir.path().join("cache")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "nothing half-made is left: {left:?}");
    error
}

#[track_caller]
fn breach(error: LoadError, limit: &str, value: u64) {
    let text = error.to_string();
    assert!(text.contains(limit) && text.contains(&value.to_string()), "{text}");
    let LoadError::CompileLimit(failure) = error else { panic!("{error:?}") };
    let breach = failure.breach.unwrap();
    assert_eq!((breach.limit.as_str(), breach.value), (limit, value));
}

#[tokio::test]
async fn compiling_is_bounded_in_time_processor_and_memory() {
    let small = Wat::default().assemble();
    let began = Instant::now();
    let error = limited(
        |dir, config| {
            config.compiler = counting_compiler(dir, "exec sleep 600").0;
            config.compile.wall = Duration::from_millis(300);
        },
        &small,
    )
    .await;
    breach(error, "compile_wall_ms", 300);
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());

    let error = limited(|_, config| config.compile.memory_bytes = 4 << 20, &small).await;
    breach(error, "compile_memory_bytes", 4 << 20);

    // More functions than can be compiled in a second.
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.load (local.get 0))))".repeat(200);
    let items: String = (0..2_000).map(|_| format!("(func (param i32 i32) {body})\n")).collect();
    let large = Wat { items, ..Wat::default() }.assemble();
    let error = limited(|_, config| config.compile.cpu_seconds = 1, &large).await;
    breach(error, "compile_cpu_seconds", 1);
}

#[tokio::test]
async fn a_compiler_that_is_not_there_or_fails_is_the_hosts_fault() {
    let small = Wat::default().assemble();
    let error = limited(|_, config| config.compiler = "/nonexistent/heddle".into(), &small).await;
    assert!(
        matches!(&error, LoadError::Compiler { message } if message.contains("could not be started: No such file")),
        "{error}"
    );
    let fail = "echo it broke >&2; exit 3";
    let error = limited(|dir, config| config.compiler = counting_compiler(dir, fail).0, &small).await;
    assert!(matches!(&error, LoadError::Compiler { message } if message.contains("it broke")), "{error}");
}

#[test]
fn a_compiling_process_ends_with_its_host() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.wasm"), dir.path().join("out"));
    let body =
        "(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.load (local.get 0))))".repeat(200);
    let items: String = (0..4_000).map(|_| format!("(func (param i32 i32) {body})\n")).collect();
    fs::write(&input, Wat { items, ..Wat::default() }.assemble()).unwrap();
    let script = r#""$0" compile-plugin --input "$1" --output "$2" --memory-bytes 4000000000 --cpu-seconds 100 \
        --parent $$ & echo $!; wait"#;
    let mut host = Command::new("sh")
        .args(["-c", script])
        .args([heddle_tests::heddle_bin(), input, output.clone()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut child).unwrap();
    let status = format!("/proc/{}/status", child.trim());
    let alive = || fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(alive(), "it compiles for longer than half a second");
    host.kill().unwrap();
    host.wait().unwrap();
    let end = Instant::now() + PATIENCE;
    while alive() {
        assert!(Instant::now() < end, "the compiling process outlives its host");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!output.exists());
}

#[tokio::test]
async fn without_address_space_instances_are_allocated_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("p.wasm");
    let manifest = json!({ "name": "by-hand", "version": "0.1.0", "phases": [{ "name": "it" }] });
    fs::write(&plugin, Wat { manifest, ..Wat::default() }.assemble()).unwrap();
    // 40 GB: room for some instances of 4 GiB each, and for no pool.
    let inspect = r#"ulimit -v 40000000; exec "$0" plugin inspect "$1""#;
    let output = Command::new("sh")
        .args(["-c", inspect])
        .args([heddle_tests::heddle_bin(), plugin])
        .env("RUST_LOG", "heddle=info")
        .env("HEDDLE_DATA_DIR", dir.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("by-hand"));
    assert!(said.contains("on demand"), "{said}");
}
