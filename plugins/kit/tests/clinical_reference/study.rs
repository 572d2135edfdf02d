//! The input as the reference's description reads it.

use serde_json::Value;

pub(crate) struct Study {
    pub(crate) protocol: Value,
    pub(crate) data: Value,
    pub(crate) arms: Vec<String>,
    pub(crate) reference: usize,
    pub(crate) level: f64,
    subjects: Vec<Subject>,
}

#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) id: String,
    pub(crate) arm: usize,
    pub(crate) record: Value,
}

impl Subject {
    /// By a dotted path; null where there is none.
    pub(crate) fn field(&self, path: &str) -> &Value {
        path.split('.').fold(&self.record, |value, key| &value[key])
    }

    pub(crate) fn number(&self, path: &str) -> Option<f64> {
        self.field(path).as_f64()
    }

    /// A category as text.
    pub(crate) fn category(&self, path: &str) -> Option<String> {
        match self.field(path) {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

impl Study {
    /// Input and expected values of a case; `None`, and a word about it, where the data are not on this machine.
    pub(crate) fn load(case: &str) -> Option<(Self, Value)> {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
        let root = std::env::var("HEDDLE_SHARED_DATA").unwrap_or_else(|_| beside.to_owned());
        let directory = std::path::Path::new(&root).join("clinical_research");
        if !directory.is_dir() {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", directory.display());
            println!("SKIPPED: {} is missing", directory.display());
            return None;
        }
        let read = |name: &str| -> Value {
            let text = std::fs::read_to_string(directory.join(case).join(name)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let mut input = read("input.json");
        let (data, protocol) = (input["study_data"].take(), input["protocol"].take());
        let arms: Vec<String> =
            protocol["arms"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect();
        let reference = arms.iter().position(|a| protocol["reference_arm"] == a.as_str()).unwrap();
        let mut subjects: Vec<Subject> = Vec::new();
        for record in data["subjects"].as_array().unwrap() {
            let id = record["subject_id"].as_str().unwrap().to_owned();
            let arm = arms.iter().position(|a| record["arm"] == a.as_str());
            if let (Some(arm), false) = (arm, subjects.iter().any(|s| s.id == id)) {
                subjects.push(Subject { id, arm, record: record.clone() });
            }
        }
        let level = protocol["confidence_level"].as_f64().unwrap();
        Some((Self { protocol, data, arms, reference, level, subjects }, read("expected.json")))
    }

    /// The subjects of an analysis.
    pub(crate) fn population(&self, analysis: &str) -> Vec<Subject> {
        let flag = self.protocol["populations"][analysis].as_str();
        let within = |s: &&Subject| flag.is_none_or(|flag| s.record["populations"][flag] == true);
        self.subjects.iter().filter(within).cloned().collect()
    }

    pub(crate) fn list(&self, pointer: &str) -> Vec<Value> {
        self.protocol.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The arms other than the reference.
    pub(crate) fn compared(&self) -> impl Iterator<Item = usize> {
        (0..self.arms.len()).filter(|arm| *arm != self.reference)
    }

    /// A subject's level of a pre-specified subgroup.
    pub(crate) fn level_of(subgroup: &Value, subject: &Subject) -> Option<String> {
        let field = subgroup["field"].as_str().unwrap();
        let Some(cuts) = subgroup["cut_points"].as_array() else { return subject.category(field) };
        let value = subject.number(field)?;
        let cuts: Vec<f64> = cuts.iter().map(|c| c.as_f64().unwrap()).collect();
        let above = cuts.iter().filter(|c| value >= **c).count();
        Some(match above {
            0 => format!("<{}", cuts[0]),
            all if all == cuts.len() => format!(">={}", cuts[all - 1]),
            between => format!("{}-<{}", cuts[between - 1], cuts[between]),
        })
    }
}
