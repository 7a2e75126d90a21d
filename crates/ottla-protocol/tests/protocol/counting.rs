//! The broker's allocator, counting what each thread holds.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

/// The broker's allocator, counting what each thread holds.
pub(crate) struct Counting;

thread_local! {
    /// What the thread holds, and the most that it held, in bytes.
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

impl Counting {
    /// Forgets the peak; returns what the thread holds.
    pub(crate) fn reset_peak(&self) -> usize {
        let (held, _) = HELD.get();
        HELD.set((held, held));
        held
    }

    /// The most that the thread held since.
    pub(crate) fn peak(&self) -> usize {
        HELD.get().1
    }
}

#[expect(unsafe_code, reason = "an allocator is unsafe; this one only counts")]
// SAFETY: both methods are jemalloc's, whose contract is passed on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Memory may cross threads, so a thread may give back more than it took.
        let (held, peak) = HELD.get();
        let held = held.saturating_add(layout.size());
        HELD.set((held, peak.max(held)));
        // SAFETY: the caller keeps the contract.
        unsafe { tikv_jemallocator::Jemalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let (held, peak) = HELD.get();
        HELD.set((held.saturating_sub(layout.size()), peak));
        // SAFETY: the caller keeps the contract.
        unsafe { tikv_jemallocator::Jemalloc.dealloc(pointer, layout) }
    }
}
