//! What tests of stores need: strategies for keys, a model to compare with, a
//! conformance suite for backends, and faults on demand. Feature `testkit`.

pub mod faults;
