//! Survival: times to an event that some subjects are not followed long enough to have.
//!
//! All times are in one unit, which the caller names; they count from zero. Everything starts from [`FollowUp`], which sorts
//! once.

mod concordance;
mod cox;
mod follow_up;
mod kaplan_meier;
mod log_rank;
mod partial_likelihood;
mod restricted_mean;
mod schoenfeld;

pub use concordance::{Concordance, concordance};
pub use cox::{CoxFit, CoxOptions, cox};
pub use follow_up::FollowUp;
pub use kaplan_meier::{KaplanMeier, Step};
pub use log_rank::{LogRank, Weights, log_rank};
pub use partial_likelihood::Ties;
pub use restricted_mean::{MeanDifference, RestrictedMean, restricted_mean, restricted_mean_difference};
pub use schoenfeld::{ProportionalHazards, TimeTransform, proportional_hazards};
