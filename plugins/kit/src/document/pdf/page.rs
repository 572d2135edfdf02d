//! Pages being filled from the top, and the tree of what stands on them.

use super::face::{Faces, Weight};
use super::lines::{LEADING, Line};
use crate::document::SpanStyle;

/// A4 in points.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
/// Left and right, top, bottom (where the page's number stands).
pub(super) const SIDE: f32 = 62.0;
const TOP: f32 = 62.0;
const BOTTOM: f32 = 72.0;
/// The room for text.
pub(super) const ROOM: f32 = WIDTH - 2.0 * SIDE;
/// The height of an empty page.
pub(super) const FULL: f32 = HEIGHT - TOP - BOTTOM;

pub(super) type Rgb = (u8, u8, u8);
pub(super) const BLACK: Rgb = (0x1a, 0x1a, 0x1a);
pub(super) const SOFT: Rgb = (0x55, 0x55, 0x55);
pub(super) const HEADING: Rgb = (0x0b, 0x3c, 0x6b);
const MARKED: Rgb = (0xff, 0xee, 0x80);

/// What stands in the tree of the document's structure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    Root,
    Title,
    Heading(u8, String),
    Paragraph,
    List(bool),
    Item,
    Label,
    Body,
    Table,
    Row,
    Header(usize),
    Data(usize),
    Caption,
    Figure(String),
}

/// A place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) usize);

pub(super) struct TreeNode {
    pub(super) role: Role,
    pub(super) children: Vec<NodeId>,
}

/// Something drawn. What has no node is decoration.
pub(super) enum Mark {
    Text { x: f32, y: f32, text: String, weight: Weight, size: f32, colour: Rgb, node: Option<NodeId> },
    Rect { x: f32, y: f32, w: f32, h: f32, colour: Rgb },
    Svg { x: f32, y: f32, scale: f32, picture: usize, node: NodeId },
}

/// A heading's place, for the outline.
pub(super) struct Entry {
    pub(super) level: u8,
    pub(super) text: String,
    pub(super) page: usize,
    pub(super) y: f32,
}

/// A document laid out.
pub(super) struct Layout {
    pub(super) pages: Vec<Vec<Mark>>,
    pub(super) nodes: Vec<TreeNode>,
    pub(super) outline: Vec<Entry>,
    pub(super) pictures: Vec<resvg::usvg::Tree>,
    /// Where the next thing goes, from the page's top.
    pub(super) y: f32,
}

impl Layout {
    pub(super) fn new() -> Layout {
        let root = TreeNode { role: Role::Root, children: Vec::new() };
        Layout {
            pages: vec![Vec::new()],
            nodes: vec![root],
            outline: Vec::new(),
            pictures: Vec::new(),
            y: TOP,
        }
    }

    /// A new node below another.
    pub(super) fn node(&mut self, parent: NodeId, role: Role) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes.push(TreeNode { role, children: Vec::new() });
        if let Some(parent) = self.nodes.get_mut(parent.0) {
            parent.children.push(id);
        }
        id
    }

    /// The room left on the page.
    pub(super) fn left(&self) -> f32 {
        HEIGHT - BOTTOM - self.y
    }

    /// Whether nothing stands on the page yet.
    pub(super) fn at_top(&self) -> bool {
        self.y <= TOP + 0.01
    }

    pub(super) fn break_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// Goes to a new page unless so much room is left, or the page is empty.
    pub(super) fn need(&mut self, height: f32) {
        if height > self.left() && !self.at_top() {
            self.break_page();
        }
    }

    /// White space; none at the top of a page.
    pub(super) fn space(&mut self, height: f32) {
        if !self.at_top() {
            self.y += height;
        }
    }

    pub(super) fn draw(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// A line of text, its top at the current place, without moving on.
    pub(super) fn line(
        &mut self,
        line: &Line,
        x: f32,
        top: f32,
        size: f32,
        colour: Rgb,
        node: Option<NodeId>,
    ) {
        let baseline = top + size * (LEADING * 0.5 + 0.36);
        for piece in &line.pieces {
            if piece.style == SpanStyle::Placeholder {
                let (y, h) = (baseline - size * 0.98, size * 1.24);
                self.draw(Mark::Rect { x: x + piece.x - 1.0, y, w: piece.width + 2.0, h, colour: MARKED });
            }
        }
        for piece in &line.pieces {
            self.draw(Mark::Text {
                x: x + piece.x,
                y: baseline - piece.rise,
                text: piece.text.clone(),
                weight: Weight::of(piece.style),
                size: piece.size,
                colour,
                node,
            });
        }
    }

    /// Lines one below the other, going on over pages; never one line alone at a page's end or beginning if the text has
    /// more than three.
    pub(super) fn lines(&mut self, lines: &[Line], x: f32, size: f32, colour: Rgb, node: NodeId) {
        let height = size * LEADING;
        for (at, line) in lines.iter().enumerate() {
            let last_two = lines.len() > 3 && at + 2 == lines.len();
            let first_two = lines.len() > 3 && at == 0;
            self.need(if last_two || first_two { 2.0 * height } else { height });
            self.line(line, x, self.y, size, colour, Some(node));
            self.y += height;
        }
    }

    /// The page's number and the document's title at the foot of each page.
    pub(super) fn number_pages(&mut self, faces: &Faces, title: &str) {
        let count = self.pages.len();
        let y = HEIGHT - BOTTOM * 0.5;
        let face = faces.get(Weight::Regular);
        for (at, page) in self.pages.iter_mut().enumerate() {
            let number = format!("Page {} of {count}", at + 1);
            let x = WIDTH - SIDE - face.width(&number, 8.0);
            let mut words = String::new();
            let mut used = 0.0;
            for c in title.chars().map(|c| if c.is_control() { ' ' } else { c }) {
                used += face.width(c.encode_utf8(&mut [0; 4]), 8.0);
                if used > ROOM - 110.0 {
                    words.push('…');
                    break;
                }
                words.push(c);
            }
            for (x, text) in [(SIDE, words), (x, number)] {
                page.push(Mark::Text {
                    x,
                    y,
                    text,
                    weight: Weight::Regular,
                    size: 8.0,
                    colour: SOFT,
                    node: None,
                });
            }
        }
    }
}
