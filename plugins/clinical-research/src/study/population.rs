//! Who counts in an analysis: one rule for all phases.

use heddle_kit::report::counted;

use super::{Analysis, Column, ProtocolProblem, Study};

/// Who counts in an analysis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population {
    /// The flag that the protocol names; None where it names none: then every subject of a known arm counts.
    pub flag: Option<String>,
    /// Rows of its members by arm (place in [`super::Protocol::arms`]), ascending.
    pub arms: Vec<Vec<u32>>,
    /// Rows of the subjects of a known arm who are not in it, ascending, and why.
    pub left_out: Vec<(u32, LeftOut)>,
    /// Whether others stand in for it, as the data flag nobody.
    pub stands_in: bool,
    /// What a reader must know of it: who stands in, or how many have no flag while others have.
    pub finding: Option<ProtocolProblem>,
}

/// Why a subject is not in a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// The flag is false.
    Flagged,
    /// The flag is missing, while others have it.
    Unflagged,
    /// Neither a start of treatment nor an actual arm is recorded, while others have one.
    Untreated,
}

impl Population {
    /// The rows of an arm's members, ascending; empty where there is no such arm.
    pub fn in_arm(&self, arm: usize) -> &[u32] {
        self.arms.get(arm).map_or(&[], Vec::as_slice)
    }

