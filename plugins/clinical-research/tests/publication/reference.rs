//! The four reference cases.

use crate::{
    common,
    support::{phases, sound},
};

#[test]
fn all_cases_are_published() {
    for case in ["cdisc_pilot_sites_a", "cdisc_pilot_defects", "veteran_lung", "strep_tb"] {
        let Some((input, _)) = common::shared(case) else { return };
        let run = phases(case, &input);
        sound(&run.publication);
    }
}
