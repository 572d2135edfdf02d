//! One JSON scalar in eight bytes.

/// A scalar, or the place of a text or a list. Numbers are stored as they are; everything else hides in the payload of a NaN,
/// which JSON cannot hold. A large study has tens of millions of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell(u64);

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// The record has no such key.
    Absent,
    /// null.
    Null,
    /// true or false.
    Boolean(bool),
    /// A finite number.
    Number(f64),
    /// The place of a text among the column's.
    Text(u32),
    /// The place of a list among the column's.
    List(u32),
}

const TAG: u64 = 0xFFFC_0000_0000_0000;
const PLAIN: u64 = TAG;
const TEXT: u64 = TAG | 1 << 32;
const LIST: u64 = TAG | 2 << 32;

impl Cell {
    /// No such key.
    pub const ABSENT: Self = Self(PLAIN);
    /// null.
    pub const NULL: Self = Self(PLAIN | 1);

    /// true or false.
    pub fn boolean(value: bool) -> Self {
        Self(PLAIN | 2 | u64::from(value))
    }

    /// A number; null where it is not finite.
    pub fn number(value: f64) -> Self {
        if value.is_finite() { Self(value.to_bits()) } else { Self::NULL }
    }

    /// A text by its place.
    pub fn text(place: u32) -> Self {
        Self(TEXT | u64::from(place))
    }

    /// A list by its place.
    pub fn list(place: u32) -> Self {
        Self(LIST | u64::from(place))
    }

    /// What it holds.
    pub fn kind(self) -> Kind {
        let low = self.0 as u32;
        match self.0 & !0xFFFF_FFFF {
            PLAIN => match low {
                0 => Kind::Absent,
                1 => Kind::Null,
                bit => Kind::Boolean(bit & 1 == 1),
            },
            TEXT => Kind::Text(low),
            LIST => Kind::List(low),
            _ => Kind::Number(f64::from_bits(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_what_was_put_in() {
        for (cell, kind) in [
            (Cell::ABSENT, Kind::Absent),
            (Cell::NULL, Kind::Null),
            (Cell::boolean(true), Kind::Boolean(true)),
            (Cell::boolean(false), Kind::Boolean(false)),
            (Cell::number(-0.5), Kind::Number(-0.5)),
            (Cell::number(f64::MAX), Kind::Number(f64::MAX)),
            (Cell::number(f64::MIN), Kind::Number(f64::MIN)),
            (Cell::number(f64::NAN), Kind::Null),
            (Cell::number(f64::NEG_INFINITY), Kind::Null),
            (Cell::text(u32::MAX), Kind::Text(u32::MAX)),
            (Cell::list(7), Kind::List(7)),
        ] {
            assert_eq!(cell.kind(), kind);
        }
    }
}
