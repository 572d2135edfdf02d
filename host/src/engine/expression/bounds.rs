//! What an expression may cost (law 5). All of it is counted, none of it is timed: whether an expression has a value
//! must not depend on how busy the host is.

/// The text, in bytes.
pub(super) const TEXT_BYTES: usize = 4096;
/// Brackets within brackets. The parser takes about 8 KiB of stack for each.
pub(super) const NESTING: usize = 32;
/// Operations within operations, what a macro stands for included; also of one chain, as in `a + b + c`. Evaluating
/// takes about 5 KiB of stack for each.
pub(super) const DEPTH: usize = 100;
/// `all`, `exists`, `filter`, `map` and the like within the body of one another.
pub(super) const LOOPS: usize = 4;
/// What is read of the documents, as JSON text. A pure selection has no such bound.
pub(super) const DOCUMENT_BYTES: usize = 8 << 20;
/// The value, as JSON text.
pub(super) const RESULT_BYTES: usize = 8 << 20;
/// Values and operations looked at. A step takes at most some 50 ns.
pub(super) const STEPS: u64 = 20_000_000;
/// Memory of all values that are made on the way, kept or not.
pub(super) const MEMORY_BYTES: u64 = 128 << 20;
/// A pattern of `matches`, in bytes.
pub(super) const PATTERN_BYTES: usize = 1024;
/// A pattern of `matches`, compiled.
pub(super) const COMPILED_PATTERN_BYTES: usize = 256 << 10;
/// What may have been meant by a name is looked for among names up to this length, in bytes,
pub(super) const HINT_BYTES: usize = 100;
/// and among so many of them.
pub(super) const HINT_NAMES: usize = 10_000;
/// Looks at the schemas while the expressions of one definition are checked. With more, anything is accepted.
pub(crate) const SCHEMA_LOOKS: u64 = 20_000_000;
