//! In place of `top.rs`, in a program that is built without the feature `top`.

use crate::{args, exit::Failure};

pub(crate) fn top(_: &args::Top) -> Result<(), Failure> {
    Err(Failure::usage(
        "this program was built without the screen of `top`: build it with `--features top`, or repeat `danube-wasm status`",
    ))
}
