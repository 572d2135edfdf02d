//! XML as Office's formats need it: written in order, escaped, and free of the characters XML 1.0 forbids.

use crate::report::html_escaped;

/// The declaration that begins each part.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// An XML document in the making. Elements are closed by the function that opened them, so that they nest.
pub(crate) struct Xml {
    out: String,
}

impl Xml {
    pub(crate) fn new() -> Xml {
        Xml { out: DECLARATION.to_owned() }
    }

    /// An element with what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Xml)) {
        self.start(name, attributes);
        self.out.push('>');
        inside(self);
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>");
    }

    /// An element that holds text only.
    pub(crate) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.element(name, attributes, |xml| xml.text(text));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.out.push_str(&html_escaped(&printable(text)));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            self.text(&value.replace(['\t', '\n', '\r'], " "));
            self.out.push('"');
        }
    }
}

/// Text with the characters that XML 1.0 forbids (section 2.2: most control characters, U+FFFE and U+FFFF) replaced by
/// U+FFFD, so that something is seen to have been there.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => c,
            c if (c as u32) < 0x20 || matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') => {
                '\u{fffd}'
            }
            c => c,
        })
        .collect()
}
