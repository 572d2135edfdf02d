//! A list of records as columns by dotted path.

use std::collections::{BTreeMap, HashMap};

use super::{Cell, Kind};

/// The most different fields of a table; its columns would be larger than its text otherwise.
pub(super) const MOST_COLUMNS: usize = 2_000;

/// Distinct texts in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    texts: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
    last: u32,
    /// For each text the one that came after it last: records mostly have the same sequence (visit after visit, test after test).
    after: Vec<u32>,
}

impl Texts {
    pub(super) fn place(&mut self, text: &str) -> u32 {
        let is = |place: u32| self.texts.get(place as usize).is_some_and(|known| &**known == text);
        if is(self.last) {
            return self.last;
        }
        let guess = self.after.get(self.last as usize).copied().filter(|place| is(*place));
        let place = guess.or_else(|| self.places.get(text).copied()).unwrap_or_else(|| {
            let place = self.texts.len() as u32;
            self.texts.push(text.into());
            self.after.push(place);
            self.places.insert(text.into(), place);
            place
        });
        if let Some(after) = self.after.get_mut(self.last as usize) {
            *after = place;
        }
        self.last = place;
        place
    }

    /// The text at a place; empty where there is none.
    pub fn get(&self, place: u32) -> &str {
        self.texts.get(place as usize).map_or("", |text| text)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// One field of all records.
#[derive(Debug, Clone, Default)]
pub struct RawColumn {
    /// Dotted path within a record.
    pub path: String,
    /// One for each record; shorter where the last ones have none.
    cells: Vec<Cell>,
    /// Its distinct texts.
    pub texts: Texts,
    /// Its lists of texts (numbers and booleans as their JSON text).
    pub lists: Vec<Vec<u32>>,
}

impl RawColumn {
    /// The cell of a record.
    pub fn cell(&self, row: usize) -> Kind {
        self.cells.get(row).map_or(Kind::Absent, |cell| cell.kind())
    }

    /// The cells of the first `rows` records.
    pub fn cells(&self, rows: usize) -> impl Iterator<Item = Kind> {
        (0..rows).map(|row| self.cell(row))
    }

    /// Whether two records have the same there. Texts are the same by their place.
    pub fn same(&self, a: usize, b: usize) -> bool {
        match (self.cell(a), self.cell(b)) {
            (Kind::List(a), Kind::List(b)) => self.lists.get(a as usize) == self.lists.get(b as usize),
            (Kind::Absent | Kind::Null, Kind::Absent | Kind::Null) => true,
            (a, b) => a == b,
        }
    }

    /// A number that is the same for records that have the same there.
    pub fn key(&self, row: usize) -> u64 {
        match self.cell(row) {
            Kind::Absent | Kind::Null => 0,
            Kind::Boolean(value) => 1 + u64::from(value),
            // -0 and 0 are equal.
            Kind::Number(value) => {
                if value == 0.0 {
                    3
                } else {
                    value.to_bits()
                }
            }
            Kind::Text(place) => 4 + u64::from(place),
            Kind::List(list) => self
                .lists
                .get(list as usize)
                .map_or(5, |items| items.iter().fold(5, |hash, item| mixed(hash ^ u64::from(*item)))),
        }
    }
}

/// A number whose every bit depends on every bit of the given one (the finaliser of splitmix64: Steele, Lea and Flood 2014,
/// after Stafford's mix 13).
pub(crate) fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A record that holds nothing that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Its place in the list, from 0.
    pub position: usize,
    /// What is there in place of an object: `a number`.
    pub what: &'static str,
}

/// A list of records.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Readable records.
    pub rows: usize,
    /// In the order of their first appearance.
    pub columns: Vec<RawColumn>,
    /// Records that are no objects.
    pub unreadable: Vec<Unreadable>,
    /// Texts inside lists of objects and lists of lists, by path: only looked through for identifiers.
    pub nested: BTreeMap<String, Texts>,
    /// How often a record had a key twice, by path: the first value counts.
    pub repeated_keys: BTreeMap<String, usize>,
    /// Values of rows that have more values than there are columns.
    pub surplus_values: usize,
    /// Why the table cannot be used.
    pub problem: Option<String>,
    pub(super) nodes: Vec<Node>,
}

/// A place in the records' tree of keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    path: String,
    /// In the order of their first appearance: records mostly have the same order.
    children: Vec<(Box<str>, u32)>,
    places: HashMap<Box<str>, u32>,
    column: Option<u32>,
}

impl Table {
    /// Records, readable or not.
    pub fn records(&self) -> usize {
        self.rows + self.unreadable.len()
    }

