//! Text with the few styles that a manuscript needs.

/// How a span is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStyle {
    /// As it is.
    #[default]
    Plain,
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Raised and small.
    Superscript,
    /// Lowered and small.
    Subscript,
    /// What a person must still write: marked in every format.
    Placeholder,
}

/// A stretch of text of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The text; never markup.
    pub text: String,
    /// Its style.
    pub style: SpanStyle,
}

/// Text of several styles.
///
/// ```
/// use heddle_kit::document::Text;
/// let text = Text::from("The estimate was ").bold("0.68").plain(" m").superscript("2").plain(".");
/// assert_eq!(text.plain_text(), "The estimate was 0.68 m2.");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    spans: Vec<Span>,
}

impl Text {
    /// Empty text.
    pub fn new() -> Text {
        Text::default()
    }

    /// Adds plain text.
    #[must_use]
    pub fn plain(self, text: impl Into<String>) -> Text {
        self.span(text, SpanStyle::Plain)
    }

    /// Adds bold text.
    #[must_use]
    pub fn bold(self, text: impl Into<String>) -> Text {
        self.span(text, SpanStyle::Bold)
    }

    /// Adds italic text.
    #[must_use]
    pub fn italic(self, text: impl Into<String>) -> Text {
        self.span(text, SpanStyle::Italic)
    }

    /// Adds raised text.
    #[must_use]
    pub fn superscript(self, text: impl Into<String>) -> Text {
        self.span(text, SpanStyle::Superscript)
    }

    /// Adds lowered text.
    #[must_use]
    pub fn subscript(self, text: impl Into<String>) -> Text {
        self.span(text, SpanStyle::Subscript)
    }

    /// Adds what a person must still write: "[TO BE COMPLETED BY sponsor: funding statement]".
    #[must_use]
    pub fn placeholder(self, who: &str, what: &str) -> Text {
        self.span(format!("[TO BE COMPLETED BY {who}: {what}]"), SpanStyle::Placeholder)
    }

    /// Adds a span.
    #[must_use]
    pub fn span(mut self, text: impl Into<String>, style: SpanStyle) -> Text {
        let text = text.into();
        if !text.is_empty() {
            self.spans.push(Span { text, style });
        }
        self
    }

    /// Adds all of another text.
    #[must_use]
    pub fn then(mut self, other: Text) -> Text {
        self.spans.extend(other.spans);
        self
    }

    /// The spans in order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.spans.iter().all(|s| s.text.trim().is_empty())
    }

    /// The text without its styles.
    pub fn plain_text(&self) -> String {
        self.spans.iter().map(|s| s.text.as_str()).collect()
    }

    /// The same text, its plain spans bold.
    pub(super) fn emboldened(&self) -> Text {
        let strong = |s: &Span| match s.style {
            SpanStyle::Plain => Span { style: SpanStyle::Bold, ..s.clone() },
            _ => s.clone(),
        };
        Text { spans: self.spans.iter().map(strong).collect() }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::new().plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::new().plain(text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Text {
        Text::new().plain(text.as_str())
    }
}
