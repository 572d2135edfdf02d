//! The rules of the house, checked by code. Each rule is a function from text to complaints, and has a test of its
//! own that shows it complaining.

#![allow(clippy::unwrap_used)]

mod dependencies;
mod layers;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Path from the root, and text, of every file that is committed or would be; those that are not text are left out.
fn files() -> Vec<(String, String)> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = git.output().expect("git is needed to know which files belong to the project");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    let read = |path: &str| Some((path.to_owned(), fs::read_to_string(root().join(path)).ok()?));
    let files: Vec<_> = paths.split_terminator('\0').filter_map(read).collect();
    assert!(files.iter().any(|(path, _)| path == "host/src/lib.rs"), "the list of files is incomplete");
    files
}

/// Runs a rule over the files of which `applies` is true, and fails with all complaints at once.
fn check(applies: impl Fn(&str) -> bool, rule: impl Fn(&str, &str) -> Vec<String>) {
    let files = files();
    let concerned: Vec<_> = files.iter().filter(|(path, _)| applies(path)).collect();
    assert!(!concerned.is_empty(), "the rule applies to no file");
    let complaints: Vec<String> = concerned.iter().flat_map(|(path, text)| rule(path, text)).collect();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn every_module_says_what_it_is_for() {
    check(is_rust, text::module_docs);
}

#[test]
fn files_stay_readable() {
    check(is_rust, text::length);
    let files = files();
    for (path, reason) in text::LONG_FILES {
        let text = files.iter().find(|(file, _)| file == path).map(|(_, text)| text);
        assert!(
            text.is_some_and(|text| text.lines().count() > text::limit(path)),
            "{path} needs no exception any more ({reason}): remove it from LONG_FILES"
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    check(|path| path != "Cargo.lock", text::unfinished);
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    check(|path| path != "Cargo.lock", text::machines);
}

#[test]
fn lines_end_cleanly() {
    check(|path| path != "LICENSE", text::line_ends);
}

#[test]
fn imports_of_the_host_go_one_way() {
    check(|path| path.starts_with("host/src/") && is_rust(path), layers::imports);
}

#[test]
fn dependencies_come_from_the_workspace_table() {
    check(|path| path.ends_with("Cargo.toml"), dependencies::from_the_table);
}

#[test]
fn versions_are_pinned_by_the_lock_file_only() {
    check(|path| path == "Cargo.toml", dependencies::pins);
}
