//! Any bytes as a segment of the log, and as the recipe of a segment that is then damaged: reading it neither panics nor
//! runs away, and what lies before the damage is found.
#![no_main]

use engine::local::fuzz_replay;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = fuzz_replay(bytes);
});
