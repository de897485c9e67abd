"""That the comparison with Dagster's base class is honest: a defect that does not show is noticed."""

from __future__ import annotations

import log_sides
import pytest
from log_sides import LOOKED_AT, Side


@pytest.fixture
def theirs(tmp_path):
    return Side("dagster", None, tmp_path)


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        pytest.param(LOOKED_AT, pytest.fail.Exception, id="a version that was looked at fails"),
        pytest.param((9, 0, 0), pytest.skip.Exception, id="a later one is skipped with the reason"),
        pytest.param((1, 9, 5), pytest.skip.Exception, id="so is one before the defect"),
    ],
)
def test_a_defect_that_does_not_show_is_noticed(theirs, monkeypatch, version, outcome):
    monkeypatch.setattr(log_sides, "DAGSTER", version)
    with pytest.raises(outcome, match=r"by itself|proves nothing"), theirs.keeps("it", since=(1, 10, 18)):
        pass


def test_only_the_expected_failure_counts_as_the_defect(theirs):
    with pytest.raises(KeyError), theirs.keeps("it"):
        raise KeyError
    with theirs.keeps("it", raising=KeyError):
        raise KeyError


def test_ours_is_never_excused(tmp_path):
    with pytest.raises(AssertionError), Side("ours", None, tmp_path).keeps("it"):
        raise AssertionError
