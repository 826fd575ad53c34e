//! Where a guest's memory comes from.
//!
//! Every call has an instance of its own. A heap that grows from nothing, as the standard library's does, asks the host
//! for pages in every call, and the host asks its system, which holds up the host's other threads for as long as page
//! tables change. So the heap begins with an arena that is part of the memory that an instance starts with; untouched, it
//! costs nothing. What does not fit into it grows.
#![expect(unsafe_code, reason = "an allocator is told which memory is its own")]

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// As much as most calls need.
const ARENA: usize = 256 * 1024;
/// Of WebAssembly.
const PAGE: usize = 64 * 1024;
/// The memory grows by no less, in pages; so a guest may meet its limit that much early.
const LEAST: usize = 4;
/// More than what the allocator keeps about one allocation.
const OVERHEAD: usize = 64;

static mut MEMORY: [MaybeUninit<u8>; ARENA] = [MaybeUninit::uninit(); ARENA];

#[global_allocator]
static HEAP: TalcSyncCell<Pages, WasmBinning> = TalcSyncCell::new_wasm(Pages { begun: false, end: None });

/// First the arena, then what the memory grows by.
#[derive(Debug)]
struct Pages {
    /// The arena is the allocator's.
    begun: bool,
    /// Where what was grown ends.
    end: Option<NonNull<u8>>,
}

// SAFETY: it allocates nothing itself.
unsafe impl Source for Pages {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, wanted: Layout) -> Result<(), ()> {
        if !talc.source.begun {
            talc.source.begun = true;
            // SAFETY: nobody else names the arena, and it is handed over once.
            return unsafe { talc.claim((&raw mut MEMORY).cast(), ARENA) }.map(drop).ok_or(());
        }
        let bytes = wanted.size().checked_add(wanted.align()).and_then(|bytes| bytes.checked_add(OVERHEAD)).ok_or(())?;
        let pages = bytes.div_ceil(PAGE).max(LEAST);
        let old = match memory_grow::<0>(pages) {
            usize::MAX => return Err(()),
            pages => (pages * PAGE) as *mut u8,
        };
        let size = pages * PAGE;
        talc.source.end = match talc.source.end.take() {
            // SAFETY: these pages begin where those end that were handed over before, and are nobody's yet.
            Some(end) if end.as_ptr() == old => {
                Some(unsafe { talc.extend(end, (old as usize).saturating_add(size) as *mut u8) })
            }
            // SAFETY: these pages are nobody's yet.
            Some(_) | None => unsafe { talc.claim(old, size) },
        };
        Ok(())
    }
}
