//! Measures, wraps and shortens text with the metrics of the embedded font.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

/// Width of `text` in the unit of `size`, such as pixels. Kerning is left out: it only makes text narrower.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let bytes = if bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
    let Ok(font) = FontRef::new(bytes) else { return text.chars().count() as f64 * size * 0.6 };
    let metrics = font.glyph_metrics(Size::new(size as f32), LocationRef::default());
    let charmap = font.charmap();
    text.chars()
        .map(|c| {
            let glyph = charmap.map(c).unwrap_or_default();
            metrics.advance_width(glyph).map_or(size * 0.6, f64::from)
        })
        .sum()
}

/// One line without control characters (which XML forbids) and with runs of white space made one blank; no-break
/// spaces stay.
pub(super) fn clean(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .collect();
    let breaks = |c: char| c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}';
    visible.split(breaks).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `text` if it fits into `room` pixels, else its beginning with an ellipsis. At least the ellipsis is returned.
pub(super) fn shortened(text: &str, size: f64, bold: bool, room: f64) -> String {
    if width(text, size, bold) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size, bold);
    let mut kept = String::new();
    let mut used = 0.0;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size, bold);
        if used > room {
            break;
        }
        kept.push(c);
    }
    format!("{}…", kept.trim_end())
}

/// `text` in at most `max_lines` lines of `room` pixels, broken between words, inside a word only when it is longer
/// than a line; what does not fit ends in an ellipsis. Empty text gives no line.
pub(super) fn wrapped(text: &str, size: f64, bold: bool, room: f64, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut words = clean(text).split(' ').map(str::to_owned).rev().collect::<Vec<_>>();
    while let Some(word) = words.pop() {
        if word.is_empty() {
            continue;
        }
        let last = lines.len() + 1 >= max_lines;
        let joined = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
        if width(&joined, size, bold) <= room {
            line = joined;
        } else if last {
            words.reverse();
            let rest = if words.is_empty() { joined } else { format!("{joined} {}", words.join(" ")) };
            lines.push(shortened(&rest, size, bold, room));
            return lines;
        } else if line.is_empty() {
            let (head, tail) = split_to_fit(&word, size, bold, room);
            lines.push(head);
            words.push(tail);
        } else {
            lines.push(std::mem::take(&mut line));
            words.push(word);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The longest beginning of a word that fits (one character at least), and the rest.
fn split_to_fit(word: &str, size: f64, bold: bool, room: f64) -> (String, String) {
    let mut used = 0.0;
    let mut cut = 0;
    for (at, c) in word.char_indices() {
        used += width(c.encode_utf8(&mut [0; 4]), size, bold);
        if used > room && at > 0 {
            break;
        }
        cut = at + c.len_utf8();
    }
    (word[..cut].to_owned(), word[cut..].to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_line_inside_the_room() {
        let text =
            "A label with Donaudampfschifffahrtsgesellschaftskapitän in it, and some more words after that";
        for room in [60.0, 120.0, 300.0] {
            for lines in 1..5 {
                let got = wrapped(text, 15.0, false, room, lines);
                assert!(got.len() <= lines);
                assert!(got.iter().all(|l| width(l, 15.0, false) <= room), "{got:?} wider than {room}");
            }
        }
        assert_eq!(wrapped("two words", 15.0, false, 500.0, 3), ["two words"]);
        assert!(wrapped("  ", 15.0, false, 500.0, 3).is_empty());
    }

    #[test]
    fn shortened_text_says_that_it_is() {
        let got = shortened("resolution time by team", 15.0, false, 80.0);
        assert!(got.starts_with("resol") && got.ends_with('…'), "{got}");
        assert_eq!(shortened("ok", 15.0, false, 80.0), "ok");
    }

    #[test]
    fn control_characters_never_reach_the_picture() {
        assert_eq!(clean("a\u{0}b\n\tc\u{2028}d"), "a b c d");
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // Advance widths in the font's own units (1,000 an em): "0" is 572.
        assert!((width("0000", 100.0, false) - 4.0 * 57.2).abs() < 0.2, "{}", width("0000", 100.0, false));
    }
}
