//! The key of the masks.

use sha2::{Digest, Sha256};

use crate::raw::{Kind, Table};

/// The key: of what the run's seed gave, and of the subjects' records.
///
/// A run's seed is no secret: it is told with the results, so that whoever has the data can have them again. Under a key of the seed alone
/// whoever knows how ids are formed could try them all. The records are what those who have the results only do not have. Neither the order
/// of the records nor that of their fields counts.
pub(super) fn key(seeded: [u8; 32], subjects: &Table) -> [u8; 32] {
    let mut columns: Vec<_> = subjects.columns.iter().collect();
    columns.sort_by(|a, b| a.path.cmp(&b.path));
    // A sum is the same in any order (and, unlike an exclusive or, keeps what is there twice).
    let mut sum = [0u64; 4];
    let mut record = Vec::new();
    for row in 0..subjects.rows {
        record.clear();
        for (at, column) in (0u32..).zip(&columns) {
            let mut text = |tag: u8, text: &str| {
                record.extend_from_slice(&at.to_le_bytes());
                record.push(tag);
                record.extend_from_slice(&(text.len() as u64).to_le_bytes());
                record.extend_from_slice(text.as_bytes());
            };
            match column.cell(row) {
                Kind::Absent | Kind::Null => {}
                Kind::Boolean(value) => text(0, if value { "1" } else { "0" }),
                Kind::Text(place) => text(1, column.texts.get(place)),
                Kind::List(list) => {
                    for item in column.lists.get(list as usize).into_iter().flatten() {
                        text(2, column.texts.get(*item));
                    }
                }
                Kind::Number(value) => {
                    record.extend_from_slice(&at.to_le_bytes());
                    record.push(3);
                    record.extend_from_slice(&value.to_le_bytes());
                }
            }
        }
        let digest = Sha256::digest(&record);
        for (lane, part) in sum.iter_mut().zip(digest.chunks_exact(8)) {
            *lane = lane.wrapping_add(part.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
    let mut hasher = Sha256::new_with_prefix(b"heddle clinical-research mask key 1");
    hasher.update(seeded);
    sum.iter().for_each(|lane| hasher.update(lane.to_le_bytes()));
    hasher.finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::raw::RawStudy;

    fn of(seed: u8, subjects: &Value) -> [u8; 32] {
        let study: RawStudy = serde_json::from_value(json!({ "subjects": subjects })).unwrap();
        key([seed; 32], study.subjects.as_ref().unwrap())
    }

    #[test]
    fn the_seed_and_every_value_count_and_no_order_does() {
        let one = json!({ "subject_id": "a", "age": 61, "baseline": { "bmi": 22.5 }, "completed": true });
        let two = json!({ "subject_id": "b", "age": 44 });
        let key = of(1, &json!([one, two]));
        assert_eq!(key, of(1, &json!([two, one])));
        let turned = json!({ "completed": true, "baseline": { "bmi": 22.5 }, "age": 61, "subject_id": "a" });
        assert_eq!(key, of(1, &json!([turned, two])));
        assert_ne!(key, of(2, &json!([one, two])));
        assert_ne!(key, of(1, &json!([one])));
        assert_ne!(key, of(1, &json!([one, two, two])));
        for other in [
            json!({ "subject_id": "a", "age": 62, "baseline": { "bmi": 22.5 }, "completed": true }),
            json!({ "subject_id": "a", "age": 61, "baseline": { "bmi": 22.5 }, "completed": false }),
            json!({ "subject_id": "a", "age": 61, "baseline": { "bmi": 22.5 } }),
            json!({ "subject_id": "a", "aged": 61, "baseline": { "bmi": 22.5 }, "completed": true }),
        ] {
            assert_ne!(key, of(1, &json!([other, two])));
        }
    }
}
