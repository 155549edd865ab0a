//! Pipeline files: what is wrong in one is said when it is read, and the examples are right.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod auth;
mod endpoints;
mod examples;
mod source;

#[path = "../support/mod.rs"]
mod support;
