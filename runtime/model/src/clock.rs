//! Wall-clock time as the wire and the stores know it, and the clock that records are ordered by.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Now, in milliseconds since 1970-01-01 UTC; 0 if the clock is set before that.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// A time in whole milliseconds, as a number that logs and settings can have: a `u128` becomes text in JSON.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Bits of an order that count what has the same millisecond.
pub const ORDER_COUNTER_BITS: u32 = 16;
/// What those bits can be.
pub const ORDER_COUNTER_MAX: u64 = (1 << ORDER_COUNTER_BITS) - 1;
/// Lowest order of a record: above all times in milliseconds that are orders of another kind, until the year 6429.
pub const RECORD_ORDER_MIN: u64 = 1 << 47;
/// Earliest and latest millisecond that an order can have: on the 25th of January 1970, where the clock of a machine says
/// that it is even earlier, and in the year 10889.
const ORDER_MS: (u64, u64) = (RECORD_ORDER_MIN >> ORDER_COUNTER_BITS, u64::MAX >> ORDER_COUNTER_BITS);

/// An order from milliseconds since 1970-01-01 UTC and a counter, of which the lowest 16 bits count.
pub fn order_at(ms: u64, counter: u64) -> u64 {
    (ms.clamp(ORDER_MS.0, ORDER_MS.1) << ORDER_COUNTER_BITS) | (counter & ORDER_COUNTER_MAX)
}

/// The milliseconds of an order.
pub fn order_ms(order: u64) -> u64 {
    order >> ORDER_COUNTER_BITS
}

/// The order of a record whose upstream has an order of its own: a place in a log, an offset. Sinks tell orders of records from those that
/// components make by their size, so it is raised above these.
pub fn upstream_order(position: u64) -> u64 {
    position.saturating_add(RECORD_ORDER_MIN)
}

/// A hybrid logical clock: each order that it gives is higher than all before, and has the wall clock's milliseconds
/// unless that stands still or goes back.
///
/// An order has 48 bits of milliseconds since 1970-01-01 UTC above 16 bits of a counter; a counter that is full raises
/// the milliseconds. A process has one clock, shared by everything in it that publishes: what one part has published is
/// older than what another publishes later. Of two processes, the wall clocks decide.
pub struct OrderClock {
    wall_ms: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The highest order that was given or observed.
    last: AtomicU64,
}

impl OrderClock {
    /// Over a wall clock, in milliseconds since 1970-01-01 UTC.
    pub fn new(wall_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            wall_ms: Box::new(wall_ms),
            last: AtomicU64::new(0),
        })
    }

    /// Over the machine's wall clock.
    pub fn system() -> Arc<Self> {
        Self::new(now_ms)
    }

    /// An order for a record, higher than every one before.
    pub fn next(&self) -> u64 {
        let wall = order_at((self.wall_ms)(), 0);
        let after = |last: u64| last.saturating_add(1).max(wall);
        let update = |last| Some(after(last));
        match self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, update) {
            Ok(last) | Err(last) => after(last),
        }
    }

    /// Now, in milliseconds since 1970-01-01 UTC: never before an order that was given.
    pub fn now_ms(&self) -> u64 {
        (self.wall_ms)().max(order_ms(self.last.load(Ordering::Acquire)))
    }

    /// Something was published in this millisecond: all orders from now on are later.
    pub fn observe_ms(&self, ms: u64) {
        self.last.fetch_max(order_at(ms, ORDER_COUNTER_MAX), Ordering::AcqRel);
    }
}

impl fmt::Debug for OrderClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderClock")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some time after which an order can begin.
    const THEN: u64 = 1 << 40;

    /// A clock whose wall clock is set by hand.
    fn by_hand(ms: u64) -> (Arc<OrderClock>, Arc<AtomicU64>) {
        let wall = Arc::new(AtomicU64::new(ms));
        let hand = wall.clone();
        (OrderClock::new(move || wall.load(Ordering::Relaxed)), hand)
    }

    #[test]
    fn orders_rise_while_the_wall_clock_runs_stands_still_or_goes_back() {
        let (clock, wall) = by_hand(THEN);
        assert_eq!((clock.next(), clock.next()), (order_at(THEN, 0), order_at(THEN, 1)));
        wall.store(THEN + 1, Ordering::Relaxed);
        assert_eq!(clock.next(), order_at(THEN + 1, 0));
        wall.store(3, Ordering::Relaxed);
        assert_eq!(
            (clock.next(), clock.next()),
            (order_at(THEN + 1, 1), order_at(THEN + 1, 2))
        );
        assert_eq!(clock.now_ms(), THEN + 1);
        wall.store(THEN + 2, Ordering::Relaxed);
        assert_eq!(clock.next(), order_at(THEN + 2, 0));
    }

    #[test]
    fn a_full_counter_raises_the_milliseconds() {
        let (clock, wall) = by_hand(THEN);
        let last = (0..=ORDER_COUNTER_MAX).map(|_| clock.next()).max();
        assert_eq!(last, Some(order_at(THEN, ORDER_COUNTER_MAX)));
        assert_eq!((clock.next(), clock.now_ms()), (order_at(THEN + 1, 0), THEN + 1));
        wall.store(THEN + 1, Ordering::Relaxed);
        assert_eq!(clock.next(), order_at(THEN + 1, 1));
    }

    #[test]
    fn what_was_published_before_a_restart_is_older() {
        let (clock, _) = by_hand(THEN);
        clock.observe_ms(THEN + 9);
        assert_eq!(clock.next(), order_at(THEN + 10, 0));
        clock.observe_ms(10);
        assert_eq!(clock.next(), order_at(THEN + 10, 1));
    }

    #[test]
    fn a_wall_clock_beyond_all_orders_gives_the_last_millisecond() {
        let (clock, _) = by_hand(u64::MAX);
        assert_eq!(order_ms(clock.next()), ORDER_MS.1);
        clock.observe_ms(u64::MAX);
        assert_eq!(clock.next(), u64::MAX);
    }

    #[test]
    fn a_machine_that_thinks_it_is_1970_has_orders_of_records_too() {
        let (clock, _) = by_hand(0);
        assert_eq!((clock.next(), clock.next()), (RECORD_ORDER_MIN, RECORD_ORDER_MIN + 1));
    }

    #[test]
    fn orders_of_many_threads_are_distinct() {
        let (clock, _) = by_hand(1);
        let give = || {
            let clock = clock.clone();
            std::thread::spawn(move || (0..1000).map(|_| clock.next()).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..4).map(|_| give()).collect();
        let mut all: Vec<u64> = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread"))
            .collect();
        let given = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), given);
    }
}
