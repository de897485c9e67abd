//! Multi-file Parquet datasets: manifest, commit and read
