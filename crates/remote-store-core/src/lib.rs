//! A store over local disk, memory and S3: typed errors, atomic replace, bounded concurrency
