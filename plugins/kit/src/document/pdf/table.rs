//! Tables on pages: columns as wide as their words, header rows on every page.

use super::blocks::SMALL;
use super::face::Faces;
use super::lines::{LEADING, Line, broken, extent, height};
use super::page::{BLACK, FULL, Layout, Mark, NodeId, ROOM, Role, SIDE, SOFT};
use crate::document::model::numbered_caption;
use crate::document::table::shared_out;
use crate::document::{Cell, Row, Table};
use crate::report::Align;

/// White space left and right in a cell, and above and below.
const PAD: (f32, f32) = (4.5, 2.2);
/// How far rows below a heading are indented.
const INDENT: f32 = 10.0;
/// A header that takes more of the page than this leaves too little for the rows.
const HEADER_SHARE: f32 = 0.4;
/// The sizes of type, from which the first is taken that needs no broken word.
const SIZES: [f32; 5] = [8.5, 8.0, 7.5, 7.0, 6.5];

/// A row laid out.
struct Ready {
    cells: Vec<ReadyCell>,
    /// Lines of the highest cell.
    lines: usize,
    header: bool,
    heading: bool,
}

struct ReadyCell {
    lines: Vec<Line>,
    /// The first column, and how many.
    at: usize,
    span: usize,
    align: Align,
    indent: f32,
}

/// The table's measures.
struct Grid {
    size: f32,
    /// Left edges of the columns, and the right edge of the last.
    edges: Vec<f32>,
}

impl Grid {
    fn new(faces: &Faces, table: &Table) -> Grid {
        let mut smallest = SMALL;
        for size in SIZES {
            let (natural, least) = measures(faces, table, size);
            if least.iter().sum::<f32>() <= ROOM {
                return Grid::of(size, &shared_out(&natural, &least, ROOM));
            }
            smallest = size;
        }
        let (natural, least) = measures(faces, table, smallest);
        Grid::of(smallest, &shared_out(&natural, &least, ROOM))
    }

    fn of(size: f32, widths: &[f32]) -> Grid {
        let mut edges = vec![SIDE];
        let mut x = SIDE;
        for width in widths {
            x += width;
            edges.push(x);
        }
        Grid { size, edges }
    }

    fn edge(&self, at: usize) -> f32 {
        self.edges.get(at).or(self.edges.last()).copied().unwrap_or(SIDE)
    }

    fn row(&self, faces: &Faces, table: &Table, cells: &[Cell], kind: (bool, bool), indent: u8) -> Ready {
        let (header, heading) = kind;
        let mut ready = Vec::with_capacity(cells.len());
        let mut at = 0;
        for cell in cells {
            let words = if header || heading { cell.text.emboldened() } else { cell.text.clone() };
            let indent = if at == 0 { f32::from(indent) * INDENT } else { 0.0 };
            let room = (self.edge(at + cell.span) - self.edge(at) - 2.0 * PAD.0 - indent).max(4.0);
            let align = if header && cell.span > 1 { Align::Centre } else { table.align(at) };
            let lines = broken(faces, &words, self.size, room);
            ready.push(ReadyCell { lines, at, span: cell.span, align, indent });
            at += cell.span;
        }
        let lines = ready.iter().map(|c| c.lines.len()).max().unwrap_or(1).max(1);
        Ready { cells: ready, lines, header, heading }
    }

    fn header(&self, faces: &Faces, table: &Table) -> Vec<Ready> {
        table.header().iter().map(|cells| self.row(faces, table, cells, (true, false), 0)).collect()
    }

    fn height(&self, row: &Ready) -> f32 {
        height(row.lines, self.size) + 2.0 * PAD.1
    }
}

