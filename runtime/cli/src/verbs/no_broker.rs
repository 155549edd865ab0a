//! In place of `broker.rs`, in a program that is built without the feature `broker`.

use crate::{args, exit::Failure};

pub(crate) fn broker(_: &args::Broker) -> Result<(), Failure> {
    Err(Failure::usage(
        "this program was built without the server of its log: build it with `--features broker`",
    ))
}
