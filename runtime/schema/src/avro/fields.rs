//! Which fields of an Avro document are decimals and dates.
//!
//! Local times have no place on the time line and times of day no day, so both stay the numbers that they are. Of a union,
//! only that of null and one other type says what its value is.

use danube_wasm_model::{FieldNode, FieldType, FieldTypes};

use super::schema::{Id, Kind, Logical, Node, Schema};

/// A node of the schema is the same node of the table.
pub(super) fn types(schema: &Schema) -> Option<FieldTypes> {
    let node = |node: &Node| match (&node.kind, &node.logical) {
        (_, Some(Logical::Decimal { .. })) => FieldNode::Value(FieldType::Decimal),
        (_, Some(Logical::Other(word))) => of_word(word),
        (Kind::Array(of), _) => FieldNode::Array(meant(schema, *of)),
        (Kind::Map(of), _) => FieldNode::Map(meant(schema, *of)),
        (Kind::Record(record), _) => {
            let members = record.fields.iter();
            FieldNode::Object(members.map(|f| (f.name.clone(), meant(schema, f.node))).collect())
        }
        _ => FieldNode::Other,
    };
    let mut nodes: Vec<_> = schema.nodes.iter().map(node).collect();
    // A document that may be null is what it is otherwise.
    if let (Some(root), meant) = (nodes.first().cloned(), meant(schema, 0))
        && root == FieldNode::Other
        && let Some(meant) = nodes.get(meant).cloned()
    {
        nodes[0] = meant;
    }
    FieldTypes::of(nodes)
}

fn of_word(word: &str) -> FieldNode {
    let per_second = match word {
        "date" => return FieldNode::Value(FieldType::Date),
        "timestamp-millis" => 1_000,
        "timestamp-micros" => 1_000_000,
        "timestamp-nanos" => 1_000_000_000,
        _ => return FieldNode::Other,
    };
    FieldNode::Value(FieldType::Timestamp { per_second })
}

/// The one type of a union that is not null; any other type itself.
fn meant(schema: &Schema, id: Id) -> Id {
    let Kind::Union(branches) = &schema.node(id).kind else {
        return id;
    };
    let mut others = branches
        .iter()
        .filter(|branch| !matches!(schema.node(**branch).kind, Kind::Null));
    match (others.next(), others.next()) {
        (Some(only), None) => *only,
        _ => id,
    }
}
