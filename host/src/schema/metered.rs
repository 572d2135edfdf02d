//! Documents that count how often they are looked at, so that validating one has a bound whatever its schema says.
//!
//! Validation has no bound of its own: alternatives that name each other twice, or a schema that goes through each element
//! by two ways, double the work with each level. But whatever it does, it looks at the document; so each look is counted,
//! and the one too many unwinds to where the counting began.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use jsonschema::{
    JsonType,
    json::{Array, Json, Node, NodeIdentity, Object, SerdeJson},
};
use serde_json::{Map, Number, Value};

/// Looks at a document that one validation may take. One is some 10 ns.
pub const MAX_STEPS: u64 = 50_000_000;
/// Violations that are gathered before they are counted no more. Each takes memory.
pub(super) const MAX_ERRORS: u64 = 10_000;
/// A look at so many bytes of text counts as one step.
const TEXT_PER_STEP: usize = 32;

/// Why a validation was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// It took more than [`MAX_STEPS`].
    Steps,
    /// It found more than [`MAX_ERRORS`].
    Errors,
    /// Schemas within schemas took more stack than there is.
    Depth,
}

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
    static ERRORS: Cell<u64> = const { Cell::new(0) };
    static STACK_END: Cell<usize> = const { Cell::new(0) };
    static WEIGHTS: Cell<Weights> = const { Cell::new(Weights { text: 0, key: 0, visit: 0 }) };
}

/// What a look costs besides one step, by what is known of the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weights {
    /// A byte of a text, on which one pattern is tried at a time, in 1/1024 steps.
    pub(super) text: u64,
    /// A byte of a key, on which all of `patternProperties` are tried, in 1/1024 steps.
    pub(super) key: u64,
    /// Going on to a member or an element, to which schemas are applied that look at nothing themselves.
    pub(super) visit: u64,
}

/// Validate with so many steps, of which those that are not taken are left, and so much stack in bytes from here on.
pub(super) fn run<T>(
    weights: Weights,
    steps: &mut u64,
    stack: usize,
    validate: impl FnOnce() -> T,
) -> Result<T, Breach> {
    STEPS.set(*steps);
    ERRORS.set(MAX_ERRORS);
    STACK_END.set(stack_pointer().saturating_sub(stack));
    WEIGHTS.set(weights);
    // Nothing that the unwinding leaves half done is used again: the validator itself does not change.
    let done = catch_unwind(AssertUnwindSafe(validate));
    *steps = STEPS.get();
    done.map_err(|payload| match payload.downcast::<Breach>() {
        Ok(breach) => {
            // What would have taken more has taken all.
            if *breach == Breach::Steps {
                *steps = 0;
            }
            *breach
        }
        Err(panic) => resume_unwind(panic),
    })
}

/// About where the stack ends now: it grows downwards.
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)) as usize
}

fn spend(steps: u64) {
    match STEPS.get().checked_sub(steps) {
        Some(left) => STEPS.set(left),
        None => stop(Breach::Steps),
    }
    if stack_pointer() < STACK_END.get() {
        stop(Breach::Depth);
    }
}

/// Unwind to [`run`], past the hook that reports panics: this is none.
fn stop(breach: Breach) -> ! {
    resume_unwind(Box::new(breach))
}

fn spend_text(bytes: usize, weight: u64) {
    spend(1 + (bytes / TEXT_PER_STEP) as u64 + (bytes as u64).saturating_mul(weight) / 1024);
}

/// The representation.
#[derive(Debug)]
pub(super) struct Metered;

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a>(pub(super) &'a Value);

/// The members of an object.
pub(super) struct Members<'a>(&'a Map<String, Value>);

/// The elements of an array.
pub(super) struct Elements<'a>(&'a [Value]);

impl Json for Metered {
    type Node<'a> = Counted<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, text: &str, f: impl FnOnce(Counted<'_>) -> T) -> T {
        *buffer = Value::String(text.to_owned());
        f(Counted(buffer))
    }
}

