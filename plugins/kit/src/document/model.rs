//! A document as data.

use jiff::Timestamp;

use super::DocumentError;
use super::table::Table;
use super::text::{SpanStyle, Text};
use crate::plot::{Figure, png_size};

/// What a document says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The title.
    pub title: String,
    /// Who wrote it; may be empty.
    pub author: String,
    /// What it is about, in a sentence; may be empty.
    pub subject: String,
    /// The language as a BCP 47 tag ("en-GB").
    pub language: String,
    /// When it was made. Nothing else tells the time to a document.
    pub created: Timestamp,
}

impl Meta {
    /// A document in British English without author.
    pub fn new(title: impl Into<String>, created: Timestamp) -> Meta {
        Meta {
            title: title.into(),
            author: String::new(),
            subject: String::new(),
            language: "en-GB".to_owned(),
            created,
        }
    }

    /// The author.
    #[must_use]
    pub fn author(mut self, author: impl Into<String>) -> Meta {
        self.author = author.into();
        self
    }

    /// The subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Meta {
        self.subject = subject.into();
        self
    }
}

/// A figure with what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub(super) caption: Text,
    pub(super) description: String,
    pub(super) path: String,
    pub(super) figure: Figure,
}

impl Picture {
    /// A figure with its caption, the description for those who cannot see it, and the path by which a Markdown document
    /// refers to its PNG. It is drawn as wide as the page's text: one of 960 pixels' width has its labels there in 8 points.
    pub fn new(
        figure: Figure,
        caption: impl Into<Text>,
        description: impl Into<String>,
        path: impl Into<String>,
    ) -> Picture {
        Picture { caption: caption.into(), description: description.into(), path: path.into(), figure }
    }

    /// Width and height of the PNG in pixels.
    pub(super) fn pixels(&self) -> Result<(u32, u32), DocumentError> {
        png_size(&self.figure.png).ok_or_else(|| {
            DocumentError::Picture(self.caption.plain_text(), "its PNG has no header with a size".to_owned())
        })
    }
}

/// One part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading of level 1 to 4, below the title.
    Heading(u8, Text),
    /// A paragraph.
    Paragraph(Text),
    /// A bulleted list.
    Bullets(Vec<Text>),
    /// A numbered list.
    Numbered(Vec<Text>),
    /// A table with its number as it is written ("Table 1").
    Table(String, Table),
    /// A figure with its number as it is written ("Figure 1").
    Figure(String, Box<Picture>),
    /// What follows begins a page (or, in Markdown, a section).
    PageBreak,
}

/// A document.
///
/// ```
/// use heddle_kit::document::{Document, Meta, Text};
/// let mut document = Document::new(Meta::new("A trial", jiff::Timestamp::UNIX_EPOCH).author("Trial office"));
/// document.heading(1, "Results").paragraph(Text::from("p < 0.05. ").placeholder("investigator", "interpretation"));
/// assert!(document.markdown().contains("p &lt; 0.05. <mark>**\\[TO BE COMPLETED BY investigator: interpretation\\]**</mark>"));
/// assert!(document.docx()?.starts_with(b"PK"));
/// assert!(document.pdf()?.starts_with(b"%PDF"));
/// # Ok::<(), heddle_kit::document::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub(super) meta: Meta,
    pub(super) blocks: Vec<Block>,
    number_prefix: String,
    tables: usize,
    figures: usize,
}

impl Document {
    /// A document with its title only.
    pub fn new(meta: Meta) -> Document {
        Document { meta, blocks: Vec::new(), number_prefix: String::new(), tables: 0, figures: 0 }
    }

    /// What stands before the numbers of tables and figures from here on ("S" for a supplement: "Table S1"). The count
    /// begins anew.
    pub fn number_prefix(&mut self, prefix: impl Into<String>) -> &mut Document {
        self.number_prefix = prefix.into();
        (self.tables, self.figures) = (0, 0);
        self
    }

    /// Adds a heading; levels are brought into the range 1 to 4.
    pub fn heading(&mut self, level: u8, text: impl Into<Text>) -> &mut Document {
        self.push(Block::Heading(level.clamp(1, 4), text.into()))
    }

    /// Adds a paragraph; nothing for empty text.
    pub fn paragraph(&mut self, text: impl Into<Text>) -> &mut Document {
        let text = text.into();
        if text.is_empty() { self } else { self.push(Block::Paragraph(text)) }
    }

    /// Adds a bulleted list; nothing for no items.
    pub fn bullets<T: Into<Text>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Document {
        let items: Vec<Text> = items.into_iter().map(Into::into).collect();
        if items.is_empty() { self } else { self.push(Block::Bullets(items)) }
    }

    /// Adds a numbered list; nothing for no items.
    pub fn numbered<T: Into<Text>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Document {
        let items: Vec<Text> = items.into_iter().map(Into::into).collect();
        if items.is_empty() { self } else { self.push(Block::Numbered(items)) }
    }

    /// Adds a table, and gives its number for references ("Table 1").
    pub fn table(&mut self, table: Table) -> String {
        self.tables += 1;
        let number = format!("Table {}{}", self.number_prefix, self.tables);
        self.push(Block::Table(number.clone(), table));
        number
    }

    /// Adds a figure, and gives its number for references ("Figure 1").
    pub fn figure(&mut self, picture: Picture) -> String {
        self.figures += 1;
        let number = format!("Figure {}{}", self.number_prefix, self.figures);
        self.push(Block::Figure(number.clone(), Box::new(picture)));
        number
    }

    /// Begins a page.
    pub fn page_break(&mut self) -> &mut Document {
        self.push(Block::PageBreak)
    }

    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// What a person must still write: each placeholder with the heading that it stands under (empty above the first), in
    /// the order of the document.
    pub fn placeholders(&self) -> Vec<(String, String)> {
        let mut heading = String::new();
        let mut found = Vec::new();
        for block in &self.blocks {
            let texts: Vec<&Text> = match block {
                Block::Heading(_, text) => {
                    heading = text.plain_text();
                    vec![text]
                }
                Block::Paragraph(text) => vec![text],
                Block::Bullets(items) | Block::Numbered(items) => items.iter().collect(),
                Block::Table(_, table) => table.texts(),
                Block::Figure(_, picture) => vec![&picture.caption],
                Block::PageBreak => Vec::new(),
            };
            let spans = texts.into_iter().flat_map(Text::spans);
            let open = spans.filter(|s| s.style == SpanStyle::Placeholder);
            found.extend(open.map(|s| (heading.clone(), s.text.clone())));
        }
        found
    }

    fn push(&mut self, block: Block) -> &mut Document {
        self.blocks.push(block);
        self
    }
}

/// The caption with its number before it: "**Table 1.** Baseline characteristics".
pub(super) fn numbered_caption(number: &str, caption: &Text) -> Text {
    Text::new().bold(format!("{number}.")).plain(" ").then(caption.clone())
}
