#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twinwire::scenario::fuzz::scenario(data));
