//! Every limit of this room, with its reason. Schemas and payloads are a tenant's and may be hostile: the limits bound
//! the memory, the stack and the time that both together can take.

use std::time::Duration;

use crate::strict::Limits;

/// The text of a schema. Nesting bounds the recursion of everything that walks it; the count of values bounds what is
/// built from it.
pub const DEFINITION: Limits = Limits {
    bytes_max: 1 << 20,
    depth_max: 64,
    values_max: 32 << 10,
};

/// A payload. The broker's own limit is below the length; the depth is three times what real documents have and bounds
/// the stack together with [`STACK_MAX`]; a parsed value takes about 72 bytes, so the count bounds memory to 36 MiB.
pub const PAYLOAD: Limits = Limits {
    bytes_max: 8 << 20,
    depth_max: 64,
    values_max: 512 << 10,
};

/// A Protobuf message, and the JSON it is made from. A decoded message with one field takes about 700 bytes, so the count
/// bounds memory to 90 MiB in the worst case.
pub const MESSAGE: Limits = Limits {
    bytes_max: 8 << 20,
    depth_max: 64,
    values_max: 128 << 10,
};
/// Messages inside each other. Readers of Protobuf everywhere stop at 100.
pub const MESSAGE_DEPTH_MAX: usize = 96;

/// Values of one document that are tried as one type or another of their Avro unions, all tries counted: about a second.
/// Unions inside unions multiply.
pub const ALTERNATIVES_STEPS_MAX: usize = 4 << 20;
/// The same for all defaults of an Avro schema together, when it is declared.
pub const DEFAULTS_STEPS_MAX: usize = 64 << 10;
/// Digits of an Avro decimal: 32 bytes.
pub const DECIMAL_DIGITS_MAX: usize = 76;

/// Steps of comparing two versions of a schema: about a second. Beyond them they count as incompatible.
pub const COMPARE_STEPS_MAX: usize = 1 << 20;

/// Schemas inside a schema. A large real one (a whole payment API) has about a thousand to an event.
pub const SUBSCHEMAS_MAX: usize = 4096;

/// Regular expressions in a schema.
pub const PATTERNS_MAX: usize = 256;
/// Compiled size of one, in bytes. A pattern for a UUID takes 4 KiB; nested counted repetitions reach any size.
pub const PATTERN_BYTES_MAX: usize = 256 << 10;
/// Cache of one while it runs, in bytes for each thread.
pub const PATTERN_CACHE_BYTES_MAX: usize = 256 << 10;

/// Steps that one value of a payload may cost in the worst case: see [`crate::bounds`]. Real schemas take tens; one whose
/// references double thirty times would take 2^30.
pub const STEPS_PER_VALUE_MAX: u64 = 64 << 10;
/// States of regular expressions that one byte of a payload may be run through in the worst case.
pub const STATES_PER_BYTE_MAX: u64 = 64 << 10;
/// Schemas that can be under evaluation inside each other on a payload of the greatest depth. Each takes up to a KiB of
/// stack, and a thread has two MiB.
pub const STACK_MAX: u64 = 768;

/// Steps that a whole payload may cost in the worst case: about a second. A payload and a schema that together could
/// take longer are refused before the first step.
pub const STEPS_MAX: u64 = 128 << 20;
/// Steps within which every violation is listed, up to [`VIOLATIONS_MAX`]; each found one takes memory. Above it
/// there is one general violation instead.
pub const LISTING_STEPS_MAX: u64 = 256 << 10;

/// Violations told of one payload.
pub const VIOLATIONS_MAX: usize = 32;
/// Length of a violation's message, in bytes.
pub const VIOLATION_MESSAGE_BYTES_MAX: usize = 256;
/// Length of a violation's JSON pointer, in bytes.
pub const VIOLATION_PATH_BYTES_MAX: usize = 512;

/// Compiled validators kept; beyond it those that nobody holds are let go.
pub const VALIDATORS_MAX: usize = 1024;
/// Stack of the thread that compiles a schema, in bytes. Compiling follows references as deep as they go, which
/// [`SUBSCHEMAS_MAX`] bounds; pages that are not touched cost nothing.
pub const COMPILE_STACK_BYTES: usize = 64 << 20;

/// Longest wait for one answer of the registry where what it said last will do.
pub const REGISTRY_TIME_MAX: Duration = Duration::from_secs(3);
