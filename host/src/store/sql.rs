//! One text of SQL for both databases.
//!
//! There are but two types of columns, text and 64-bit integers, so that a value on its way is a [`Cell`] and a
//! statement binds its cells in the order of `$1`, `$2` … on either database. A [`Batch`] writes any number of rows by
//! one statement, which costs one crossing to the database (law 11): its rows appear in the statement as the relation
//! `v`: on SQLite as a list of values, in one of a few statements that stay prepared, each for a number of rows, of which
//! those that are too many are empty; on PostgreSQL as what `unnest` makes of an array for each column.

use std::{collections::HashSet, fmt::Write as _, sync::OnceLock};

use serde::Serialize;

use super::Transition;
use crate::model::{RunId, TenantId, Timestamp, Value};

/// A value on its way to the database. An absent one knows its type too, since PostgreSQL asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
}

/// What can be a cell.
pub(super) trait ToCell {
    /// The cell of an absent one.
    const NULL: Cell;

    fn cell(&self) -> Cell;
}

/// PostgreSQL's text holds no NUL, which a guest may well put into a message; both databases get the same instead.
fn text(text: &str) -> Cell {
    Cell::Text(Some(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }))
}

impl ToCell for str {
    const NULL: Cell = Cell::Text(None);

    fn cell(&self) -> Cell {
        text(self)
    }
}

impl ToCell for String {
    const NULL: Cell = Cell::Text(None);

    fn cell(&self) -> Cell {
        text(self)
    }
}

impl ToCell for TenantId {
    const NULL: Cell = Cell::Text(None);

    fn cell(&self) -> Cell {
        text(self.as_str())
    }
}

impl ToCell for Timestamp {
    const NULL: Cell = Cell::Int(None);

    fn cell(&self) -> Cell {
        Cell::Int(Some(self.as_micros()))
    }
}

/// As JSON text.
impl ToCell for Value {
    const NULL: Cell = Cell::Text(None);

    fn cell(&self) -> Cell {
        json(self)
    }
}

impl ToCell for bool {
    const NULL: Cell = Cell::Int(None);

    fn cell(&self) -> Cell {
        Cell::Int(Some(i64::from(*self)))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToCell for $number {
            const NULL: Cell = Cell::Int(None);

            fn cell(&self) -> Cell {
                // Sizes and counts; what would not fit is as good as endless.
                Cell::Int(Some(i64::try_from(*self).unwrap_or(i64::MAX)))
            }
        }
    )*};
}
numbers!(i64, u64, i32, u32);

macro_rules! shown {
    ($($shown:ty),*) => {$(
        impl ToCell for $shown {
            const NULL: Cell = Cell::Text(None);

            fn cell(&self) -> Cell {
                Cell::Text(Some(self.to_string()))
            }
        }
    )*};
}
shown!(
    RunId,
    crate::model::AttemptId,
    crate::model::UploadId,
    crate::model::ApprovalId,
    crate::model::ScheduleId,
    crate::model::TokenId,
    crate::model::HostId,
    crate::model::Digest,
    crate::model::RunState,
    crate::model::StepState,
    crate::model::AttemptState,
    crate::model::EventKind
);

impl ToCell for Cell {
    const NULL: Cell = Cell::Text(None);

    fn cell(&self) -> Cell {
        self.clone()
    }
}

impl<T: ToCell> ToCell for Option<T> {
    const NULL: Cell = T::NULL;

    fn cell(&self) -> Cell {
        self.as_ref().map_or(T::NULL, T::cell)
    }
}

impl<T: ToCell + ?Sized> ToCell for &T {
    const NULL: Cell = T::NULL;

    fn cell(&self) -> Cell {
        T::cell(self)
    }
}

/// A document's JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Cell {
    Cell::Text(serde_json::to_string(value).ok())
}

/// A document's JSON text, if there is one.
pub(super) fn optional_json<T: Serialize>(value: Option<&T>) -> Cell {
    value.map_or(Cell::Text(None), json)
}

/// An enum whose text is that of serde.
pub(super) fn name<T: Serialize>(value: &T) -> Cell {
    Cell::Text(serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)))
}

/// The cells of a statement, in the order of `$1`, `$2` …
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::ToCell::cell(&$value)),*] };
}
pub(super) use cells;

/// A column's name, and its cell in a row of a transition.
pub(super) type Column<R> = (&'static str, fn(&Transition, &R) -> Cell);

/// A statement that takes any number of rows.
pub(super) struct Batch<R: 'static> {
    columns: &'static [Column<R>],
    body: Body,
    texts: OnceLock<BatchTexts>,
}

