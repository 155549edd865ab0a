//! What is known of a collection from the file: what its points look like, and how they are made of documents.

use danube_wasm_settings::{
    Table,
    kinds::{Choice, Flag, Integer, Parsed, Text},
    values::JsonPointer,
};
use qdrant_client::qdrant::WriteOrderingType;

use super::{
    indexes::PayloadIndex,
    mapping::CollectionName,
    named_vector::{DISTANCES, Distance, VectorForm, VectorSpec},
};
use crate::limits::DIMENSION_MAX;

/// A collection, as the file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionSpec {
    /// Whether it is made if it is not there.
    pub create: bool,
    /// The vectors that its points must be able to have.
    pub vectors: Vec<VectorSpec>,
    /// Indexes of fields.
    pub payload_indexes: Vec<PayloadIndex>,
    /// The field that tells one tenant's points from another's.
    pub tenant_field: Option<String>,
    /// Where a document has its vector.
    pub vector_pointer: JsonPointer,
    /// Where a document has its payload; `None` if all of it is payload.
    pub payload_pointer: Option<JsonPointer>,
    /// How a payload is stored.
    pub layout: Layout,
    /// How ids become points.
    pub ids: IdForm,
    /// What Qdrant keeps the order of writes by.
    pub ordering: Ordering,
    /// Whether the server makes vectors of `{ text, model }`.
    pub inference: bool,
    /// The collection that has the orders of deletes.
    pub keep_deletes: Option<String>,
}

/// How a payload is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As it is.
    Nested,
    /// As Danube Connect stored it: names joined by dots, without nulls, and without objects and lists in lists.
    Flat,
}

/// How ids of documents become ids of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdForm {
    /// A UUID made of the id.
    Uuid,
    /// A UUID or a number that the id is; else a UUID made of it.
    Native,
    /// As Danube Connect made them.
    DanubeConnect,
}

/// What Qdrant keeps the order of writes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    /// As each write needs it.
    Auto,
    /// Always this.
    Always(WriteOrderingType),
}

impl CollectionSpec {
    /// What the collection of its deletes looks like. One without any vectors is not made, because servers have acknowledged points of
    /// such and not stored them: it has a sparse one, which no mark has.
    pub(crate) fn of_deletes(&self) -> Self {
        let unused = VectorSpec {
            name: "unused".to_owned(),
            form: VectorForm::Sparse,
        };
        Self {
            vectors: self.create.then_some(unused).into_iter().collect(),
            payload_indexes: Vec::new(),
            tenant_field: None,
            keep_deletes: None,
            ..self.clone()
        }
    }

    /// Reads the keys of a mapping that are about its collection.
    pub(super) fn read(t: &mut Table<'_>) -> Option<Self> {
        let create = create(t);
        let vectors = vectors(t);
        let (vector_pointer, payload_pointer, layout) = document(t);
        let ids = t
            .field(
                "ids",
                Choice::of(&[
                    ("uuid", IdForm::Uuid),
                    ("native", IdForm::Native),
                    ("danube-connect", IdForm::DanubeConnect),
                ]),
                "How an id becomes that of a point, which is a number or a UUID. `uuid` makes a UUID (version 5) of it; `native` takes \
                 an id that is a UUID or a number below 2^64 as it is, and makes a UUID of others; `danube-connect` takes a number \
                 as it is and the first 8 bytes of SHA-256 of others, so that points which Danube Connect has written are met. Then \
                 a message's `id` counts, where it has one. The id itself is stored as `_id`.",
            )
            .or(IdForm::Uuid);
        let inference = t
            .field(
                "inference",
                Choice::of(&[("off", false), ("server", true)]),
                "With `server`, a document may have `{ \"text\": …, \"model\": … }` in place of a vector, and the server makes it.",
            )
            .or(false);
        let ordering = t
            .field(
                "ordering",
                ORDERINGS,
                "Qdrant's write ordering. `auto` is `weak` for inserts and `medium` for other writes.",
            )
            .or(Ordering::Auto);
        let keep_deletes = t
            .field(
                "keep_deletes",
                CollectionName,
                "A collection of its own in which each delete of a document leaves its order, so that an older write which comes \
                 after it does not bring the point back. It is made as the other one is. One for each collection.",
            )
            .example("\"articles-deleted\"")
            .optional();
        let payload_indexes = t.group("payload_indexes").each::<PayloadIndex>();
        let tenant_field = t
            .field(
                "tenant_field",
                Text,
                "The field of the payload that tells one tenant's points from another's; it gets an index for that. A document \
                 without it is refused.",
            )
            .example("\"tenant\"")
            .optional();
        if create
            && vectors.is_empty()
            && t.session().manual().is_none()
            && !t.given("vector_dimension")
            && !t.given("vectors")
        {
            t.session().error(
                &t.span("vector_dimension"),
                format!("{} needs `vector_dimension`, to make the collection if it is not there", t.header()),
                "write for example `vector_dimension = 384`, as many numbers as the model gives, or `create = \"never\"`",
            );
        }
        Some(Self {
            create,
            vectors,
            payload_indexes,
            tenant_field,
            vector_pointer,
            payload_pointer,
            layout,
            ids,
            ordering,
            inference,
            keep_deletes,
        })
    }
}

