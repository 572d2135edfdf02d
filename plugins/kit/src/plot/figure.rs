//! The finished picture, and the way from SVG to PNG.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use resvg::{tiny_skia, usvg};

use super::canvas::FONT_FAMILY;

/// A rendered chart: the same picture as text and as pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// A self-contained SVG document.
    pub svg: String,
    /// An 8-bit RGB PNG of the SVG at its own size.
    pub png: Vec<u8>,
}

impl Figure {
    /// A figure of which only the PNG is left: its SVG holds the pixels.
    ///
    /// # Errors
    /// [`PlotError::Render`] for bytes that are no PNG, or a PNG of no size.
    pub fn from_png(png: Vec<u8>) -> Result<Figure, PlotError> {
        let Some((width, height)) = png_size(&png) else {
            return Err(PlotError::Render("the bytes are no PNG with a size".to_owned()));
        };
        let pixels = base64::engine::general_purpose::STANDARD.encode(&png);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
             <image width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{pixels}\"/></svg>"
        );
        Ok(Figure { svg, png })
    }
}

impl Figure {
    /// The same picture with a PNG of twice as many pixels each way, for print; as it is where that would be larger than the
    /// largest picture.
    ///
    /// # Errors
    /// What the renderer refuses.
    pub fn for_print(self) -> Result<Figure, PlotError> {
        let tree =
            usvg::Tree::from_str(&self.svg, &svg_options()).map_err(|e| PlotError::Render(e.to_string()))?;
        let own = tree.size().to_int_size();
        if own.width().max(own.height()) > MAX_SIDE / 2 {
            return Ok(self);
        }
        let png = pixels(&tree, 2)?;
        Ok(Figure { png, ..self })
    }
}

/// Width and height of a PNG in pixels, from its header (PNG specification, 11.2.2); None for anything else.
pub(crate) fn png_size(png: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| -> Option<u32> {
        let bytes: [u8; 4] = png.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes)).filter(|s| *s > 0)
    };
    png.starts_with(b"\x89PNG\r\n\x1a\n").then(|| side(16).zip(side(20))).flatten()
}

/// Width and height of a picture in pixels. A chart that needs more height or width to keep its labels legible
/// takes it (forty bars do not fit where ten do); the size is what it has at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width, 320 to 6000.
    pub width: u32,
    /// Height, 240 to 6000.
    pub height: u32,
}

impl Size {
    /// A size of so many pixels.
    pub fn new(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    pub(super) fn check(self) -> Result<(), PlotError> {
        let fits = (320..=MAX_SIDE).contains(&self.width) && (240..=MAX_SIDE).contains(&self.height);
        if fits { Ok(()) } else { Err(PlotError::Size { width: self.width, height: self.height }) }
    }
}

impl Default for Size {
    fn default() -> Size {
        Size { width: 1280, height: 760 }
    }
}

/// The longest side of a picture, in pixels: 6000 × 6000 × 4 bytes is what a plugin's memory can bear.
pub(super) const MAX_SIDE: u32 = 6000;

/// Why a chart cannot be drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum PlotError {
    /// A value that has no place on an axis.
    NotFinite {
        /// Series and position, as a reader would name them.
        place: String,
        /// The value: NaN, infinite, or beyond 1e300.
        value: f64,
    },
    /// Lengths, names or bounds that do not agree; the text says which.
    Inconsistent(String),
    /// A size outside what is supported.
    Size {
        /// The width asked for, in pixels.
        width: u32,
        /// The height asked for, in pixels.
        height: u32,
    },
    /// The chart needs a picture larger than the largest: too many bars, rows or panels for one figure.
    TooLarge {
        /// The width needed, in pixels.
        width: f64,
        /// The height needed, in pixels.
        height: f64,
    },
    /// The renderer refused the document; its own words.
    Render(String),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlotError::NotFinite { place, value } => {
                write!(
                    f,
                    "{place} is {value:e}, which cannot be drawn: leave it out or give a finite number below 1e300"
                )
            }
            PlotError::Inconsistent(what) => f.write_str(what),
            PlotError::Size { width, height } => write!(
                f,
                "a picture of {width} × {height} pixels is not supported: give 320 to {MAX_SIDE} by 240 to {MAX_SIDE}"
            ),
            PlotError::TooLarge { width, height } => write!(
                f,
                "the chart needs {width:.0} × {height:.0} pixels to stay legible and {MAX_SIDE} is the most for a side: \
                 show fewer items, or merge the small ones"
            ),
            PlotError::Render(why) => write!(f, "the SVG could not be rendered: {why}"),
        }
    }
}

impl std::error::Error for PlotError {}

/// How an SVG document is read: with the embedded font only.
pub(crate) fn svg_options() -> usvg::Options<'static> {
    let mut options = usvg::Options { font_family: FONT_FAMILY.to_owned(), ..usvg::Options::default() };
    let fonts = options.fontdb_mut();
    for bytes in [notosans::REGULAR_TTF, notosans::BOLD_TTF] {
        // By reference, not `load_font_data`, which would copy 200 KB for each picture.
        fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(bytes)));
    }
    fonts.set_sans_serif_family(FONT_FAMILY);
    options
}

/// Rasterises an SVG document at its own size on white, with the embedded font only.
pub(super) fn rasterise(svg: String) -> Result<Figure, PlotError> {
    let tree = usvg::Tree::from_str(&svg, &svg_options()).map_err(|e| PlotError::Render(e.to_string()))?;
    let png = pixels(&tree, 1)?;
    Ok(Figure { svg, png })
}

/// The PNG of a document, `times` as wide and high as its own size.
fn pixels(tree: &usvg::Tree, times: u32) -> Result<Vec<u8>, PlotError> {
    let own = tree.size().to_int_size();
    let size = own.scale_by(times as f32).ok_or_else(|| {
        PlotError::Render(format!("{} × {} pixels {times} times", own.width(), own.height()))
    })?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| PlotError::Render(format!("no pixmap of {} × {}", size.width(), size.height())))?;
    pixels.fill(tiny_skia::Color::WHITE);
    let scale = times as f32;
    resvg::render(tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    encode(&pixels).map_err(|e| PlotError::Render(format!("PNG encoding: {e}")))
}

/// RGB is enough: the ground is opaque.
fn encode(pixels: &tiny_skia::Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let rgb: Vec<u8> = pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(file)
}
