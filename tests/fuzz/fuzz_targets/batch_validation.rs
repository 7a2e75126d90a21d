#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla_fuzz::batch_validation::check(data));
