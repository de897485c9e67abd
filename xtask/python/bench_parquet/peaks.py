"""How much memory this process holds, and the most that it held."""

from __future__ import annotations

import resource
from pathlib import Path

__all__ = ["held_mb", "peak_mb", "reset_peak"]

_KIBIBYTE = 1024
_MEGABYTE = 1_000_000


def reset_peak() -> None:
    """Let the peak of this process begin anew, where the kernel can do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """The most memory that this process held since `reset_peak`, in megabytes."""
    found = _status("VmHWM:")
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE / _MEGABYTE if found is None else found
    )


def held_mb() -> float:
    """What this process holds now, in megabytes; its peak where the kernel does not tell."""
    found = _status("VmRSS:")
    return peak_mb() if found is None else found


def _status(name: str) -> float | None:
    """One figure that the kernel gives in kibibytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith(name))
    return next((int(kibibytes) * _KIBIBYTE / _MEGABYTE for kibibytes in found), None)
