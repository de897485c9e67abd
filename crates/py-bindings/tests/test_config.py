"""Configuration, registry, environment references and secrets."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote_store import (
    BackendConfig,
    Registry,
    RegistryConfig,
    RetryPolicy,
    Secret,
    SecretRedactionFilter,
    StoreProfile,
    _config,
    register_backend,
    resolve_env,
)
from remote_store._registry import _FACTORIES, create_backend
from remote_store.backends import MemoryBackend

DATA = {
    "backends": {
        "lake": {"type": "memory"},
        "s3": {
            "type": "s3",
            "options": {"bucket": "b", "key": "AKIA", "secret": "hush"},
            "retry": {"max_attempts": 5},
        },
    },
    "stores": {
        "raw": {"backend": "lake", "root_path": "raw"},
        "clean": {"backend": "lake", "root_path": "clean"},
    },
}


class TestRegistryConfig:
    def test_is_read_from_dicts(self) -> None:
        config = RegistryConfig.from_dict(DATA)
        assert config.backends["lake"] == BackendConfig("memory")
        assert config.stores["raw"] == StoreProfile("lake", "raw")
        assert config.backends["s3"].retry == RetryPolicy(max_attempts=5)

    @pytest.mark.spec("DAG-033")
    def test_options_of_a_store_are_kept_with_their_credentials_hidden(self) -> None:
        store = {"backend": "lake", "options": {"team": "a", "nested": {"password": "hush"}}}
        profile = RegistryConfig.from_dict({**DATA, "stores": {"raw": store}}).stores["raw"]
        assert profile.options["team"] == "a"
        assert profile.options["nested"]["password"] == Secret("hush")
        assert "hush" not in repr(profile)

    @pytest.mark.spec("DAG-033")
    def test_wraps_credentials_and_leaves_the_callers_dict(self) -> None:
        options = RegistryConfig._from_dict(DATA).backends["s3"].options
        assert options["secret"] == Secret("hush")
        assert options["bucket"] == "b"
        assert "hush" not in repr(RegistryConfig.from_dict(DATA))
        assert DATA["backends"]["s3"]["options"]["secret"] == "hush"

    @pytest.mark.spec("DAG-033")
    def test_the_sensitive_keys_are_exactly_these(self) -> None:
        from remote_store._native import masking

        expected = {
            "key", "secret", "password", "account_key", "sas_token", "connection_string",
            "client_secret", "client_certificate",
        }  # fmt: skip
        assert set(_config._SENSITIVE_KEYS) == expected == set(masking.SENSITIVE_KEYS)

    def test_is_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            RegistryConfig().backends = {}

    def test_warns_of_unknown_top_level_keys(self) -> None:
        with pytest.warns(UserWarning, match=r"\['storez'\]"):
            RegistryConfig.from_dict({"storez": {}})

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({"backends": {"a": {}}}, "Backend 'a' needs 'type'"),
            ({"stores": {"s": {}}}, "Store 's' needs 'backend'"),
            (
                {"backends": {"a": {"type": "memory", "retry": {"tries": 1}}}},
                r"Unknown retry options \['tries'\]",
            ),
        ],
    )
    def test_names_what_is_wrong(self, data, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            RegistryConfig.from_dict(data)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ([], "configuration must be a mapping, got list"),
            ({"backends": []}, "Expected 'backends' and 'stores' to be dicts, got list"),
            ({"stores": 3}, "Expected 'backends' and 'stores' to be dicts, got int"),
            ({"backends": {"a": "memory"}}, "Backend config for 'a' must be a dict, got str"),
            ({"backends": {"a": {"type": 3}}}, "Backend 'a' type must be a string, got int"),
            (
                {"backends": {"a": {"type": "m", "options": 3}}},
                "Backend 'a' options must be a mapping, got int",
            ),
            ({"stores": {"s": 3}}, "Store profile for 's' must be a dict, got int"),
            (
                {"stores": {"s": {"backend": "a", "root_path": 3}}},
                "Store 's' root_path must be a string, got int",
            ),
        ],
    )
    def test_wants_each_part_in_its_type(self, data, message: str) -> None:
        with pytest.raises(TypeError, match=message):
            RegistryConfig.from_dict(data)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ({"storez": {}}, r"keys ignored: \['storez'\]. Expected keys: \['backends', 'stores'\]"),
            (
                {"backends": {"a": {"type": "memory", "opts": {}}}},
                r"Backend 'a' has unknown keys.*\['opts'\]",
            ),
            ({"stores": {"s": {"backend": "a", "root": ""}}}, r"Store 's' has unknown keys.*\['root'\]"),
        ],
    )
    def test_an_unknown_name_is_a_warning_where_the_data_stands(self, data, message: str) -> None:
        with pytest.warns(UserWarning, match=message) as caught:
            RegistryConfig.from_dict(data)
        assert [warning.filename for warning in caught] == [__file__]

    def test_validate_finds_a_store_without_backend(self) -> None:
        config = RegistryConfig(stores={"s": StoreProfile("nope")})
        with pytest.raises(ValueError, match="Store 's' references unknown backend 'nope'"):
            config.validate()

    def test_is_read_from_toml(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "c.toml"
        file.write_text(
            '[tool.rs.backends.lake]\ntype = "memory"\n[tool.rs.stores.raw]\nbackend = "lake"\nroot_path = "${ROOT_DIR}"\n'
        )
        monkeypatch.setenv("ROOT_DIR", "here")
        config = RegistryConfig.from_toml(file, table=("tool", "rs"), resolve_env_vars=True)
        assert config.stores["raw"].root_path == "here"
        assert (
            RegistryConfig.from_toml(str(file), table=("tool", "rs")).stores["raw"].root_path == "${ROOT_DIR}"
        )
        with pytest.raises(KeyError, match=r"tool\.nope"):
            RegistryConfig.from_toml(file, table=("tool", "nope"))


class TestResolveEnv:
    def test_replaces_at_any_depth(self) -> None:
        data = {"a": ["${X}-${Y:-dflt}", 5], "b": {"c": "$${X}"}, "d": ("${X}",)}
        assert resolve_env(data, environ={"X": "1"}) == {"a": ["1-dflt", 5], "b": {"c": "${X}"}, "d": ("1",)}

    def test_names_the_variable_and_its_place(self) -> None:
        with pytest.raises(
            KeyError, match=r"'NOPE' is not set \(referenced at config path '\$\.a\.b\[1\]'\)"
        ):
            resolve_env({"a": {"b": ["x", "${NOPE}"]}}, environ={})

    def test_an_empty_value_is_a_value(self) -> None:
        assert resolve_env("${X:-d}", environ={"X": ""}) == ""


class TestRegistry:
    def test_stores_share_their_backend_and_do_not_close_it(self) -> None:
        with Registry(
            RegistryConfig.from_dict({**DATA, "backends": {"lake": {"type": "memory"}}})
        ) as registry:
            raw, clean = registry.get_store("raw"), registry.get_store("clean")
            assert raw._backend is clean._backend
            raw.write("x", b"1")
            raw.close()
            assert clean.child("").exists("")
            assert registry.get_store("raw").read_bytes("x") == b"1"

    def test_close_closes_every_backend_and_raises_the_first_error(self) -> None:
        closed: list[str] = []

        class Failing(MemoryBackend):
            def close(self) -> None:
                closed.append("x")
                raise RuntimeError("close failed")

        register_backend("test-failing", Failing)
        config = RegistryConfig(
            backends={"a": BackendConfig("test-failing"), "b": BackendConfig("test-failing")},
            stores={"a": StoreProfile("a"), "b": StoreProfile("b")},
        )
        registry = Registry(config)
        registry.get_store("a")
        registry.get_store("b")
        with pytest.raises(RuntimeError, match="close failed"):
            registry.close()
        assert closed == ["x", "x"]
        del _FACTORIES["test-failing"]

    def test_validates_at_once(self) -> None:
        with pytest.raises(ValueError, match="references unknown backend"):
            Registry(RegistryConfig(stores={"s": StoreProfile("nope")}))
        with pytest.raises(TypeError, match="config must be a RegistryConfig, got dict"):
            Registry({})

    def test_an_unknown_type_is_named_when_a_store_needs_it(self) -> None:
        # Not before: it may be registered later, or never be used here.
        registry = Registry(RegistryConfig({"a": BackendConfig("memry")}, {"s": StoreProfile("a")}))
        with pytest.raises(ValueError, match=r"Unknown backend type 'memry'.*Did you mean 'memory'\?"):
            registry.get_store("s")

    def test_refused_options_are_named_with_their_place(self) -> None:
        registry = Registry(
            RegistryConfig({"a": BackendConfig("local", {"rot": 1})}, {"s": StoreProfile("a")})
        )
        with pytest.raises(ValueError, match=r"Invalid options for backend 'a' \(type='local'\): .*'rot'"):
            registry.get_store("s")

    def test_an_unknown_store_is_named(self) -> None:
        with pytest.raises(KeyError, match=r"Unknown store 'x'\. Available stores: \[\]"):
            Registry().get_store("x")

    def test_the_last_registration_wins(self) -> None:
        register_backend("test-last", MemoryBackend)
        register_backend("test-last", lambda: "second")
        assert create_backend("test-last", {}) == "second"
        del _FACTORIES["test-last"]

    def test_create_backend_names_what_it_refuses(self) -> None:
        with pytest.raises(
            ValueError,
            match=r"Unknown backend type 'x'\. Registered types: \['azure', .*'gcs', .*'local', 'memory', ",
        ):
            create_backend("x", {})
        with pytest.raises(
            ValueError, match=r"Backend 'memory' rejected the provided options \['a'\]:"
        ) as caught:
            create_backend("memory", {"a": 1})
        assert isinstance(caught.value.__cause__, TypeError)
        with pytest.raises(ValueError, match=r"unknown option 'rot'.*Did you mean 'root'\?"):
            create_backend("local", {"rot": "/x"})
        with pytest.raises(ValueError, match=r"Backend 'local' rejected the provided options \[\]:.*root"):
            create_backend("local", {})
        with pytest.raises(ValueError, match=r"Backend 'local' rejected the provided options \['root'\]:"):
            create_backend("local", {"root": 5})


class TestRetryPolicy:
    def test_has_defaults_and_can_be_disabled(self) -> None:
        assert RetryPolicy() == RetryPolicy(3, 1.0, 60.0, 1.0, None)
        assert RetryPolicy.disabled().max_attempts == 1

    @pytest.mark.parametrize(
        "bad", [{"max_attempts": 0}, {"backoff_base": -1}, {"jitter": -0.1}, {"timeout": 0}]
    )
    def test_refuses_what_makes_no_sense(self, bad) -> None:
        with pytest.raises(ValueError, match=next(iter(bad))):
            RetryPolicy(**bad)


class TestSecret:
    def test_never_shows(self) -> None:
        secret = Secret("s3cr3t")
        assert (str(secret), repr(secret), f"{secret}", f"{secret:>5}", "%s" % secret) == (  # noqa: UP031
            "***", "Secret('***')", "***", "  ***", "***",
        )  # fmt: skip
        assert secret.reveal() == "s3cr3t"

    def test_is_a_value_of_its_own_kind(self) -> None:
        assert Secret("a") == Secret("a") != Secret("b")
        assert Secret("a") != "a"
        assert hash(Secret("a")) == hash(Secret("a"))
        assert bool(Secret("a"))
        assert not Secret("")
        assert pickle.loads(pickle.dumps(Secret("a"))) == copy.deepcopy(Secret("a")) == copy.copy(Secret("a"))

    def test_gives_nothing_else_away(self) -> None:
        secret = Secret("abc")
        for look in (len, list, lambda s: s[0], vars):
            with pytest.raises(TypeError):
                look(secret)
        with pytest.raises(AttributeError):
            secret._value = "x"
        with pytest.raises(AttributeError):
            secret.other = "x"
        with pytest.raises(TypeError, match="Secret value must be a str, got int"):
            Secret(5)


class TestSecretRedactionFilter:
    def test_masks_arguments_at_any_depth(self, caplog: pytest.LogCaptureFixture) -> None:
        logger = logging.getLogger("test-redaction")
        guard = SecretRedactionFilter()
        logger.addFilter(guard)
        try:
            logger.warning("%s %r", {"k": [Secret("hush")]}, (Secret("hush"),))
            logger.warning("%(k)s", {"k": Secret("hush")})
            logger.warning("plain")
        finally:
            logger.removeFilter(guard)
        assert "hush" not in caplog.text
        assert [r.getMessage() for r in caplog.records] == ["{'k': ['***']} ('***',)", "***", "plain"]


nested = st.recursive(
    st.text(max_size=5) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.spec("DAG-033")
@given(nested, st.sampled_from(sorted(_config._SENSITIVE_KEYS)), st.integers(1, 3))
def test_no_sensitive_value_shows_whatever_the_nesting(other, name: str, depth: int) -> None:
    marker = "v3ry-s3cr3t-v4lu3"
    options = {name: marker, "other": other}
    for _ in range(depth):
        options = {"inner": options}
    wrapped = _config._wrap_secrets(options)
    assert marker not in repr(wrapped)
    assert marker in repr(options)
