//! Rules about the text of a file.

/// Lines of a source file.
const LIMIT: usize = 450;
/// Lines of a file of tests: they are read one test at a time.
const TEST_LIMIT: usize = 700;

/// Files that may be longer, and why a split would make them worse.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[];

/// How many lines this file may have.
pub(crate) fn limit(path: &str) -> usize {
    let is_test = path.contains("/tests/") || path.starts_with("tests/") || path.ends_with("/tests.rs");
    if is_test { TEST_LIMIT } else { LIMIT }
}

/// A module begins with `//!`: what it is for.
pub(crate) fn module_docs(path: &str, text: &str) -> Vec<String> {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let documented =
        first.and_then(|line| line.strip_prefix("//!")).is_some_and(|words| words.trim().len() > 1);
    if documented {
        Vec::new()
    } else {
        vec![format!("{path}: begin with `//!` and what this module is for")]
    }
}

/// A file is short enough to be read in one go.
pub(crate) fn length(path: &str, text: &str) -> Vec<String> {
    let (lines, limit) = (text.lines().count(), limit(path));
    if lines <= limit || LONG_FILES.iter().any(|(file, _)| *file == path) {
        return Vec::new();
    }
    vec![format!("{path}: {lines} lines; split it by subject (at most {limit}, or LONG_FILES with a reason)")]
}

/// Nothing says that it is to be done later. The words are put together here so that this file passes.
pub(crate) fn unfinished(path: &str, text: &str) -> Vec<String> {
    let words =
        [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("TO", "DO"), concat!("FIX", "ME")];
    complain(path, text, &words, "do it, or say in the issue why not")
}

/// No path of somebody's machine and no package server: what is committed works elsewhere.
pub(crate) fn machines(path: &str, text: &str) -> Vec<String> {
    let words = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!(":\\Us", "ers\\"),
        concat!("/tmp/", "bash"),
        concat!("arti", "factory"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("registry.", "npmjs"),
        concat!("files.python", "hosted"),
        concat!("pypi.", "org/simple"),
        concat!("proxy.", "golang.org"),
        concat!("deb.", "debian.org"),
    ];
    complain(path, text, &words, "name no machine's folders and no package server")
}

/// Lines end with what one sees, and the last one ends.
pub(crate) fn line_ends(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            complaints.push(format!("{path}:{}: white space at the line's end", index + 1));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        complaints.push(format!("{path}: the last line does not end"));
    }
    complaints
}

fn complain(path: &str, text: &str, words: &[&str], advice: &str) -> Vec<String> {
    let found = |line: &str| words.iter().copied().find(|word| starts_as_word(line, word));
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(index, line)| Some(format!("{path}:{}: `{}`: {advice}", index + 1, found(line)?)))
        .collect()
}

/// Whether the line has the word, not as the end of a longer one: a folder `work` inside another names no machine.
fn starts_as_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.' || c == '}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_docs_complains() {
        assert_eq!(module_docs("a.rs", "use x;\n").len(), 1);
        assert_eq!(module_docs("a.rs", "").len(), 1);
        assert_eq!(module_docs("a.rs", "//!\nuse x;\n").len(), 1);
        assert_eq!(module_docs("a.rs", "// Not a module's documentation.\n").len(), 1);
        assert!(module_docs("a.rs", "//! What it is for.\n").is_empty());
    }

    #[test]
    fn length_complains() {
        assert_eq!(length("host/src/a.rs", &"\n".repeat(LIMIT + 1)).len(), 1);
        assert!(length("host/src/a.rs", &"\n".repeat(LIMIT)).is_empty());
        for test in ["tests/tests/a.rs", "plugins/kit/tests/a.rs", "host/src/store/tests.rs"] {
            assert!(length(test, &"\n".repeat(LIMIT + 1)).is_empty());
            assert_eq!(length(test, &"\n".repeat(TEST_LIMIT + 1)).len(), 1);
        }
    }

    #[test]
    fn unfinished_complains() {
        for bad in [concat!("// TO", "DO: later"), concat!("to", "do!()"), concat!("x # FIX", "ME")] {
            assert_eq!(unfinished("a", &format!("fine\n{bad}\n")).len(), 1, "{bad}");
        }
        assert_eq!(unfinished("a.rs", concat!("unimple", "mented!(\"x\")")).len(), 1);
        assert!(unfinished("a.md", "The mastodon is done.\n").is_empty());
    }

    #[test]
    fn machines_complains() {
        let bad = [
            concat!("see /wo", "rk/x"),
            concat!("\"/ho", "me/ann\""),
            concat!("https://index.", "crates.io/"),
        ];
        for bad in bad {
            assert_eq!(machines("a.md", bad).len(), 1, "{bad}");
        }
        assert!(
            machines("a.md", concat!("the net", "work/path and src/ho", "me/page.rs, ~/.cache")).is_empty()
        );
    }

    #[test]
    fn line_ends_complains() {
        assert_eq!(line_ends("a", "one \ntwo\t\nthree\r\nfour").len(), 4);
        assert!(line_ends("a", "one\n\n  two\n").is_empty());
        assert!(line_ends("a", "").is_empty());
    }
}
