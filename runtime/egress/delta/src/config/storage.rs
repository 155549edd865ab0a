//! Options of the stores that tables are in.

use danube_wasm_settings::{
    Secret, Table as Reader, ValueRef,
    kinds::{FreeTable, Kind, Text, quote},
};
use serde_json::Value;

use super::Table;
use crate::storage::{TableUrl, check_option, is_allow_http};

/// The key `storage`. Values may be secrets, so none is ever shown.
pub(super) fn read(t: &mut Reader<'_>) -> Vec<(String, Secret)> {
    let free = t
        .field(
            "storage",
            FreeTable,
            "Options of the stores, with the names of the library `object_store`: `aws_access_key_id`, `aws_secret_access_key`, \
             `aws_region`, `aws_endpoint`, `aws_allow_http`; `azure_storage_account_name`, `azure_storage_account_key`, \
             `azure_storage_sas_token`; `google_service_account`. Nothing is taken from the environment unless it is written here as \
             `\"${NAME}\"`.",
        )
        .example("{ aws_region = \"eu-west-1\", aws_access_key_id = \"${AWS_ACCESS_KEY_ID}\", aws_secret_access_key = \"${AWS_SECRET_ACCESS_KEY}\" }")
        .optional()
        .unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    free.values
        .into_iter()
        .map(|(name, value)| (name, Secret::new(text(value))))
        .collect()
}

/// That each option is one of a table's store, and that nothing is sent in the clear by accident.
pub(super) fn check(t: &Reader<'_>, options: &[(String, Secret)], tables: &[Table]) {
    let error = |message: String, help: &str| t.session().error(&t.span("storage"), message, help);
    for (name, _) in options {
        let mut wrong = tables.iter().map(|table| check_option(table.url.kind(), name).err());
        if let Some(why) = wrong.next().flatten()
            && wrong.all(|why| why.is_some())
        {
            error(
                format!("`storage` cannot have `{name}`: {why}"),
                "remove it, or correct its name",
            );
        }
    }
    let is_set = |(name, value): &(String, Secret)| is_allow_http(name) && value.expose().eq_ignore_ascii_case("true");
    let in_the_clear = options
        .iter()
        .find(|(_, value)| value.expose().to_ascii_lowercase().starts_with("http://"));
    if let Some((name, _)) = in_the_clear
        && !options.iter().any(is_set)
    {
        error(
            format!("`{name}` of `storage` is reached without TLS: whoever is in between reads and changes the tables"),
            "write an `https://` address, or `aws_allow_http = true` (`azure_allow_http`) for a store of this machine or network",
        );
    }
}

/// Reads where a table is.
pub(super) struct TableUrlKind;

impl Kind for TableUrlKind {
    type Value = TableUrl;

    fn what(&self) -> String {
        "`\"s3://BUCKET/PATH\"`, `\"az://CONTAINER/PATH\"`, `\"abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH\"`, \
         `\"gs://BUCKET/PATH\"` or a folder"
            .to_owned()
    }

    fn show(&self, value: &TableUrl) -> String {
        quote(&value.to_string())
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<TableUrl> {
        let text = Text.read(input)?;
        let url = match text.contains("://") {
            true => TableUrl::parse(&text),
            false => TableUrl::of_folder(&input.session.resolve(&text)),
        };
        match url {
            Ok(url) => Some(url),
            Err(why) => input.refuse(format!("`{}` must be {}: {why}", input.name(), self.what())),
        }
    }
}
