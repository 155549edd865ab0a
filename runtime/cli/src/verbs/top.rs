//! `danube-wasm top FILE`: what each connector of a running pipeline does, on a screen that is drawn anew as it changes.
//!
//! It asks what `status` asks, by the same socket, so that it costs the pipeline as little. A pipeline that ends is said to
//! have ended and is asked on: it may be starting again.

mod frame;
mod history;
mod screen;
mod view;

use std::{
    io::{IsTerminal, Write},
    path::Path,
    time::Duration,
};

use danube_wasm_host::{
    Failure as HostFailure,
    control::{self, Request},
};

use self::{history::History, view::View};
use crate::{args, exit::Failure};

/// Columns and lines of a frame that goes to no screen.
const PLAIN: (u16, u16) = (120, 24);

/// Draws until its user quits; with `--once` one frame, as text.
pub(crate) fn top(args: &args::Top) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read_lazily(&args.file)?;
    let (data_dir, name) = (loaded.pipeline.data_dir.clone(), loaded.pipeline.name.clone());
    let every = Duration::from_millis(args.interval_ms);
    crate::runtime()?.block_on(async {
        if args.once {
            let view = View::of(&name, asked(&data_dir).await?);
            let mut history = History::default();
            history.add(&view.connectors);
            let text = frame::text(&view, &history, PLAIN);
            // Whoever reads it may have had enough.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return Ok(());
        }
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                "`top` draws on a terminal, and this is none: `--once` prints one frame as text, `status --json` values",
            ));
        }
        // What is wrong at the start is said as every verb says it.
        let first = asked(&data_dir).await?;
        screen::run(&data_dir, View::of(&name, first), every).await
    })
}

/// What `status` shows.
async fn asked(data_dir: &Path) -> Result<Vec<serde_json::Value>, HostFailure> {
    control::demand(data_dir, &Request::Status).await
}
