//! Bringing memory near before it is needed. It is a hint to the processor: nothing but time
//! depends on it, and where it cannot be had nothing is done.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for all of a value.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    prefetch_first(value, size_of::<T>());
}

/// Asks for the first bytes of a value.
#[inline(always)]
pub fn prefetch_first<T>(value: &T, bytes: usize) {
    prefetch_part(value, 0, bytes);
}

/// Asks for some of the bytes of a value that begins with a line.
#[inline(always)]
pub fn prefetch_part<T>(value: &T, from: usize, to: usize) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    let mut at = from / LINE * LINE;
    while at < to.min(size_of::<T>()) {
        line(start.wrapping_add(at));
        at += LINE;
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "there is no safe name for it")]
fn line(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: it reads nothing that the program sees, and no address makes it fail.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_address: *const u8) {}
