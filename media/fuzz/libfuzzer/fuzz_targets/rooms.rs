#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payambar_media_fuzz::rooms(data));
