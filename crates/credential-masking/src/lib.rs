//! Secret values and redaction: no credential in any Debug, Display or log line
