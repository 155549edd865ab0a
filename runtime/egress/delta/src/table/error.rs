//! Errors of the kernel, by who must act.

use delta_kernel::KernelError;

use crate::error::{TableError, chain};

pub(super) fn of(error: KernelError) -> TableError {
    match error {
        KernelError::Backtraced { source, .. } => of(*source),
        KernelError::ObjectStore(error) => error.into(),
        KernelError::IOError(_) | KernelError::Reqwest(_) | KernelError::JoinFailure(_) => {
            TableError::Transient(chain(&error))
        }
        error => {
            let said = chain(&error);
            let cure = cure(&said);
            TableError::Unfit(format!("the table cannot be read or written as it is: {said}{cure}"))
        }
    }
}

/// What to do about rules that the kernel does not know how to keep, and that old tables have without a use for them.
fn cure(said: &str) -> String {
    let features = ["checkConstraints", "generatedColumns", "identityColumns"];
    match features.into_iter().find(|feature| said.contains(feature)) {
        None => String::new(),
        Some(feature) => format!(
            "; writer versions 3 to 6 have it without being asked: if the table does not use it, \
             `ALTER TABLE … DROP FEATURE {feature}`, or make the table anew"
        ),
    }
}
