//! Where Dagster assets, op outputs and compute logs are stored: encode and parse back
