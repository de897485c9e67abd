"""Configuration from YAML files and pydantic models."""

import os
import pickle
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("yaml", reason="these tests use PyYAML")
pytest.importorskip("pydantic", reason="these tests use pydantic")


import yaml
from pydantic import BaseModel, SecretBytes, SecretStr

from remote_store import BackendConfig, Registry, RetryPolicy, Secret
from remote_store.ext.pydantic import from_pydantic
from remote_store.ext.yaml import from_yaml

FULL = """
backends:
  lake:
    type: s3
    options: {bucket: "${BUCKET:-b}", secret: hunter2}
    retry: {max_attempts: 5}
  scratch: {type: memory}
stores:
  raw: {backend: scratch, root_path: raw}
"""


@pytest.fixture
def load(tmp_path):
    def load_text(text, **options):
        file = tmp_path / "stores.yaml"
        file.write_text(text, encoding="utf-8")
        return from_yaml(file, **options)

    return load_text


def test_a_yaml_file_makes_a_registry(load):
    config = load(FULL)
    assert config.backends["lake"] == BackendConfig(
        "s3", {"bucket": "${BUCKET:-b}", "secret": Secret("hunter2")}, RetryPolicy(max_attempts=5)
    )
    assert "hunter2" not in repr(config)
    with Registry(config) as registry:
        registry.get_store("raw").write("a", b"1")


def test_variables_are_resolved_when_asked(load, monkeypatch):
    assert load(FULL, resolve_env_vars=True).backends["lake"].options["bucket"] == "b"
    monkeypatch.setenv("BUCKET", "mine")
    assert load(FULL, resolve_env_vars=True).backends["lake"].options["bucket"] == "mine"
    with pytest.raises(KeyError, match="NOT_SET"):
        load("backends: {a: {type: '${NOT_SET}'}}", resolve_env_vars=True)


@pytest.mark.parametrize(("text", "got"), [("", "NoneType"), ("- a", "list"), ("word", "str")])
def test_a_file_without_a_mapping_is_refused(load, text, got):
    with pytest.raises(TypeError, match=f"Expected YAML mapping at top level, got {got}"):
        load(text)


@pytest.mark.parametrize(
    "text", ["a: [\nsecret: hunter2", "secret: !!python/object/apply:os.system [hunter2]", "a: 'hunter2\n"]
)
def test_what_is_no_plain_yaml_is_refused_by_place_and_shows_no_line(load, text):
    with pytest.raises(yaml.YAMLError, match=r"stores\.yaml") as raised:
        load(text)
    assert "hunter2" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        from_yaml(str(tmp_path / "none.yaml"))


def test_keys_that_occur_twice_give_a_warning(load):
    with pytest.warns(UserWarning, match=r"the last one counts: \['lake'\]"):
        config = load("backends:\n  lake: {type: memory}\n  lake: {type: local}\n")
    assert config.backends["lake"].type == "local"
    with pytest.warns(UserWarning, match="Unknown top-level"):
        load("log: x")


class Backend(BaseModel):
    type: str
    options: dict[str, Any] = {}
    retry: dict[str, Any] | None = None


class Options(BaseModel):
    bucket: str
    secret: SecretStr
    token: SecretStr
    password: SecretBytes


class NestedBackend(BaseModel):
    type: str
    options: Options


class Profile(BaseModel):
    backend: str
    root_path: str = ""


class Settings(BaseModel):
    backends: dict[str, Backend | NestedBackend]
    stores: dict[str, Profile] = {}


def test_a_model_makes_a_configuration():
    config = from_pydantic(
        Settings(
            backends={"m": Backend(type="memory"), "lake": Backend(type="s3", retry={"max_attempts": 2})},
            stores={"s": Profile(backend="m", root_path="x")},
        )
    )
    assert config.backends["lake"].retry == RetryPolicy(max_attempts=2)
    with Registry(config) as registry:
        registry.get_store("s").write("a", b"1")


def test_secrets_of_models_are_shown_nowhere_and_reach_the_backend():
    options = Options(bucket="b", secret="hunter2", token="hunter3", password=b"hunter4")
    config = from_pydantic(Settings(backends={"m": NestedBackend(type="s3", options=options)}))
    found = config.backends["m"].options
    assert found["secret"] == Secret("hunter2")
    assert found["password"] == Secret("hunter4")
    assert found["token"] == "hunter3"
    assert isinstance(found["token"], str)
    assert "hunter" not in repr(config)
    assert pickle.loads(pickle.dumps(found["token"])) == "hunter3"


def test_what_is_no_model_or_has_wrong_parts_is_refused():
    with pytest.raises(TypeError, match="expects a pydantic model, got dict"):
        from_pydantic({"backends": {}})

    class Wrong(BaseModel):
        backends: int = 5

    with pytest.raises(TypeError, match="backends"):
        from_pydantic(Wrong())


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("yaml", "yaml", "yaml"),
        ("pydantic", "pydantic", "pydantic"),
        ("otel", "opentelemetry", "otel"),
        ("arrow", "pyarrow", "arrow"),
    ],
)
def test_without_its_package_a_module_names_the_extra(module, package, extra):
    code = (
        "import sys, remote_store\n"
        f"assert {package!r} not in sys.modules, 'imported before it is needed'\n"
        f"sys.modules[{package!r}] = None\n"
        "try:\n"
        f"    import remote_store.ext.{module}\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ, timeout=60
    )
    assert f"pip install 'remote-store[{extra}]'" in said.stdout
