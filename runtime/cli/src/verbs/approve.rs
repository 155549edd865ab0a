//! `danube-wasm approve FILES`: approves the components of a pipeline and what they are granted, in `danube-wasm.lock`.

use danube_wasm_host::lock;

use crate::{args, exit::Failure};

/// Prints what is approved, and how that differs from what was.
pub(crate) fn approve(args: &args::Approve) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read(&args.files).map_err(Failure::configuration)?;
    let approved = crate::runtime()?.block_on(lock::approve(&loaded.pipeline))?;
    if args.json {
        println!("{}", serde_json::json!(approved));
        return Ok(());
    }
    for approved in &approved {
        println!("{approved}");
    }
    Ok(())
}
