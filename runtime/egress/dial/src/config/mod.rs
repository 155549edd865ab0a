//! Tables of a pipeline file about whom a client may connect to, whom it trusts, and who it is.

mod guard;
mod tls;

pub use guard::Guard;
pub use tls::{TlsFiles, TlsPaths, TlsTexts};
