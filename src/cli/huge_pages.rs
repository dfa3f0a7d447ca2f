//! Pages of 2 MiB in place of 4 KiB for what a run keeps in memory: with ten thousand hosts a good part of the
//! time of a packet-hop is spent on finding where the many small ones lie. It is a hint to the system: nothing
//! but time depends on it, and where it cannot be had nothing is done.

/// Asks for them, as far as the memory of this process is still to come.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
#[expect(unsafe_code, reason = "glibc does so only for who sets an environment variable before the process starts")]
pub fn prefer() {
    use std::hint::black_box;

    use libc::{M_MMAP_THRESHOLD, M_TOP_PAD, M_TRIM_THRESHOLD, MADV_HUGEPAGE, c_int, madvise, mallopt, sbrk};

    const PAGE: usize = 2 << 20;
    /// Address space for the heap; memory is taken as it is touched.
    const HEAP: usize = 1 << 30;
    /// The greatest that glibc takes.
    const MMAP_THRESHOLD: c_int = 32 << 20;
    /// What glibc has.
    const TOP_PAD: c_int = 128 << 10;

    // SAFETY: these set how the allocator asks the system for memory, and are made for this call.
    let set = |what, value| unsafe { mallopt(what, value) };
    // SAFETY: by nothing, the end of the heap does not move: it is only told.
    let end = || unsafe { sbrk(0) } as usize;

    // Large tables belong to the heap too, and it does not shrink.
    set(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    set(M_TRIM_THRESHOLD, c_int::MAX);
    set(M_TOP_PAD, HEAP as c_int);
    let before = end();
    // More than is left: the heap grows, and its end with it, if the system allows that.
    let mut more = Vec::<u8>::new();
    let _ = more.try_reserve_exact(PAGE);
    drop(black_box(more));
    set(M_TOP_PAD, TOP_PAD);
    let start = before.next_multiple_of(PAGE);
    if let Some(bytes) = end().checked_sub(start) {
        // SAFETY: the range is the heap's own, and the advice changes nothing of what it holds.
        unsafe { madvise(start as *mut _, bytes, MADV_HUGEPAGE) };
    }
}

/// They are asked for on Linux only.
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")))]
pub fn prefer() {}
