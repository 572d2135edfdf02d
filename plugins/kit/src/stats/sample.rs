//! A sample, sorted once, for all that is asked of it.

use super::{Computed, NotComputable};

/// Finite values in ascending order with their moments. Quantiles, ranks and merges of several samples need no second sort.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    sorted: Vec<f64>,
    mean: f64,
    squares: f64,
}

/// What a table of baseline characteristics says of a continuous variable, in the variable's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard deviation with divisor n − 1; none for a single value.
    pub sd: Option<f64>,
    /// The smallest value.
    pub min: f64,
    /// The lower quartile.
    pub q1: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub q3: f64,
    /// The largest value.
    pub max: f64,
}

impl Sample {
    /// Sorts the values. Needs one value; all must be finite, and so must be the sum of their squares.
    pub fn new(mut values: Vec<f64>) -> Computed<Self> {
        if values.iter().any(|v| !v.is_finite()) {
            return Err(NotComputable::NotFinite);
        }
        values.sort_unstable_by(f64::total_cmp);
        Self::from_sorted(values)
    }

    /// All values of several samples as one, by merging.
    pub fn merged(samples: &[&Self]) -> Computed<Self> {
        let mut sorted = Vec::with_capacity(samples.iter().map(|s| s.n()).sum());
        merge(samples, |value, _| sorted.push(value));
        Self::from_sorted(sorted)
    }

    fn from_sorted(sorted: Vec<f64>) -> Computed<Self> {
        if sorted.is_empty() {
            return Err(NotComputable::TooFew { needed: 1, found: 0 });
        }
        let n = sorted.len() as f64;
        let first = sorted.iter().sum::<f64>() / n;
        // The second pass takes back what rounding lost in the first, in the mean and in the squares.
        let (rest, squares) = sorted
            .iter()
            .fold((0.0, 0.0), |(rest, squares), v| (rest + (v - first), squares + (v - first).powi(2)));
        let mean = first + rest / n;
        // Infinite less infinite is no number, which the maximum with zero would hide: looked at first.
        let squares = squares - rest * rest / n;
        let equal = sorted.first() == sorted.last();
        if !mean.is_finite() || !squares.is_finite() {
            return Err(NotComputable::TooLarge);
        }
        let squares = squares.max(0.0);
        Ok(Self {
            mean: if equal { sorted[0] } else { mean },
            squares: if equal { 0.0 } else { squares },
            sorted,
        })
    }

    /// How many values.
    pub fn n(&self) -> usize {
        self.sorted.len()
    }

    /// The values in ascending order.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The arithmetic mean, in the unit of the values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The sum of the squared distances from the mean.
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// The sample variance, with divisor n − 1. Needs two values.
    pub fn variance(&self) -> Computed<f64> {
        match self.n() {
            found @ (0 | 1) => Err(NotComputable::TooFew { needed: 2, found }),
            n => Ok(self.squares / (n - 1) as f64),
        }
    }

    /// The quantile of a probability, held within 0 to 1, by linear interpolation: type 7 of Hyndman and Fan, "Sample
    /// quantiles in statistical packages", The American Statistician 50, 1996.
    pub fn quantile(&self, probability: f64) -> f64 {
        let last = self.sorted.len() - 1;
        let position = last as f64 * probability.clamp(0.0, 1.0);
        let below = (position.floor() as usize).min(last);
        let (low, high) = (self.sorted[below], self.sorted[(below + 1).min(last)]);
        low + (position - below as f64) * (high - low)
    }

    /// Everything that a table of baseline characteristics prints.
    pub fn summary(&self) -> Summary {
        Summary {
            n: self.n(),
            mean: self.mean,
            sd: self.variance().ok().map(f64::sqrt),
            min: self.sorted[0],
            q1: self.quantile(0.25),
            median: self.quantile(0.5),
            q3: self.quantile(0.75),
            max: self.sorted[self.sorted.len() - 1],
        }
    }
}

/// Hands out all values of the samples in ascending order, each with the number of its sample.
pub(crate) fn merge(samples: &[&Sample], mut each: impl FnMut(f64, usize)) {
    let mut heads: Vec<(usize, &[f64])> = samples.iter().map(|s| s.sorted.as_slice()).enumerate().collect();
    loop {
        let next = heads
            .iter_mut()
            .filter(|(_, rest)| !rest.is_empty())
            .min_by(|(_, a), (_, b)| a[0].total_cmp(&b[0]));
        let Some((sample, rest)) = next else { return };
        each(rest[0], *sample);
        *rest = &rest[1..];
    }
}
