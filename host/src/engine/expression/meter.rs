//! What an evaluation has cost so far. The tree is rewritten so that each operation tells the meter what it is about
//! to look at or to copy, and stops when that is too much: the evaluator itself cannot be interrupted.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use cel::{
    ExecutionError,
    common::{
        types::{CelBytes, CelInt, CelList, CelMap, CelOptional, CelString},
        value::Val,
    },
};

use super::{
    bounds::{MEMORY_BYTES, STEPS},
    language::Cost,
};

/// How large a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Values in it, and long texts in pieces.
    pub(super) steps: u64,
    /// Memory for a copy, about. A text of a document stays there; a copy refers to it.
    pub(super) bytes: u64,
    /// All texts in it: what a new text made of them may have.
    pub(super) text: u64,
}

/// What the operands of a call are, as far as its cost depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Operand {
    size: Size,
    /// Characters of a text, elements of a list, the number itself.
    length: u64,
}

/// An evaluation's meter.
#[derive(Debug, Default)]
pub(super) struct Meter {
    steps: AtomicU64,
    bytes: AtomicU64,
    /// The operation that is about to happen.
    site: AtomicUsize,
    operands: Mutex<HashMap<usize, Vec<Operand>>>,
}

impl Meter {
    /// Note which operation is about to happen.
    pub(super) fn at(&self, site: usize) {
        self.site.store(site, Ordering::Relaxed);
    }

    /// The operation that was last about to happen.
    pub(super) fn site(&self) -> usize {
        self.site.load(Ordering::Relaxed)
    }

    /// Count. Once too much is too much for the rest of the evaluation.
    pub(super) fn charge(&self, steps: u64, bytes: u64) -> Result<(), ExecutionError> {
        let add = |counter: &AtomicU64, more: u64, limit: u64| {
            let before = counter.load(Ordering::Relaxed);
            let after = before.saturating_add(more);
            counter.store(after, Ordering::Relaxed);
            after <= limit
        };
        match add(&self.steps, steps, STEPS) & add(&self.bytes, bytes, MEMORY_BYTES) {
            true => Ok(()),
            false => Err(refused("too much")),
        }
    }

    /// Which bound was broken, if any.
    pub(super) fn broken(&self) -> Option<String> {
        if self.steps.load(Ordering::Relaxed) > STEPS {
            return Some(format!("the evaluation takes more than {STEPS} steps"));
        }
        (self.bytes.load(Ordering::Relaxed) > MEMORY_BYTES)
            .then(|| format!("the evaluation takes more than {} MiB of memory", MEMORY_BYTES >> 20))
    }

    /// A value is about to be looked through.
    pub(super) fn read(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        let size = self.measure(value)?;
        self.charge(size.steps, 0)
    }

    /// A value is about to become part of a sum.
    pub(super) fn add(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        let size = self.measure(value)?;
        self.charge(size.steps, size.bytes.saturating_add(size.text))
    }

    /// A value is about to be copied.
    pub(super) fn hold(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        let size = self.measure(value)?;
        self.charge(size.steps, size.bytes)
    }

    /// The operand of a call in that place is there. Of the last one, the whole cost of the call is counted.
    pub(super) fn operand(
        &self,
        site: usize,
        cost: Cost,
        (place, last): (usize, bool),
        value: &dyn Val,
    ) -> Result<(), ExecutionError> {
        let operand = match cost {
            Cost::Length => Operand {
                size: Size { steps: 1 + text(value).len() as u64 / 64, ..Size::default() },
                length: 0,
            },
            _ => Operand { size: self.measure(value)?, length: length(value) },
        };
        self.charge(operand.size.steps, 0)?;
        let mut operands = self.operands.lock().unwrap_or_else(PoisonError::into_inner);
        let all = operands.entry(site).or_default();
        // What an earlier call left that failed half-way.
        all.truncate(place);
        all.push(operand);
        if !last {
            return Ok(());
        }
        // Of a call on a value, the value comes last.
        let all = std::mem::take(all);
        drop(operands);
        let (steps, bytes) = call(cost, &all);
        self.charge(steps, bytes)
    }

