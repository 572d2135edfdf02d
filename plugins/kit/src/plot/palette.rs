//! Colours that readers with a colour-vision deficiency can tell apart.
//!
//! Categories take the eight colours of Okabe and Ito, "Color Universal Design" (2008), from the strongest against
//! white to the weakest. Ordered quantities take one hue from light to dark, which also survives printing in grey.

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Text and other marks that must be read.
pub(super) const INK: Colour = Colour(0x1a, 0x1a, 0x1a);
/// Subtitles, notes, tick labels: text of second rank, still 7 : 1 against white.
pub(super) const SOFT_INK: Colour = Colour(0x55, 0x55, 0x55);
/// Grid lines.
pub(super) const GRID: Colour = Colour(0xe3, 0xe3, 0xe3);
/// Axis lines.
pub(super) const AXIS: Colour = Colour(0x8c, 0x8c, 0x8c);
/// The ground, and the rims that keep neighbouring marks apart.
pub(super) const PAPER: Colour = Colour(0xff, 0xff, 0xff);

const OKABE_ITO: [Colour; 8] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xe6, 0x9f, 0x00),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0x4d, 0x4d, 0x4d),
    Colour(0xf0, 0xe4, 0x42),
];

/// How many series have a colour of their own; [`Colour::series`] repeats after that.
pub(super) const SERIES_COLOURS: usize = OKABE_ITO.len() * 2;

impl Colour {
    /// The colour of the `index`-th series: the eight of Okabe and Ito, then the same eight darkened by half.
    pub fn series(index: usize) -> Colour {
        let base = OKABE_ITO[index % OKABE_ITO.len()];
        if index % SERIES_COLOURS < OKABE_ITO.len() { base } else { base.mixed(Colour(0, 0, 0), 0.5) }
    }

    /// A step of the sequential scale: `share` 0 is almost white, 1 is dark blue; values outside are clamped.
    pub fn sequential(share: f64) -> Colour {
        let share = share.clamp(0.0, 1.0);
        let (light, middle, dark) =
            (Colour(0xf1, 0xf6, 0xfa), Colour(0x5b, 0x9d, 0xc9), Colour(0x08, 0x30, 0x6b));
        if share < 0.5 { light.mixed(middle, share * 2.0) } else { middle.mixed(dark, share * 2.0 - 1.0) }
    }

    /// This colour with `share` (0 to 1) of another.
    pub fn mixed(self, other: Colour, share: f64) -> Colour {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Colour(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Black or white, whichever has the higher contrast on this colour (relative luminance of WCAG 2.1).
    pub fn readable_ink(self) -> Colour {
        // 0.179 is where the contrast ratios against black and white are equal: (L + 0.05)² = 1.05 × 0.05.
        if self.luminance() > 0.179 { INK } else { PAPER }
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
