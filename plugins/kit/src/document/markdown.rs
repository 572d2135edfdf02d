//! Documents as Markdown (CommonMark with GitHub's tables, and its `<sup>`, `<sub>` and `<mark>`).

use super::model::{Block, Document, Picture, numbered_caption};
use super::table::{Row, Table};
use super::text::{SpanStyle, Text};
use crate::report::{Align, Markdown, markdown_escaped};

impl Document {
    /// The document as Markdown. Figures refer to their PNG by their path. Markdown's tables have no spans: a group's
    /// heading is written before each of its columns' headings, and a heading row fills its first cell.
    pub fn markdown(&self) -> String {
        let mut out = Markdown::new(&self.meta.title);
        if !self.meta.author.is_empty() {
            out.paragraph(&markdown_escaped(&self.meta.author));
        }
        let mut before: Option<&Block> = None;
        for block in &self.blocks {
            let lists = |b: &Block| matches!(b, Block::Bullets(_) | Block::Numbered(_));
            if before.is_some_and(lists) && lists(block) {
                // Without something between them, two lists would be one.
                out.paragraph("<!-- -->");
            }
            before = Some(block);
            match block {
                Block::Heading(level, heading) => {
                    out.heading(usize::from(*level) + 1, &heading.plain_text());
                }
                Block::Paragraph(words) => {
                    out.paragraph(&marked_up(words));
                }
                Block::Bullets(items) => {
                    out.bullets(items.iter().map(marked_up));
                }
                Block::Numbered(items) => {
                    out.numbered(items.iter().map(marked_up));
                }
                Block::Table(number, table) => write_table(&mut out, number, table),
                Block::Figure(number, picture) => write_figure(&mut out, number, picture),
                Block::PageBreak => {
                    out.paragraph("---");
                }
            }
        }
        out.finish()
    }
}

/// Text as one line of Markdown.
fn marked_up(text: &Text) -> String {
    let mut out = String::new();
    for span in text.spans() {
        let escaped = markdown_escaped(&span.text);
        // Emphasis must touch its words: blanks at the ends go outside.
        let lead = if span.text.starts_with(char::is_whitespace) { " " } else { "" };
        let tail = if span.text.ends_with(char::is_whitespace) { " " } else { "" };
        if escaped.is_empty() {
            out.push_str(lead);
            continue;
        }
        let (open, close) = match span.style {
            SpanStyle::Plain => ("", ""),
            SpanStyle::Bold => ("**", "**"),
            SpanStyle::Italic => ("*", "*"),
            SpanStyle::Superscript => ("<sup>", "</sup>"),
            SpanStyle::Subscript => ("<sub>", "</sub>"),
            SpanStyle::Placeholder => ("<mark>**", "**</mark>"),
        };
        for part in [lead, open, escaped.as_str(), close, tail] {
            out.push_str(part);
        }
    }
    out
}

fn write_table(out: &mut Markdown, number: &str, table: &Table) {
    out.paragraph(&marked_up(&numbered_caption(number, &table.caption)));
    let mut groups = Vec::new();
    for cell in table.fitted(&table.groups) {
        groups.extend(std::iter::repeat_n(marked_up(&cell.text), cell.span));
    }
    let head = |(at, column): (usize, &super::table::Column)| {
        let heading = marked_up(&column.heading);
        match groups.get(at).filter(|g| !g.is_empty()) {
            Some(group) if heading.is_empty() => (group.clone(), column.align),
            Some(group) => (format!("{group}: {heading}"), column.align),
            None => (heading, column.align),
        }
    };
    let mut columns: Vec<(String, Align)> = table.columns.iter().enumerate().map(head).collect();
    if columns.is_empty() {
        columns.push((String::new(), Align::Left));
    }
    let rows = table.body().into_iter().map(|row| match row {
        Row::Heading(heading) => vec![marked_up(&heading.emboldened())],
        Row::Cells { cells, indent } => {
            let mut out = Vec::new();
            for (at, cell) in table.fitted(&cells).iter().enumerate() {
                let lead = if at == 0 { "&emsp;".repeat(usize::from(indent)) } else { String::new() };
                out.push(format!("{lead}{}", marked_up(&cell.text)));
                out.extend((1..cell.span).map(|_| String::new()));
            }
            out
        }
    });
    out.raw_table(&columns, rows);
    for note in &table.footnotes {
        out.paragraph(&marked_up(note));
    }
}

fn write_figure(out: &mut Markdown, number: &str, picture: &Picture) {
    out.image(&picture.description, &picture.path);
    out.paragraph(&marked_up(&numbered_caption(number, &picture.caption)));
}
