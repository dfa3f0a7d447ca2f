#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twinwire::transport::tcp::fuzz::segment(data));
