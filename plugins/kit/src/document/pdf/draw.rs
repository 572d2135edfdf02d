//! A layout written as PDF.

use std::num::{NonZeroU16, NonZeroU32};

use jiff::tz::TimeZone;
use krilla::Document as Pdf;
use krilla::color::rgb;
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, Node, SpanTag, TableHeaderScope, Tag,
    TagGroup, TagKind, TagTree,
};

use super::face::Faces;
use super::page::{Entry, HEIGHT, Layout, Mark, NodeId, Rgb, Role, WIDTH};
use super::svg;
use crate::document::{DocumentError, Meta};
use crate::xml::printable;

/// What of a page belongs to each node of the tree.
type Leaves = Vec<Vec<Identifier>>;

pub(super) fn write(meta: &Meta, layout: &Layout, faces: &Faces) -> Result<Vec<u8>, DocumentError> {
    let refused = |what: &str| DocumentError::Pdf(what.to_owned());
    let mut pdf = Pdf::new();
    let mut leaves: Leaves = vec![Vec::new(); layout.nodes.len()];
    for marks in &layout.pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| refused("no page of A4"))?;
        let mut page = pdf.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw(&mut surface, mark, layout, faces, &mut leaves);
        }
        surface.finish();
        page.finish();
    }
    pdf.set_outline(outline(&layout.outline));
    pdf.set_tag_tree(tree(meta, layout, &mut leaves));
    pdf.set_metadata(metadata(meta));
    pdf.finish().map_err(|why| DocumentError::Pdf(format!("{why:?}")))
}

fn draw(surface: &mut Surface<'_>, mark: &Mark, layout: &Layout, faces: &Faces, leaves: &mut Leaves) {
    let node = match mark {
        Mark::Text { node, .. } => *node,
        Mark::Svg { node, .. } => Some(*node),
        Mark::Rect { .. } => None,
    };
    let content = match (node, mark) {
        (None, Mark::Text { .. }) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
        (None, _) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        (Some(_), Mark::Text { .. }) => ContentTag::Span(SpanTag::empty()),
        (Some(_), _) => ContentTag::Other,
    };
    let identifier = surface.start_tagged(content);
    match mark {
        Mark::Text { x, y, text, weight, size, colour, .. } => {
            let face = faces.get(*weight);
            fill(surface, *colour);
            surface.draw_glyphs(
                Point::from_xy(*x, *y),
                &face.glyphs(text),
                face.font.clone(),
                text,
                *size,
                false,
            );
        }
        Mark::Rect { x, y, w, h, colour } => {
            fill(surface, *colour);
            let mut builder = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*x, *y, *w, *h) {
                builder.push_rect(rect);
            }
            if let Some(path) = builder.finish() {
                surface.draw_path(&path);
            }
        }
        Mark::Svg { x, y, scale, picture, .. } => {
            if let Some(tree) = layout.pictures.get(*picture) {
                svg::draw(surface, tree, faces, (*x, *y), *scale);
            }
        }
    }
    surface.end_tagged();
    if let Some(own) = node.and_then(|n| leaves.get_mut(n.0)) {
        own.push(identifier);
    }
}

fn fill(surface: &mut Surface<'_>, (r, g, b): Rgb) {
    surface.set_fill(Some(Fill { paint: rgb::Color::new(r, g, b).into(), ..Fill::default() }));
}

/// The headings, each below the last one of a higher level.
fn outline(entries: &[Entry]) -> Outline {
    let mut outline = Outline::new();
    let mut rest = entries;
    while let Some((node, after)) = outline_node(rest) {
        outline.push_child(node);
        rest = after;
    }
    outline
}

/// The first entry with all that are below it, and the entries after those.
fn outline_node(entries: &[Entry]) -> Option<(OutlineNode, &[Entry])> {
    let (first, mut rest) = entries.split_first()?;
    let place = XyzDestination::new(first.page, Point::from_xy(0.0, (first.y - 8.0).max(0.0)));
    let mut node = OutlineNode::new(printable(&first.text), place);
    while rest.first().is_some_and(|next| next.level > first.level) {
        let (child, after) = outline_node(rest)?;
        node.push_child(child);
        rest = after;
    }
    Some((node, rest))
}

fn tree(meta: &Meta, layout: &Layout, leaves: &mut Leaves) -> TagTree {
    let mut tree = TagTree::new().with_lang(Some(meta.language.clone()));
    let children = layout.nodes.first().map(|root| root.children.clone()).unwrap_or_default();
    for child in children {
        if let Some(group) = group(layout, leaves, child) {
            tree.push(Node::Group(group));
        }
    }
    tree
}

/// A node with all below it; nothing for one that would be empty, unless it is a cell.
fn group(layout: &Layout, leaves: &mut Leaves, id: NodeId) -> Option<TagGroup> {
    let node = layout.nodes.get(id.0)?;
    let own = leaves.get_mut(id.0).map(std::mem::take).unwrap_or_default();
    let mut children: Vec<Node> = own.into_iter().map(Node::Leaf).collect();
    children.extend(node.children.iter().filter_map(|c| group(layout, leaves, *c)).map(Node::Group));
    let is_cell = matches!(node.role, Role::Header(_) | Role::Data(_));
    (is_cell || !children.is_empty()).then(|| TagGroup::with_children(tag(&node.role), children))
}

fn tag(role: &Role) -> TagKind {
    let span = |columns: &usize| u32::try_from(*columns).ok().filter(|c| *c > 1).and_then(NonZeroU32::new);
    match role {
        Role::Root | Role::Paragraph => Tag::P.into(),
        Role::Title => Tag::Hn(NonZeroU16::MIN, None).into(),
        Role::Heading(level, words) => {
            // The title has the first level.
            Tag::Hn(NonZeroU16::MIN.saturating_add(u16::from(*level)), Some(printable(words))).into()
        }
        Role::List(numbered) => {
            Tag::L(if *numbered { ListNumbering::Decimal } else { ListNumbering::Disc }).into()
        }
        Role::Item => Tag::LI.into(),
        Role::Label => Tag::Lbl.into(),
        Role::Body => Tag::LBody.into(),
        Role::Table => Tag::Table.into(),
        Role::Row => Tag::TR.into(),
        Role::Header(columns) => Tag::TH(TableHeaderScope::Column).with_col_span(span(columns)).into(),
        Role::Data(columns) => Tag::TD.with_col_span(span(columns)).into(),
        Role::Caption => Tag::Caption.into(),
        Role::Figure(description) => Tag::Figure(Some(printable(description))).into(),
    }
}

fn metadata(meta: &Meta) -> Metadata {
    let at = meta.created.to_zoned(TimeZone::UTC).datetime();
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let metadata = Metadata::new()
        .title(printable(&meta.title))
        .description(printable(&meta.subject))
        .language(meta.language.clone())
        .creator("Heddle".to_owned())
        .creation_date(date);
    if meta.author.is_empty() { metadata } else { metadata.authors(vec![printable(&meta.author)]) }
}
