"""Credentials of other libraries and of files: what is asked, when, and what is said of failures.

Every service is a server on this machine.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from remote_store import PermissionDenied, Store
from remote_store.backends import AzureBackend, GCSBackend, S3Backend


class Service:
    """A server that knows nobody and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(404, b"")

            def do_GET(self) -> None:
                if "list-type=2" in self.path:
                    self.answer(200, b"<ListBucketResult></ListBucketResult>")
                elif "comp=list" in self.path:
                    self.answer(200, b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
                else:
                    self.answer(404, b"")

            def answer(self, status: int, body: bytes) -> None:
                service.asked.append({"line": self.path} | {k.lower(): v for k, v in self.headers.items()})
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def authorization(self) -> str:
        return self.asked[-1].get("authorization", "")

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the process running the tests is known by; no machine is asked."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def s3(service: Service, **options: Any) -> Store:
    retry = {"max_attempts": 1}
    return Store(S3Backend("lake", endpoint_url=service.url, retry=retry, **options))


def azure(service: Service, **options: Any) -> Store:
    return Store(
        AzureBackend("lake", account_url=f"{service.url}/acme", retry={"max_attempts": 1}, **options)
    )


class Frozen:
    access_key, secret_key, token = "LIBKEY", "libsecret", "libtoken"


class Credentials:
    """As botocore's."""

    def get_frozen_credentials(self) -> Frozen:
        return Frozen()


class Session:
    """As boto3's."""

    region_name = "eu-north-1"

    def get_credentials(self) -> Credentials | None:
        return Credentials()


class TestAws:
    def test_a_session_gives_credentials_and_region(self, service: Service) -> None:
        store = s3(service, session=Session())
        assert not store.exists("x")
        assert "Credential=LIBKEY/" in service.authorization()
        assert "/eu-north-1/s3/" in service.authorization()
        assert service.asked[-1]["x-amz-security-token"] == "libtoken"
        assert "credential='***'" in repr(store._backend)
        assert "lib" not in repr(store._backend)

    def test_a_session_of_boto3_is_one(self, service: Service) -> None:
        boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
        session = boto3.Session("REALKEY", "realsecret", region_name="us-west-2")
        assert not s3(service, session=session).exists("x")
        assert "Credential=REALKEY/" in service.authorization()

    @pytest.mark.parametrize(
        "credential",
        [
            Credentials(),
            {"key": "LIBKEY", "secret": "s"},
            lambda: {"AccessKeyId": "LIBKEY", "SecretAccessKey": "s", "Expiration": "2999-01-01T00:00:00Z"},
            Credentials,
        ],
        ids=["credentials", "mapping", "function", "class"],
    )
    def test_a_credential_may_have_several_forms(self, service: Service, credential: Any) -> None:
        if isinstance(credential, type):
            with pytest.raises(
                TypeError, match=r"'credential' of backend 's3' takes a boto3\.Session.*got type"
            ):
                s3(service, credential=credential)
            return
        assert not s3(service, credential=credential).exists("x")
        assert "Credential=LIBKEY/" in service.authorization()

    def test_what_is_about_to_end_is_asked_for_again_and_what_is_not_is_kept(self, service: Service) -> None:
        calls: list[int] = []

        def short() -> dict[str, Any]:
            calls.append(1)
            lifetime = timedelta(seconds=0 if len(calls) == 1 else 3600)
            return {"key": f"KEY{len(calls)}", "secret": "s", "expires_at": datetime.now(UTC) + lifetime}

        store = s3(service, credential=short)
        for _ in range(4):
            store.exists("x")
        assert len(calls) == 2
        assert "Credential=KEY2/" in service.authorization()

    def test_a_source_that_waits_for_another_thread_gets_its_turn(self, service: Service) -> None:
        ready = threading.Event()
        threading.Timer(0.05, ready.set).start()

        def patient() -> dict[str, str]:
            assert ready.wait(timeout=20)
            return {"key": "LIBKEY", "secret": "s"}

        assert not s3(service, credential=patient).exists("x")

    def test_the_failure_of_a_source_is_told_without_its_secrets(self, service: Service) -> None:
        def broken() -> dict[str, str]:
            raise RuntimeError("the vault said no to password=hunter2hunter2")

        with pytest.raises(PermissionDenied, match=r"RuntimeError: the vault said no") as caught:
            s3(service, credential=broken).read_bytes("x")
        assert "hunter2" not in str(caught.value)
        assert not service.asked

    @pytest.mark.parametrize("given", [None, {}, "text", {"key": "k"}, {"key": "k", "secret": 5}])
    def test_a_source_that_gives_no_credential_is_named(self, service: Service, given: Any) -> None:
        with pytest.raises(PermissionDenied, match="The credential source function of backend 's3' failed"):
            s3(service, credential=lambda: given).read_bytes("x")

    def test_two_ways_to_say_who_one_is_are_refused(self, service: Service) -> None:
        with pytest.raises(ValueError, match="'session' and 'credential'"):
            s3(service, session=Session(), credential=Credentials())
        with pytest.raises(ValueError, match="'key' and 'credential'"):
            s3(service, key="k", secret="s", credential=Credentials())
        with pytest.raises(TypeError, match=r"'session' of backend 's3' takes a boto3\.Session, got str"):
            s3(service, session="default")

    def test_profiles_are_read_from_the_shared_files(self, service: Service, tmp_path: Path) -> None:
        (tmp_path / "credentials").write_text(
            "[dev]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n"
        )
        (tmp_path / "config").write_text("[profile dev]\nregion = sa-east-1\n")
        assert not s3(service, profile="dev").exists("x")
        assert "Credential=FILEKEY/" in service.authorization()
        assert "/sa-east-1/" in service.authorization()
        with pytest.raises(ValueError, match=r"'prod' is neither in .*these are: \[dev\]"):
            s3(service, profile="prod").exists("x")

    def test_an_endpoint_of_the_environment_may_be_plain_http(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        assert not Store(S3Backend("lake", key="k", secret="s")).exists("x")
        assert service.asked[0]["line"].startswith("/lake")

    def test_an_sso_profile_asks_boto3_only_when_it_is_used(
        self, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config").write_text("[profile corp]\nsso_session = corp\n")
        monkeypatch.setitem(sys.modules, "boto3", None)
        store = s3(service, profile="corp")
        with pytest.raises(PermissionDenied, match="pip install boto3"):
            store.read_bytes("x")
        asked: list[str | None] = []

        def session(profile_name: str | None = None) -> Session:
            asked.append(profile_name)
            return Session()

        monkeypatch.setitem(sys.modules, "boto3", types.SimpleNamespace(Session=session))
        assert not store.exists("x")
        assert asked == ["corp"]
        assert "Credential=LIBKEY/" in service.authorization()

    def test_an_anonymous_request_is_not_signed(self, service: Service) -> None:
        assert not s3(service, anonymous=True).exists("x")
        assert service.authorization() == ""

    def test_a_backend_without_objects_of_others_pickles(self) -> None:
        backend = pickle.loads(pickle.dumps(S3Backend("lake", profile="dev")))
        assert repr(backend) == "S3Backend(bucket='lake', profile='dev')"


class Token:
    def __init__(self) -> None:
        self.token, self.expires_on = "aadtoken", 32503680000


class TokenCredential:
    """As those of azure-identity."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> Token:
        self.scopes += scopes
        return Token()


class AsyncTokenCredential:
    async def get_token(self, *_: str) -> Token:
        return Token()


class TestAzure:
    def test_a_token_credential_is_asked_for_storage_once(self, service: Service) -> None:
        credential = TokenCredential()
        store = azure(service, credential=credential)
        assert not store.exists("x")
        assert not store.exists("y")
        assert service.authorization() == "Bearer aadtoken"
        assert credential.scopes == ["https://storage.azure.com/.default"]
        assert "aadtoken" not in repr(store._backend)

    @pytest.mark.parametrize(
        ("credential", "sent"),
        [
            (
                types.SimpleNamespace(named_key=types.SimpleNamespace(name="acme", key="a2V5")),
                "SharedKey acme:",
            ),
            ({"account_name": "acme", "account_key": "a2V5"}, "SharedKey acme:"),
            (lambda: "functoken", "Bearer functoken"),
            (lambda: ("pairtoken", datetime.now(UTC) + timedelta(hours=1)), "Bearer pairtoken"),
        ],
        ids=["named key", "mapping", "function", "pair"],
    )
    def test_a_credential_may_have_several_forms(self, service: Service, credential: Any, sent: str) -> None:
        assert not azure(service, credential=credential).exists("x")
        assert service.authorization().startswith(sent)

    def test_a_signature_goes_into_the_query(self, service: Service) -> None:
        sas = types.SimpleNamespace(signature="sv=1&sig=abc")
        assert not azure(service, credential=sas).exists("x")
        assert "sv=1&sig=abc" in service.asked[0]["line"]

    def test_objects_of_azures_own_libraries_are_taken(self, service: Service) -> None:
        core = pytest.importorskip("azure.core.credentials", reason="azure-core is not installed")
        assert not azure(service, credential=core.AzureNamedKeyCredential("acme", "a2V5")).exists("x")
        assert service.authorization().startswith("SharedKey acme:")
        assert not azure(service, credential=core.AzureSasCredential("sv=1&sig=abc")).exists("x")
        assert "sv=1&sig=abc" in service.asked[-1]["line"]

    @pytest.mark.parametrize(
        ("credential", "wanted"),
        [(5, "get_token"), (object(), "get_token"), (AsyncTokenCredential(), r"not of azure\.identity\.aio")],
    )
    def test_a_credential_of_another_kind_is_refused(
        self, service: Service, credential: Any, wanted: str
    ) -> None:
        with pytest.raises(TypeError, match=rf"'credential' of backend 'azure' takes .*{wanted}"):
            azure(service, credential=credential)

    def test_two_credentials_are_refused(self, service: Service) -> None:
        with pytest.raises(ValueError, match="'account_key' and one in 'credential'"):
            azure(service, credential=TokenCredential(), account_key="a2V5")

    def test_a_service_of_others_never_meets_the_default_credential(self, service: Service) -> None:
        with pytest.raises(PermissionDenied, match="No credentials for backend 'azure'"):
            azure(service).read_bytes("x")
        assert not service.asked


class GoogleCredentials:
    """As those of google-auth, which keeps naive times in UTC."""

    requires_scopes = True

    def __init__(self) -> None:
        self.token: str | None = None
        self.expiry: datetime | None = None
        self.refreshed = 0
        self.scopes: list[str] = []

    def with_scopes(self, scopes: list[str]) -> GoogleCredentials:
        self.scopes = scopes
        return self

    def refresh(self, request: object) -> None:
        assert request is not None
        self.refreshed += 1
        self.token = f"googletoken{self.refreshed}"
        self.expiry = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)


class TestGoogle:
    @pytest.fixture(autouse=True)
    def transport(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for google-auth's transport, which the made-up credentials do not use."""
        requests = types.SimpleNamespace(Request=object)
        monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
        monkeypatch.setitem(sys.modules, "google.auth", types.ModuleType("google.auth"))
        monkeypatch.setitem(sys.modules, "google.auth.transport", types.ModuleType("google.auth.transport"))
        monkeypatch.setitem(sys.modules, "google.auth.transport.requests", requests)

    def test_credentials_are_refreshed_and_scoped(self, service: Service) -> None:
        credential = GoogleCredentials()
        store = Store(GCSBackend("lake", credential=credential, endpoint_url=service.url))
        assert not store.exists("x")
        assert not store.exists("y")
        assert service.authorization() == "Bearer googletoken1"
        assert credential.refreshed == 1
        assert credential.scopes == ["https://www.googleapis.com/auth/devstorage.read_write"]

    def test_a_function_gives_a_token(self, service: Service) -> None:
        store = Store(GCSBackend("lake", credential=lambda: "functoken", endpoint_url=service.url))
        assert not store.exists("x")
        assert service.authorization() == "Bearer functoken"

    def test_a_public_bucket_needs_no_credential(self, service: Service) -> None:
        store = Store(GCSBackend("lake", anonymous=True, endpoint_url=service.url))
        assert not store.exists("x")
        assert service.authorization().removeprefix("Bearer").strip() == ""

    def test_default_credentials_of_federation_are_read_by_google_auth(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Service
    ) -> None:
        file = tmp_path / "adc.json"
        file.write_text('{"type": "external_account"}')
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        # The environment's endpoint: a given one would never see a credential of the environment.
        monkeypatch.setenv("GOOGLE_BASE_URL", service.url)
        monkeypatch.setattr(sys.modules["google.auth"], "default", _refused_login, raising=False)
        monkeypatch.setattr(sys.modules["google"], "auth", sys.modules["google.auth"], raising=False)
        assert not Store(GCSBackend("lake")).exists("x")
        assert service.authorization().removeprefix("Bearer").strip() == ""

    @pytest.mark.parametrize("credential", [5, "text", object(), GoogleCredentials])
    def test_a_credential_of_another_kind_is_refused(self, credential: Any) -> None:
        with pytest.raises(TypeError, match="'credential' of backend 'gcs' takes credentials of google-auth"):
            GCSBackend("lake", credential=credential)


def _refused_login(**_: object) -> None:
    raise AssertionError("a service of one's own is asked without a token")


WRONG: list[tuple[Callable[..., Any], str, Any, str]] = [
    (S3Backend, "endpoint_url", 5, "str"),
    (S3Backend, "key", 5, "str"),
    (S3Backend, "secret", [], "str"),
    (S3Backend, "session_token", 1.5, "str"),
    (S3Backend, "region_name", True, "str"),
    (S3Backend, "profile", 5, "str"),
    (S3Backend, "anonymous", "yes", "bool"),
    (S3Backend, "tls_ca_bundle", 5, "str"),
    (S3Backend, "client_options", "x", "mapping"),
    (S3Backend, "client_options", {"connect_timeout": "5"}, "float"),
    (S3Backend, "client_options", {"proxy_url": 5}, "str"),
    (S3Backend, "client_options", {"virtual_hosted_style": 1}, "bool"),
    (S3Backend, "retry", "x", "RetryPolicy"),
    (S3Backend, "reject_write_under_file_ancestor", "yes", "bool"),
    (AzureBackend, "account_name", 5, "str"),
    (AzureBackend, "account_url", 5, "str"),
    (AzureBackend, "account_key", 5, "str"),
    (AzureBackend, "sas_token", 5, "str"),
    (AzureBackend, "connection_string", 5, "str"),
    (AzureBackend, "client_secret", 5, "str"),
    (AzureBackend, "tenant_id", 5, "str"),
    (AzureBackend, "client_id", 5, "str"),
    (AzureBackend, "hns", "yes", "bool"),
    (AzureBackend, "max_concurrency", "4", "int"),
    (AzureBackend, "client_options", 5, "mapping"),
    (AzureBackend, "retry", 5, "RetryPolicy"),
    (GCSBackend, "service_account_key", 5, "str"),
    (GCSBackend, "service_account_path", 5, "str"),
    (GCSBackend, "endpoint_url", [], "str"),
    (GCSBackend, "anonymous", 1, "bool"),
    (GCSBackend, "client_options", [], "mapping"),
    (GCSBackend, "retry", [], "RetryPolicy"),
]


@pytest.mark.parametrize(("factory", "option", "value", "wanted"), WRONG)
def test_a_value_of_the_wrong_type_names_option_type_and_backend(
    factory: Callable[..., Any], option: str, value: Any, wanted: str
) -> None:
    backend = {S3Backend: "s3", AzureBackend: "azure", GCSBackend: "gcs"}[factory]  # type: ignore[index]
    inner = f"{option}.{next(iter(value))}" if isinstance(value, dict) else option
    with pytest.raises(
        (TypeError, ValueError), match=rf"(?i)option '{inner}' of backend '{backend}' takes .*{wanted}"
    ):
        factory("lake", **{option: value})


def test_nothing_of_other_libraries_is_imported_for_a_backend() -> None:
    code = (
        "import sys; from remote_store.backends import *; S3Backend('b'); GCSBackend('b');"
        "AzureBackend('c', account_name='a');"
        "print([name for name in ('boto3', 'botocore', 'google.auth', 'azure.identity') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout.strip() == "[]"
