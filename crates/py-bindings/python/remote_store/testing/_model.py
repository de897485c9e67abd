"""Random work on the store and on a dictionary: both must always hold the same."""

from __future__ import annotations

from typing import Any

import pytest

from remote_store import AlreadyExists, Capability, NotFound, RemoteStoreError, Store
from remote_store.testing._base import SuiteBase

__all__ = ["ModelSuite"]

# No path is a folder of another: what happens then differs between disks and object stores.
_PATHS = ("a", "b", "d/a", "d/b", "d/e/a", "f/g/a")
_EXAMPLES = 25
_STEPS = 30


class ModelSuite(SuiteBase):
    """The store behaves as a dictionary from paths to bytes does."""

    def test_it_behaves_as_a_dictionary(self, store: Store) -> None:
        self.need(store, Capability.READ, Capability.WRITE, Capability.DELETE, Capability.LIST)
        hypothesis = pytest.importorskip("hypothesis", reason="the comparison with a model needs hypothesis")
        strategies = hypothesis.strategies
        path, content = strategies.sampled_from(_PATHS), strategies.binary(max_size=300)
        flag = strategies.booleans()
        actions = [
            strategies.tuples(strategies.just("write"), path, content, flag),
            strategies.tuples(strategies.just("delete"), path, flag),
            strategies.tuples(
                strategies.just("delete_folder"), strategies.sampled_from(["d", "d/e", "f"]), flag
            ),
        ]
        transfers = [name for name in ("copy", "move") if store.supports(Capability[name.upper()])]
        actions += [strategies.tuples(strategies.just(name), path, path, flag) for name in transfers]
        example = 0

        def compare(steps: list[tuple[Any, ...]]) -> None:
            nonlocal example
            example += 1
            real, model = store.child(f"model-{example}"), dict[str, bytes]()
            for name, *arguments in steps:
                expected = _outcome(lambda: getattr(_Model, name)(model, *arguments))  # noqa: B023 - called at once
                assert _outcome(lambda: getattr(_Real, name)(real, *arguments)) == expected  # noqa: B023
            listed = {str(info.path): info.size for info in real.list_files("", recursive=True)}
            assert listed == {path: len(content) for path, content in model.items()}
            assert {path: real.read_bytes(path) for path in model} == model

        steps = strategies.lists(strategies.one_of(actions), min_size=_STEPS // 2, max_size=_STEPS)
        settings = hypothesis.settings(
            max_examples=_EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        )
        settings(hypothesis.given(steps)(compare))()


def _outcome(call: Any) -> type[RemoteStoreError] | None:
    try:
        call()
    except RemoteStoreError as error:
        return type(error)
    return None


class _Real:
    """The actions on a store."""

    @staticmethod
    def write(store: Store, path: str, content: bytes, overwrite: bool) -> None:
        store.write(path, content, overwrite=overwrite)

    @staticmethod
    def delete(store: Store, path: str, missing_ok: bool) -> None:
        store.delete(path, missing_ok=missing_ok)

    @staticmethod
    def delete_folder(store: Store, path: str, missing_ok: bool) -> None:
        if any(store.list_files(path, recursive=True)):
            store.delete_folder(path, recursive=True, missing_ok=missing_ok)

    @staticmethod
    def copy(store: Store, source: str, target: str, overwrite: bool) -> None:
        store.copy(source, target, overwrite=overwrite)

    @staticmethod
    def move(store: Store, source: str, target: str, overwrite: bool) -> None:
        store.move(source, target, overwrite=overwrite)


class _Model:
    """The same on a dictionary."""

    @staticmethod
    def write(files: dict[str, bytes], path: str, content: bytes, overwrite: bool) -> None:
        if path in files and not overwrite:
            raise AlreadyExists(path)
        files[path] = content

    @staticmethod
    def delete(files: dict[str, bytes], path: str, missing_ok: bool) -> None:
        if files.pop(path, None) is None and not missing_ok:
            raise NotFound(path)

    @staticmethod
    def delete_folder(files: dict[str, bytes], path: str, missing_ok: bool) -> None:
        del missing_ok  # An empty folder is still there on disks, and never was in object stores.
        for inside in [name for name in files if name.startswith(f"{path}/")]:
            del files[inside]

    @staticmethod
    def copy(files: dict[str, bytes], source: str, target: str, overwrite: bool) -> None:
        if source not in files:
            raise NotFound(source)
        if source != target:
            _Model.write(files, target, files[source], overwrite)

    @staticmethod
    def move(files: dict[str, bytes], source: str, target: str, overwrite: bool) -> None:
        _Model.copy(files, source, target, overwrite)
        if source != target:
            del files[source]
