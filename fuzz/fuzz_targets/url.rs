#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twinwire::proto::fuzz::url(data));
