//! The allocator of a component: that of Rust's standard library on WebAssembly, except that it begins with memory that the
//! component has from its start. A memory that grows costs the host two changes of the protection of pages in each call; most
//! calls need no more than this.

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::{Cell, UnsafeCell},
    ptr::null_mut,
};

use dlmalloc::{Allocator, Dlmalloc};

/// Bytes that are there from the start.
const FIRST: usize = 256 << 10;
/// Of WebAssembly's memory.
const PAGE: usize = 64 << 10;

#[repr(align(16))]
struct First(UnsafeCell<[u8; FIRST]>);

// SAFETY: a component has one thread.
unsafe impl Sync for First {}

static MEMORY: First = First(UnsafeCell::new([0; FIRST]));

/// Where the allocator has its memory from.
struct Source {
    /// Whether it has the first one.
    begun: Cell<bool>,
}

// SAFETY: what is returned is memory that nobody else has: the first one once, and then what the memory has grown by, which
// is zero. A component has one thread, so that `Cell` may be shared.
unsafe impl Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if !self.begun.replace(true) && size <= FIRST {
            return (MEMORY.0.get().cast(), FIRST, 0);
        }
        let pages = size.div_ceil(PAGE);
        let before = core::arch::wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return (null_mut(), 0, 0);
        }
        let (base, size) = (before * PAGE, pages * PAGE);
        // A pointer behind the last byte must not be 0.
        let size = if base.wrapping_add(size) == 0 { size - 16 } else { size };
        (base as *mut u8, size, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

/// The allocator.
struct Heap(UnsafeCell<Dlmalloc<Source>>);

// SAFETY: a component has one thread, and the allocator does not call itself.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Dlmalloc::new_with_allocator(Source { begun: Cell::new(false) })));

// SAFETY: the caller's promises are those that `Dlmalloc` asks for; nothing else refers to it meanwhile, as said above.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { (*self.0.get()).free(ptr, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        unsafe { (*self.0.get()).realloc(ptr, layout.size(), layout.align(), new_size) }
    }
}
