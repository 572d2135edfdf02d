//! Drug-induced liver injury: Hy's law and the eDISH plot (FDA 2009, "Drug-Induced Liver Injury: Premarketing Clinical
//! Evaluation"; Watkins et al. 2011, Drug Safety 34).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    safety::treated::Treated,
    study::{Labs, Study},
};

/// Aminotransferases above so many times the upper limit of normal …
pub(crate) const AMINOTRANSFERASE: f64 = 3.0;
/// … with bilirubin above so many times: a candidate.
pub(crate) const BILIRUBIN: f64 = 2.0;
/// Alkaline phosphatase below so many times speaks against cholestasis.
const PHOSPHATASE: f64 = 2.0;

/// How many of an arm had raised liver values at any time after baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HysLaw {
    /// Subjects with ALT or AST above three times the upper limit; null where neither was measured.
    pub alt_or_ast_gt_3uln: Option<u64>,
    /// Subjects with bilirubin above twice the upper limit; null where it was not measured.
    pub bili_gt_2uln: Option<u64>,
    /// Subjects with both, not necessarily at one time: they need a clinician's look and are no diagnosis.
    pub hys_law_candidates: Option<u64>,
    /// Candidates whose alkaline phosphatase was measured and stayed below twice the upper limit.
    pub candidates_without_cholestasis: Option<u64>,
    /// Subjects with both kinds of values and limits.
    pub assessed: u64,
}

/// A subject's highest values after baseline, in multiples of the upper limit of normal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiverPeak {
    /// Masked id.
    pub subject: String,
    /// Arm.
    pub arm: String,
    /// The higher one of ALT and AST.
    pub alt_or_ast: Option<f64>,
    /// Study day of it.
    pub alt_or_ast_day: Option<f64>,
    /// Bilirubin.
    pub bilirubin: Option<f64>,
    /// Study day of it.
    pub bilirubin_day: Option<f64>,
    /// Alkaline phosphatase.
    pub alkaline_phosphatase: Option<f64>,
}

/// The tests that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Aminotransferase,
    Bilirubin,
    Phosphatase,
}

fn kind(code: &str, name: &str) -> Option<Kind> {
    let code: String = code.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_uppercase();
    let name = name.to_ascii_lowercase();
    let fraction = ["direct", "conjugated", "ratio", "urine", "heart", "macro"];
    let name_says = |words: &str| name.contains(words) && !fraction.iter().any(|f| name.contains(f));
    match code.as_str() {
        "ALT"
        | "AST"
        | "SGPT"
        | "SGOT"
        | "ALAT"
        | "ASAT"
        | "GPT"
        | "GOT"
        | "ALANINEAMINOTRANSFERASE"
        | "ASPARTATEAMINOTRANSFERASE" => Some(Kind::Aminotransferase),
        "BILI" | "TBIL" | "TBILI" | "BILITOT" | "BILIRUBIN" | "TOTALBILIRUBIN" | "BILIRUBINTOTAL" => {
            Some(Kind::Bilirubin)
        }
        "ALP" | "ALKPH" | "ALKP" | "ALKALINEPHOSPHATASE" => Some(Kind::Phosphatase),
        _ if name_says("alanine aminotransferase") || name_says("aspartate aminotransferase") => {
            Some(Kind::Aminotransferase)
        }
        _ if name_says("bilirubin") => Some(Kind::Bilirubin),
        _ if name_says("alkaline phosphatase") => Some(Kind::Phosphatase),
        _ => None,
    }
}

/// A subject's peaks while its records are read: multiple and day.
#[derive(Debug, Clone, Copy, Default)]
struct Peaks {
    aminotransferase: Option<(f64, Option<f64>)>,
    bilirubin: Option<(f64, Option<f64>)>,
    phosphatase: Option<(f64, Option<f64>)>,
    // The criteria compare the value with the multiplied limit, as the reference does, not the quotient.
    high_aminotransferase: bool,
    high_bilirubin: bool,
}

/// The liver values of all subjects.
pub(crate) struct Liver {
    kinds: Vec<Option<Kind>>,
    current: Peaks,
    /// By arm: criteria.
    counts: Vec<HysLaw>,
    /// For each subject with both: row, arm, peaks.
    pub(crate) points: Vec<(u32, usize, f64, f64)>,
    candidates: Vec<(u32, usize, Peaks)>,
}

