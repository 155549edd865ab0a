//! Schemas get other numbers in another registry, by which messages name them.

use std::collections::HashMap;

use danube_wasm_broker::{Message, RegisteredSchema, Result, SchemaRef, copying::CopyTarget};

/// Above every number that a registry gives.
const UNKNOWN_FROM: u64 = 1 << 47;

/// The number of each schema in the target.
pub(crate) struct Schemas(HashMap<SchemaRef, SchemaRef>);

/// Registers all versions, oldest first; those that are there stay.
pub(crate) async fn copy(versions: &[Vec<RegisteredSchema>], to: &dyn CopyTarget) -> Result<Schemas> {
    let registry = to.registry();
    let mut numbers = HashMap::new();
    for version in versions.iter().flatten() {
        let registered = registry.register(&version.subject, &version.schema_type, &version.definition);
        numbers.insert(version.reference, registered.await?.reference);
    }
    Ok(Schemas(numbers))
}

impl Schemas {
    /// With the target's number. One that the source does not know either must not become another one.
    pub(crate) fn renumber(&self, message: &mut Message) {
        message.schema = message.schema.map(|schema| match self.0.get(&schema) {
            Some(number) => *number,
            None => SchemaRef {
                id: UNKNOWN_FROM | schema.id,
                ..schema
            },
        });
    }
}
