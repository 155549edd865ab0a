//! `danube-wasm replay WHERE ID`: one dead letter through a component, offline; it changes nothing anywhere.

use std::sync::Arc;

use danube_wasm_host::replay;

use crate::{args, exit::Failure};

/// Prints what becomes of the letter; fails with a code of its own while the component does.
pub(crate) fn replay(args: &args::Replay) -> Result<(), Failure> {
    let runtime = crate::runtime()?;
    // A cache of its own, gone afterwards: replaying leaves nothing behind.
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let (id, component) = (args.id.as_deref(), args.component.as_deref());
    let report = runtime.block_on(replay::run(&args.place, id, component, &sandbox))?;
    drop(Arc::try_unwrap(sandbox));
    match args.json {
        true => println!("{}", report.json()),
        false => print!("{}", report.text()),
    }
    if let Some(took) = &report.took {
        eprintln!("{took}");
    }
    match report.outcome.passes() {
        true => Ok(()),
        false => Err(Failure::still_fails(format!("letter {} still fails", report.id))),
    }
}
