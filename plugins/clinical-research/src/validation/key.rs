//! `subject_key.csv`: the way back from masks. Nothing else that the phase writes has it.

use std::collections::BTreeMap;

use super::{dates::iso, frame::Frame};

/// The file: kind (`subject`, `unknown_subject`: of a table only, `site`), mask, original, and of subjects the reference date of
/// their study days (ISO 8601). A subject whose record has no id has an empty original.
pub(super) fn csv(
    frame: &Frame,
    reference: &[Option<i32>],
    sites: &BTreeMap<String, String>,
    strangers: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let mut put = |fields: [&str; 4]| out.write_record(fields).unwrap_or_default();
    put(["kind", "masked", "original", "reference_date"]);
    for ((mask, original), row) in frame.masks.iter().zip(&frame.originals).zip(&frame.rows) {
        let date = reference.get(*row as usize).copied().flatten().map(iso).unwrap_or_default();
        put(["subject", mask, original.as_deref().unwrap_or_default(), &date]);
    }
    let swap = |map: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.iter().map(|(original, mask)| (mask.clone(), original.clone())).collect()
    };
    for (kind, map) in [("unknown_subject", strangers), ("site", sites)] {
        for (mask, original) in swap(map) {
            put([kind, &mask, &original, ""]);
        }
    }
    out.into_inner().unwrap_or_default()
}
