"""Tables of measurements in the documentation, replaced where they stand."""

from __future__ import annotations

from pathlib import Path

__all__ = ["put"]


def put(document: Path, name: str, table: str) -> None:
    """Replace what stands between two marks of a document.

    Args:
        document: A Markdown file with the lines ``<!-- measured: name -->`` and ``<!-- end -->``.
        name: Which of its tables.
        table: The new one.

    Raises:
        SystemExit: There are no such marks; the table was printed anyway.
    """
    begin, end = f"<!-- measured: {name} -->\n", "<!-- end -->\n"
    before, found, rest = document.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{document} has no table between {begin.strip()} and {end.strip()}")
    text = f"{before}{begin}\n{table.strip()}\n\n{end}{after}"
    document.write_text(text, encoding="utf-8")
