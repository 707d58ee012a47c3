"""Numbers for Prometheus in its text format (version 0.0.4): families of samples, each with labels.

Label values come from fixed sets of the program, never from peers or users, so that the number of series is bounded;
a family that grows beyond its bound loses its last samples rather than fill a database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from node.gateway.limits import METRIC_SAMPLES_MAX

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "neurond_"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without the common prefix, what it means with its unit, and its samples by labels."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Mapping[Labels, float]


def gauge(name: str, help: str, value: float) -> Family:
    """A gauge with one sample."""
    return Family(name, "gauge", help, {(): value})


def by_label(
    name: str, kind: Literal["counter", "gauge"], help: str, label: str, values: Mapping[str, float]
) -> Family:
    """A family with one label, in order of its values."""
    return Family(name, kind, help, {((label, key),): value for key, value in sorted(values.items())})


def exposition(families: Iterable[Family]) -> bytes:
    """Return the families as Prometheus reads them."""
    lines: list[str] = []
    for family in families:
        name = PREFIX + family.name
        lines += [f"# HELP {name} {_escaped(family.help)}", f"# TYPE {name} {family.kind}"]
        for labels, value in tuple(family.samples.items())[:METRIC_SAMPLES_MAX]:
            shown = ",".join(f'{key}="{_escaped(text, quotes=True)}"' for key, text in labels)
            lines.append(f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}")
    return "".join(line + "\n" for line in lines).encode()


def _escaped(text: str, *, quotes: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value)).replace("inf", "Inf").replace("nan", "NaN")
