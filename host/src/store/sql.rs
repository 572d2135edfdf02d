//! One text of SQL for both databases.
//!
//! There are but two types of columns, text and 64-bit integers, so that a value on its way is a [`Cell`] and a
//! statement binds its cells in the order of `$1`, `$2` … on either database. A [`Batch`] is for any number of rows. On
//! PostgreSQL it is one statement, which costs one crossing to the server (law 11): its rows are the relation `v`, which is what `unnest` makes of an array for each column. On SQLite, which is in this process, it is a prepared
//! statement that is run for each row.

use std::{borrow::Cow, collections::HashSet, fmt::Write as _, sync::OnceLock};

use serde::Serialize;

use super::Transition;
use crate::model::{
    ApprovalId, AttemptId, AttemptState, Digest, EventKind, HostId, RunId, RunState, ScheduleId, StepState,
    TenantId, Timestamp, TokenId, UploadId, Value,
};

/// A value on its way to the database. An absent one knows its type too, since PostgreSQL asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(super) enum Cell<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
}

/// What can be a cell.
pub(super) trait ToCell {
    /// The cell of an absent one.
    const NULL: Cell<'static>;

    fn cell(&self) -> Cell<'_>;
}

/// PostgreSQL's text holds no NUL, which a guest may well put into a message; both databases get the same instead.
fn text(text: &str) -> Cell<'_> {
    let is_fine = !text.as_bytes().contains(&0);
    Cell::Text(Some(if is_fine { text.into() } else { text.replace('\0', "\u{fffd}").into() }))
}

impl ToCell for str {
    const NULL: Cell<'static> = Cell::Text(None);

    fn cell(&self) -> Cell<'_> {
        text(self)
    }
}

impl ToCell for String {
    const NULL: Cell<'static> = Cell::Text(None);

    fn cell(&self) -> Cell<'_> {
        text(self)
    }
}

impl ToCell for TenantId {
    const NULL: Cell<'static> = Cell::Text(None);

    fn cell(&self) -> Cell<'_> {
        text(self.as_str())
    }
}

impl ToCell for Timestamp {
    const NULL: Cell<'static> = Cell::Int(None);

    fn cell(&self) -> Cell<'_> {
        Cell::Int(Some(self.as_micros()))
    }
}

/// As JSON text.
impl ToCell for Value {
    const NULL: Cell<'static> = Cell::Text(None);

    fn cell(&self) -> Cell<'_> {
        json(self)
    }
}

impl ToCell for bool {
    const NULL: Cell<'static> = Cell::Int(None);

    fn cell(&self) -> Cell<'_> {
        Cell::Int(Some(i64::from(*self)))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToCell for $number {
            const NULL: Cell<'static> = Cell::Int(None);

            fn cell(&self) -> Cell<'_> {
                // Sizes and counts; what would not fit is as good as endless.
                Cell::Int(Some(i64::try_from(*self).unwrap_or(i64::MAX)))
            }
        }
    )*};
}
numbers!(i64, u64, i32, u32);

macro_rules! texts {
    ($as_text:ident: $($type:ty),*) => {$(
        impl ToCell for $type {
            const NULL: Cell<'static> = Cell::Text(None);

            fn cell(&self) -> Cell<'_> {
                Cell::Text(Some(self.$as_text().into()))
            }
        }
    )*};
}
texts!(to_string: RunId, AttemptId, UploadId, ApprovalId, ScheduleId, TokenId, HostId, Digest);
texts!(as_str: RunState, StepState, AttemptState, EventKind);

impl ToCell for Cell<'_> {
    const NULL: Cell<'static> = Cell::Text(None);

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Text(text) => Cell::Text(text.as_deref().map(Cow::Borrowed)),
            Self::Int(int) => Cell::Int(*int),
        }
    }
}

impl<T: ToCell> ToCell for Option<T> {
    const NULL: Cell<'static> = T::NULL;

    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(T::NULL, T::cell)
    }
}

impl<T: ToCell + ?Sized> ToCell for &T {
    const NULL: Cell<'static> = T::NULL;

    fn cell(&self) -> Cell<'_> {
        T::cell(self)
    }
}