    /// Rows of all members, ascending.
    pub fn rows(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = self.arms.iter().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Members of all arms.
    pub fn len(&self) -> usize {
        self.arms.iter().map(Vec::len).sum()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who belongs to it, in words.
    pub fn who(&self) -> String {
        match &self.flag {
            Some(flag) if !self.stands_in => {
                format!("subjects of a known arm with the flag populations.{flag}")
            }
            Some(_) if self.left_out.iter().any(|(_, why)| *why == LeftOut::Untreated) => {
                "all treated subjects of a known arm".to_owned()
            }
            _ => "all subjects of a known arm".to_owned(),
        }
    }

    /// The finding as a sentence without its full stop.
    pub fn finding(&self) -> Option<String> {
        self.finding.as_ref().map(|f| format!("{}: {}", f.message, f.consequence))
    }
}

impl Study {
    /// Who counts in an analysis: subjects of a known arm whose flag is true, or all of them where the protocol names no flag.
    ///
    /// A flag that the data have of some subjects decides for all: those without it are left out. A flag that they have of
    /// nobody decides nothing: all subjects of a known arm stand in, for safety those of them who were treated.
    pub fn population(&self, analysis: Analysis) -> Population {
        let flag = self.protocol.populations.of(analysis);
        let path = flag.map(|flag| format!("populations.{flag}"));
        let column = path.as_deref().and_then(|path| self.subjects.field(path)).and_then(Column::booleans);
        let flags = column.filter(|flags| flags.iter().any(Option::is_some));
        let stands_in = flag.is_some() && flags.is_none();
        let treated = if stands_in && analysis == Analysis::Safety { self.treated() } else { None };
        let mut population = Population {
            flag: flag.map(str::to_owned),
            arms: vec![Vec::new(); self.protocol.arms.len()],
            stands_in,
            ..Population::default()
        };
        for (row, arm) in (0..).zip(&self.subjects.arm) {
            let at = row as usize;
            let Some(members) = arm.and_then(|arm| population.arms.get_mut(arm as usize)) else { continue };
            let out = match (&flags, &treated) {
                (Some(flags), _) => match flags.get(at).copied().flatten() {
                    Some(true) => None,
                    Some(false) => Some(LeftOut::Flagged),
                    None => Some(LeftOut::Unflagged),
                },
                (None, Some(treated)) if treated.get(at) != Some(&true) => Some(LeftOut::Untreated),
                _ => None,
            };
            match out {
                None => members.push(row),
                Some(why) => population.left_out.push((row, why)),
            }
        }
        population.finding = path.and_then(|path| finding(&population, analysis, &path));
        population
    }

    /// Of whom a treatment is recorded; None where it is of nobody.
    fn treated(&self) -> Option<Vec<bool>> {
        let mut treated = vec![false; self.subjects.len()];
        for column in ["treatment_start", "actual_arm"].iter().filter_map(|path| self.subjects.field(path)) {
            treated.iter_mut().enumerate().for_each(|(row, is)| *is |= column.is_known(row));
        }
        treated.contains(&true).then_some(treated)
    }
}

fn finding(population: &Population, analysis: Analysis, path: &str) -> Option<ProtocolProblem> {
    let (message, consequence) = if population.stands_in {
        let untreated = match population.left_out.len() {
            0 => String::new(),
            n => format!("; {n} without a recorded treatment are left out"),
        };
        (format!("no subject has a flag {path}"), format!("{} are analysed{untreated}", population.who()))
    } else {
        let n = population.left_out.iter().filter(|(_, why)| *why == LeftOut::Unflagged).count();
        if n == 0 {
            return None;
        }
        (
            format!(
                "{} no flag {path}, which others have",
                counted(n, "subject of a known arm has", "subjects of a known arm have")
            ),
            "they are left out".to_owned(),
        )
    };
    Some(ProtocolProblem { path: format!("protocol.populations.{}", analysis.name()), message, consequence })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::study::{Coded, Subjects};

    const ROWS: usize = 4;

    /// Two of each arm and one of none, with these fields, whose flag is `saf` in all analyses.
    fn study(fields: Vec<(&str, Column)>) -> Study {
        let mut study = Study::default();
        study.protocol.arms = vec!["A".to_owned(), "B".to_owned()];
        study.protocol.populations.efficacy = Some("saf".to_owned());
        study.protocol.populations.safety = Some("saf".to_owned());
        study.subjects = Subjects {
            id: (0..=ROWS).map(|row| format!("S{row}")).collect(),
            arm: vec![Some(0), Some(1), Some(0), Some(1), None],
            fields: fields.into_iter().map(|(path, column)| (path.to_owned(), column)).collect(),
            ..Subjects::default()
        };
        study
    }

    #[test]
    fn a_flag_of_nobody_decides_nothing() {
        let missing = Column::Boolean(vec![None; ROWS + 1]);
        for fields in [vec![], vec![("populations.saf", missing)]] {
            for analysis in [Analysis::Efficacy, Analysis::Safety] {
                let population = study(fields.clone()).population(analysis);
                assert_eq!((population.rows(), population.stands_in), (vec![0, 1, 2, 3], true));
                assert_eq!(
                    population.finding().unwrap(),
                    "no subject has a flag populations.saf: all subjects of a known arm are analysed"
                );
                assert!(population.left_out.is_empty());
            }
        }
    }

    #[test]
    fn the_treated_stand_in_for_a_safety_population() {
        let start = Column::Day(vec![Some(1.0), None, None, Some(1.0), Some(1.0)]);
        let actual = Column::Categorical(Coded::of([None, None, Some("B"), None, None]));
        let study = study(vec![("treatment_start", start), ("actual_arm", actual)]);
        let safety = study.population(Analysis::Safety);
        assert_eq!((safety.in_arm(0), safety.in_arm(1)), ([0, 2].as_slice(), [3].as_slice()));
        assert_eq!(safety.left_out, [(1, LeftOut::Untreated)]);
        let said = safety.finding().unwrap();
        assert!(said.ends_with("all treated subjects of a known arm are analysed; 1 without a recorded treatment are left out"), "{said}");
        assert_eq!(study.population(Analysis::Efficacy).len(), ROWS);
    }

    #[test]
    fn a_flag_of_some_keeps_those_out_who_have_none() {
        let flags = Column::Boolean(vec![Some(true), None, Some(false), Some(true), Some(true)]);
        let population = study(vec![("populations.saf", flags)]).population(Analysis::Safety);
        assert_eq!((population.rows(), population.stands_in), (vec![0, 3], false));
        assert_eq!(population.left_out, [(1, LeftOut::Unflagged), (2, LeftOut::Flagged)]);
        assert!(population.finding().unwrap().starts_with("1 subject of a known arm has no flag"));
        let nobody = Column::Boolean(vec![Some(false); ROWS + 1]);
        let population = study(vec![("populations.saf", nobody)]).population(Analysis::Safety);
        assert!(population.is_empty() && population.finding.is_none(), "a flag that is false of all says so");
        let none = study(vec![]).population(Analysis::Baseline);
        assert_eq!((none.len(), none.finding, none.stands_in), (ROWS, None, false));
    }
}
