//! The first-party plugins that this binary carries, so that the one file copied elsewhere runs too.

include!(concat!(env!("OUT_DIR"), "/bundled_table.rs"));

/// Name and component bytes of each plugin that was there when this binary was built, sorted by name.
///
/// Empty when `cargo xtask build-plugins` had not run before; `cargo xtask build` runs both.
pub fn bundled() -> &'static [(&'static str, &'static [u8])] {
    BUNDLED
}

#[cfg(test)]
mod tests {
    use super::bundled;

    #[test]
    fn what_is_carried_are_components_sorted_by_name() {
        assert!(bundled().is_sorted_by_key(|(name, _)| name));
        for (name, bytes) in bundled() {
            // The preamble of a component: magic number, then version 13 of layer 1.
            assert!(bytes.starts_with(b"\0asm\x0d\0\x01\0"), "{name} is no component");
        }
    }
}
