//! `_native.masking`: credentials out of text.

use pyo3::prelude::*;

/// `remote_store._native.masking`.
#[pymodule(submodule)]
pub(crate) mod masking {
    use pyo3::prelude::*;
    use remote_store_credential_masking::{SENSITIVE_KEYS, redact_text};

    /// Replaces what looks like a credential by `***`.
    #[pyfunction(name = "redact_text")]
    fn py_redact_text(text: &str) -> String {
        redact_text(text)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("SENSITIVE_KEYS", SENSITIVE_KEYS)
    }
}
