//! Which columns a connector asks for.

/// What the host can send beside an input's payload and its endpoint or topic. A connector that names fewer is given
/// less to carry: [`SourceConnector::wants`](crate::SourceConnector::wants) and
/// [`SinkConnector::wants`](crate::SinkConnector::wants) name all of them unless overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Column {
    /// `id()` of events and records.
    Ids,
    /// `key()` of events and records.
    Keys,
    /// `attribute()` and `attributes()` of events and records.
    Attributes,
    /// `header()` and `headers()` of events.
    Headers,
    /// `content_type()` of events.
    ContentTypes,
    /// `received()` of events.
    Received,
    /// `publish_time()` of records.
    PublishTimes,
    /// `producer_name()` of records.
    Producers,
    /// `schema()` of records.
    Schemas,
    /// `order()` of records.
    Orders,
}

impl Column {
    /// What a source can ask for.
    pub const OF_EVENTS: &'static [Self] = &[
        Self::Ids,
        Self::Keys,
        Self::Attributes,
        Self::Headers,
        Self::ContentTypes,
        Self::Received,
    ];

    /// What a sink can ask for.
    pub const OF_RECORDS: &'static [Self] = &[
        Self::Ids,
        Self::Keys,
        Self::Attributes,
        Self::PublishTimes,
        Self::Producers,
        Self::Schemas,
        Self::Orders,
    ];

    /// The name in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Keys => "keys",
            Self::Attributes => "attributes",
            Self::Headers => "headers",
            Self::ContentTypes => "content-types",
            Self::Received => "received",
            Self::PublishTimes => "publish-times",
            Self::Producers => "producers",
            Self::Schemas => "schemas",
            Self::Orders => "orders",
        }
    }
}
