//! Builds credentials from the configuration.

use std::fmt::Display;

use danube_wasm_settings as settings;

use danube_wasm_egress_dial::{DialPolicy, Dialer, TlsSettings};

use super::{AuthConfig, DialConfig, HmacForm, JwtKeys};
use crate::{
    ApiKey, Auth, ClientCertificate, Fetcher, Jwks, JwksTimes, Jwt, Secret, Secrets, Signature, Sns, SnsOptions,
    TokenAlgorithm,
};

impl AuthConfig {
    /// What checks requests as this says.
    pub fn build(&self) -> Result<Auth, String> {
        let text = |e: &dyn Display| e.to_string();
        Ok(match self {
            AuthConfig::None => Auth::None,
            AuthConfig::ApiKey {
                header: name,
                secrets: keys,
            } => Auth::ApiKey(ApiKey::new(&secrets(keys)?).with_header(name.clone().into())),
            AuthConfig::Bearer { secrets: tokens } => Auth::ApiKey(ApiKey::bearer(&secrets(tokens)?)),
            AuthConfig::Hmac {
                form,
                header: name,
                unsigned_get,
                secrets: keys,
            } => {
                let keys = secrets(keys)?;
                let (preset, tolerance) = match form {
                    HmacForm::Stripe { tolerance } => ("stripe", Some(tolerance)),
                    HmacForm::Github => ("github", None),
                };
                let mut signature = Signature::preset(preset, &keys).map_err(|e| text(&e))?;
                if let Some(tolerance) = tolerance {
                    signature = signature
                        .try_with_tolerance(tolerance.as_secs())
                        .map_err(|e| text(&e))?;
                }
                signature = signature.with_header(name.clone().into());
                if *unsigned_get {
                    signature = signature.with_unsigned_get();
                }
                Auth::Signature(Box::new(signature))
            }
            AuthConfig::Signature(config) => config.build().map_err(|e| text(&e))?,
            AuthConfig::Sns(options) => Auth::Sns(Box::new(sns(options)?)),
            AuthConfig::Basic {
                user,
                secrets: passwords,
            } => Auth::ApiKey(ApiKey::basic(user, &secrets(passwords)?)),
            AuthConfig::QueryToken {
                parameter,
                secrets: tokens,
            } => Auth::ApiKey(ApiKey::query(parameter, &secrets(tokens)?)),
            AuthConfig::ClientCertificate { names, fingerprints } => {
                Auth::Certificate(ClientCertificate::try_new(names, fingerprints).map_err(|e| text(&e))?)
            }
            AuthConfig::Jwt {
                keys,
                issuer,
                audience,
                others,
                dial,
            } => {
                let mut jwt = with_claims(tokens(keys, dial.as_ref())?, issuer.as_deref(), audience.as_deref())?;
                for other in others {
                    let keys = fetched(other.algorithm, other.jwks_url.as_str(), dial.as_ref())?;
                    let other = with_claims(keys, Some(&other.issuer), other.audience.as_deref())?;
                    jwt = jwt.try_or(other).map_err(|e| text(&e))?;
                }
                Auth::Jwt(jwt)
            }
        })
    }
}

fn tokens(keys: &JwtKeys, dial: Option<&DialConfig>) -> Result<Jwt, String> {
    let pems = |keys: &[super::PublicKey]| keys.iter().map(|key| key.pem.clone().into_bytes()).collect::<Vec<_>>();
    let public = |algorithm, keys| Jwt::try_public(algorithm, pems(keys).iter().map(Vec::as_slice));
    let jwt = match keys {
        JwtKeys::Hs256(keys) => Jwt::try_hs256(&secrets(keys)?),
        JwtKeys::Rs256(keys) => public(TokenAlgorithm::RS256, keys),
        JwtKeys::Public(algorithm, keys) => public(*algorithm, keys),
        JwtKeys::Jwks(algorithm, url) => return fetched(*algorithm, url.as_str(), dial),
    };
    jwt.map_err(|error| error.to_string())
}

fn fetched(algorithm: TokenAlgorithm, url: &str, dial: Option<&DialConfig>) -> Result<Jwt, String> {
    let uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
    let fetcher = match dial {
        Some(dial) => dial.fetcher()?,
        None => Fetcher::try_new(
            Dialer::new(DialPolicy::everything_but_metadata()),
            &TlsSettings::default(),
        )?,
    };
    let jwks = Jwks::new(uri, fetcher, JwksTimes::default());
    Jwt::try_jwks(algorithm, jwks).map_err(|error| error.to_string())
}

fn with_claims(mut jwt: Jwt, issuer: Option<&str>, audience: Option<&str>) -> Result<Jwt, String> {
    if let Some(issuer) = issuer {
        jwt = jwt.try_with_issuer(issuer).map_err(|error| error.to_string())?;
    }
    if let Some(audience) = audience {
        jwt = jwt.try_with_audience(audience).map_err(|error| error.to_string())?;
    }
    Ok(jwt)
}

/// Amazon's hosts are public; those that a file names may be anywhere.
fn sns(options: &SnsOptions) -> Result<Sns, String> {
    let policy = match options.hosts.is_empty() {
        true => DialPolicy::public_only(),
        false => DialPolicy::everything_but_metadata(),
    };
    let fetcher = Fetcher::try_new(Dialer::new(policy), &TlsSettings::default())?;
    Ok(Sns::new(options.clone(), fetcher))
}

fn secrets(secrets: &[settings::Secret]) -> Result<Secrets, String> {
    let secrets: Result<Vec<_>, _> = secrets.iter().map(|secret| Secret::try_new(secret.expose())).collect();
    Secrets::try_new(secrets.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}
