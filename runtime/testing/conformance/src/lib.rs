//! What every broker behind [`Broker`] must do, as test cases that run on each of them.
//!
//! A test file provides a [`Harness`] and calls [`conformance_tests!`], which makes a test of every case. Known
//! deviations of a broker are in its [`Capabilities`]: the case then asserts the deviation, so that one that disappears
//! is noticed like one that appears.
//!
//! Each case uses its own topics, so cases may run concurrently on one broker, and again on the same one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that fails panics"
)]

mod capabilities;
mod page;
mod test_case;

pub mod delivery;
pub mod order;
pub mod publish;
pub mod registry;
pub mod restart;
pub mod subscriptions;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::Broker;

pub use capabilities::Capabilities;
pub use page::markdown;
pub use test_case::within;

/// A broker under test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A handle, as a separate process would have.
    async fn open(&self) -> Arc<dyn Broker>;

    /// Restarts the broker with its stored data. False if that is not possible from here.
    async fn restart(&self) -> bool;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;
}

/// Gives every case to a macro of this crate: `module::case`, each with a comma, behind what is to stand before them.
#[doc(hidden)]
#[macro_export]
macro_rules! with_cases {
    ($callback:ident $($before:tt)*) => {
        $crate::$callback! { $($before)*
            publish::a_record_arrives_as_it_was_sent,
            publish::groups_have_fates_of_their_own,
            publish::what_is_too_large_is_refused_and_the_largest_arrives,
            publish::a_topic_that_is_not_there_is_not_found,
            publish::a_topic_keeps_its_number_of_partitions,
            order::keys_keep_their_partition_and_their_order,
            order::records_without_a_key_go_round,
            order::publishers_of_several_processes_meet_in_one_topic,
            subscriptions::each_has_all_messages,
            subscriptions::a_new_one_begins_where_it_was_asked_to,
            subscriptions::an_exclusive_one_refuses_a_second_name,
            subscriptions::a_shared_one_spreads_its_load,
            subscriptions::a_failover_one_has_one_active_consumer_and_then_the_next,
            subscriptions::a_key_shared_one_keeps_each_key_in_order,
            delivery::what_is_acknowledged_does_not_come_again,
            delivery::what_is_refused_comes_again_after_its_delay,
            delivery::what_a_gone_consumer_had_goes_to_another,
            delivery::the_same_name_takes_over,
            delivery::no_more_is_given_than_was_asked_for,
            delivery::lag_is_told,
            restart::positions_survive,
            restart::sessions_go_on,
            registry::versions_are_registered_and_found,
            registry::types_keep_their_texts,
            registry::an_incompatible_version_is_refused,
            registry::messages_name_their_versions,
        }
    };
}

/// Makes a test of every case. The expression gives the harness: it is `async`, evaluated once for each case, and an
/// `Option`: `None`, after printing why, if there is no such broker here.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        $crate::with_cases! { conformance_tests @cases $harness; }
    };
    (@cases $harness:expr; $($module:ident :: $case:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let harness = async { $harness };
                if let Some(harness) = harness.await {
                    $crate::$module::$case(&harness).await;
                }
            }
        )*
    };
}
