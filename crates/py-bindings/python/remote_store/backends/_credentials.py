"""Credentials of other libraries, as the native module asks for them.

Nothing of boto3, azure-identity or google-auth is imported before a credential is needed.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from remote_store._secret import Secret

__all__ = [
    "CredentialBridge",
    "aws_profile",
    "aws_source",
    "azure_default",
    "azure_source",
    "google_default",
    "google_source",
]

AZURE_SCOPE = "https://storage.azure.com/.default"
GOOGLE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
# What does not say when it ends is asked again after this time; its owner renews it when it must.
ASK_AGAIN_S = 300.0

_KEY = ("key", "access_key", "aws_access_key_id", "AccessKeyId")
_SECRET = ("secret", "secret_key", "aws_secret_access_key", "SecretAccessKey")
_TOKEN = ("session_token", "token", "aws_session_token", "SessionToken")
_END = ("expires_at", "expiry_time", "expires_on", "Expiration")

# The kind, its texts, and when it ends in seconds since 1970.
Fetched = tuple[str, list[str | None], float | None]


class CredentialBridge:
    """Something that gives credentials, under the one name by which the native module asks it.

    Asked on a thread of its own, one call at a time for each client.
    """

    def __init__(self, backend: str, source_name: str, ask: Callable[[], Fetched]) -> None:
        self.backend = backend
        self.source_name = source_name
        self._ask = ask

    def _fetch_credential(self) -> Fetched:
        return self._ask()

    def __repr__(self) -> str:
        return f"CredentialBridge({self.backend!r}, {self.source_name!r})"


def aws_source(option: str, credential: Any) -> CredentialBridge | None:
    """Take a session of boto3, credentials of botocore, a mapping, or a function that returns one.

    Raises:
        TypeError: It is nothing of that.
    """
    if credential is None:
        return None
    if not _gives(credential, "get_credentials", "get_frozen_credentials"):
        raise _wrong(
            "s3",
            option,
            credential,
            "a boto3.Session, credentials of botocore, or a function that returns them",
        )
    return CredentialBridge("s3", type(credential).__name__, partial(_aws, credential))


def aws_profile(profile: str | None) -> CredentialBridge:
    """Return what is asked for a profile that signs in through SSO or with MFA: an installed boto3."""
    return CredentialBridge("s3", "boto3", partial(_aws_profile, profile))


def _aws_profile(profile: str | None) -> Fetched:
    try:
        import boto3  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError(
            "the profile signs in through SSO or with MFA, which boto3 does: pip install boto3, or give "
            "'credential' or 'session'"
        ) from error
    return _aws(boto3.Session(profile_name=profile))


def _aws(given: Any) -> Fetched:
    if hasattr(given, "get_credentials"):
        found = given.get_credentials()
        if found is None:
            raise LookupError("the session has no credentials; sign in or name another profile")
        given = found
    if hasattr(given, "get_frozen_credentials"):
        # Refreshed by its owner when it is about to end, inside this call.
        frozen = given.get_frozen_credentials()
        end = time.time() + ASK_AGAIN_S if hasattr(given, "refresh_needed") else None
        return "access_key", [frozen.access_key, frozen.secret_key, frozen.token], end
    if isinstance(given, Mapping):
        texts = [_text(_first(given, names)) for names in (_KEY, _SECRET, _TOKEN)]
        if not (texts[0] and texts[1]):
            raise ValueError("a mapping of credentials needs 'key' and 'secret'")
        return "access_key", texts, _seconds(_first(given, _END))
    if callable(given):
        kind, texts, end = _aws(_not_callable(given()))
        return kind, texts, end if end is not None else time.time() + ASK_AGAIN_S
    raise TypeError(f"the function returned {type(given).__name__}, not a mapping with 'key' and 'secret'")


def azure_source(credential: Any) -> CredentialBridge | None:
    """Take what Azure's own clients take as a credential, text aside, or a function that returns a token.

    Raises:
        TypeError: It is nothing of that.
    """
    if credential is None:
        return None
    if not _gives(credential, "get_token", "named_key", "signature", "key"):
        raise _wrong(
            "azure",
            "credential",
            credential,
            "a str or a Secret (an account key or a shared access signature), an object with get_token(), "
            "e.g. DefaultAzureCredential, AzureNamedKeyCredential, AzureSasCredential, or a function that "
            "returns a token; leave it out to use the AZURE_ variables or the managed identity",
        )
    if inspect.iscoroutinefunction(getattr(credential, "get_token", None)):
        raise _wrong(
            "azure", "credential", credential, "a credential of azure.identity, not of azure.identity.aio"
        )
    return CredentialBridge("azure", type(credential).__name__, partial(_azure, credential))


def azure_account(credential: Any) -> str | None:
    """Return the account that a credential names, if it does."""
    if isinstance(credential, Mapping):
        return _text(credential.get("account_name"))
    named = getattr(credential, "named_key", None)
    return _text(getattr(named, "name", None))


def azure_default() -> CredentialBridge | None:
    """Return what is asked instead of the managed identity: azure-identity, when it is installed."""
    from importlib.util import find_spec

    try:
        installed = find_spec("azure.identity") is not None
    except (ImportError, ValueError):
        installed = False
    return CredentialBridge("azure", "DefaultAzureCredential", _AzureDefault()) if installed else None


class _AzureDefault:
    """Azure's default credential, made when first asked; pickles to one that is not made yet."""

    def __init__(self) -> None:
        self._made: Any = None

    def __call__(self) -> Fetched:
        if self._made is None:
            from azure.identity import (  # type: ignore[import-not-found, unused-ignore]
                DefaultAzureCredential,
            )

            self._made = DefaultAzureCredential()
        return _azure(self._made)

    def __getstate__(self) -> dict[str, Any]:
        return {"_made": None}