impl<'a> Node<'a, Metered> for Counted<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        spend(1);
        self.0.as_object().map(Members)
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        spend(1);
        self.0.as_array().map(|elements| Elements(elements))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.0.as_str();
        spend_text(text.map_or(0, str::len), WEIGHTS.get().text);
        text.map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<&'a Number> {
        spend(1);
        self.0.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        spend(1);
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        spend(1);
        self.0.is_null()
    }

    fn json_type(&self) -> JsonType {
        spend(1);
        Node::<SerdeJson>::json_type(&self.0)
    }

    fn string_length(&self) -> Option<u64> {
        spend_text(self.0.as_str().map_or(0, str::len), 0);
        Node::<SerdeJson>::string_length(&self.0)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        equal(self.0, expected)
    }

    /// Only what is reported of an error asks for it.
    fn to_value(&self) -> Cow<'a, Value> {
        match ERRORS.get().checked_sub(1) {
            Some(left) => ERRORS.set(left),
            None => stop(Breach::Errors),
        }
        Cow::Borrowed(self.0)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        spend(1);
        Node::<SerdeJson>::identity(&self.0)
    }
}

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = Counted<'a>;
    type MemberName = &'a str;
    type MembersIter =
        std::iter::Map<serde_json::map::Iter<'a>, fn((&'a String, &'a Value)) -> (&'a str, Counted<'a>)>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Counted<'a>> {
        spend_text(key.len(), 0);
        spend(WEIGHTS.get().visit);
        self.0.get(key).map(Counted)
    }

    fn members(&self) -> Self::MembersIter {
        self.0.iter().map(|(key, value)| {
            spend_text(key.len(), WEIGHTS.get().key);
            spend(WEIGHTS.get().visit);
            (key.as_str(), Counted(value))
        })
    }
}

impl<'a> Array<'a, Metered> for Elements<'a> {
    type Node = Counted<'a>;
    type ElementsIter = std::iter::Map<std::slice::Iter<'a, Value>, fn(&'a Value) -> Counted<'a>>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> Self::ElementsIter {
        self.0.iter().map(|value| {
            spend(1 + WEIGHTS.get().visit);
            Counted(value)
        })
    }

    /// By what they say, in a set: values whose hashes are the same by design would be compared with each other.
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.0.len());
        self.0.iter().all(|value| {
            let mut text = Vec::new();
            canonical(value, &mut text);
            seen.insert(text)
        })
    }
}

/// Equality of JSON, each comparison counted.
fn equal(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Array(a), Value::Array(b)) => {
            spend(1);
            a.len() == b.len() && std::iter::zip(a, b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            spend(1);
            a.len() == b.len()
                && a.iter().all(|(key, a)| {
                    spend_text(key.len(), 0);
                    b.get(key).is_some_and(|b| equal(a, b))
                })
        }
        (Value::String(a), Value::String(b)) => {
            spend_text(a.len().min(b.len()), 0);
            a == b
        }
        _ => {
            spend(1);
            jsonschema::json::cmp::equal(value, expected)
        }
    }
}

/// What equal values have in common, and others do not.
fn canonical(value: &Value, text: &mut Vec<u8>) {
    spend(1);
    match value {
        Value::Null => text.push(b'n'),
        Value::Bool(value) => text.push(if *value { b't' } else { b'f' }),
        Value::Number(number) => {
            text.push(b'0');
            text.extend(canonical_number(number));
        }
        Value::String(value) => {
            spend_text(value.len(), 0);
            text.push(b'"');
            text.extend((value.len() as u64).to_le_bytes());
            text.extend(value.as_bytes());
        }
        Value::Array(values) => {
            text.push(b'[');
            values.iter().for_each(|value| canonical(value, text));
            text.push(b']');
        }
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_unstable();
            text.push(b'{');
            for key in keys {
                canonical(&Value::String(key.clone()), text);
                canonical(&members[key], text);
            }
            text.push(b'}');
        }
    }
}

/// A number mathematically: 1 and 1.0 are the same, and so are 0 and -0.0.
fn canonical_number(number: &Number) -> [u8; 17] {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let float = number.as_f64().unwrap_or_default();
    // Up to here every whole float is an i128 exactly.
    let whole = whole.or_else(|| (float.fract() == 0.0 && float.abs() < 1e38).then_some(float as i128));
    let mut bytes = [0; 17];
    match whole {
        Some(whole) => bytes[1..].copy_from_slice(&whole.to_le_bytes()),
        None => {
            bytes[0] = 1;
            bytes[1..9].copy_from_slice(&float.to_bits().to_le_bytes());
        }
    }
    bytes
}
