//! Components written by hand, for what no compiler of Rust would make.

use serde_json::{Value, json};

/// A plugin of the world `heddle:plugin/plugin@0.1`, in WebAssembly text, with places to misbehave in.
pub(crate) struct Wat {
    pub(crate) manifest: Value,
    /// Component-level items before everything else: imports.
    pub(crate) imports: String,
    /// Component-level items after them: more core modules.
    pub(crate) modules: String,
    /// Items of the core module.
    pub(crate) items: String,
    /// Instructions before `manifest` returns.
    pub(crate) in_manifest: String,
    /// Instructions before `execute` returns.
    pub(crate) in_execute: String,
    /// What `execute` returns, as text of a WebAssembly string.
    pub(crate) output: String,
}

impl Default for Wat {
    fn default() -> Self {
        Self {
            manifest: json!({ "name": "by-hand", "version": "0.1.0", "phases": [{ "name": "it" }] }),
            imports: String::new(),
            modules: String::new(),
            items: String::new(),
            in_manifest: String::new(),
            in_execute: String::new(),
            output: "true".to_owned(),
        }
    }
}

/// As a string of WebAssembly text.
fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

impl Wat {
    /// The component.
    pub(crate) fn assemble(&self) -> Vec<u8> {
        let manifest = self.manifest.to_string();
        let (length, manifest) = (manifest.len(), quoted(&manifest));
        let Self { imports, modules, items, in_manifest, in_execute, output, .. } = self;
        // Addresses: 0 the results of manifest, 16 of validate, 32 of execute, 64 the output, 1024 the manifest,
        // 32768 what is passed in.
        let output_length = 4;
        let text = format!(
            r#"(component
              {imports}
              (import "heddle:plugin/types@0.1.0" (instance $types
                (type $p (record (field "path" string) (field "message" string)))
                (export "problem" (type $problem (eq $p)))
                (type $o (variant (case "completed" string) (case "skipped" string)))
                (export "outcome" (type $outcome (eq $o)))
                (type $list (list $problem))
                (type $e (variant (case "invalid-input" $list) (case "retryable" string) (case "failed" string)))
                (export "phase-error" (type $error (eq $e)))))
              (alias export $types "problem" (type $problem))
              (alias export $types "outcome" (type $outcome))
              (alias export $types "phase-error" (type $error))
              {modules}
              (core module $m
                (memory (export "memory") 1)
                (table $table 1 funcref)
                (data (i32.const 64) "{output}")
                (data (i32.const 1024) "{manifest}")
                (global $next (mut i32) (i32.const 32768))
                {items}
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                  global.get $next
                  (global.set $next (i32.add (global.get $next) (local.get 3))))
                (func (export "manifest") (result i32)
                  {in_manifest}
                  (i32.store (i32.const 0) (i32.const 1024))
                  (i32.store (i32.const 4) (i32.const {length}))
                  (i32.const 0))
                (func (export "validate") (param i32 i32 i32 i32) (result i32)
                  (i32.const 16))
                (func (export "execute") (param i32 i32 i32 i32) (result i32)
                  {in_execute}
                  (i32.store (i32.const 40) (i32.const 64))
                  (i32.store (i32.const 44) (i32.const {output_length}))
                  (i32.const 32)))
              (core instance $i (instantiate $m))
              (func (export "manifest") (result string)
                (canon lift (core func $i "manifest") (memory (core memory $i "memory"))))
              (func (export "validate") (param "phase" string) (param "input" string) (result (list $problem))
                (canon lift (core func $i "validate") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
              (func (export "execute") (param "phase" string) (param "input" string)
                  (result (result $outcome (error $error)))
                (canon lift (core func $i "execute") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }
}
