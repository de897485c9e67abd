"""`RemotePath`, and the paths of the native module."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote_store import InvalidPath, RemotePath
from remote_store._native import paths


class TestRemotePath:
    @pytest.mark.parametrize(
        ("given_path", "text"),
        [
            ("a/b", "a/b"),
            ("/a//b/", "a/b"),
            ("a\\b", "a/b"),
            ("./a/./b", "a/b"),
            (" a ", " a "),
            ("ä/ß", "ä/ß"),
        ],
    )
    def test_is_normalised(self, given_path: str, text: str) -> None:
        assert str(RemotePath(given_path)) == RemotePath(given_path).as_posix() == text

    @pytest.mark.parametrize("bad", ["", "/", ".", "a/../b", "..", "a\0b"])
    def test_refuses_what_is_no_path(self, bad: str) -> None:
        with pytest.raises(InvalidPath):
            RemotePath(bad)

    def test_refuses_what_is_no_text(self) -> None:
        with pytest.raises(TypeError):
            RemotePath(b"a")

    def test_has_parts(self) -> None:
        path = RemotePath("data/2024/orders.tar.gz")
        assert path.name == "orders.tar.gz"
        assert path.suffix == ".gz"
        assert path.parts == ("data", "2024", "orders.tar.gz")
        assert path.parent == RemotePath("data/2024")
        assert RemotePath("a").parent is None
        assert RemotePath(".hidden").suffix == ""

    def test_the_root(self) -> None:
        assert str(RemotePath.ROOT) == "."
        assert (RemotePath.ROOT.name, RemotePath.ROOT.parts) == (".", (".",))
        assert RemotePath.ROOT.parent is None
        assert RemotePath.from_backend_path("") == RemotePath.from_backend_path("./") == RemotePath.ROOT
        assert RemotePath.from_backend_path("a//b") == RemotePath("a/b")
        assert RemotePath("a") == RemotePath.ROOT / "a"

    def test_joins(self) -> None:
        assert RemotePath("a") / "b/c" == RemotePath("a/b/c")
        assert RemotePath("a") / RemotePath("b") == RemotePath("a/b")
        with pytest.raises(InvalidPath):
            RemotePath("a") / "../b"

    def test_is_a_value(self) -> None:
        assert RemotePath("a") != "a"
        assert len({RemotePath("a/b"), RemotePath("/a//b")}) == 1
        assert pickle.loads(pickle.dumps(RemotePath("a/b"))) == RemotePath("a/b")
        assert pickle.loads(pickle.dumps(RemotePath.ROOT)) == RemotePath.ROOT
        with pytest.raises(AttributeError):
            RemotePath("a").name = "b"
        with pytest.raises(AttributeError):
            RemotePath("a")._text = "b"

    @given(st.text())
    def test_normalising_twice_changes_nothing(self, text: str) -> None:
        try:
            once = RemotePath(text)
        except InvalidPath:
            return
        assert RemotePath(str(once)) == once
        assert all(part not in {"", ".", ".."} for part in once.parts)


segments = st.lists(st.text(max_size=300), min_size=1, max_size=4)


class TestAssetPaths:
    @pytest.mark.spec("DAG-005")
    @pytest.mark.parametrize(
        ("key", "partition", "path"),
        [
            (["foo", "bar"], None, "foo/bar.pkl"),
            (["foo", "bar"], "2026-01", "foo/bar/2026-01.pkl"),
            (["report"], None, "report.pkl"),
        ],
    )
    def test_safe_keys_have_the_path_of_the_clause(self, key, partition, path) -> None:
        assert paths.asset_path(key, partition, ".pkl") == path

    @pytest.mark.spec("DAG-006")
    def test_each_segment_is_a_folder(self) -> None:
        assert paths.asset_path(["ns", "group", "table"], None, ".json") == "ns/group/table.json"

    @pytest.mark.spec("DAG-018")
    def test_a_dataset_is_a_folder(self) -> None:
        assert paths.dataset_key(["data", "orders"], None) == "data/orders"
        assert paths.dataset_key(["data", "orders"], "2026-01") == "data/orders/2026-01"

    @pytest.mark.spec("DAG-024")
    @pytest.mark.parametrize(
        ("key", "stream", "partial", "path"),
        [
            (
                ["run1", "compute_logs", "step_a"],
                "out",
                False,
                "dagster/storage/run1/compute_logs/step_a.out",
            ),
            (
                ["run1", "compute_logs", "step_a"],
                "err",
                True,
                "dagster/storage/run1/compute_logs/step_a.err.partial",
            ),
            (["report"], "out", False, "dagster/storage/report.out"),
        ],
    )
    def test_logs_have_the_path_of_the_clause(self, key, stream, partial, path) -> None:
        assert paths.log_path("dagster", key, stream, partial) == path

    def test_an_unknown_stream_is_named(self) -> None:
        with pytest.raises(ValueError, match="'out' or 'err', got 'stdout'"):
            paths.log_path("dagster", ["a"], "stdout", partial=False)

    def test_no_segments_is_an_error(self) -> None:
        with pytest.raises(InvalidPath, match="at least one segment"):
            paths.asset_path([], None, ".pkl")

    @pytest.mark.spec("DAG-005")
    @given(segments, segments)
    def test_different_keys_never_share_a_path(self, first: list[str], second: list[str]) -> None:
        same = paths.asset_path(first, None, ".pkl") == paths.asset_path(second, None, ".pkl")
        assert same == (first == second)

    @given(segments, st.text(max_size=300))
    def test_paths_stay_below_the_root(self, key: list[str], partition: str) -> None:
        path = paths.asset_path(key, partition, ".pkl")
        parts = path.split("/")
        assert all(part not in {"", ".", ".."} for part in parts)
        assert all(len(part.encode()) <= 255 for part in parts)
        assert str(RemotePath(path)) == path

    @given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
    def test_short_keys_parse_back(self, key: list[str]) -> None:
        path = paths.asset_path(key, None, ".json")
        # Only a name that was too long once escaped is cut, and that one says so.
        if any(part.startswith("%=") for part in path.split("/")):
            with pytest.raises(InvalidPath):
                paths.parse_asset_path(path, ".json")
        else:
            assert paths.parse_asset_path(path, ".json") == key
