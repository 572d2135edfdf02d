//! Numbers from a seed, so that whatever fails can be done again: splitmix64 (Steele, Lea and Flood 2014).

/// A generator.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One that is smaller than `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    /// Bytes that cannot be compressed.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.number().to_le_bytes()).flatten().take(length).collect()
    }
}

/// A number for each combination of these, the same each time.
pub fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |mixed, part| Random(mixed ^ part.rotate_left(32)).number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_one_others() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.number(), random.below(10), random.below(10)]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert_eq!(Random::new(1).bytes(11).len(), 11);
        assert_ne!(mix(&[1, 2]), mix(&[2, 1]));
        let ones = (0..1000).filter(|n| mix(&[7, *n]) & 1 == 1).count();
        assert!((400..600).contains(&ones), "{ones}");
    }
}