def _azure(given: Any) -> Fetched:
    soon = time.time() + ASK_AGAIN_S
    if hasattr(given, "get_token"):
        token = given.get_token(AZURE_SCOPE)
        return "bearer", [_text(token.token)], _seconds(token.expires_on)
    if isinstance(given, Mapping):
        return "account_key", [_text(given.get("account_key"))], soon
    # These can be given a new key by their owner at any time.
    if hasattr(given, "named_key"):
        return "account_key", [given.named_key.key], soon
    if hasattr(given, "signature"):
        return "sas", [given.signature], soon
    if hasattr(given, "key"):
        return "account_key", [given.key], soon
    return _bearer(given)


def google_source(credential: Any) -> CredentialBridge | None:
    """Take credentials of google-auth, or a function that returns a token.

    Raises:
        TypeError: It is nothing of that.
    """
    if credential is None:
        return None
    if isinstance(credential, Mapping) or not _gives(credential, "refresh"):
        raise _wrong(
            "gcs", "credential", credential, "credentials of google-auth, or a function that returns a token"
        )
    return CredentialBridge("gcs", type(credential).__name__, _Google(credential))


def google_default() -> CredentialBridge:
    """Return what is asked for default credentials of a kind that the core does not know: google-auth."""
    return CredentialBridge("gcs", "google.auth.default", _Google(None))


class _Google:
    """Credentials of google-auth with the scope of storage; the default ones when none are given."""

    def __init__(self, credential: Any) -> None:
        self._given = credential
        self._scoped: Any = None
        self._lock = threading.Lock()

    def __call__(self) -> Fetched:
        with self._lock:
            if self._scoped is None:
                self._scoped = self._with_scope()
            scoped = self._scoped
            if not hasattr(scoped, "refresh"):
                return _bearer(scoped)
            end = getattr(scoped, "expiry", None)
            # Naive and in UTC, as google-auth keeps it.
            left = end.replace(tzinfo=UTC).timestamp() - time.time() if end is not None else 0
            if not scoped.token or (end is not None and left < 2 * ASK_AGAIN_S):
                scoped.refresh(_google_request())
                end = getattr(scoped, "expiry", None)
            seconds = end.replace(tzinfo=UTC).timestamp() if end is not None else time.time() + ASK_AGAIN_S
            return "bearer", [_text(scoped.token)], seconds

    def _with_scope(self) -> Any:
        given = self._given
        if given is None:
            try:
                import google.auth  # type: ignore[import-not-found, import-untyped, unused-ignore]
            except ImportError as error:
                raise ImportError(
                    "the application default credentials need google-auth: pip install google-auth requests, "
                    "or give 'service_account_path'"
                ) from error
            given, _project = google.auth.default(scopes=[GOOGLE_SCOPE])
        if getattr(given, "requires_scopes", False):
            given = given.with_scopes([GOOGLE_SCOPE])
        return given

    def __getstate__(self) -> dict[str, Any]:
        return {"_given": self._given}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_given"])  # type: ignore[misc]


def _google_request() -> Any:
    try:
        from google.auth.transport.requests import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
            Request,
        )
    except ImportError as error:
        raise ImportError("google-auth needs an HTTP client: pip install google-auth requests") from error
    return Request()


def _bearer(given: Callable[[], Any]) -> Fetched:
    """Ask a function for a token: a text, a pair with its end, or an object with both."""
    token, end = given(), None
    if isinstance(token, tuple) and not hasattr(token, "expires_on"):
        token, end = token
    elif hasattr(token, "token"):
        token, end = token.token, getattr(token, "expires_on", None)
    text = _text(token)
    if not text:
        raise TypeError(f"the function returned {type(token).__name__}, not a token")
    seconds = _seconds(end)
    return "bearer", [text], seconds if seconds is not None else time.time() + ASK_AGAIN_S


def _gives(credential: Any, *methods: str) -> bool:
    """Say whether it has one of the methods, is a mapping or a function; a class is none of that."""
    if isinstance(credential, type):
        return False
    known = any(hasattr(credential, name) for name in methods)
    return known or isinstance(credential, Mapping) or callable(credential)


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _text(value: Any) -> str | None:
    if isinstance(value, Secret):
        return value.reveal()
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"a credential must be a str, got {type(value).__name__}")


def _seconds(end: Any) -> float | None:
    """Return a time in seconds since 1970, out of any form in which libraries give it."""
    if isinstance(end, str):
        end = datetime.fromisoformat(end)
    if isinstance(end, datetime):
        return (end if end.tzinfo is not None else end.replace(tzinfo=UTC)).timestamp()
    return None if end is None else float(end)


def _not_callable(given: Any) -> Any:
    if callable(given) and not hasattr(given, "get_frozen_credentials"):
        raise TypeError("the function returned another function")
    return given


def _wrong(backend: str, option: str, given: Any, wanted: str) -> TypeError:
    # The value itself is not shown: it may hold a credential.
    return TypeError(f"option '{option}' of backend '{backend}' takes {wanted}; got {type(given).__name__}")
