//! The tables of the publication, with their numbers: those of the manuscript, and those of the supplement.

mod baseline;
mod comparisons;
mod events;
mod labs;
mod outcomes;
mod quality;
mod subgroups;
mod survival;

use heddle_kit::{
    document::{Meta, Table},
    workbook::{Workbook, WorkbookError},
};

pub(super) use events::KINDS;
pub(super) use subgroups::interactions;

use super::{design::Design, flow, grid::Grid, sources::Sources};

/// The most rows of a table in the manuscript.
const MOST_IN_MANUSCRIPT: usize = 80;
/// The most rows of a table in the supplement.
const MOST_IN_SUPPLEMENT: usize = 150;

/// The sheets of the tables of terms of an arm against the reference.
const SHEETS: [&str; comparisons::MOST_ARMS] =
    ["AE compared 1", "AE compared 2", "AE compared 3", "AE compared 4", "AE compared 5", "AE compared 6"];

/// What a table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Baseline,
    Outcomes,
    Survival,
    Overview,
    CommonEvents,
    Disposition,
    Exclusions,
    Deviations,
    Sensitivity,
    Families,
    Subgroups,
    SurvivalAt,
    Cox,
    Matching,
    Exposure,
    OverviewAgainst,
    Terms,
    /// Of an arm against the reference, by its place.
    TermsAgainst(usize),
    SeriousEvents,
    Labs,
    LabChanges,
    Signals,
}

impl Key {
    /// The table whose section it stands in.
    pub(super) fn lead(self) -> Self {
        if let Self::TermsAgainst(_) | Self::OverviewAgainst = self { Self::Terms } else { self }
    }
}

/// A table with its number.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) key: Key,
    /// "Table 1", "Table S3".
    pub(super) number: String,
    /// The sheet of the workbook.
    pub(super) sheet: String,
    pub(super) grid: Grid,
    /// Where the workbook has other columns than the documents.
    apart: Option<Grid>,
    most: usize,
}

impl Item {
    /// For a document.
    pub(super) fn table(&self) -> Table {
        self.grid.table(self.most, &self.sheet)
    }

    /// For the workbook.
    pub(super) fn whole(&self) -> &Grid {
        self.apart.as_ref().unwrap_or(&self.grid)
    }
}

/// All tables.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) main: Vec<Item>,
    pub(super) supplement: Vec<Item>,
}

