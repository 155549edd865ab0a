//! From a table's URL and the file's options to its store.

use std::{fmt, str::FromStr as _, sync::Arc};

use danube_wasm_egress_dial::Dialer;
use danube_wasm_settings::Secret;
use object_store::{
    BackoffConfig, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    path::Path,
};
use url::Url;

use super::{dialed::Dialed, local::Synced};
use crate::limits::STORE_RETRY;

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUrl {
    kind: StoreKind,
    root: Url,
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    S3,
    Azure,
    Google,
    Local,
}

/// Names and values of a store's options, as the library `object_store` knows them.
pub type StoreOptions = [(String, Secret)];

impl TableUrl {
    /// Of a URL with a scheme. The error is the rest of a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut root = Url::parse(text).map_err(|error| error.to_string())?;
        let kind = match root.scheme() {
            "s3" | "s3a" => StoreKind::S3,
            "az" | "abfs" | "abfss" | "adl" | "azure" => StoreKind::Azure,
            "gs" => StoreKind::Google,
            "file" => StoreKind::Local,
            other => return Err(format!("`{other}` is none of `s3`, `az`, `abfss`, `gs` and `file`")),
        };
        if kind != StoreKind::Local && root.host_str().is_none_or(str::is_empty) {
            return Err("it has no bucket or container".to_owned());
        }
        if root.query().is_some() || root.fragment().is_some() || root.password().is_some() {
            return Err("it has more than a bucket and a path: options are written in `storage`".to_owned());
        }
        let path = root.path().trim_end_matches('/').to_owned();
        if path.is_empty() {
            return Err("it has no path: a table is a folder of its own".to_owned());
        }
        root.set_path(&format!("{path}/"));
        Ok(Self { kind, root })
    }

    /// Of a folder of this machine, as an absolute path.
    pub(crate) fn of_folder(path: &std::path::Path) -> Result<Self, String> {
        let root =
            Url::from_directory_path(path).map_err(|()| format!("{} is not an absolute path", path.display()))?;
        Self::parse(root.as_str())
    }

    /// With `/` at its end.
    pub(crate) fn root(&self) -> &str {
        self.root.as_str()
    }

    /// In its store.
    pub(crate) fn prefix(&self) -> Path {
        Path::from_url_path(self.root.path()).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> StoreKind {
        self.kind
    }
}

impl fmt::Display for TableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str().trim_end_matches('/'))
    }
}

/// Opens a table's store, without asking it anything.
///
/// # Errors
///
/// An option is not known, or does not suit: what is wrong.
pub(crate) fn open(url: &TableUrl, options: &StoreOptions, dialer: &Dialer) -> Result<Arc<dyn ObjectStore>, String> {
    macro_rules! cloud {
        ($builder:ty, $option:ident) => {{
            let mut builder = <$builder>::new()
                .with_url(url.root.as_str())
                .with_retry(retry())
                .with_http_connector(Dialed::new(dialer)?);
            for (name, value) in options {
                builder = builder.with_config($option(name)?, value.expose());
            }
            Arc::new(builder.build().map_err(|error| crate::error::chain(&error))?)
        }};
    }
    Ok(match url.kind {
        StoreKind::S3 => cloud!(AmazonS3Builder, s3_option),
        StoreKind::Azure => cloud!(MicrosoftAzureBuilder, azure_option),
        StoreKind::Google => cloud!(GoogleCloudStorageBuilder, google_option),
        StoreKind::Local if options.is_empty() => Arc::new(Synced::new()),
        StoreKind::Local => return Err("a folder of this machine has no options".to_owned()),
    })
}

/// What is wrong with an option's name for a kind of store, if something is.
pub(crate) fn check_option(kind: StoreKind, name: &str) -> Result<(), String> {
    match kind {
        StoreKind::S3 => s3_option(name).map(drop),
        StoreKind::Azure => azure_option(name).map(drop),
        StoreKind::Google => google_option(name).map(drop),
        StoreKind::Local => Err("a folder of this machine has no options".to_owned()),
    }
}

