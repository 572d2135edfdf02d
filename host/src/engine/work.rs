//! What is gone over is counted in tests, so that they can tell work from work squared without a clock.

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// So many things are looked at. Nothing is done outside of tests.
#[inline]
pub(crate) fn count(_things: usize) {
    #[cfg(test)]
    DONE.with(|done| done.set(done.get() + _things as u64));
}

/// How many things this thread looks at while it does something.
#[cfg(test)]
pub(crate) fn of(something: impl FnOnce()) -> u64 {
    let before = DONE.with(std::cell::Cell::get);
    something();
    DONE.with(std::cell::Cell::get) - before
}