impl Catalogue {
    pub(super) fn of(sources: &Sources, design: &Design) -> Self {
        let main = [
            Some((
                Key::Baseline,
                "Baseline",
                baseline::manuscript(sources, design),
                Some(baseline::whole(sources, design)),
            )),
            outcomes::outcomes(sources, design)
                .map(|(grid, whole)| (Key::Outcomes, "Outcomes", grid, Some(whole))),
            survival::survival(sources, design).map(|grid| (Key::Survival, "Survival", grid, None)),
            events::overview(sources, design).map(|grid| (Key::Overview, "AE overview", grid, None)),
            events::common(sources, design).map(|grid| (Key::CommonEvents, "AE most frequent", grid, None)),
        ];
        let supplement = [
            Some((Key::Disposition, "Disposition", flow::disposition(sources), None)),
            Some((Key::Exclusions, "Exclusions", quality::exclusions(sources), None)),
            Some((Key::Deviations, "Deviations", quality::deviations(sources), None)),
            outcomes::sensitivity(sources, design).map(|grid| (Key::Sensitivity, "Sensitivity", grid, None)),
            outcomes::families(sources, design).map(|grid| (Key::Families, "Multiplicity", grid, None)),
            subgroups::subgroups(sources, design).map(|grid| (Key::Subgroups, "Subgroups", grid, None)),
            survival::at_times(sources, design)
                .map(|grid| (Key::SurvivalAt, "Survival at times", grid, None)),
            survival::cox(sources, design).map(|grid| (Key::Cox, "Cox models", grid, None)),
            baseline::matching(sources).map(|grid| (Key::Matching, "Propensity matching", grid, None)),
            events::exposure(sources, design).map(|grid| (Key::Exposure, "Exposure", grid, None)),
            comparisons::overview(sources, design)
                .map(|grid| (Key::OverviewAgainst, "AE overview compared", grid, None)),
            events::terms(sources, design).map(|(grid, whole)| (Key::Terms, "AE by SOC and PT", grid, whole)),
        ];
        let compared = comparisons::terms(sources, design);
        let compared = SHEETS
            .iter()
            .zip(compared)
            .enumerate()
            .map(|(at, (sheet, grid))| Some((Key::TermsAgainst(at), *sheet, grid, None)));
        let supplement = supplement.into_iter().chain(compared).chain([
            events::serious(sources).map(|grid| (Key::SeriousEvents, "Serious AE", grid, None)),
            events::signals(sources, design).map(|grid| (Key::Signals, "Disproportionality", grid, None)),
            labs::grades(sources, design).map(|grid| (Key::Labs, "Labs grades", grid, None)),
            labs::changes(sources, design).map(|grid| (Key::LabChanges, "Labs changes", grid, None)),
        ]);
        let numbered = |list: Vec<(Key, &str, Grid, Option<Grid>)>, prefix: &str, most: usize| {
            let item = |(at, (key, name, grid, apart)): (usize, (Key, &str, Grid, Option<Grid>))| Item {
                key,
                number: format!("Table {prefix}{}", at + 1),
                sheet: format!("{prefix}{} {name}", at + 1),
                grid,
                apart,
                most,
            };
            list.into_iter().enumerate().map(item).collect()
        };
        Self {
            main: numbered(main.into_iter().flatten().collect(), "", MOST_IN_MANUSCRIPT),
            supplement: numbered(supplement.flatten().collect(), "S", MOST_IN_SUPPLEMENT),
        }
    }

    /// The same tables in the order of another document, numbered anew; those that it does not show are not in it.
    pub(super) fn reordered(&self, order: &[Key]) -> Self {
        // What belongs to a table follows it.
        let found = order.iter().flat_map(|key| self.with_followers(*key)).cloned();
        let numbered =
            found.enumerate().map(|(at, item)| Item { number: format!("Table {}", at + 1), ..item });
        Self { main: numbered.collect(), supplement: Vec::new() }
    }

    /// The table, and behind it those that belong to it.
    pub(super) fn with_followers(&self, key: Key) -> impl Iterator<Item = &Item> {
        let followers = self.all().filter(move |item| item.key.lead() == key && item.key != key);
        self.find(key).into_iter().chain(followers)
    }

    pub(super) fn find(&self, key: Key) -> Option<&Item> {
        self.main.iter().chain(&self.supplement).find(|item| item.key == key)
    }

    /// " (Table 1)", or nothing where there is no such table.
    pub(super) fn see(&self, key: Key) -> String {
        self.find(key).map_or_else(String::new, |item| format!(" ({})", item.number))
    }

    /// " (Tables S1 and S2)": all of these that there are.
    pub(super) fn see_all(&self, keys: &[Key]) -> String {
        let found: Vec<&str> =
            keys.iter().filter_map(|key| self.find(*key)).map(|i| i.number.as_str()).collect();
        match found.as_slice() {
            [] => String::new(),
            [only] => format!(" ({only})"),
            [first @ .., last] => {
                let bare = |number: &str| number.trim_start_matches("Table ").to_owned();
                let first: Vec<String> = first.iter().map(|n| bare(n)).collect();
                format!(" (Tables {} and {})", first.join(", "), bare(last))
            }
        }
    }

    /// All tables, those of the manuscript first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Item> {
        self.main.iter().chain(&self.supplement)
    }

    /// `tables_package.xlsx`.
    pub(super) fn workbook(&self, meta: Meta) -> Result<Vec<u8>, WorkbookError> {
        let sheets = self.all().map(|item| item.whole().sheet(&item.sheet, &item.number));
        sheets.fold(Workbook::new(meta), Workbook::sheet).finish()
    }
}
