//! How the client authenticates to servers, and they to it.

use std::{fs, path::Path};

use async_nats::ConnectOptions;
use danube_wasm_broker::Result;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::{
    error::denied,
    options::{Auth, NatsOptions, Tls},
};

/// Options of a connection with certificates and credentials. Reads files.
pub(crate) fn authenticated(options: &NatsOptions) -> Result<ConnectOptions> {
    let connect = match &options.auth {
        Auth::None => ConnectOptions::new(),
        Auth::Token(token) => ConnectOptions::with_token(token.reveal().to_owned()),
        Auth::Password { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), password.reveal().to_owned())
        }
        Auth::CredentialsFile(_) | Auth::Credentials(_) => with_credentials(&options.auth)?,
    };
    let needs_tls = options.tls.is_some() || options.servers.iter().any(|server| server.starts_with("tls://"));
    // A server may ask for TLS also where its URL does not: this provider and these authorities serve then, too.
    match client_config(&options.tls.clone().unwrap_or_default()) {
        Ok(config) => Ok(connect.tls_client_config(config)),
        Err(error) if needs_tls => Err(error),
        Err(_) => Ok(connect),
    }
}

/// Read again at every connection.
#[cfg(feature = "credentials")]
fn with_credentials(auth: &Auth) -> Result<ConnectOptions> {
    use crate::credentials::Credentials;
    fn read(auth: &Auth) -> Result<Credentials> {
        match auth {
            Auth::CredentialsFile(path) => Credentials::read(path),
            Auth::Credentials(text) => Credentials::parse(text.reveal(), "`credentials`"),
            _ => Err(denied("no credentials are given")),
        }
    }
    // So that a mistake is said now.
    read(auth)?;
    let auth = auth.clone();
    Ok(ConnectOptions::with_auth_callback(move |nonce| {
        let credentials = read(&auth).map_err(async_nats::AuthError::new);
        std::future::ready(credentials.map(|credentials| {
            let mut login = async_nats::Auth::new();
            login.signature = credentials.sign(&nonce);
            login.jwt = Some(credentials.jwt);
            login
        }))
    }))
}

#[cfg(not(feature = "credentials"))]
fn with_credentials(_auth: &Auth) -> Result<ConnectOptions> {
    Err(denied(
        "this program was built without credentials files of NATS: build it with `--features nats-credentials`, or use \
         `user` and `password`, `token` or a client certificate",
    ))
}

/// What to do about a failure of TLS.
pub(crate) fn cure(error: &rustls::Error) -> &'static str {
    use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error};
    match error {
        Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => "renew the server's certificate, or set this machine's clock",
        Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
            "write the address that is in the server's certificate, or renew that for this one"
        }
        Error::InvalidCertificate(_) => "`ca_file` must hold the authority that has signed the server's certificate",
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::AccessDenied
            | Alert::DecryptError,
        ) => "set `cert_file` and `key_file` to a certificate by an authority that the server trusts",
        _ => "check whether the server speaks TLS: if it does not, write `nats://`",
    }
}

fn client_config(tls: &Tls) -> Result<ClientConfig> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| denied(format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots(tls.ca_file.as_deref())?);
    let Some((cert, key)) = &tls.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let private = PrivateKeyDer::from_pem_slice(&read(key)?);
    let private = private.map_err(|e| denied(format!("{} holds no PEM private key: {e}", key.display())))?;
    builder
        .with_client_auth_cert(certificates(cert)?, private)
        .map_err(|e| {
            let (cert, key) = (cert.display(), key.display());
            denied(format!(
                "the client certificate {cert} and the key {key} do not belong together: {e}"
            ))
        })
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match roots.is_empty() {
            true => Err(denied("this system has no certificate authorities: set `ca_file`")),
            false => Ok(roots),
        };
    };
    for certificate in certificates(file)? {
        let added = roots.add(certificate);
        added.map_err(|e| {
            denied(format!(
                "{} does not hold certificates of an authority: {e}",
                file.display()
            ))
        })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(denied(format!("{} holds no PEM certificate", file.display()))),
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|e| denied(format!("{} cannot be read: {e}", file.display())))
}