enum Body {
    Insert { table: &'static str, conflict: Conflict },
    Sql(&'static str),
}

/// What becomes of a row whose key is there already.
pub(super) enum Conflict {
    /// The statement is refused.
    Refuse,
    /// The row that is there stays. The key is the first so many columns.
    Keep(usize),
    /// The new row takes its place. The key is the first so many columns.
    Replace(usize),
}

/// A statement in each database's words.
pub(super) struct Texts {
    pub(super) sqlite: String,
    pub(super) postgres: String,
}

/// A statement on rows in each database's words.
pub(super) struct BatchTexts {
    /// For as many rows as [`SQLITE_ROWS`] says.
    pub(super) sqlite: [String; SQLITE_ROWS.len()],
    pub(super) postgres: String,
}

/// On SQLite a statement takes so many rows.
const SQLITE_ROWS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

impl BatchTexts {
    /// Rows as SQLite's statements take them, and how many empty ones a statement is to be given besides. Each statement
    /// crosses a thread, so there are few.
    pub(super) fn sqlite<'a>(
        &'static self,
        rows: &'a [Vec<Cell>],
    ) -> impl Iterator<Item = (&'static str, &'a [Vec<Cell>], usize)> {
        rows.chunks(SQLITE_ROWS[SQLITE_ROWS.len() - 1]).map(|part| {
            let size = SQLITE_ROWS.partition_point(|size| *size < part.len());
            (self.sqlite[size].as_str(), part, SQLITE_ROWS[size] - part.len())
        })
    }
}

/// So many bytes the rows of one statement have, about, unless one row alone has more. Each database bounds a statement, and
/// takes the more memory for it the larger it is.
const STATEMENT_BYTES: usize = 8 << 20;

/// A statement with its rows.
pub(super) struct Rows {
    /// None if there are no rows.
    pub(super) texts: Option<&'static BatchTexts>,
    pub(super) cells: Vec<Vec<Cell>>,
}

impl Rows {
    /// The rows in pieces, each small enough for a statement.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[Vec<Cell>]> {
        let mut rest = self.cells.as_slice();
        std::iter::from_fn(move || {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|row| {
                bytes += row.iter().map(Cell::bytes).sum::<usize>();
                bytes <= STATEMENT_BYTES
            });
            let count = fits.count().max(1).min(rest.len());
            let (piece, later) = rest.split_at(count);
            rest = later;
            (!piece.is_empty()).then_some(piece)
        })
    }
}

impl Cell {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => 8 + text.as_ref().map_or(0, String::len),
            Self::Int(_) => 8,
        }
    }
}

impl<R> Batch<R> {
    /// Insert rows.
    pub(super) const fn insert(
        table: &'static str,
        columns: &'static [Column<R>],
        conflict: Conflict,
    ) -> Self {
        Self { columns, body: Body::Insert { table, conflict }, texts: OnceLock::new() }
    }

    /// Any statement that reads the rows from the relation `v`. SQLite, which has one writer, is spared `FOR UPDATE`.
    pub(super) const fn sql(columns: &'static [Column<R>], sql: &'static str) -> Self {
        Self { columns, body: Body::Sql(sql), texts: OnceLock::new() }
    }

