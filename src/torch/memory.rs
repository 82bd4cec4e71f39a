//! Memory that was freed and that the allocator keeps.
#![expect(unsafe_code, reason = "malloc_trim belongs to the C library")]

unsafe extern "C" {
    fn malloc_trim(pad: usize) -> std::ffi::c_int;
}

/// Gives freed memory back to the system. Without it the allocator keeps most of what a network leaves behind: its
/// tensors lie scattered over the heaps of the threads that made them. Takes tens of milliseconds.
pub fn give_back() {
    // SAFETY: it takes no pointer and may be called from any thread.
    unsafe { malloc_trim(0) };
}
