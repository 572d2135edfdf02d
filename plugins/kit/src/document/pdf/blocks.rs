//! The blocks of a document put on pages.

use resvg::usvg;

use super::face::Faces;
use super::lines::{LEADING, broken, height};
use super::page::{BLACK, Entry, FULL, HEADING, Layout, Mark, NodeId, ROOM, Role, SIDE, SOFT};
use super::table;
use crate::document::model::numbered_caption;
use crate::document::{Block, Document, DocumentError, Picture, Text};
use crate::plot::svg_options;

/// The size of running text, in points.
pub(super) const SIZE: f32 = 10.0;
/// The size of captions and notes.
pub(super) const SMALL: f32 = 8.5;
const GAP: f32 = 6.0;
/// How far list items are indented.
const INDENT: f32 = 18.0;
/// A figure takes no more of the page than this.
const FIGURE_HEIGHT: f32 = FULL * 0.8;
const ROOT: NodeId = NodeId(0);

fn heading_size(level: u8) -> f32 {
    match level {
        1 => 15.0,
        2 => 12.5,
        3 => 11.0,
        _ => 10.0,
    }
}

/// The document laid out on pages.
pub(super) fn lay_out(document: &Document, faces: &Faces) -> Result<Layout, DocumentError> {
    let mut layout = Layout::new();
    title(&mut layout, document, faces);
    // Read first: how high a figure is must be known to the heading before it.
    for block in &document.blocks {
        if let Block::Figure(_, picture) = block {
            layout.pictures.push(read(picture)?);
        }
    }
    let mut figures = 0;
    for (at, block) in document.blocks.iter().enumerate() {
        match block {
            Block::Heading(level, text) => {
                let rest = document.blocks.get(at + 1..).unwrap_or_default();
                let need = opening(rest, faces, &layout.pictures, figures);
                heading(&mut layout, faces, *level, text, need);
            }
            Block::Paragraph(text) => {
                let node = layout.node(ROOT, Role::Paragraph);
                let lines = broken(faces, text, SIZE, ROOM);
                layout.lines(&lines, SIDE, SIZE, BLACK, node);
                layout.space(GAP);
            }
            Block::Bullets(items) => list(&mut layout, faces, items, false),
            Block::Numbered(items) => list(&mut layout, faces, items, true),
            Block::Table(number, content) => table::place(&mut layout, faces, number, content),
            Block::Figure(number, picture) => {
                figure(&mut layout, faces, number, picture, figures);
                figures += 1;
            }
            Block::PageBreak => {
                if !layout.at_top() {
                    layout.break_page();
                }
            }
        }
    }
    layout.number_pages(faces, &document.meta.title);
    Ok(layout)
}

fn title(layout: &mut Layout, document: &Document, faces: &Faces) {
    let node = layout.node(ROOT, Role::Title);
    let lines = broken(faces, &Text::new().bold(&document.meta.title), 20.0, ROOM);
    layout.lines(&lines, SIDE, 20.0, BLACK, node);
    layout.y += 4.0;
    if !document.meta.author.is_empty() {
        let node = layout.node(ROOT, Role::Paragraph);
        let lines = broken(faces, &Text::new().italic(&document.meta.author), SIZE, ROOM);
        layout.lines(&lines, SIDE, SIZE, SOFT, node);
    }
    layout.y += GAP * 1.5;
}

/// How much of a page the next blocks need to begin: headings must not stand alone at its foot.
fn opening(rest: &[Block], faces: &Faces, pictures: &[usvg::Tree], figures: usize) -> f32 {
    match rest.first() {
        None | Some(Block::PageBreak) => 0.0,
        Some(Block::Heading(level, _)) => {
            let own = heading_size(*level) * LEADING + GAP * 2.0;
            own + opening(rest.get(1..).unwrap_or_default(), faces, pictures, figures)
        }
        Some(Block::Paragraph(_) | Block::Bullets(_) | Block::Numbered(_)) => height(2, SIZE),
        Some(Block::Table(number, content)) => table::opening(faces, number, content),
        Some(Block::Figure(..)) => pictures.get(figures).map_or(0.0, |p| figure_size(p).1) + height(2, SMALL),
    }
}

fn heading(layout: &mut Layout, faces: &Faces, level: u8, text: &Text, need: f32) {
    let size = heading_size(level);
    let lines = broken(faces, &text.emboldened(), size, ROOM);
    layout.space(if level == 1 { 14.0 } else { 9.0 });
    layout.need((height(lines.len(), size) + 4.0 + need).min(FULL));
    let words = text.plain_text();
    let node = layout.node(ROOT, Role::Heading(level, words.clone()));
    layout.outline.push(Entry { level, text: words, page: layout.pages.len() - 1, y: layout.y });
    layout.lines(&lines, SIDE, size, HEADING, node);
    layout.y += 4.0;
}

fn list(layout: &mut Layout, faces: &Faces, items: &[Text], numbered: bool) {
    let node = layout.node(ROOT, Role::List(numbered));
    for (at, item) in items.iter().enumerate() {
        let mark = if numbered { format!("{}.", at + 1) } else { "•".to_owned() };
        let own = layout.node(node, Role::Item);
        let (label, body) = (layout.node(own, Role::Label), layout.node(own, Role::Body));
        let lines = broken(faces, item, SIZE, ROOM - INDENT);
        // The mark must be on the page of the first line.
        layout.need(height(lines.len().clamp(1, 2), SIZE));
        for line in broken(faces, &Text::from(mark), SIZE, ROOM).iter().take(1) {
            let x = SIDE + INDENT - 5.0 - line.width;
            layout.line(line, x, layout.y, SIZE, BLACK, Some(label));
        }
        if lines.is_empty() {
            layout.y += height(1, SIZE);
        }
        layout.lines(&lines, SIDE + INDENT, SIZE, BLACK, body);
        layout.y += 2.0;
    }
    layout.space(GAP - 2.0);
}

fn read(picture: &Picture) -> Result<usvg::Tree, DocumentError> {
    usvg::Tree::from_str(&picture.figure.svg, &svg_options())
        .map_err(|why| DocumentError::Picture(picture.caption.plain_text(), why.to_string()))
}

/// Width and height of a figure on the page, in points.
fn figure_size(tree: &usvg::Tree) -> (f32, f32) {
    let size = tree.size();
    let scale = (ROOM / size.width()).min(FIGURE_HEIGHT / size.height());
    (size.width() * scale, size.height() * scale)
}

fn figure(layout: &mut Layout, faces: &Faces, number: &str, picture: &Picture, at: usize) {
    let Some(tree) = layout.pictures.get(at) else { return };
    let (w, h) = figure_size(tree);
    let scale = w / tree.size().width();
    let caption = broken(faces, &numbered_caption(number, &picture.caption), SMALL, ROOM);
    layout.space(GAP);
    layout.need((h + 4.0 + height(caption.len(), SMALL)).min(FULL));
    let node = layout.node(ROOT, Role::Figure(picture.description.clone()));
    let (x, y) = (SIDE + (ROOM - w) / 2.0, layout.y);
    layout.draw(Mark::Svg { x, y, scale, picture: at, node });
    layout.y += h + 4.0;
    let words = layout.node(ROOT, Role::Caption);
    layout.lines(&caption, SIDE, SMALL, BLACK, words);
    layout.space(GAP * 2.0);
}
