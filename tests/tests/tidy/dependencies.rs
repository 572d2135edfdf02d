//! Dependencies have one version each, in the workspace's table; Cargo.lock alone says exactly which.

use toml::{Table, Value};

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// A member takes every dependency from `[workspace.dependencies]`.
pub(crate) fn from_the_table(path: &str, text: &str) -> Vec<String> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let mut complaints = Vec::new();
    for table in targets.filter_map(Value::as_table).chain([&manifest]) {
        for kind in KINDS {
            let Some(dependencies) = table.get(kind).and_then(Value::as_table) else { continue };
            for (name, dependency) in dependencies {
                if dependency.get("workspace").and_then(Value::as_bool) != Some(true) {
                    complaints
                        .push(format!("{path}: take {name} from the workspace: `{name}.workspace = true`"));
                }
            }
        }
    }
    complaints
}

/// The table asks for compatible versions: an exact one would keep security fixes out, and Cargo.lock has it anyway.
pub(crate) fn pins(path: &str, text: &str) -> Vec<String> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let table = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    let Some(table) = table else { return vec![format!("{path}: there is no [workspace.dependencies]")] };
    let mut complaints = Vec::new();
    for (name, dependency) in table {
        let version = dependency.as_str().or_else(|| dependency.get("version").and_then(Value::as_str));
        match version {
            Some(version) if version.contains(['=', '<', '~', '*']) => {
                complaints
                    .push(format!("{path}: {name} is pinned to {version:?}; say the oldest that works"));
            }
            None if dependency.get("path").is_none() => {
                complaints.push(format!("{path}: {name} has neither a version nor a path"));
            }
            _ => {}
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_ones_own_is_refused() {
        for bad in [
            "[dependencies]\nserde = \"1\"",
            "[dev-dependencies]\nserde = { version = \"1\", features = [\"derive\"] }",
            "[build-dependencies.serde]\npath = \"../serde\"",
            "[target.'cfg(unix)'.dependencies]\nserde = \"1\"",
            "not toml",
        ] {
            assert_eq!(from_the_table("a/Cargo.toml", bad).len(), 1, "{bad}");
        }
        let good = "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"x\"] }";
        assert!(from_the_table("a/Cargo.toml", good).is_empty());
    }

    #[test]
    fn a_pin_is_refused() {
        for bad in ["\"=1.2.3\"", "{ version = \"=1.2.3\" }", "\">=1, <2\"", "\"*\"", "{ git = \"g\" }"] {
            assert_eq!(pins("Cargo.toml", &format!("[workspace.dependencies]\na = {bad}")).len(), 1, "{bad}");
        }
        assert_eq!(pins("Cargo.toml", "[workspace]").len(), 1);
        let good = "[workspace.dependencies]\na = \"1\"\nb = { path = \"b\" }\nc = { version = \"1.2.3\" }";
        assert!(pins("Cargo.toml", good).is_empty());
    }
}
