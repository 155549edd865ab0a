//! reqwest on the dialer.
//!
//! reqwest gives names to its resolver, and there they are checked. It connects to literals without asking anybody,
//! and nothing sees every URL just before a dial but the choice of a proxy. So each literal that the policy refuses is
//! given a "proxy" whose name is never resolved ([`RefusedName`]): the dial ends in the resolver, which says why.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    ClientBuilder, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::{self, Policy},
};
use rustls::ClientConfig;
use url::Url;

use crate::{DialError, Dialer, host::Host, limits::HTTP_CONNECT_MS_MAX};

/// What a client does with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Gives the answer with its 3xx to the caller.
    None,
    /// Follows it if the policy lets its address pass, and never from HTTPS to HTTP.
    Checked {
        /// How many in a row.
        max: usize,
    },
}

impl Dialer {
    /// A client that dials only what this dialer would, knows no proxy, and sends nothing that it was not told to: no
    /// `referer`, no retries. It connects in [`HTTP_CONNECT_MS_MAX`]; the caller sets the other timeouts. HTTP/2 needs
    /// `h2` in the configuration's `alpn_protocols`, and reqwest's feature `http2`.
    ///
    /// Refusals are found with [`DialError::within`]. Of the builder's own methods, `resolve` (and `resolve_to_addrs`),
    /// `dns_resolver`, `no_proxy`, `proxy`, `unix_socket` and `redirect` take parts of the check away again.
    pub fn http_client(&self, tls: &ClientConfig, redirects: Redirects) -> ClientBuilder {
        let dialer = self.clone();
        let literals =
            Proxy::custom(move |url| RefusedName::of(&dialer, url).map(|name| format!("http://{}/", name.0)));
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(CheckedNames(self.clone()))
            // Any proxy that is set takes the place of the environment's.
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
        // The first is the URL that was asked for.
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

/// reqwest's resolver.
struct CheckedNames(Dialer);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let dialer = self.0.clone();
        Box::pin(async move {
            let host = match RefusedName::literal(name.as_str()) {
                Some(literal) => literal.to_string(),
                None => name.as_str().to_owned(),
            };
            // Port 0 stands for the URL's.
            let found = dialer.resolve(&host, 0).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// A name that stands for a refused literal, in a domain that does not exist (RFC 6761).
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
