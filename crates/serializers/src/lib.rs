//! Bytes to values and back: JSON, MessagePack, pickle of plain data, Parquet