/// A document's JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Cell<'static> {
    Cell::Text(serde_json::to_string(value).ok().map(Cow::Owned))
}

/// A document's JSON text, if there is one.
pub(super) fn optional_json<T: Serialize>(value: Option<&T>) -> Cell<'static> {
    value.map_or(Cell::Text(None), json)
}

/// The cell of what may be absent.
pub(super) fn optional<T: ToCell + ?Sized>(value: Option<&T>) -> Cell<'_> {
    value.map_or(T::NULL, T::cell)
}

/// An enum whose text is that of serde.
pub(super) fn name<T: Serialize>(value: &T) -> Cell<'static> {
    let name = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
    Cell::Text(name.map(Cow::Owned))
}

/// The cells of a statement, in the order of `$1`, `$2` …
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::ToCell::cell(&$value).into_owned()),*] };
}
pub(super) use cells;

/// A column's name, and its cell in a row of a transition.
pub(super) type Column<R> = (&'static str, for<'a> fn(&'a Transition, &'a R) -> Cell<'a>);

/// Rows of transitions, each with its transition.
pub(super) type GroupRows<'a, R> = Vec<(&'a Transition, &'a R)>;

/// A statement that takes any number of rows.
pub(super) struct Batch<R: 'static> {
    columns: &'static [Column<R>],
    body: Body,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

enum Body {
    Insert { table: &'static str, conflict: Conflict },
    Sql { postgres: &'static str, sqlite: &'static str },
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

/// So many bytes the rows of one statement have, about, unless one row alone has more. PostgreSQL bounds a statement, and takes
/// the more memory for it the larger it is.
const STATEMENT_BYTES: usize = 8 << 20;

/// Rows in pieces, each small enough for a statement.
pub(super) fn pieces<'r, 'a>(rows: &'r [Vec<Cell<'a>>]) -> impl Iterator<Item = &'r [Vec<Cell<'a>>]> {
    let mut rest = rows;
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

impl Cell<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => 8 + text.as_ref().map_or(0, |text| text.len()),
            Self::Int(_) => 8,
        }
    }

    pub(super) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Text(text) => Cell::Text(text.map(|text| Cow::Owned(text.into_owned()))),
            Self::Int(int) => Cell::Int(int),
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
        Self::new(columns, Body::Insert { table, conflict })
    }

    /// Any statement: on PostgreSQL one that reads the rows from the relation `v`, on SQLite one for a row whose columns are
    /// `?1`, `?2` …
    pub(super) const fn sql(
        columns: &'static [Column<R>],
        postgres: &'static str,
        sqlite: &'static str,
    ) -> Self {
        Self::new(columns, Body::Sql { postgres, sqlite })
    }

    const fn new(columns: &'static [Column<R>], body: Body) -> Self {
        Self { columns, body, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// A row's cells.
    pub(super) fn cells<'a>(
        &self,
        (transition, row): (&'a Transition, &'a R),
    ) -> impl Iterator<Item = Cell<'a>> {
        self.columns.iter().map(move |(_, cell)| cell(transition, row))
    }

    /// The rows that count, in an order in which they may be written. Of rows of one key the last takes the place of the
    /// others, or the first stays: PostgreSQL would not touch one twice.
    pub(super) fn of_each_key<'a>(&self, mut rows: GroupRows<'a, R>) -> GroupRows<'a, R> {
        let (key, last) = match self.body {
            Body::Insert { conflict: Conflict::Keep(key), .. } => (key, false),
            Body::Insert { conflict: Conflict::Replace(key), .. } => (key, true),
            _ => return rows,
        };
        if last {
            rows.reverse();
        }
        let mut seen = HashSet::with_capacity(rows.len());
        rows.retain(|row| seen.insert(self.cells(*row).take(key).collect::<Vec<_>>()));
        if last {
            rows.reverse();
        }
        rows
    }

    /// All cells of rows, in the order in which PostgreSQL gets them.
    pub(super) fn all<'a>(&self, rows: GroupRows<'a, R>) -> Vec<Vec<Cell<'a>>> {
        let mut cells: Vec<Vec<Cell<'a>>> =
            self.of_each_key(rows).into_iter().map(|row| self.cells(row).collect()).collect();
        if let Body::Insert { conflict: Conflict::Keep(_), .. } = self.body {
            // In one order, so that two hosts that name the same things do not wait for each other.
            cells.sort();
        }
        cells
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    /// The statement for one row, on SQLite.
    pub(super) fn sqlite(&'static self) -> &'static str {
        self.sqlite.get_or_init(|| {
            let names = self.names();
            let (list, values) = (names.join(", "), vec!["?"; names.len()].join(", "));
            match &self.body {
                Body::Insert { table, conflict } => {
                    format!("INSERT INTO {table} ({list}) VALUES ({values}){}", conflict.clause(&names))
                }
                Body::Sql { sqlite, .. } => (*sqlite).to_owned(),
            }
        })
    }

    /// The statement for rows such as this one, on PostgreSQL.
    pub(super) fn postgres(&'static self, row: &[Cell<'_>]) -> &'static str {
        self.postgres.get_or_init(|| {
            let names = self.names();
            let list = names.join(", ");
            let mut text = format!("WITH v({list}) AS (SELECT * FROM unnest(");
            for (i, cell) in row.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let _ = match cell {
                    Cell::Text(_) => write!(text, "{comma}${}::text[]", i + 1),
                    Cell::Int(_) => write!(text, "{comma}${}::bigint[]", i + 1),
                };
            }
            text.push_str(")) ");
            match &self.body {
                Body::Insert { table, conflict } => {
                    let _ = write!(
                        text,
                        "INSERT INTO {table} ({list}) SELECT {list} FROM v{}",
                        conflict.clause(&names)
                    );
                }
                Body::Sql { postgres, .. } => text.push_str(postgres),
            }
            text
        })
    }
}

