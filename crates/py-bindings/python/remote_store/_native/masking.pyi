__all__ = ["SENSITIVE_KEYS", "redact_text"]

SENSITIVE_KEYS: list[str]

def redact_text(text: str) -> str: ...