/// The widths that the columns would like, and those of their longest words.
fn measures(faces: &Faces, table: &Table, size: f32) -> (Vec<f32>, Vec<f32>) {
    let count = table.width();
    let (mut natural, mut least) = (vec![12.0_f32; count], vec![12.0_f32; count]);
    let mut see = |cells: &[Cell], indent: u8, bold: bool| {
        let mut at = 0;
        for cell in cells {
            let words = if bold { cell.text.emboldened() } else { cell.text.clone() };
            let (wide, narrow) = extent(faces, &words, size);
            let around = 2.0 * PAD.0 + if at == 0 { f32::from(indent) * INDENT } else { 0.0 } + 0.5;
            // A cell over several columns asks each for its part.
            for column in at..at + cell.span {
                let part = |w: f32| w / cell.span as f32 + around;
                if let Some(known) = natural.get_mut(column) {
                    *known = known.max(part(wide));
                }
                if let Some(known) = least.get_mut(column) {
                    *known = known.max(part(narrow));
                }
            }
            at += cell.span;
        }
    };
    for cells in table.header() {
        see(&cells, 0, true);
    }
    for row in table.body() {
        if let Row::Cells { cells, indent } = row {
            see(&table.fitted(&cells), indent, false);
        }
    }
    (natural, least)
}

/// What a table needs to begin: its caption, its header and its first rows.
pub(super) fn opening(faces: &Faces, number: &str, table: &Table) -> f32 {
    let grid = Grid::new(faces, table);
    let caption = broken(faces, &numbered_caption(number, &table.caption), SMALL, ROOM).len();
    let header: f32 = grid.header(faces, table).iter().map(|r| grid.height(r)).sum();
    height(caption, SMALL) + header + 2.0 * height(1, grid.size) + 4.0 * PAD.1 + 8.0
}

/// Puts the table on the page and on those that follow.
pub(super) fn place(layout: &mut Layout, faces: &Faces, number: &str, table: &Table) {
    let grid = Grid::new(faces, table);
    let root = NodeId(0);
    layout.space(6.0);
    layout.need(opening(faces, number, table).min(FULL));
    let node = layout.node(root, Role::Table);
    let words = layout.node(node, Role::Caption);
    let caption = broken(faces, &numbered_caption(number, &table.caption), SMALL, ROOM);
    layout.lines(&caption, SIDE, SMALL, BLACK, words);
    layout.y += 3.0;

    let mut header = grid.header(faces, table);
    if header.iter().map(|r| grid.height(r)).sum::<f32>() > FULL * HEADER_SHARE {
        // Such a header is not repeated, and may itself go on over pages.
        rule(layout, &grid, 0.9);
        for row in std::mem::take(&mut header) {
            draw_row(layout, &grid, &row, &[], node);
        }
    }
    draw_header(layout, &grid, &header, Some(node));
    let body: Vec<Ready> = table.body().iter().map(|row| ready(faces, &grid, table, row)).collect();
    let repeated: f32 = header.iter().map(|r| grid.height(r)).sum();
    for (at, row) in body.iter().enumerate() {
        // A heading stays with its first row.
        let with_next =
            if row.heading { body.get(at + 1).map_or(0.0, |next| grid.height(next)) } else { 0.0 };
        let own = grid.height(row);
        if own + with_next > layout.left() && own + with_next + repeated <= FULL && !layout.at_top() {
            rule(layout, &grid, 0.8);
            layout.break_page();
            draw_header(layout, &grid, &header, None);
        }
        draw_row(layout, &grid, row, &header, node);
    }
    rule(layout, &grid, 0.9);
    layout.y += 3.0;
    for note in &table.footnotes {
        let node = layout.node(root, Role::Paragraph);
        let lines = broken(faces, note, SMALL - 0.7, ROOM);
        layout.lines(&lines, SIDE, SMALL - 0.7, SOFT, node);
    }
    layout.space(12.0);
}

fn ready(faces: &Faces, grid: &Grid, table: &Table, row: &Row) -> Ready {
    match row {
        Row::Heading(heading) => {
            let cell = Cell::new(heading.clone()).across(table.width());
            grid.row(faces, table, &[cell], (false, true), 0)
        }
        Row::Cells { cells, indent } => grid.row(faces, table, &table.fitted(cells), (false, false), *indent),
    }
}

