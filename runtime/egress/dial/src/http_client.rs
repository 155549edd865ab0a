//! A reqwest client that uses the dialer.
//!
//! reqwest passes names to its resolver, where they are checked. It connects to literals directly, and only the choice
//! of a proxy sees every URL right before a dial. So each literal that the policy refuses gets a "proxy" whose name is
//! never resolved ([`RefusedName`]): the dial ends in the resolver, which returns the reason.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    ClientBuilder, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::{self, Policy},
};
use rustls::ClientConfig;
use url::Url;

use crate::{DialError, Dialer, host::Host, limits::HTTP_CONNECT_MS_MAX};

/// How a client handles redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Returns the redirect's response to the caller.
    None,
    /// Follows redirects to allowed addresses, but never from HTTPS to HTTP.
    Checked {
        /// Most redirects in a row.
        max: usize,
    },
}

impl Dialer {
    /// Returns a client that connects only where this dialer would, uses no proxy, and sends nothing by itself: no
    /// `referer`, no retries. It connects within [`HTTP_CONNECT_MS_MAX`]; the caller sets the other timeouts. HTTP/2
    /// needs `h2` in the configuration's `alpn_protocols`, and reqwest's feature `http2`.
    ///
    /// [`DialError::within`] finds refusals in its errors. The builder's methods `resolve` (and `resolve_to_addrs`),
    /// `dns_resolver`, `no_proxy`, `proxy`, `unix_socket` and `redirect` disable parts of the check.
    pub fn http_client(&self, tls: &ClientConfig, redirects: Redirects) -> ClientBuilder {
        let dialer = self.clone();
        let literals =
            Proxy::custom(move |url| RefusedName::of(&dialer, url).map(|name| format!("http://{}/", name.0)));
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(CheckedNames(self.clone()))
            // A proxy that is set explicitly replaces those of the environment.
            .proxy(literals)
            .redirect(self.redirect_policy(redirects))
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_millis(HTTP_CONNECT_MS_MAX))
    }

    fn redirect_policy(&self, redirects: Redirects) -> Policy {
        match redirects {
            Redirects::None => Policy::none(),
            Redirects::Checked { max } => {
                let dialer = self.clone();
                Policy::custom(move |attempt| match dialer.check_redirect(&attempt, max) {
                    Ok(()) => attempt.follow(),
                    Err(error) => attempt.error(error),
                })
            }
        }
    }

    fn check_redirect(&self, attempt: &redirect::Attempt<'_>, max: usize) -> Result<(), DialError> {
        let url = attempt.url();
        self.check_url(url)?;
        let host = || url.host_str().unwrap_or_default().to_owned();
        // The first is the requested URL.
        let (before, redirects) = (attempt.previous().last(), attempt.previous().len());
        if before.is_some_and(|before| before.scheme() == "https") && url.scheme() != "https" {
            return Err(DialError::InsecureRedirect { host: host() });
        }
        if redirects > max {
            return Err(DialError::TooManyRedirects { host: host(), max });
        }
        Ok(())
    }
}

/// The resolver for reqwest.
struct CheckedNames(Dialer);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let dialer = self.0.clone();
        Box::pin(async move {
            let host = match RefusedName::literal(name.as_str()) {
                Some(literal) => literal.to_string(),
                None => name.as_str().to_owned(),
            };
            // Port 0 is replaced by the URL's.
            let found = dialer.resolve(&host, 0).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// A name that represents a refused literal, in a domain that does not exist (RFC 6761).
struct RefusedName(String);

const REFUSED_DOMAIN: &str = ".refused-literal.invalid";

impl RefusedName {
    fn of(dialer: &Dialer, url: &Url) -> Option<Self> {
        dialer.check_url(url).err()?;
        let bits = match Host::parse(url.host_str()?).ok()? {
            Host::Literal(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
            Host::Literal(IpAddr::V6(address)) => address.to_bits(),
            Host::Name(_) => return None,
        };
        Some(Self(format!("{bits:032x}{REFUSED_DOMAIN}")))
    }

    fn literal(name: &str) -> Option<IpAddr> {
        let bits = u128::from_str_radix(name.strip_suffix(REFUSED_DOMAIN)?, 16).ok()?;
        Some(IpAddr::from(bits.to_be_bytes()).to_canonical())
    }
}
