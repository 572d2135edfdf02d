//! What a file is, and what a component wants: said before anything of it runs.

use std::collections::BTreeSet;

use wasmtime::{
    Engine, Precompiled,
    component::{Component, types::ComponentItem},
};

use super::LoadError;
use crate::model::Capability;

/// What a component imports besides what every plugin has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Imports {
    /// The granted ones.
    pub(super) capabilities: BTreeSet<Capability>,
    /// Whether it imports WASI.
    pub(super) wasi: bool,
}

/// The exports of a plugin.
const EXPORTS: [&str; 3] = ["manifest", "validate", "execute"];
/// The WASI 0.2 packages that are linked.
const WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
/// As many names are in an error.
const NAMES_MAX: usize = 8;

/// Look at the first bytes.
///
/// # Errors
/// If they are not those of a component; says what they are.
pub(super) fn header(bytes: &[u8]) -> Result<(), LoadError> {
    let found = match bytes {
        [] => "the file is empty".to_owned(),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => return Err(LoadError::CoreModule),
        [0, b'a', b's', b'm', version @ .., _] if version.len() >= 3 => {
            format!(
                "WebAssembly of a kind that is not known (version bytes {:02x?})",
                &version[..version.len().min(4)]
            )
        }
        [0x7f, b'E', b'L', b'F', ..] => match Engine::detect_precompiled(bytes) {
            Some(Precompiled::Component | Precompiled::Module) => return Err(LoadError::Precompiled),
            None => "a native program or library (ELF)".to_owned(),
        },
        [b'P', b'K', 3, 4, ..] => "a zip archive".to_owned(),
        [0x1f, 0x8b, ..] => "gzip-compressed data".to_owned(),
        _ => {
            let text = bytes[..bytes.len().min(512)].trim_ascii_start();
            if text.starts_with(b"(component") || text.starts_with(b"(module") {
                "WebAssembly text; assemble it first (wasm-tools parse)".to_owned()
            } else {
                format!("its first bytes are {:02x?}", &bytes[..bytes.len().min(8)])
            }
        }
    };
    Err(LoadError::NotWasm { found })
}

/// Look at what the component imports and exports.
///
/// # Errors
/// If it is a component of another world; says what it exports or imports, and what is expected.
pub(super) fn world(engine: &Engine, component: &Component) -> Result<Imports, LoadError> {
    let world = component.component_type();
    let functions: BTreeSet<&str> = world
        .exports(engine)
        .filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)))
        .map(|(name, _)| name)
        .collect();
    let missing: Vec<&str> = EXPORTS.into_iter().filter(|name| !functions.contains(name)).collect();
    if !missing.is_empty() {
        let exports = list(world.exports(engine).map(|(name, _)| name));
        return Err(LoadError::OtherWorld {
            found: format!("it exports {exports}, and lacks {}", missing.join(", ")),
        });
    }
    let mut imports = Imports::default();
    let mut unknown = Vec::new();
    for (name, _) in world.imports(engine) {
        match known(name) {
            Some(Known::Always) => {}
            Some(Known::Granted(capability)) => drop(imports.capabilities.insert(capability)),
            Some(Known::Wasi) => imports.wasi = true,
            None => unknown.push(name),
        }
    }
    if unknown.is_empty() {
        Ok(imports)
    } else {
        Err(LoadError::UnknownImports { names: list(unknown.into_iter()) })
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| super::log::excerpt(name, 80)).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > NAMES_MAX => format!("{} and {} more", names[..NAMES_MAX].join(", "), n - NAMES_MAX),
        _ => names.join(", "),
    }
}

/// The capability that an import needs, if it is a granted one.
pub(super) fn capability(import: &str) -> Option<Capability> {
    match known(import) {
        Some(Known::Granted(capability)) => Some(capability),
        _ => None,
    }
}

enum Known {
    Always,
    Granted(Capability),
    Wasi,
}

fn known(import: &str) -> Option<Known> {
    let (interface, version) = import.split_once('@')?;
    let version = semver::Version::parse(version).ok()?;
    if let Some(interface) = interface.strip_prefix("heddle:plugin/") {
        if (version.major, version.minor) != (0, 1) || !version.pre.is_empty() {
            return None;
        }
        return Some(match interface {
            "types" | "context" | "artifacts" | "progress" | "log" => Known::Always,
            other => Known::Granted(other.parse().ok()?),
        });
    }
    let package = interface.strip_prefix("wasi:")?.split_once('/')?.0;
    (WASI.contains(&package) && (version.major, version.minor) == (0, 2)).then_some(Known::Wasi)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_component_are_told_apart() {
        let error = |bytes: &[u8]| header(bytes).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error(b"").contains("empty"));
        assert!(error(b"\0asm\x01\0\0\0").contains("core module"));
        assert!(error(b"\0asm\x0a\0\x01\0").contains("not known"));
        assert!(error(b"\0as").contains("first bytes"));
        assert!(error(b"PK\x03\x04....").contains("zip"));
        assert!(error(b"\n (component)").contains("text"));
        assert!(error(b"\x7fELF\0").contains("native"));
        assert_eq!(error(b"\0asm\x0d\0\x01\0"), "");
    }

    #[test]
    fn imports_are_known_by_package_and_version() {
        for name in ["heddle:plugin/log@0.1.7", "heddle:plugin/http@0.1.0", "wasi:cli/stdout@0.2.9"] {
            assert!(known(name).is_some(), "{name}");
        }
        for name in [
            "heddle:plugin/log@0.2.0",
            "heddle:plugin/shell@0.1.0",
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:cli/stdout@0.3.0",
            "env",
        ] {
            assert!(known(name).is_none(), "{name}");
        }
    }
}