impl Conflict {
    fn clause(&self, names: &[&str]) -> String {
        match self {
            Self::Refuse => String::new(),
            Self::Keep(key) => format!(" ON CONFLICT ({}) DO NOTHING", names[..*key].join(", ")),
            Self::Replace(key) => {
                let set: Vec<String> =
                    names[*key..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
                format!(" ON CONFLICT ({}) DO UPDATE SET {}", names[..*key].join(", "), set.join(", "))
            }
        }
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
    fn a_batch_is_said_in_the_words_of_each_database() {
        let transition = crate::store::tests::created(None);
        let counts = [("a".to_owned(), 1), ("b".to_owned(), 2), ("a".to_owned(), 3)];
        let rows = COUNTS.all(counts.iter().map(|count| (&transition, count)).collect());
        let run = transition.run.id;
        assert_eq!(rows, [cells![run, "b", 2u64], cells![run, "a", 3u64]]);
        let rest = " ON CONFLICT (run_id, name) DO UPDATE SET n = excluded.n";
        let insert = "INSERT INTO counts (run_id, name, n)";
        assert_eq!(
            COUNTS.postgres(&rows[0]),
            format!(
                "WITH v(run_id, name, n) AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])) \
                 {insert} SELECT run_id, name, n FROM v{rest}"
            )
        );
        assert_eq!(COUNTS.sqlite(), format!("{insert} VALUES (?, ?, ?){rest}"));
    }

    #[test]
    fn many_rows_are_written_in_pieces() {
        let row = |bytes: usize| vec!["x".repeat(bytes).cell().into_owned()];
        let lengths = |rows: Vec<Vec<Cell<'_>>>| -> Vec<usize> { pieces(&rows).map(<[_]>::len).collect() };
        assert_eq!(lengths(Vec::new()), [0; 0]);
        assert_eq!(lengths(vec![row(10); 1000]), [1000]);
        let half = STATEMENT_BYTES / 2;
        assert_eq!(lengths(vec![row(half - 8), row(half - 8), row(1), row(half)]), [2, 2]);
        assert_eq!(lengths(vec![row(1), row(3 * half), row(1)]), [1, 1, 1]);
    }

    #[test]
    fn a_character_that_one_database_cannot_hold_is_replaced_for_both() {
        assert_eq!("a\0b".cell(), Cell::Text(Some("a\u{fffd}b".into())));
        assert_eq!(None::<u64>.cell(), Cell::Int(None));
        assert_eq!(u64::MAX.cell(), Cell::Int(Some(i64::MAX)));
    }
}