/// Options with which two writers would overwrite each other's commits.
fn is_unsafe(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "unsafe_rename",
        "locking_provider",
        "conditional_put",
        "copy_if_not_exists",
        "dynamo",
    ]
    .iter()
    .any(|part| name.contains(part))
}

const UNSAFE: &str = "commits are kept apart by conditional writes alone: another way, or none, would lose some";
/// The client is this program's own.
const OF_CLIENT: &str = "connections are this program's: `networks` says where they may go";

fn s3_option(name: &str) -> Result<AmazonS3ConfigKey, String> {
    if is_unsafe(name) {
        return Err(UNSAFE.to_owned());
    }
    match AmazonS3ConfigKey::from_str(name) {
        Ok(AmazonS3ConfigKey::Client(_)) if !is_allow_http(name) => Err(OF_CLIENT.to_owned()),
        Ok(AmazonS3ConfigKey::Bucket) => Err("the bucket is in the table's `url`".to_owned()),
        found => found.map_err(|_| "S3 has no such option".to_owned()),
    }
}

fn azure_option(name: &str) -> Result<AzureConfigKey, String> {
    if is_unsafe(name) {
        return Err(UNSAFE.to_owned());
    }
    match AzureConfigKey::from_str(name) {
        Ok(AzureConfigKey::Client(_)) if !is_allow_http(name) => Err(OF_CLIENT.to_owned()),
        Ok(AzureConfigKey::UseAzureCli) => Err("this program runs no other program".to_owned()),
        found => found.map_err(|_| "Azure has no such option".to_owned()),
    }
}

fn google_option(name: &str) -> Result<GoogleConfigKey, String> {
    if is_unsafe(name) {
        return Err(UNSAFE.to_owned());
    }
    match GoogleConfigKey::from_str(name) {
        Ok(GoogleConfigKey::Client(_)) if !is_allow_http(name) => Err(OF_CLIENT.to_owned()),
        found => found.map_err(|_| "Google Cloud Storage has no such option".to_owned()),
    }
}

/// Whether an option allows requests without TLS.
pub(crate) fn is_allow_http(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("allow_http")
}

/// A batch whose store does not answer waits and is written again by the pipeline, so the library need not wait for minutes.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 5,
        retry_timeout: STORE_RETRY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_store_and_a_folder() {
        let shown = |text: &str| TableUrl::parse(text).map(|url| (url.kind, url.to_string(), url.prefix().to_string()));
        let of = |kind, url: &str, prefix: &str| Ok((kind, url.to_owned(), prefix.to_owned()));
        assert_eq!(
            shown("s3://bucket/a/orders"),
            of(StoreKind::S3, "s3://bucket/a/orders", "a/orders")
        );
        assert_eq!(
            shown("az://container/orders/"),
            of(StoreKind::Azure, "az://container/orders", "orders")
        );
        assert_eq!(
            shown("file:///data/a%20b"),
            of(StoreKind::Local, "file:///data/a%20b", "data/a b")
        );
        for text in [
            "s3://bucket",
            "s3:///orders",
            "ftp://host/x",
            "s3://bucket/x?region=eu",
            "orders",
        ] {
            TableUrl::parse(text).expect_err(text);
        }
    }

    #[test]
    fn a_way_around_conditional_writes_is_refused() {
        for name in [
            "AWS_S3_ALLOW_UNSAFE_RENAME",
            "allow_unsafe_rename",
            "AWS_S3_LOCKING_PROVIDER",
            "aws_conditional_put",
            "aws_copy_if_not_exists",
            "DELTA_DYNAMO_TABLE_NAME",
        ] {
            assert_eq!(check_option(StoreKind::S3, name), Err(UNSAFE.to_owned()), "{name}");
        }
        assert_eq!(check_option(StoreKind::S3, "aws_allow_http"), Ok(()));
        assert_eq!(check_option(StoreKind::S3, "proxy_url"), Err(OF_CLIENT.to_owned()));
        assert!(check_option(StoreKind::S3, "aws_regin").is_err());
        assert_eq!(check_option(StoreKind::Azure, "azure_storage_account_key"), Ok(()));
    }
}
