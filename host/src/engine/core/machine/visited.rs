//! A list of which it is known in tests how often its items are looked at.

use std::ops::{Index, IndexMut, Range};

use crate::engine::work;

/// A list whose items are counted whenever somebody looks at them.
#[derive(Debug)]
pub(super) struct Visited<T>(Vec<T>);

impl<T> Visited<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, item: T) {
        self.0.push(item);
    }

    pub(super) fn get(&self, i: usize) -> Option<&T> {
        work::count(1);
        self.0.get(i)
    }

    pub(super) fn get_mut(&mut self, i: usize) -> Option<&mut T> {
        work::count(1);
        self.0.get_mut(i)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().inspect(|_| work::count(1))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().inspect(|_| work::count(1))
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T> Default for Visited<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Index<usize> for Visited<T> {
    type Output = T;

    fn index(&self, i: usize) -> &T {
        work::count(1);
        &self.0[i]
    }
}

impl<T> IndexMut<usize> for Visited<T> {
    fn index_mut(&mut self, i: usize) -> &mut T {
        work::count(1);
        &mut self.0[i]
    }
}

impl<T> Index<Range<usize>> for Visited<T> {
    type Output = [T];

    fn index(&self, range: Range<usize>) -> &[T] {
        work::count(range.len());
        &self.0[range]
    }
}

impl<T> IndexMut<Range<usize>> for Visited<T> {
    fn index_mut(&mut self, range: Range<usize>) -> &mut [T] {
        work::count(range.len());
        &mut self.0[range]
    }
}
