//! Formatting of the longer parts of error messages.

use std::fmt;

use rustls::CertificateError;

use crate::{
    denial::{Denial, DenialReason},
    error::Attempt,
    limits::DENIALS_MAX,
    policy::PolicyKeys,
};

/// Displays the first few refused addresses.
pub(crate) struct DisplayDenials<'a>(pub(crate) &'a [Denial]);

impl fmt::Display for DisplayDenials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, denial) in self.0.iter().take(DENIALS_MAX).enumerate() {
            let separator = if at == 0 { "it is at " } else { ", " };
            write!(f, "{separator}{denial}")?;
        }
        match self.0.len().checked_sub(DENIALS_MAX) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

/// Returns what to change to allow the first address; usually the same helps for the others.
pub(crate) fn cure(denied: &[Denial], keys: &PolicyKeys) -> String {
    match denied.first() {
        Some(Denial {
            reason: DenialReason::Operator(net),
            ..
        }) => format!("to permit it, narrow {net} in `{}`", keys.deny),
        Some(Denial {
            reason: DenialReason::Metadata { .. },
            reaches,
            ..
        }) => format!(
            "to permit it, add `{reaches}` itself to `{}`, where a network around it is not enough",
            keys.allow
        ),
        Some(Denial { reaches, .. }) => format!("to permit it, add `{reaches}` to `{}`", keys.allow),
        None => String::new(),
    }
}

/// Displays the addresses that did not accept.
pub(crate) struct DisplayAttempts<'a>(pub(crate) &'a [Attempt]);

impl fmt::Display for DisplayAttempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Attempt { address, error }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{address}: {error}")?;
        }
        Ok(())
    }
}

/// Describes what is wrong with a server's certificate and what to do; the rest of a sentence that starts with the
/// certificate.
pub(crate) fn certificate(error: &CertificateError, host: &str) -> String {
    use CertificateError as E;
    match error {
        E::UnknownIssuer | E::BadSignature => {
            "is signed by an authority that is not trusted here: trust the authority's certificate".to_owned()
        }
        E::Expired | E::ExpiredContext { .. } => "has expired: renew it, and check this machine's clock".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "is not valid yet: check the clocks of both machines".to_owned()
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            format!("was not made for the name `{host}`: use a name that is in it, or have one made for this name")
        }
        other => format!("is not acceptable ({other}): have a new one made"),
    }
}
