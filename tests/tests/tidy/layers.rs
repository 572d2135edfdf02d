//! Which module of the host may import which: `cli → api → engine → {sandbox, store, …} → model`.

/// Each module with those that it may import. The order is the direction: nobody imports what stands above.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "cli",
        &["api", "engine", "plugins", "sandbox", "store", "artifacts", "events", "schema", "error", "model"],
    ),
    ("api", &["engine", "plugins", "sandbox", "store", "artifacts", "events", "schema", "error", "model"]),
    ("engine", &["plugins", "sandbox", "store", "artifacts", "events", "schema", "error", "model"]),
    // Siblings do not know each other, but plugins are compiled by the sandbox.
    ("plugins", &["sandbox", "schema", "error", "model"]),
    ("sandbox", &["schema", "error", "model"]),
    ("store", &["schema", "error", "model"]),
    ("artifacts", &["schema", "error", "model"]),
    ("events", &["schema", "error", "model"]),
    ("schema", &["error", "model"]),
    ("error", &["model"]),
    ("model", &[]),
];

/// Complains of imports that go upward or sideways.
pub(crate) fn imports(path: &str, text: &str) -> Vec<String> {
    let Some(own) = module(path) else { return Vec::new() };
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    // The binary's only job is to call the command line.
    let allowed = if own == "main" { Some(&["cli"][..]) } else { layer(own) };
    let Some(allowed) = allowed else {
        return vec![format!(
            "{path}: the module {own} has no place yet; give it one in LAYERS (tests/tests/tidy)"
        )];
    };
    let mut complaints = Vec::new();
    let mut imported: Vec<&str> = Vec::new();
    for prefix in ["crate::", "heddle::"] {
        imported.extend(code.match_indices(prefix).flat_map(|(at, _)| names(&code[at + prefix.len()..])));
    }
    if path.ends_with(&format!("src/{own}/mod.rs")) || path.ends_with(&format!("src/{own}.rs")) {
        imported.extend(code.match_indices("super::").flat_map(|(at, _)| names(&code[at + 7..])));
    } else if code.contains("super::super::") {
        complaints.push(format!("{path}: write `crate::…` instead of climbing by `super::super::`"));
    }
    imported.sort_unstable();
    imported.dedup();
    for name in imported {
        if name != own && layer(name).is_some() && !allowed.contains(&name) {
            complaints.push(format!("{path}: {own} may not import {name} (it may: {})", allowed.join(", ")));
        }
    }
    complaints
}

fn layer(name: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(layer, _)| *layer == name).map(|(_, allowed)| *allowed)
}

/// `host/src/store/rows.rs` is of `store`; `host/src/lib.rs` of none.
fn module(path: &str) -> Option<&str> {
    let name = path.strip_prefix("host/src/")?.split(['/', '.']).next()?;
    (name != "lib").then_some(name)
}

/// The first names of a path: of `store::Row` it is `store`; of `{model::{A, B}, store}` they are `model` and `store`.
fn names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut names = Vec::new();
    let (mut depth, mut expects_name) = (0_usize, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects_name = true,
            _ if expects_name && !character.is_whitespace() => {
                names.push(word(&group[at..]));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upward_is_refused() {
        for (path, bad) in [
            ("host/src/engine/graph.rs", "use crate::api::Server;"),
            ("host/src/model/id.rs", "use crate::error::Error;"),
            ("host/src/error.rs", "use super::store::Row;"),
            ("host/src/sandbox/run.rs", "fn f() { crate::store::open() }"),
            ("host/src/api/mod.rs", "use super::cli::Arguments;"),
            ("host/src/main.rs", "use heddle::engine::Engine;"),
            ("host/src/store/rows.rs", "use crate::{\n    model::{A, B},\n    engine::{self, C},\n};"),
        ] {
            assert_eq!(imports(path, bad).len(), 1, "{path}: {bad}");
        }
    }

    #[test]
    fn sideways_is_refused_but_for_plugins_to_sandbox() {
        assert_eq!(imports("host/src/store/a.rs", "use crate::artifacts::Blobs;").len(), 1);
        assert_eq!(imports("host/src/plugins/a.rs", "use crate::{sandbox::Engine, store::Row};").len(), 1);
        assert!(imports("host/src/plugins/a.rs", "use crate::sandbox::Engine;").is_empty());
    }

    #[test]
    fn climbing_and_homeless_modules_are_refused() {
        assert_eq!(imports("host/src/engine/core/a.rs", "use super::super::graph;").len(), 1);
        assert_eq!(imports("host/src/utilities.rs", "").len(), 1);
    }

    #[test]
    fn downward_inward_and_comments_are_fine() {
        let code = "//! Called by [`crate::api`].\nuse crate::{engine::graph, model::{self, api}};\nuse super::plugins;";
        assert!(imports("host/src/engine/start.rs", code).is_empty());
        assert!(imports("host/src/main.rs", "heddle::cli::main()").is_empty());
        assert!(imports("host/src/lib.rs", "pub mod api;").is_empty());
    }

    #[test]
    fn the_table_itself_only_points_down() {
        for (index, (name, allowed)) in LAYERS.iter().enumerate() {
            for below in *allowed {
                let position = LAYERS.iter().position(|(layer, _)| layer == below);
                assert!(position.is_some_and(|position| position > index), "{name} → {below}");
            }
        }
    }
}
