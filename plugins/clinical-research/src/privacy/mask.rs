//! Masked ids.

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Crockford's base 32: no letter can be taken for a digit.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 50 bits: the shortest mask.
const SHORTEST: usize = 10;

/// Gives masks: HMAC-SHA-256 (RFC 2104) of the kind and the original under the run's key, cut to ten digits of base 32, longer
/// where two would be the same. Whoever has neither the key nor the key file cannot go back; the same run gives the same masks,
/// another run others. The order of the masks says nothing of the originals.
pub struct Masker {
    key: [u8; 32],
}

impl Masker {
    /// With the run's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    fn digest(&self, kind: &str, original: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(original.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let mut out = String::new();
        let (mut held, mut bits) = (0u32, 0);
        for byte in bytes {
            held = held << 8 | u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                let digit = DIGITS.get((held >> bits & 31) as usize).copied().unwrap_or(b'0');
                out.push(char::from(digit));
            }
            held &= (1 << bits) - 1;
        }
        out
    }

    /// The masks of distinct originals: `PREFIX-` and digits.
    pub fn masks<'o>(
        &self,
        prefix: &str,
        originals: impl IntoIterator<Item = &'o str>,
    ) -> BTreeMap<String, String> {
        let digests: BTreeMap<&str, String> =
            originals.into_iter().map(|original| (original, self.digest(prefix, original))).collect();
        let mut length = SHORTEST;
        let longest = digests.values().map(String::len).max().unwrap_or(0);
        while length < longest {
            let cut: BTreeSet<&str> = digests.values().filter_map(|d| d.get(..length)).collect();
            if cut.len() == digests.len() {
                break;
            }
            length += 1;
        }
        let mask = |digest: &str| format!("{prefix}-{}", digest.get(..length).unwrap_or(digest));
        digests.iter().map(|(original, digest)| ((*original).to_owned(), mask(digest))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_unique_stable_and_of_the_key() {
        let originals: Vec<String> = (0..5_000).map(|k| format!("01-{k:04}")).collect();
        let ids = || originals.iter().map(String::as_str);
        let one = Masker::new([1; 32]).masks("S", ids());
        assert_eq!(one.values().collect::<BTreeSet<_>>().len(), originals.len());
        assert_eq!(one, Masker::new([1; 32]).masks("S", ids()));
        let other = Masker::new([2; 32]).masks("S", ids());
        assert!(one.iter().all(|(id, mask)| other[id] != *mask));
        assert!(one.values().all(|m| m.len() == 12 && m.starts_with("S-")));
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?".
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any key length");
        mac.update(b"what do ya want for nothing?");
        assert_eq!(mac.finalize().into_bytes()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
