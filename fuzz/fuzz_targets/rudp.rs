#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twinwire::wire::fuzz::rudp(data));
