//! Counts an instance's memory and table elements, summed over all memories and tables, and refuses growth over its
//! limits.
//!
//! A refused growth is an ordinary failure to the component (`memory.grow` gives -1), and most allocators then abort.
//! The limiter remembers the refusal, so that the abort is reported as the limit that caused it.

use wasmtime::ResourceLimiter;

use crate::limits::{GuestLimits, name};

/// A growth that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) limit: &'static str,
    pub(crate) message: String,
}

/// The limiter of one instance.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Gauge,
    tables: Gauge,
    instances_max: usize,
    memories_max: usize,
    tables_max: usize,
    refusal: Option<Refusal>,
}

impl Limiter {
    pub(crate) fn new(limits: &GuestLimits) -> Self {
        Self {
            memory: Gauge::new(name::MEMORY_BYTES, "bytes of memory", limits.memory_bytes_max),
            tables: Gauge::new(name::TABLE_ELEMENTS, "elements of tables", limits.table_elements_max),
            instances_max: limits.instances_max,
            memories_max: limits.memories_max,
            tables_max: limits.tables_max,
            refusal: None,
        }
    }

    /// Linear memory, in bytes, summed over all memories. It never shrinks.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.total
    }

    /// Forgets refusals of earlier calls, which the component survived.
    pub(crate) fn begin_call(&mut self) {
        self.refusal = None;
    }

    /// What was refused during this call.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired, &mut self.refusal))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.undo();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired, &mut self.refusal))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.undo();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn tables(&self) -> usize {
        self.tables_max
    }

    fn memories(&self) -> usize {
        self.memories_max
    }
}

/// One sum and its limit.
#[derive(Debug)]
struct Gauge {
    limit: &'static str,
    unit: &'static str,
    max: usize,
    total: usize,
    /// The growth just permitted, in case it fails after all.
    pending: usize,
}

impl Gauge {
    fn new(limit: &'static str, unit: &'static str, max: usize) -> Self {
        Self {
            limit,
            unit,
            max,
            total: 0,
            pending: 0,
        }
    }

    fn grow(&mut self, current: usize, desired: usize, refusal: &mut Option<Refusal>) -> bool {
        let more = desired.saturating_sub(current);
        let total = self.total.saturating_add(more);
        if total > self.max {
            self.pending = 0;
            *refusal = Some(Refusal {
                limit: self.limit,
                message: format!("it asked for {total} {} in all, {} are allowed", self.unit, self.max),
            });
            return false;
        }
        self.total = total;
        self.pending = more;
        true
    }

    fn undo(&mut self) {
        self.total -= std::mem::take(&mut self.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory_bytes_max: usize) -> Limiter {
        Limiter::new(&GuestLimits {
            memory_bytes_max,
            ..Default::default()
        })
    }

    #[test]
    fn memories_are_summed_up_to_the_limit_and_not_one_byte_past_it() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(
            limiter.memory_growing(0, 40, None).unwrap(),
            "a second memory, at the limit"
        );
        assert_eq!(limiter.take_refusal(), None);
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert_eq!(limiter.take_refusal().expect("remembered").limit, "memory_bytes_max");
    }

    #[test]
    fn a_growth_that_failed_is_given_back_once() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("pool")).unwrap();
        limiter.memory_grow_failed(wasmtime::Error::msg("pool")).unwrap();
        assert!(limiter.memory_growing(0, 100, None).unwrap());
    }
}
