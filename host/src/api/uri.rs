//! Names as segments of paths.

use std::fmt::Write as _;

/// A name as one segment of a path (RFC 3986): everything that is not unreserved is percent-encoded.
pub fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_but_the_unreserved_is_encoded() {
        assert_eq!(super::segment("trend-analysis_1.png"), "trend-analysis_1.png");
        assert_eq!(super::segment("a b/ü?%"), "a%20b%2F%C3%BC%3F%25");
    }
}