impl Liver {
    pub(crate) fn new(labs: &Labs, arms: usize) -> Self {
        let name = |code: &String| labs.tests.get(code).map_or("", String::as_str);
        let kinds: Vec<Option<Kind>> = labs.test.levels.iter().map(|c| kind(c, name(c))).collect();
        let has = |kind| kinds.contains(&Some(kind)).then_some(0);
        let (a, b) = (has(Kind::Aminotransferase), has(Kind::Bilirubin));
        let none = HysLaw {
            alt_or_ast_gt_3uln: a,
            bili_gt_2uln: b,
            hys_law_candidates: a.and(b),
            candidates_without_cholestasis: a.and(b).and(has(Kind::Phosphatase)),
            assessed: 0,
        };
        Self {
            kinds,
            current: Peaks::default(),
            counts: vec![none; arms],
            points: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// A record after baseline.
    pub(crate) fn add(&mut self, test: u32, value: f64, high: Option<f64>, day: Option<f64>) {
        let Some(kind) = self.kinds.get(test as usize).copied().flatten() else { return };
        let Some(high) = high.filter(|h| *h > 0.0) else { return };
        let times = value / high;
        let peak = match kind {
            Kind::Aminotransferase => {
                self.current.high_aminotransferase |= value > AMINOTRANSFERASE * high;
                &mut self.current.aminotransferase
            }
            Kind::Bilirubin => {
                self.current.high_bilirubin |= value > BILIRUBIN * high;
                &mut self.current.bilirubin
            }
            Kind::Phosphatase => &mut self.current.phosphatase,
        };
        if peak.is_none_or(|(highest, _)| times > highest) {
            *peak = Some((times, day));
        }
    }

    /// The subject's records are all read.
    pub(crate) fn end_of_subject(&mut self, row: u32, arm: usize) {
        let peaks = std::mem::take(&mut self.current);
        let Some(counts) = self.counts.get_mut(arm) else { return };
        let more = |count: &mut Option<u64>, is: bool| {
            if let Some(count) = count {
                *count += u64::from(is);
            }
        };
        let candidate = peaks.high_aminotransferase && peaks.high_bilirubin;
        more(&mut counts.alt_or_ast_gt_3uln, peaks.high_aminotransferase);
        more(&mut counts.bili_gt_2uln, peaks.high_bilirubin);
        more(&mut counts.hys_law_candidates, candidate);
        let no_cholestasis = peaks.phosphatase.is_some_and(|(times, _)| times < PHOSPHATASE);
        more(&mut counts.candidates_without_cholestasis, candidate && no_cholestasis);
        if let (Some((x, _)), Some((y, _))) = (peaks.aminotransferase, peaks.bilirubin) {
            counts.assessed += 1;
            self.points.push((row, arm, x, y));
        }
        if candidate {
            self.candidates.push((row, arm, peaks));
        }
    }

    /// The counts by arm, or why there are none.
    pub(crate) fn by_arm(&self, treated: &Treated) -> Result<BTreeMap<String, HysLaw>, String> {
        let none = self.counts.first().is_none_or(|c| c.alt_or_ast_gt_3uln.or(c.bili_gt_2uln).is_none());
        if none {
            return Err(
                "not computable: neither aminotransferases (ALT, AST) nor bilirubin are among the tests"
                    .to_owned(),
            );
        }
        Ok(treated.by_arm(|arm| self.counts[arm].clone()))
    }

    /// What cannot be told of candidates, and why.
    pub(crate) fn missing(&self) -> Option<String> {
        let counts = self.counts.first()?;
        let missing = match (counts.alt_or_ast_gt_3uln, counts.bili_gt_2uln) {
            (None, Some(_)) => "aminotransferases (ALT, AST) are",
            (Some(_), None) => "bilirubin is",
            _ => return None,
        };
        Some(format!("not computable: {missing} not among the tests"))
    }

    /// The candidates, at most so many.
    pub(crate) fn candidates(&self, study: &Study, treated: &Treated, most: usize) -> Vec<LiverPeak> {
        self.candidates
            .iter()
            .take(most)
            .map(|(row, arm, peaks)| LiverPeak {
                subject: study.subjects.id.get(*row as usize).cloned().unwrap_or_default(),
                arm: treated.arms.get(*arm).cloned().unwrap_or_default(),
                alt_or_ast: peaks.aminotransferase.map(|p| p.0),
                alt_or_ast_day: peaks.aminotransferase.and_then(|p| p.1),
                bilirubin: peaks.bilirubin.map(|p| p.0),
                bilirubin_day: peaks.bilirubin.and_then(|p| p.1),
                alkaline_phosphatase: peaks.phosphatase.map(|p| p.0),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_by_code_and_name() {
        assert_eq!(kind("ALT", ""), Some(Kind::Aminotransferase));
        assert_eq!(kind("C64547", "Aspartate Aminotransferase (U/L)"), Some(Kind::Aminotransferase));
        assert_eq!(kind("BILDIR", "Direct Bilirubin"), None);
        assert_eq!(kind("X", "Bilirubin (umol/L)"), Some(Kind::Bilirubin));
        assert_eq!(kind("ALKPH", ""), Some(Kind::Phosphatase));
        assert_eq!(kind("HGB", "Hemoglobin"), None);
    }
}
