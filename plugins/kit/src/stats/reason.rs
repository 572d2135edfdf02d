//! Why a figure cannot be computed, in words that a report can print.

use std::fmt;

/// A figure, or the reason why there is none.
pub type Computed<T> = Result<T, NotComputable>;

/// Why a figure is not computable. It stands where another library would print NaN or infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotComputable {
    /// Fewer observations than the method needs.
    TooFew {
        /// How many it needs.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// More observations than the method is valid or feasible for.
    TooMany {
        /// How many it takes.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// A value is infinite or not a number.
    NotFinite,
    /// The values are so large that their squares overflow.
    TooLarge,
    /// Columns that belong together have different lengths.
    LengthsDiffer,
    /// A confidence level or significance level that is not between 0 and 1.
    BadLevel,
    /// More events than subjects, or another impossible count.
    ImpossibleCounts,
    /// A group number that is not one of the groups, or fewer than two groups.
    BadGroups,
    /// All values are equal, or a model fits them perfectly: there is no variance to measure against.
    NoVariation,
    /// The method assumes distinct values.
    Ties,
    /// A group has no observations.
    EmptyGroup {
        /// Its position, from 0.
        group: usize,
    },
    /// A row or a column of a table is all zero, so that fewer than two rows or columns are left.
    EmptyMargin,
    /// A test for 2 × 2 tables met a larger one.
    NotTwoByTwo,
    /// The groups have no category in common: their distance is infinite.
    DisjointCategories,
    /// A time to event is negative.
    NegativeTime,
    /// Nobody had the event.
    NoEvents,
    /// The survival curve, or the bound of its interval, stays above the quantile.
    NotReached,
    /// A column is a linear combination of the columns before it, or is constant.
    Collinear {
        /// Its position, from 0.
        column: usize,
    },
    /// The likelihood grows for ever as the coefficient does: no events in a group, or a column separates the outcomes.
    Separation {
        /// The column's position, from 0.
        column: usize,
    },
    /// No degrees of freedom are left for the residuals.
    NoResidualDegrees,
    /// The iterations did not come to an end.
    NotConverged {
        /// How many were made.
        iterations: usize,
    },
    /// One model does not contain the other, or has no more terms that can be estimated than it.
    NotNested,
    /// The difference is exactly zero, which has no reciprocal.
    ZeroDifference,
}

impl fmt::Display for NotComputable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { needed, found } => {
                write!(f, "too few observations: {found}, at least {needed} needed")
            }
            Self::TooMany { most, found } => {
                write!(f, "too many observations: {found}, at most {most} possible")
            }
            Self::NotFinite => f.write_str("a value is not a finite number"),
            Self::TooLarge => f.write_str("the values are too large to compute with"),
            Self::LengthsDiffer => f.write_str("the columns differ in length"),
            Self::BadLevel => f.write_str("the level is not between 0 and 1"),
            Self::ImpossibleCounts => f.write_str("the counts contradict each other"),
            Self::BadGroups => f.write_str("fewer than two groups, or a group that is not declared"),
            Self::NoVariation => f.write_str("nothing varies: all values are equal, or the fit is perfect"),
            Self::Ties => f.write_str("some values are tied"),
            Self::EmptyGroup { group } => write!(f, "no observations in group {}", group + 1),
            Self::EmptyMargin => f.write_str("fewer than two groups or categories have observations"),
            Self::NotTwoByTwo => f.write_str("computed for 2 × 2 tables only"),
            Self::DisjointCategories => f.write_str("the groups have no category in common"),
            Self::NegativeTime => f.write_str("a time to event is negative"),
            Self::NoEvents => f.write_str("no events"),
            Self::NotReached => f.write_str("not reached"),
            Self::Collinear { column } => {
                write!(f, "covariate {} is constant or follows from the ones before it", column + 1)
            }
            Self::Separation { column } => {
                write!(
                    f,
                    "the estimate of covariate {} is infinite: it separates the outcomes, or a group has no events",
                    column + 1
                )
            }
            Self::NoResidualDegrees => f.write_str("no degrees of freedom are left for the residuals"),
            Self::NotConverged { iterations } => write!(f, "no convergence in {iterations} iterations"),
            Self::NotNested => f.write_str(
                "the larger model adds nothing that can be estimated, or is no fit of the same observations",
            ),
            Self::ZeroDifference => f.write_str("the difference is zero"),
        }
    }
}

impl std::error::Error for NotComputable {}
