//! The benchmark `nats` is all there is: see `main.rs`. A package must have a target that is no benchmark.
