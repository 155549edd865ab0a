//! `danube-wasm pause FILE CONNECTOR` and `danube-wasm resume FILE CONNECTOR`.

use danube_wasm_host::control::{self, Request};

use super::running;
use crate::{args, exit::Failure};

/// Pauses or resumes a connector, and says in which state it is then.
pub(crate) fn pause(args: &args::Pause, paused: bool) -> Result<(), Failure> {
    let data_dir = running::data_dir(&args.file)?;
    let request = Request::Pause {
        connector: args.connector.clone(),
        paused,
    };
    let values = crate::runtime()?.block_on(control::demand(&data_dir, &request))?;
    for value in &values {
        let text = |key: &str| value[key].as_str().unwrap_or_default();
        let already = if value["changed"] == true { "" } else { ", as it was" };
        match args.json {
            true => println!("{value}"),
            false => println!("{} is {}{already}", text("connector"), text("state")),
        }
    }
    Ok(())
}