fn rule(layout: &mut Layout, grid: &Grid, thickness: f32) {
    let (x, right) = (SIDE, grid.edges.last().copied().unwrap_or(SIDE));
    let y = layout.y - thickness / 2.0;
    layout.draw(Mark::Rect { x, y, w: right - x, h: thickness, colour: BLACK });
}

/// The header rows; repeated ones are no part of the document's structure.
fn draw_header(layout: &mut Layout, grid: &Grid, header: &[Ready], node: Option<NodeId>) {
    rule(layout, grid, 0.9);
    for row in header {
        let own = node.map(|n| layout.node(n, Role::Row));
        let cells = own.map(|n| cell_nodes(layout, row, n)).unwrap_or_default();
        draw_cells(layout, grid, row, (0, row.lines), &cells);
        let bottom = layout.y + grid.height(row);
        for cell in row.cells.iter().filter(|c| c.span > 1 && !c.lines.is_empty()) {
            let (x, right) = (grid.edge(cell.at) + 3.0, grid.edge(cell.at + cell.span) - 3.0);
            layout.draw(Mark::Rect { x, y: bottom - 0.5, w: right - x, h: 0.5, colour: BLACK });
        }
        layout.y = bottom;
    }
    if !header.is_empty() {
        rule(layout, grid, 0.6);
    }
}

/// A row, over several pages if it is higher than one.
fn draw_row(layout: &mut Layout, grid: &Grid, row: &Ready, header: &[Ready], table: NodeId) {
    let node = layout.node(table, Role::Row);
    let cells = cell_nodes(layout, row, node);
    let mut done = 0;
    while done < row.lines {
        let line = grid.size * LEADING;
        let fit = (((layout.left() - 2.0 * PAD.1) / line).floor() as usize).min(row.lines - done);
        if fit == 0 && !layout.at_top() {
            rule(layout, grid, 0.8);
            layout.break_page();
            draw_header(layout, grid, header, None);
        }
        // On an empty page at least one line is drawn, however high the header is.
        let fit = (((layout.left() - 2.0 * PAD.1) / line).floor() as usize).clamp(1, row.lines - done);
        draw_cells(layout, grid, row, (done, done + fit), &cells);
        done += fit;
        layout.y += height(fit, grid.size) + 2.0 * PAD.1;
        if done < row.lines {
            rule(layout, grid, 0.8);
            layout.break_page();
            draw_header(layout, grid, header, None);
        }
    }
}

/// A node for each cell of a row.
fn cell_nodes(layout: &mut Layout, row: &Ready, node: NodeId) -> Vec<NodeId> {
    let role = |cell: &ReadyCell| if row.header { Role::Header(cell.span) } else { Role::Data(cell.span) };
    row.cells.iter().map(|cell| layout.node(node, role(cell))).collect()
}

/// The lines `from..to` of each cell of a row. Without nodes they are no part of the structure.
fn draw_cells(layout: &mut Layout, grid: &Grid, row: &Ready, (from, to): (usize, usize), nodes: &[NodeId]) {
    let top = layout.y + PAD.1;
    for (at, cell) in row.cells.iter().enumerate() {
        let own = nodes.get(at).copied();
        let lines = cell.lines.get(from..to.min(cell.lines.len())).unwrap_or_default();
        // Headings stand on the rule below them.
        let shift =
            if row.header { height(row.lines - cell.lines.len().min(row.lines), grid.size) } else { 0.0 };
        let (left, right) =
            (grid.edge(cell.at) + PAD.0 + cell.indent, grid.edge(cell.at + cell.span) - PAD.0);
        for (at, line) in lines.iter().enumerate() {
            let x = match cell.align {
                Align::Left => left,
                Align::Right => right - line.width,
                Align::Centre => left + (right - left - line.width) / 2.0,
            };
            layout.line(line, x, top + shift + height(at, grid.size), grid.size, BLACK, own);
        }
    }
}
