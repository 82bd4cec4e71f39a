//! Where this program's memory comes from: small pieces from mimalloc, large ones from the C library.
//!
//! A request takes memory a few dozen times, some of it in pieces of kilobytes, for which the C library's allocator
//! searches long. What is large it has from the kernel and gives back there at once, and a limit on a process's memory
//! sees it; mimalloc would keep it. libtorch goes on with the C library's.
#![expect(unsafe_code, reason = "the trait of allocators is unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};

use mimalloc::MiMalloc;

/// The largest of the small pieces, in bytes.
const SMALL: usize = 32 << 10;

/// For children: mimalloc's memory counts against their limits when it is used, and not before.
pub const CHILDS_SETTING: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");

pub struct Allocator;

const fn is_small(size: usize) -> bool {
    size <= SMALL
}

// SAFETY: both keep the contract, and the size, which a piece is given back with, tells whose it is.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are handed on.
        unsafe { if is_small(layout.size()) { MiMalloc.alloc(layout) } else { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: as above, and the piece came from the same one.
        unsafe {
            if is_small(layout.size()) {
                MiMalloc.dealloc(piece, layout);
            } else {
                System.dealloc(piece, layout);
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe {
            if is_small(layout.size()) { MiMalloc.alloc_zeroed(layout) } else { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; where a piece changes hands, both are at least as long as what is copied, and apart.
        unsafe {
            match (is_small(layout.size()), is_small(size)) {
                (true, true) => MiMalloc.realloc(piece, layout, size),
                (false, false) => System.realloc(piece, layout, size),
                _ => {
                    let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(piece, layout.size().min(size));
                        self.dealloc(piece, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a pattern, makes the piece this large, and looks whether it is still there.
    fn resized(from: usize, to: usize, align: usize) {
        let layout = Layout::from_size_align(from, align).unwrap();
        // SAFETY: the piece is used within its sizes, and given back with the last.
        unsafe {
            let piece = Allocator.alloc(layout);
            for place in 0..from {
                piece.add(place).write((place * 31) as u8);
            }
            let piece = Allocator.realloc(piece, layout, to);
            assert_eq!(piece.align_offset(align), 0);
            for place in 0..from.min(to) {
                assert_eq!(piece.add(place).read(), (place * 31) as u8);
            }
            Allocator.dealloc(piece, Layout::from_size_align(to, align).unwrap());
        }
    }

    #[test]
    fn what_grows_or_shrinks_from_one_to_the_other_keeps_what_it_holds() {
        let sizes = [1, 100, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL, 1 << 20];
        for from in sizes {
            for to in sizes {
                for align in [1, 8, 64, 4096] {
                    resized(from, to, align);
                }
            }
        }
    }

    #[test]
    fn what_is_zeroed_is_nought_however_large() {
        for size in [10, SMALL, SMALL + 1, 1 << 20] {
            let layout = Layout::from_size_align(size, 16).unwrap();
            for _ in 0..3 {
                // SAFETY: the piece is used within its size, and given back with it.
                unsafe {
                    let piece = Allocator.alloc_zeroed(layout);
                    assert!((0..size).all(|place| piece.add(place).read() == 0));
                    piece.write_bytes(7, size);
                    Allocator.dealloc(piece, layout);
                }
            }
        }
    }
}
