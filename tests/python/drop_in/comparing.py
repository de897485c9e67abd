"""Which answers count as the same, and which names must be there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# What Python itself raises when a wrong value gets deep into code. Any clean refusal in its place is better.
_LEAKED = {"AttributeError", "AssertionError", "NotImplementedError", "IsADirectoryError", "FileExistsError"}
_CLEAN = {"TypeError", "ValueError", "InvalidPath", "CapabilityNotSupported"}
_FIELDS = re.compile(r" \| (?:path|backend|capability)='")


def same(theirs: str, ours: str) -> bool:
    """Say whether our answer is theirs, or theirs with more in it."""
    if theirs == ours:
        return True
    if not theirs.startswith("!! "):
        return _warning(theirs) == _warning(ours) and _value(theirs) == _value(ours)
    kind, _, message = theirs[3:].partition(": ")
    our_kind, _, our_message = ours[3:].partition(": ") if ours.startswith("!! ") else ("", "", ours)
    if kind in _LEAKED:
        return our_kind in _CLEAN or not our_kind
    if kind == "TypeError":
        return our_kind == "TypeError" or not our_kind
    return kind == our_kind and _text(message) in our_message


def _value(answer: str) -> str:
    value = answer.partition(" WARNING ")[0]
    while (plain := re.sub(r"mappingproxy\(({.*?}|mappingproxy\(.*?\))\)", r"\1", value)) != value:
        value = plain
    return value


def _warning(answer: str) -> str:
    return answer.partition(" WARNING ")[2]


def _text(message: str) -> str:
    """Return a message without its fields, and without the full stop of a further sentence."""
    return _FIELDS.split(message)[0].strip("'\"").partition(". Override")[0]


def missing(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Name what their module has and ours has not, or has differently."""
    for name, facts in theirs.items():
        if name not in ours:
            yield name
            continue
        for member, value in facts.get("members", {}).items():
            if ours[name].get("members", {}).get(member) != value:
                yield f"{name}.{member}"
        for field, default in facts.get("fields", {}).items():
            if ours[name].get("fields", {}).get(field) not in {default, default or None, "{}"}:
                yield f"{name}.{field}"
        yield from _parameters(name, facts.get("parameters"), ours[name].get("parameters"))
        for method, parameters in facts.get("methods", {}).items():
            if method not in ours[name].get("methods", {}):
                yield f"{name}.{method}()"
            else:
                yield from _parameters(f"{name}.{method}", parameters, ours[name]["methods"][method])


def _parameters(of: str, theirs: list[list[str]] | None, ours: list[list[str]] | None) -> Iterator[str]:
    """Name what a call of theirs could not say to ours: ours may take more, after or with a default."""
    if theirs is None or ours is None:
        return
    ours_by_name = {name: (place, kind, default) for place, (name, kind, default) in enumerate(ours)}
    for place, (name, kind, default) in enumerate(theirs):
        our_place, our_kind, our_default = ours_by_name.pop(name, (-1, "", ""))
        by_place, by_name = kind.startswith("POSITIONAL"), kind == "KEYWORD_ONLY"
        if (by_place and our_place != place) or (by_name and "KEYWORD" not in our_kind):
            yield f"{of}({name})"
        elif default not in {our_default, ""} and not (default == "<factory>" and our_default):
            yield f"{of}({name}={default})"
    for name, (_, kind, default) in ours_by_name.items():
        if not default and not kind.startswith("VAR"):
            yield f"{of}: needs {name}"
