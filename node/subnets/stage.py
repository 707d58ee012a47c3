"""What a subnet brings to the workbench: its rules as honest nodes run them there, and clever cheats of its own.

A cheat is the same subnet with another `serve` or `tick`: it keeps the form, and only the rules can tell. Used by the
workbench alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Stage:
    """The honest rules, the dishonest ones by name, and what to call when the trial is over."""

    rules: Any  # AnySubnet, which this file cannot name
    cheats: Mapping[str, Any] = field(default_factory=dict)
    close: Callable[[], None] = _nothing
