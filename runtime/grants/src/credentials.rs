//! Puts secrets in the place of their names.

use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::{Credential, HttpGrant, SendError, SendErrorKind};

/// What a header's value begins with if it is the name of a credential.
const PREFIX: &str = "secret:";

/// Replaces the values that name a credential.
pub(crate) fn inject(grant: &HttpGrant, url: &Url, headers: &mut HeaderMap) -> Result<(), SendError> {
    for (header, value) in headers.iter_mut() {
        let Some(name) = value.to_str().ok().and_then(|text| text.strip_prefix(PREFIX)) else {
            continue;
        };
        let credential = find(grant, url, name)?;
        let mut secret = HeaderValue::from_str(credential.value.expose()).map_err(|_| {
            denied(format!("the credential `{name}` is not a value that the header `{header}` can have: it has a line break or the like"))
        })?;
        secret.set_sensitive(true);
        *value = secret;
    }
    Ok(())
}

fn find<'g>(grant: &'g HttpGrant, url: &Url, name: &str) -> Result<&'g Credential, SendError> {
    let host = url.host_str().unwrap_or_default();
    let mut credentials = grant.credentials.iter();
    let credential = credentials.find(|credential| credential.name == name).ok_or_else(|| {
        denied(format!(
            "no credential is called `{name}`: add one to `grants.http.credentials`"
        ))
    })?;
    let port = url.port_or_known_default().unwrap_or_default();
    if !credential
        .hosts
        .iter()
        .any(|pattern| pattern.matches(url.scheme(), host, port))
    {
        return Err(denied(format!(
            "the credential `{name}` is not for `{host}`: its `hosts` say where it is sent to"
        )));
    }
    if url.scheme() != "https" && !is_own(url) {
        return Err(denied(format!(
            "the credential `{name}` is not sent to `{host}` over http, where others could read it: use https"
        )));
    }
    Ok(credential)
}

/// Whether it is an address of this machine alone.
fn is_own(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(_)) | None => false,
    }
}

fn denied(message: String) -> SendError {
    SendError::new(SendErrorKind::Denied, message)
}
