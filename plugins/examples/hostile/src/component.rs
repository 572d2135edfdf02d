//! The exports.

use heddle_sdk::bindings::{Guest, Outcome, PhaseError, Problem};

use crate::crimes;

struct Component;

impl Guest for Component {
    fn manifest() -> String {
        crate::manifest().to_string()
    }

    fn validate(phase: String, _: String) -> Vec<Problem> {
        crimes::validate(&phase)
    }

    fn execute(phase: String, _: String) -> Result<Outcome, PhaseError> {
        crimes::execute(&phase)
    }
}

#[allow(unsafe_code, unused_qualifications, reason = "the generated exports")]
mod exports {
    use super::Component;

    heddle_sdk::bindings::export_plugin!(Component with_types_in heddle_sdk::bindings);
}
