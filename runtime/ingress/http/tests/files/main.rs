//! Pipeline files: what is wrong in one is said when it is read, and what is right is read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod auth;
mod endpoints;
mod source;
