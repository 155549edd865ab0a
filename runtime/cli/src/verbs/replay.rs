//! `danube-wasm replay WHERE ID`: one dead letter through a component, offline; it changes nothing anywhere.

use crate::{args, exit::Failure, replay};

/// Prints what becomes of the letter; fails with a code of its own while the component does.
pub(crate) fn replay(args: &args::Replay) -> Result<(), Failure> {
    let runtime = crate::runtime()?;
    let report = runtime.block_on(replay::run(&args.place, args.id.as_deref(), args.component.as_deref()))?;
    match args.json {
        true => println!("{}", report.json()),
        false => print!("{}", report.text()),
    }
    if let Some(took) = &report.took {
        eprintln!("{took}");
    }
    match report.verdict.passes() {
        true => Ok(()),
        false => Err(Failure::still_fails(format!("letter {} still fails", report.id))),
    }
}