    /// The statement on rows. Of rows that replace each other only the last stays: PostgreSQL would not touch one twice.
    pub(super) fn rows<'a>(&'static self, rows: impl Iterator<Item = (&'a Transition, &'a R)>) -> Rows {
        let cells_of = |(transition, row): (&Transition, &R), columns: &[Column<R>]| -> Vec<Cell> {
            columns.iter().map(|(_, cell)| cell(transition, row)).collect()
        };
        let mut cells: Vec<Vec<Cell>> = match self.body {
            Body::Insert { conflict: Conflict::Replace(key), .. } => {
                let rows: Vec<_> = rows.collect();
                let (key, others) = self.columns.split_at(key);
                let mut seen = HashSet::with_capacity(rows.len());
                let mut last = Vec::with_capacity(rows.len());
                for row in rows.into_iter().rev() {
                    let mut cells = cells_of(row, key);
                    if seen.insert(cells.clone()) {
                        cells.extend(cells_of(row, others));
                        last.push(cells);
                    }
                }
                last.reverse();
                last
            }
            _ => rows.map(|row| cells_of(row, self.columns)).collect(),
        };
        if let Body::Insert { conflict: Conflict::Keep(_), .. } = self.body {
            // In one order, so that two hosts that name the same things do not wait for each other.
            cells.sort();
        }
        Rows { texts: cells.first().map(|row| self.texts(row)), cells }
    }

    /// So many columns a row has.
    #[cfg(test)]
    fn width(&self) -> usize {
        self.columns.len()
    }

    /// The statement for rows such as this one.
    fn texts(&'static self, row: &[Cell]) -> &'static BatchTexts {
        self.texts.get_or_init(|| {
            let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
            let list = names.join(", ");
            let one = format!("({})", vec!["?"; row.len()].join(", "));
            let mut sqlite = SQLITE_ROWS
                .map(|rows| format!("WITH v({list}) AS (VALUES {}) ", vec![one.as_str(); rows].join(", ")));
            let mut postgres = format!("WITH v({list}) AS (SELECT * FROM unnest(");
            for (i, cell) in row.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let _ = match cell {
                    Cell::Text(_) => write!(postgres, "{comma}${}::text[]", i + 1),
                    Cell::Int(_) => write!(postgres, "{comma}${}::bigint[]", i + 1),
                };
            }
            postgres.push_str(")) ");
            match &self.body {
                Body::Insert { table, conflict } => {
                    let insert = format!("INSERT INTO {table} ({list}) SELECT {list} FROM v");
                    let mut rest = String::new();
                    match conflict {
                        Conflict::Refuse => {}
                        Conflict::Keep(key) => {
                            let _ = write!(rest, " ON CONFLICT ({}) DO NOTHING", names[..*key].join(", "));
                        }
                        Conflict::Replace(key) => {
                            let set: Vec<String> = names[*key..]
                                .iter()
                                .map(|name| format!("{name} = excluded.{name}"))
                                .collect();
                            let _ = write!(
                                rest,
                                " ON CONFLICT ({}) DO UPDATE SET {}",
                                names[..*key].join(", "),
                                set.join(", ")
                            );
                        }
                    }
                    // The condition also keeps SQLite from reading ON CONFLICT as that of a join.
                    let filled = format!("{insert} WHERE {} IS NOT NULL{rest}", names[0]);
                    sqlite.iter_mut().for_each(|text| text.push_str(&filled));
                    postgres.push_str(&insert);
                    postgres.push_str(&rest);
                }
                Body::Sql(sql) => {
                    let spared = sql.replace("FOR UPDATE", "");
                    sqlite.iter_mut().for_each(|text| text.push_str(&spared));
                    postgres.push_str(sql);
                }
            }
            BatchTexts { sqlite, postgres }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    static COUNTS: Batch<(String, u64)> = Batch::insert(
        "counts",
        &[("run_id", |t, _| t.run.id.cell()), ("name", |_, row| row.0.cell()), ("n", |_, row| row.1.cell())],
        Conflict::Replace(2),
    );

    #[test]
    fn a_batch_is_one_statement_in_the_words_of_each_database() {
        let transition = crate::store::tests::created(None);
        let counts = [("a".to_owned(), 1), ("b".to_owned(), 2), ("a".to_owned(), 3)];
        let rows = COUNTS.rows(counts.iter().map(|count| (&transition, count)));
        let run = transition.run.id;
        assert_eq!(rows.cells, [cells![run, "b", 2u64], cells![run, "a", 3u64]]);
        let insert = "INSERT INTO counts (run_id, name, n) SELECT run_id, name, n FROM v";
        let rest = " ON CONFLICT (run_id, name) DO UPDATE SET n = excluded.n";
        let postgres = "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])";
        let whole =
            |rows: &str, empty: &str| format!("WITH v(run_id, name, n) AS ({rows}) {insert}{empty}{rest}");
        let sqlite = |rows: &str| whole(rows, " WHERE run_id IS NOT NULL");
        let texts = rows.texts.unwrap();
        assert_eq!(texts.postgres, whole(postgres, ""));
        assert_eq!(texts.sqlite[0], sqlite("VALUES (?, ?, ?)"));
        assert_eq!(texts.sqlite[1], sqlite("VALUES (?, ?, ?), (?, ?, ?)"));
        let many = vec![cells![run, "a", 3u64].to_vec(); 128 + 17];
        let parts = texts.sqlite(&many).map(|(_, part, empty)| (part.len(), empty));
        assert_eq!(parts.collect::<Vec<_>>(), [(128, 0), (17, 15)]);
        let most = SQLITE_ROWS[SQLITE_ROWS.len() - 1] * crate::store::tables::NEW_RUNS.width();
        assert!(most < 32_766, "SQLite takes so many parameters at the most (SQLITE_MAX_VARIABLE_NUMBER)");
        assert!(COUNTS.rows(std::iter::empty()).texts.is_none());
    }

    #[test]
    fn many_rows_are_written_in_pieces() {
        let row = |bytes: usize| vec!["x".repeat(bytes).cell()];
        let lengths = |rows: Vec<Vec<Cell>>| -> Vec<usize> {
            Rows { texts: None, cells: rows }.pieces().map(<[_]>::len).collect()
        };
        assert_eq!(lengths(Vec::new()), [0; 0]);
        assert_eq!(lengths(vec![row(10); 1000]), [1000]);
        let half = STATEMENT_BYTES / 2;
        assert_eq!(lengths(vec![row(half - 8), row(half - 8), row(1), row(half)]), [2, 2]);
        assert_eq!(lengths(vec![row(1), row(3 * half), row(1)]), [1, 1, 1]);
    }

    #[test]
    fn a_character_that_one_database_cannot_hold_is_replaced_for_both() {
        assert_eq!("a\0b".cell(), Cell::Text(Some("a\u{fffd}b".to_owned())));
        assert_eq!(None::<u64>.cell(), Cell::Int(None));
        assert_eq!(u64::MAX.cell(), Cell::Int(Some(i64::MAX)));
    }
}
