//! Which fields of a Protobuf document are 64-bit integers and moments, which its JSON mapping writes as text.

use std::collections::HashMap;

use danube_wasm_model::{FieldNode, FieldType, FieldTypes};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

pub(super) fn types(root: &MessageDescriptor) -> Option<FieldTypes> {
    let mut table = Table::default();
    table.message(root);
    while let Some((id, message)) = table.unread.pop() {
        let members = message
            .fields()
            .map(|field| (field.json_name().to_owned(), table.field(&field)));
        let members = members.collect();
        table.nodes[id] = FieldNode::Object(members);
    }
    FieldTypes::of(table.nodes)
}

#[derive(Default)]
struct Table {
    nodes: Vec<FieldNode>,
    messages: HashMap<String, usize>,
    unread: Vec<(usize, MessageDescriptor)>,
}

impl Table {
    fn push(&mut self, node: FieldNode) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn field(&mut self, field: &FieldDescriptor) -> usize {
        let kind = field.kind();
        if let Some(entry) = kind.as_message().filter(|_| field.is_map()) {
            let of = self.kind(&entry.map_entry_value_field().kind());
            return self.push(FieldNode::Map(of));
        }
        let of = self.kind(&kind);
        match field.is_list() {
            true => self.push(FieldNode::Array(of)),
            false => of,
        }
    }

    fn kind(&mut self, kind: &Kind) -> usize {
        let node = match kind {
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                FieldNode::Value(FieldType::Integer)
            }
            Kind::Message(message) => return self.message(message),
            _ => FieldNode::Other,
        };
        self.push(node)
    }

    fn message(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(id) = self.messages.get(message.full_name()) {
            return *id;
        }
        let node = match message.full_name() {
            "google.protobuf.Timestamp" => FieldNode::Value(FieldType::Rfc3339),
            "google.protobuf.Int64Value" | "google.protobuf.UInt64Value" => FieldNode::Value(FieldType::Integer),
            _ => FieldNode::Other,
        };
        let id = self.push(node);
        self.messages.insert(message.full_name().to_owned(), id);
        if !message.full_name().starts_with("google.protobuf.") {
            self.unread.push((id, message.clone()));
        }
        id
    }
}
