//! What a table's log says of single commits: whose they are, and which file has their ids.

use serde::Deserialize;

use crate::{error::TableError, ids_file::IdsName, storage::TableStore};

/// The parameter of a commit that names its file of ids.
pub(crate) const IDS_PARAMETER: &str = "danubeWasmIds";

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LoggedCommit {
    /// Application and number.
    pub(crate) transactions: Vec<(String, i64)>,
    /// Folder and name of its file of ids, if it is a commit of this program.
    pub(crate) ids: Option<(String, IdsName)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    txn: Option<Txn>,
    commit_info: Option<Info>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    operation_parameters: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Where a version's commit is.
pub(crate) fn path(version: u64) -> String {
    format!("_delta_log/{version:020}.json")
}

impl LoggedCommit {
    /// Reads a version's commit. `None` if the log has been cleaned of it.
    pub(crate) fn read(store: &TableStore, version: u64) -> Result<Option<Self>, TableError> {
        Ok(store.get(&path(version))?.map(|bytes| Self::parse(&bytes)))
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut commit = Self::default();
        // Other writers' actions may be anything: what is not understood says nothing of ours.
        let lines = bytes.split(|byte| *byte == b'\n');
        for action in lines.filter_map(|line| serde_json::from_slice::<Action>(line).ok()) {
            commit
                .transactions
                .extend(action.txn.map(|txn| (txn.app_id, txn.version)));
            let parameters = action.commit_info.and_then(|info| info.operation_parameters);
            let named = parameters
                .as_ref()
                .and_then(|of| of.get(IDS_PARAMETER)?.as_str()?.rsplit_once('/'));
            if let Some((folder, name)) = named {
                commit.ids = IdsName::parse(name).map(|name| (folder.to_owned(), name));
            }
        }
        commit
    }

    /// The number that a commit of this application has.
    pub(crate) fn number_of(&self, application: &str) -> Option<i64> {
        let mut own = self.transactions.iter().filter(|(of, _)| of == application);
        own.next().map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_whose_it_is() {
        let text = concat!(
            r#"{"commitInfo":{"timestamp":1,"operationParameters":{"danubeWasmIds":"_danube_wasm/lake/host-00000000000000000007-ab.ids"}}}"#,
            "\n",
            r#"{"txn":{"appId":"danube-wasm/lake/host","version":7}}"#,
            "\n",
            r#"{"add":{"path":"x.parquet"}}"#,
            "\nnot JSON\n"
        );
        let commit = LoggedCommit::parse(text.as_bytes());
        assert_eq!(commit.number_of("danube-wasm/lake/host"), Some(7));
        assert_eq!(commit.number_of("danube-wasm/lake/other"), None);
        let (folder, name) = commit.ids.expect("named");
        assert_eq!(
            (folder.as_str(), name.number, name.hash.as_str()),
            ("_danube_wasm/lake", 7, "ab")
        );
        assert_eq!(
            LoggedCommit::parse(br#"{"commitInfo":{"operation":"WRITE"}}"#),
            LoggedCommit::default()
        );
    }
}
