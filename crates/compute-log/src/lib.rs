//! Compute logs of Dagster steps in any store: upload, tail, list, delete, recover
