"""The conformance kit: what DAG-001 to DAG-033 promise, asked of whatever ``remote_store`` is installed."""
