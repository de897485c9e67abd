//! Where an output goes and what an input loads: plans over a store