    /// The size of a value. It is walked through only as far as may still be paid for.
    fn measure(&self, value: &dyn Val) -> Result<Size, ExecutionError> {
        let left = STEPS.saturating_sub(self.steps.load(Ordering::Relaxed));
        let mut size = Size::default();
        match add(value, &mut size, left) {
            true => Ok(size),
            false => self.charge(size.steps, 0).map(|()| size),
        }
    }
}

/// An error that is this host's own, with nothing of the crate's around it.
pub(super) fn refused(message: impl Into<String>) -> ExecutionError {
    ExecutionError::FunctionError { function: String::new(), message: message.into() }
}

/// The steps and the memory of a call, beyond a look at its operands.
fn call(cost: Cost, operands: &[Operand]) -> (u64, u64) {
    let sum = |part: fn(&Size) -> u64| operands.iter().map(|o| part(&o.size)).fold(0, u64::saturating_add);
    let (bytes, text) = (sum(|size| size.bytes), sum(|size| size.text));
    let Some((target, arguments)) = operands.split_last() else { return (0, 0) };
    let argument = |i: usize| arguments.get(i).map_or(0, |operand: &Operand| operand.length);
    match cost {
        Cost::Linear | Cost::Length => (0, 0),
        Cost::Copy => (0, bytes.saturating_add(text)),
        // Texts become lists of characters, four bytes each.
        Cost::Product => (target.length.saturating_mul(argument(0)) / 64, text.saturating_mul(4)),
        Cost::Replace => {
            let times = target.length / argument(0).max(1) + 1;
            let made = target.length.saturating_add(times.saturating_mul(argument(1)));
            (made / 64, made)
        }
        Cost::Join => {
            let made = text.saturating_add(target.length.saturating_mul(argument(0)));
            (made / 64, made)
        }
        Cost::Split => {
            let parts = target.length / argument(0).max(1) + 1;
            (parts, parts.saturating_mul(VALUE + TEXT).saturating_add(text))
        }
        Cost::Sort => {
            let rounds = u64::from(u64::BITS - target.length.leading_zeros());
            (bytes.saturating_mul(rounds) / 16, bytes)
        }
        Cost::Distinct => (target.length.saturating_mul(target.size.steps) / 2, bytes),
        Cost::Range => (target.length, target.length.saturating_mul(VALUE)),
    }
}

/// Memory of a value in a list, without what it holds.
const VALUE: u64 = 48;
/// Memory of a text beside its characters.
const TEXT: u64 = 32;
/// Memory of an entry of a map, without its value.
const ENTRY: u64 = 96;

/// Add a value's size, unless there would be more than so many steps.
fn add(value: &dyn Val, size: &mut Size, limit: u64) -> bool {
    size.steps += 1;
    size.bytes += VALUE;
    if size.steps > limit {
        return false;
    }
    if let Some(text) = value.downcast_ref::<CelString>() {
        let length = text.inner().len() as u64;
        size.steps += length / 64;
        size.text += length;
        size.bytes += TEXT + if text.as_borrowed().is_some() { 0 } else { length };
    } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        let length = bytes.inner().len() as u64;
        size.steps += length / 64;
        size.text += length;
        size.bytes += TEXT + length;
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().iter().all(|value| add(value.as_ref(), size, limit));
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        return map.inner().iter().all(|(key, value)| {
            size.bytes += ENTRY;
            add(key.inner(), size, limit) && add(value.as_ref(), size, limit)
        });
    } else if let Some(inner) = value.downcast_ref::<CelOptional>().and_then(CelOptional::inner) {
        return add(inner, size, limit);
    }
    true
}

fn text(value: &dyn Val) -> &str {
    value.downcast_ref::<CelString>().map_or("", |text| text.inner())
}

fn length(value: &dyn Val) -> u64 {
    if let Some(number) = value.downcast_ref::<CelInt>() {
        return u64::try_from(*number.inner()).unwrap_or(0);
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().len() as u64;
    }
    text(value).len() as u64
}
