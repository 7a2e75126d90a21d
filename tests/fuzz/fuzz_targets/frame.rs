#![no_main]

/// The binary's own: a forged array length reserves up to 200 GB, which jemalloc serves and takes back untouched (ADR 0002). The
/// sanitizer's allocator would refuse it, or pay for it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla_fuzz::frame::check(data));
