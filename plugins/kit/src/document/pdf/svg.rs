//! Figures drawn as vectors: the shapes and texts that this crate's charts consist of; and pixels where a figure has no more.

use krilla::Data;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Size, Transform};
use krilla::image::Image;
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use resvg::usvg::{self, tiny_skia_path::PathSegment};

use super::face::{Faces, Weight};

/// Draws a figure, scaled, with its upper left corner at (x, y).
pub(super) fn draw(
    surface: &mut Surface<'_>,
    tree: &usvg::Tree,
    faces: &Faces,
    (x, y): (f32, f32),
    scale: f32,
) {
    surface.push_transform(&Transform::from_row(scale, 0.0, 0.0, scale, x, y));
    group(surface, tree, tree.root(), faces);
    surface.pop();
}

fn group(surface: &mut Surface<'_>, tree: &usvg::Tree, group_node: &usvg::Group, faces: &Faces) {
    surface.push_transform(&transform(group_node.transform()));
    for node in group_node.children() {
        match node {
            usvg::Node::Group(inner) => group(surface, tree, inner, faces),
            usvg::Node::Path(shape) => path(surface, shape),
            usvg::Node::Text(words) => text(surface, tree, words, faces),
            usvg::Node::Image(picture) => image(surface, picture, faces),
        }
    }
    surface.pop();
}

/// A figure of which there are only pixels. What is no PNG cannot come from this crate's figures.
fn image(surface: &mut Surface<'_>, picture: &usvg::Image, faces: &Faces) {
    match picture.kind() {
        usvg::ImageKind::PNG(bytes) => {
            let size = picture.size();
            let drawn = Image::from_png(Data::from(bytes.to_vec()), true).ok();
            if let (Some(drawn), Some(size)) = (drawn, Size::from_wh(size.width(), size.height())) {
                surface.draw_image(drawn, size);
            }
        }
        usvg::ImageKind::SVG(tree) => group(surface, tree, tree.root(), faces),
        _ => {}
    }
}

fn transform(t: usvg::Transform) -> Transform {
    Transform::from_row(t.sx, t.ky, t.kx, t.sy, t.tx, t.ty)
}

fn path(surface: &mut Surface<'_>, shape: &usvg::Path) {
    let Some(outline) = outline(shape.data()) else { return };
    let fill = shape.fill().and_then(|f| {
        let rule = match f.rule() {
            usvg::FillRule::NonZero => FillRule::NonZero,
            usvg::FillRule::EvenOdd => FillRule::EvenOdd,
        };
        Some(Fill { paint: colour(f.paint())?.into(), opacity: opacity(f.opacity()), rule })
    });
    let stroke = shape.stroke().and_then(|s| {
        Some(Stroke {
            paint: colour(s.paint())?.into(),
            width: s.width().get(),
            miter_limit: s.miterlimit().get(),
            line_cap: match s.linecap() {
                usvg::LineCap::Butt => LineCap::Butt,
                usvg::LineCap::Round => LineCap::Round,
                usvg::LineCap::Square => LineCap::Square,
            },
            line_join: match s.linejoin() {
                usvg::LineJoin::Miter | usvg::LineJoin::MiterClip => LineJoin::Miter,
                usvg::LineJoin::Round => LineJoin::Round,
                usvg::LineJoin::Bevel => LineJoin::Bevel,
            },
            opacity: opacity(s.opacity()),
            dash: s.dasharray().map(|d| StrokeDash { array: d.to_vec(), offset: s.dashoffset() }),
        })
    });
    if fill.is_none() && stroke.is_none() {
        return;
    }
    surface.set_fill(fill);
    surface.set_stroke(stroke);
    surface.draw_path(&outline);
    surface.set_stroke(None);
}

fn outline(data: &usvg::tiny_skia_path::Path) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for segment in data.segments() {
        match segment {
            PathSegment::MoveTo(p) => builder.move_to(p.x, p.y),
            PathSegment::LineTo(p) => builder.line_to(p.x, p.y),
            PathSegment::QuadTo(a, p) => builder.quad_to(a.x, a.y, p.x, p.y),
            PathSegment::CubicTo(a, b, p) => builder.cubic_to(a.x, a.y, b.x, b.y, p.x, p.y),
            PathSegment::Close => builder.close(),
        }
    }
    builder.finish()
}

/// The charts use plain colours only.
fn colour(paint: &usvg::Paint) -> Option<rgb::Color> {
    match paint {
        usvg::Paint::Color(c) => Some(rgb::Color::new(c.red, c.green, c.blue)),
        _ => None,
    }
}

fn opacity(opacity: usvg::Opacity) -> NormalizedF32 {
    NormalizedF32::new(opacity.get()).unwrap_or(NormalizedF32::ONE)
}

/// The glyphs where the SVG's own layout has them, as text that can be selected.
fn text(surface: &mut Surface<'_>, tree: &usvg::Tree, words: &usvg::Text, faces: &Faces) {
    for span in words.layouted().iter().filter(|s| s.visible) {
        let Some(first) = span.positioned_glyphs.first() else { continue };
        let start = first.transform();
        let size = span.font_size.get();
        let bold = tree.fontdb().face(first.font).is_some_and(|f| f.weight.0 >= 600);
        let face = faces.get(if bold { Weight::Bold } else { Weight::Regular });
        let mut content = String::new();
        let mut glyphs = Vec::with_capacity(span.positioned_glyphs.len());
        for (at, glyph) in span.positioned_glyphs.iter().enumerate() {
            let from = content.len();
            content.push_str(&glyph.text);
            let place = glyph.transform().tx;
            let next = span.positioned_glyphs.get(at + 1).map(|g| g.transform().tx);
            let advance = next.map_or_else(|| face.width(&glyph.text, 1.0), |x| (x - place) / size);
            let id = GlyphId::new(glyph.id.0);
            glyphs.push(KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, from..content.len(), None));
        }
        let paint = span.fill.as_ref().and_then(|f| colour(f.paint())).unwrap_or(rgb::Color::new(0, 0, 0));
        surface.set_fill(Some(Fill {
            paint: paint.into(),
            opacity: NormalizedF32::ONE,
            rule: FillRule::NonZero,
        }));
        surface.draw_glyphs(
            Point::from_xy(start.tx, start.ty),
            &glyphs,
            face.font.clone(),
            &content,
            size,
            false,
        );
    }
}