const ORDERINGS: Choice<Ordering> = Choice::of(&[
    ("auto", Ordering::Auto),
    ("weak", Ordering::Always(WriteOrderingType::Weak)),
    ("medium", Ordering::Always(WriteOrderingType::Medium)),
    ("strong", Ordering::Always(WriteOrderingType::Strong)),
]);

fn create(t: &mut Table<'_>) -> bool {
    t.field(
        "create",
        Choice::of(&[("if-missing", true), ("never", false)]),
        "Whether the collection and its indexes are made if they are not there. One that is there is compared and used as it is, and \
         never made anew.",
    )
    .or(true)
}

/// The vector without a name, and those with names.
fn vectors(t: &mut Table<'_>) -> Vec<VectorSpec> {
    let dimension = t
        .field(
            "vector_dimension",
            Integer(1..=DIMENSION_MAX),
            "How many numbers the vector has, of a collection with one vector without a name.",
        )
        .example("384")
        .optional();
    let distance = t
        .field("distance", DISTANCES, "How close two vectors are.")
        .or(Distance::Cosine);
    let mut vectors = t.group("vectors").each::<VectorSpec>();
    for (place, vector) in vectors.iter().enumerate() {
        if vectors[..place].iter().any(|other| other.name == vector.name) {
            let message = format!("two `vectors` have the name `{}`", vector.name);
            t.session()
                .error(&t.span("vectors"), message, "give each a name of its own");
        }
    }
    if t.given("distance") && !t.given("vector_dimension") {
        let help = "add it, or write `distance` in each of `vectors`";
        t.session()
            .error(&t.span("distance"), "`distance` needs `vector_dimension`", help);
    }
    vectors.extend(dimension.map(|dimension| VectorSpec {
        name: String::new(),
        form: VectorForm::Dense {
            dimension,
            distance,
            is_multi: false,
        },
    }));
    vectors
}

fn document(t: &mut Table<'_>) -> (JsonPointer, Option<JsonPointer>, Layout) {
    let vector_pointer = t
        .field(
            "vector_pointer",
            Parsed::<JsonPointer>::new("a JSON pointer"),
            "Where a document has its vector: a list of numbers, an object of such lists by the vectors' names, `{ \"indices\": …, \
             \"values\": … }` for a sparse one, a list of lists for a multi-vector.",
        )
        .or(default_pointer());
    let payload_pointer = t
        .field(
            "payload_pointer",
            Parsed::<JsonPointer>::new("a JSON pointer"),
            "Where a document has its payload, an object. Without it the payload is the document without its vector.",
        )
        .example("\"/payload\"")
        .optional();
    let is_flat = t
        .field(
            "flat_payload",
            Flag,
            "Store the payload as Danube Connect did: names of nested fields joined by dots, without nulls, and without objects and \
             lists in lists.",
        )
        .or(false);
    let layout = if is_flat { Layout::Flat } else { Layout::Nested };
    (vector_pointer, payload_pointer, layout)
}

fn default_pointer() -> JsonPointer {
    #[expect(clippy::unwrap_used, reason = "a constant")]
    "/vector".parse().unwrap()
}
