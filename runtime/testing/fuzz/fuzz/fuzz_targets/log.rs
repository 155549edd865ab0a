#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| danube_wasm_fuzz::log(data));
