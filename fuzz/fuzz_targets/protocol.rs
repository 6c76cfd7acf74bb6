#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| event_feed::server::fuzzing::protocol(bytes));