    /// A column by its path.
    pub fn column(&self, path: &str) -> Option<&RawColumn> {
        self.columns.iter().find(|column| column.path == path)
    }

    /// The place in the source's list of the readable record `row`.
    pub fn position(&self, row: usize) -> usize {
        self.unreadable
            .iter()
            .fold(row, |place, unreadable| place + usize::from(unreadable.position <= place))
    }

    pub(super) fn root(&mut self) -> u32 {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        0
    }

    /// The child of a node; `next` is the place where the key is expected, and is moved on.
    pub(super) fn child(&mut self, node: u32, key: &str, next: &mut usize) -> u32 {
        let Some(parent) = self.nodes.get(node as usize) else { return 0 };
        if let Some((_, child)) = parent.children.get(*next).filter(|(name, _)| &**name == key) {
            *next += 1;
            return *child;
        }
        if let Some(place) = parent.places.get(key) {
            *next = *place as usize + 1;
            return parent.children.get(*place as usize).map_or(0, |(_, child)| *child);
        }
        let path = if parent.path.is_empty() { key.to_owned() } else { format!("{}.{key}", parent.path) };
        let child = self.nodes.len() as u32;
        if self.nodes.len() > 2 * MOST_COLUMNS {
            self.too_wide();
            return child - 1;
        }
        self.nodes.push(Node { path, ..Node::default() });
        if let Some(parent) = self.nodes.get_mut(node as usize) {
            parent.places.insert(key.into(), parent.children.len() as u32);
            parent.children.push((key.into(), child));
            *next = parent.children.len();
        }
        child
    }

    /// The child of the root for the value at a place of a row.
    pub(super) fn nth_child(&mut self, root: u32, at: usize) -> u32 {
        match self.nodes.get(root as usize).and_then(|node| node.children.get(at)) {
            Some((_, child)) => *child,
            None => self.child(root, &at.to_string(), &mut { at }),
        }
    }

    pub(super) fn path(&self, node: u32) -> &str {
        self.nodes.get(node as usize).map_or("", |node| &node.path)
    }

    fn too_wide(&mut self) {
        self.problem.get_or_insert_with(|| {
            format!("has more than {MOST_COLUMNS} different fields: give records with the same keys")
        });
    }

    /// The column of a node, made where there is none.
    pub(super) fn column_of(&mut self, node: u32) -> Option<usize> {
        let n = self.columns.len();
        let known = self.nodes.get_mut(node as usize)?;
        if let Some(column) = known.column {
            return Some(column as usize);
        }
        if n == MOST_COLUMNS {
            self.too_wide();
            return None;
        }
        known.column = Some(n as u32);
        self.columns.push(RawColumn { path: known.path.clone(), ..RawColumn::default() });
        Some(n)
    }

    /// Set the cell that `make` gives in the record that is being read.
    pub(super) fn set(&mut self, node: u32, make: impl FnOnce(&mut RawColumn) -> Cell) {
        let row = self.rows;
        let Some(column) = self.column_of(node) else { return };
        let Some(column) = self.columns.get_mut(column) else { return };
        if column.cells.len() > row {
            *self.repeated_keys.entry(column.path.clone()).or_default() += 1;
            return;
        }
        column.cells.resize(row, Cell::ABSENT);
        let cell = make(column);
        column.cells.push(cell);
    }

    /// Name the columns of a table that was given as rows.
    pub(super) fn name_columns(&mut self, names: &[String]) {
        let places: Vec<(usize, Option<u32>)> = self.nodes.first().map_or_else(Vec::new, |root| {
            let place = |(key, child): &(Box<str>, u32)| {
                Some((key.parse::<usize>().ok()?, self.nodes.get(*child as usize)?.column))
            };
            root.children.iter().filter_map(place).collect()
        });
        let mut surplus = Vec::new();
        for (place, column) in places {
            let Some(column) = column.and_then(|c| self.columns.get_mut(c as usize)) else { continue };
            match names.get(place) {
                Some(name) => column.path = name.clone(),
                None => {
                    self.surplus_values += column.cells.iter().filter(|c| **c != Cell::ABSENT).count();
                    surplus.push(column.path.clone());
                }
            }
        }
        for path in surplus {
            if let Some(at) = self.columns.iter().position(|c| c.path == path) {
                let column = self.columns.remove(at);
                self.nested.insert("rows[][]".to_owned(), column.texts);
            }
        }
    }

    pub(super) fn nested_text(&mut self, path: &str, text: &str) {
        match self.nested.get_mut(path) {
            Some(texts) => {
                texts.place(text);
            }
            None => {
                self.nested.entry(path.to_owned()).or_default().place(text);
            }
        }
    }
}
