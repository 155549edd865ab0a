//! A service that makes vectors of texts.

use danube_wasm_settings::{
    Secret, Section, Table,
    kinds::{Integer, Millis, Parsed, SecretText, Text},
    values::{HttpUrl, JsonPointer},
};

use crate::limits::DIMENSION_MAX;
use std::time::Duration;

/// A service that makes vectors of texts, over the API that OpenAI has and others imitate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// Its API; `/embeddings` is behind it.
    pub url: HttpUrl,
    /// The model's name.
    pub model: String,
    /// The key that it asks for.
    pub api_key: Option<Secret>,
    /// Where a document has its text.
    pub text_pointer: JsonPointer,
    /// The vector that it becomes; empty for the one without a name.
    pub vector: String,
    /// How many numbers are asked for.
    pub dimensions: Option<u64>,
    /// Most texts of a request.
    pub batch: usize,
    /// Most bytes of vectors that are kept.
    pub cache_bytes: usize,
    /// Longest wait for an answer.
    pub timeout: Duration,
}

impl Section for Embedding {
    const ABOUT: &'static str = "A service that makes vectors of the documents' texts: any that has the API `/embeddings` of OpenAI, \
        such as OpenAI's own, Ollama, vLLM or Text Embeddings Inference. A document that has a vector keeps it. The model's name is \
        stored with each point, as `_model`; a collection that has points of another model is not written to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let url = t
            .field(
                "url",
                Parsed::<HttpUrl>::new("a URL"),
                "Its API, such as `https://api.openai.com/v1`: requests go to `/embeddings` behind it.",
            )
            .example("\"http://127.0.0.1:11434/v1\"")
            .required();
        let model = t
            .field("model", Text, "The model, by the service's name for it.")
            .example("\"all-minilm\"")
            .required();
        let api_key = t
            .field("api_key", SecretText, "The key that the service asks for.")
            .example("\"${OPENAI_API_KEY}\"")
            .optional();
        let text_pointer = t
            .field(
                "text_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where a document has the text. It stays in the payload.",
            )
            .example("\"/text\"")
            .required();
        let vector = t
            .field(
                "vector",
                Text,
                "The vector that the text becomes, where vectors have names.",
            )
            .example("\"text\"")
            .optional();
        let dimensions = t
            .field(
                "dimensions",
                Integer(1..=DIMENSION_MAX),
                "How many numbers to ask for, of models that can give fewer.",
            )
            .example("384")
            .optional();
        let batch = t.field("batch", Integer(1..=2048), "Most texts of a request.").or(64);
        let cache_bytes = t
            .field(
                "cache_bytes",
                Integer(0..=1 << 30),
                "Most bytes of vectors that are kept, by model and text, so that a text that comes again is not sent again.",
            )
            .or(16 << 20);
        let timeout = t
            .field("timeout_ms", Millis(100..=600_000), "Longest wait for an answer.")
            .or(Duration::from_secs(60));
        Some(Self {
            url: url?,
            model: model?,
            api_key,
            text_pointer: text_pointer?,
            vector: vector.unwrap_or_default(),
            dimensions,
            batch,
            cache_bytes,
            timeout,
        })
    }
}
