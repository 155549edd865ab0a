//! Builds credentials from the configuration.

use std::fmt::Display;

use danube_wasm_settings as settings;

use super::{AuthConfig, HmacForm, JwtKeys};
use crate::{ApiKey, Auth, Hmac, Jwt, Secret, Secrets};

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
                let hmac = match form {
                    HmacForm::Stripe { tolerance } => Hmac::stripe(&keys)
                        .try_with_tolerance(tolerance.as_secs())
                        .map_err(|e| text(&e))?,
                    HmacForm::Github => Hmac::github(&keys),
                };
                let hmac = hmac.with_header(name.clone().into());
                Auth::Hmac(if *unsigned_get { hmac.with_unsigned_get() } else { hmac })
            }
            AuthConfig::Jwt { keys, issuer, audience } => {
                let mut jwt = match keys {
                    JwtKeys::Hs256(keys) => Jwt::try_hs256(&secrets(keys)?).map_err(|e| text(&e))?,
                    JwtKeys::Rs256(keys) => {
                        Jwt::try_rs256(keys.iter().map(|key| key.pem.as_bytes())).map_err(|e| text(&e))?
                    }
                };
                if let Some(issuer) = issuer {
                    jwt = jwt.try_with_issuer(issuer).map_err(|e| text(&e))?;
                }
                if let Some(audience) = audience {
                    jwt = jwt.try_with_audience(audience).map_err(|e| text(&e))?;
                }
                Auth::Jwt(jwt)
            }
        })
    }
}

fn secrets(secrets: &[settings::Secret]) -> Result<Secrets, String> {
    let secrets: Result<Vec<_>, _> = secrets.iter().map(|secret| Secret::try_new(secret.expose())).collect();
    Secrets::try_new(secrets.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}
