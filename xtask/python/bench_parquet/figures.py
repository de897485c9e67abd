"""What was measured of one task: lines for the terminal, tables for the documentation, goals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figures", "Result", "goals", "lines", "markdown"]

NAMES = {
    "ours": "this package",
    "pyarrow": "pyarrow",
    "polars": "polars",
    "duckdb": "DuckDB",
    "pure": "pure Python",
}
_SMALL = 1_000
"""Rows below which it is the calls that are measured, not the encoding."""
_TO = {"memory": "memory", "file": "a file", "file-fsync": "a file, fsync", "s3": "S3"}
_MEGABYTE = 1_000_000


@dataclass
class Figures:
    """What one implementation needed for one task."""

    seconds: list[float] = field(default_factory=list)
    size: int = 0
    peak_mb: float = 0.0
    added_mb: float = 0.0
    requests: float = 0.0
    command: str = ""

    @property
    def median(self) -> float:
        """The median of all rounds, in seconds."""
        return statistics.median(self.seconds)

    def times_as_fast_as(self, other: Figures) -> tuple[float, float, float]:
        """The ratio of the medians, and the least and the greatest of one round."""
        each = [theirs / own for own, theirs in zip(self.seconds, other.seconds, strict=True)]
        return other.median / self.median, min(each), max(each)


@dataclass
class Result:
    """One task, and the figures of all that did it."""

    do: str
    rows: int
    to: str
    figures: dict[str, Figures]

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Result:
        """The result that was written to a file."""
        return cls(**plain | {"figures": {name: Figures(**of) for name, of in plain["figures"].items()}})

    @property
    def base(self) -> Figures:
        """What speeds are relative to."""
        return self.figures.get("pyarrow") or next(iter(self.figures.values()))

    @property
    def title(self) -> str:
        """The task in words, as short as a table wants it."""
        rows = f"{self.rows:.0e}".replace("e+0", "e") if self.rows >= _MEGABYTE else f"{self.rows:,}"
        return f"{self.do} {rows} rows, {_TO[self.to]}"


def lines(result: Result) -> list[str]:
    """What the terminal shows of one task."""
    shown = [f"{result.do} {result.rows:,} rows, {_TO[result.to]}"]
    for name, figures in result.figures.items():
        low, high = min(figures.seconds) * 1e3, max(figures.seconds) * 1e3
        ratio, least, greatest = figures.times_as_fast_as(result.base)
        requests = f", {figures.requests:.0f} requests" if figures.requests else ""
        shown.append(
            f"  {name:8} {figures.median * 1e3:10.3f} ms ({low:.3f} to {high:.3f})"
            f"  {ratio:5.2f} x the speed ({least:.2f} to {greatest:.2f})  {figures.size:>11,} B"
            f"  peak {figures.peak_mb:.0f} MB, +{figures.added_mb:.0f} MB{requests}"
        )
    return shown


def markdown(results: list[Result]) -> str:
    """The tables of docs/benchmarks.md: speeds, sizes, peaks of memory."""
    names = [name for name in NAMES if any(name in result.figures for result in results)]
    peers = [name for name in names if name != "pyarrow"]
    speeds = _table(["", *(NAMES[name] for name in peers), "ours, median and spread"])
    sizes = _table(["bytes stored", *(NAMES[name] for name in names)])
    peaks = _table(["peak, and what was added, MB", *(NAMES[name] for name in names)])
    measured: set[int] = set()
    for result in results:
        speeds.append(_row([result.title, *(_speed(result, name) for name in peers), _median(result)]))
        peaks.append(_row([result.title, *(_peak(result, name) for name in names)]))
        if result.rows not in measured and set(names) <= set(result.figures):
            measured.add(result.rows)
            found = (f"{result.figures[name].size:,}" for name in names)
            sizes.append(_row([f"{result.rows:,} rows", *found]))
    return "\n".join([*speeds, "", *sizes, "", *peaks])


def _table(heads: list[str]) -> list[str]:
    return [_row(heads), "|" + "---|" * len(heads)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _speed(result: Result, name: str) -> str:
    if name not in result.figures:
        return "-"
    ratio, least, greatest = result.figures[name].times_as_fast_as(result.base)
    return f"{ratio:.2f} ({least:.2f} to {greatest:.2f})"


def _peak(result: Result, name: str) -> str:
    figures = result.figures.get(name)
    return "-" if figures is None else f"{figures.peak_mb:.0f}, +{figures.added_mb:.0f}"


def _median(result: Result) -> str:
    figures = result.figures.get("ours")
    if figures is None:
        return "-"
    unit, scale = ("s", 1.0) if figures.median >= 1 else ("ms", 1e3)
    low, middle, high = (
        f"{value * scale:#.3g}".removesuffix(".")
        for value in (min(figures.seconds), figures.median, max(figures.seconds))
    )
    return f"{middle} {unit} ({low} to {high})"


def goals(results: list[Result]) -> list[str]:
    """What the benchmark is for, held or missed; tasks that were not measured are left out."""
    shown = []
    for result in results:
        for what, found, wanted in _goals_of(result):
            held = "held" if found >= wanted else "MISSED"
            shown.append(f"  {held:6} {result.title}: {what}: {found:.3f}, wanted {wanted}")
    return shown


def _goals_of(result: Result) -> list[tuple[str, float, float]]:
    ours, peers = result.figures.get("ours"), result.figures
    if ours is None or result.to == "file-fsync":
        return []
    wanted: list[tuple[str, str, float]] = []
    if result.rows < _SMALL:
        # A file or a request takes longer than ten rows, and as long for everybody.
        wanted = [("times as fast as", "pyarrow", 4.0)] if result.to == "memory" else []
    elif result.do == "write":
        wanted = [("times as fast as", "pyarrow", 2.2), ("times as fast as", "polars", 1.0)]
        wanted += [("times as fast as", "pure", 2.5)] if result.to == "s3" else []
    else:
        wanted = [("times as fast as", "pyarrow", 1.5), ("times as fast as", "polars", 1.0)]
    found = [
        (f"{what} {NAMES[name]}", ours.times_as_fast_as(peers[name])[0], least)
        for what, name, least in wanted
        if name in peers
    ]
    if result.do == "write" and result.rows >= _SMALL and "pyarrow" in peers:
        found.append(("bytes of pyarrow's file to one of ours", peers["pyarrow"].size / ours.size, 0.99))
    return found
