//! JSON Patch as far as Qlik takes it: `replace` on a few named members.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::extract::JsonBody;
use crate::envelope::{Answer, Flavour, Refusal};

/// One operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    op: String,
    pub(crate) path: String,
    pub(crate) value: Value,
}

/// The operations of a patch, all of them `replace` on one of `paths`.
pub(crate) fn read(body: &JsonBody, paths: &[&str], flavour: Flavour, code: &str) -> Answer<Vec<Operation>> {
    let operations: Vec<Operation> = body.read(flavour, code)?;
    if operations.is_empty() {
        return Err(bad("The patch is empty", "", flavour, code));
    }
    for operation in &operations {
        if operation.op != "replace" {
            return Err(bad("Only the operation replace is supported", &operation.path, flavour, code));
        }
        if !paths.contains(&operation.path.as_str()) {
            return Err(bad("This path can't be patched", &operation.path, flavour, code));
        }
    }
    Ok(operations)
}

/// 400 for a value that a path can't take.
pub(crate) fn bad(title: &str, path: &str, flavour: Flavour, code: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, title).pointer(path).flavour(flavour)
}
