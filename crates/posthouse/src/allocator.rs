//! The allocator: fast for what is small, and what is large is the system's again as soon as it is freed.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_arena_max_object_size` of mimalloc 3, which the crate has no name for.
const MAX_OBJECT_SIZE: mi_option_t = 45;

/// What is larger comes from the system and goes back to it, in KiB. Messages do: otherwise so much of them is kept for a tenth of a
/// second that the memory setting does not hold.
const LARGE: c_long = 1024;

/// Has large pieces of memory given back when they are freed.
pub(crate) fn give_back_what_is_large() {
    #[expect(unsafe_code, reason = "the allocator's options can be set in no other way")]
    // SAFETY: the number is one of an option; what is none is passed over.
    unsafe {
        mi_option_set(MAX_OBJECT_SIZE, LARGE);
    }
}
