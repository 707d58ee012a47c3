"""Chutes in words: rows of the catalogue, a card, an answer. What comes from the node's door is decoded here.

Decides nothing and asks nobody; what does not fit the forms below is told as unreadable, never shown raw.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from textual.content import Content

from node.control.chute_inputs import ChutePort, ChuteSides, want_of
from tui.text import clean, count, duration, millis, per_cent, plural, short, tau
from tui.themes import Tone
from tui.widgets.draw import field, say
from tui.widgets.live_table import Cell, Column, Row

COLUMNS: Final = (
    Column("name", 14, grow=True),
    Column("kind", 16, rank=2),
    Column("owner", 9, rank=5),
    Column("price", 14, right=True, rank=1),
    Column("memory", 8, right=True, rank=6),
    Column("warm", 4, right=True),
    Column("demand", 6, right=True, rank=4),
    Column("calls", 5, right=True, rank=3),
    Column("ms", 5, right=True, rank=3),
)
_NUMBERS_SHOWN: Final = 8
_RANKED_SHOWN: Final = 10
_LABEL: Final = 12
PNG_BYTES_MAX: Final = 4 << 20  # of one picture of an answer; a reply of the door is far smaller


class Chute(msgspec.Struct, frozen=True):
    """One chute of the list. `calls` and `p50_ms` are what this node saw since it started."""

    name: str
    id: str = ""
    kind: str = ""
    owner: str = ""
    version: int = 0
    about: str = ""
    licence: str = ""
    price_rao: int = 0
    creator_share_percent: int = 0
    ram_mb: int = 0
    instances: int = 0
    demand: float = 0.0
    calls: int = 0
    p50_ms: int = 0
    is_house: bool = False


class Definition(ChuteSides, frozen=True):
    """What of its definition is shown."""

    macs: str = ""
    limits: dict[str, int] = msgspec.field(default_factory=dict)
    eps_ppm: int = 0
    warm_seconds: int = 0


class Card(msgspec.Struct, frozen=True):
    """A chute with its definition and who keeps it warm."""

    info: Chute
    chute: Definition
    warm: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """What this node saw of a chute since it started."""

    judged: int = 0
    pass_rate: float | None = None
    p50_ms: int = 0
    p95_ms: int = 0
    served: int = 0
    creator_rao: int = 0


class Output(msgspec.Struct, frozen=True):
    """One output of an answer."""

    name: str
    datatype: str = ""
    shape: tuple[int, ...] = ()
    data: list[Any] | None = None
    shown: Any = None
    png: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What a miner answered."""

    outputs: tuple[Output, ...] = ()
    units: int = 0

    def picture(self) -> bytes | None:
        """Return the first picture in it, a PNG file, if there is one that can be read."""
        for text in (text for each in self.outputs for text in each.png):
            try:
                return base64.b64decode(text[: PNG_BYTES_MAX * 4 // 3], validate=True)
            except (binascii.Error, ValueError):
                continue
        return None


class Ranked(msgspec.Struct, frozen=True):
    """One label of a classifier's answer."""

    value: float
    place: int = 0
    label: str = ""


def catalogue_rows(found: Sequence[Chute], own: str) -> list[Row]:
    """Return one row a chute; those of the hotkey `own` are marked."""
    return [_row(each, bool(own) and each.owner == own) for each in found]


def _row(each: Chute, mine: bool) -> Row:
    owner: tuple[str, Tone] = ("program", "dim") if each.is_house else ("you", "good") if mine else (
        short(each.owner), "dim"
    )  # fmt: skip
    warm: Tone = "good" if each.instances > 0 else "dim"
    return Row(
        clean(each.id, 80),
        (
            Cell(clean(each.name, 80), "strong"),
            Cell(clean(each.kind, 40), "dim"),
            Cell(*owner),
            Cell(tau(each.price_rao), "accent", each.price_rao),
            Cell(f"{count(each.ram_mb)} MB", "dim", each.ram_mb),
            Cell(count(each.instances), warm, each.instances),
            Cell(per_cent(each.demand), "plain", each.demand),
            Cell(count(each.calls), "plain", each.calls),
            Cell(count(each.p50_ms) if each.p50_ms else "–", "dim", each.p50_ms),
        ),
        mine,
    )


def card_lines(card: Card, seen: Seen | None) -> list[Content]:
    """Return all that is known of a chute."""
    info, chute = card.info, card.chute
    lines = [
        say((clean(info.name, 60), "strong"), (f"  version {info.version}", "dim")),
        say(clean(info.about, 300) or clean(info.kind, 40)),
        say(""),
        field("kind", say(clean(info.kind, 40)), _LABEL),
        field("owner", say("comes with the program" if info.is_house else short(info.owner, 10, 8)), _LABEL),
        field("licence", say(clean(info.licence, 60)), _LABEL),
        field("price", say((tau(info.price_rao), "accent"), (" a million units", "dim")), _LABEL),
        field("creator", say(f"{info.creator_share_percent} % of what callers pay"), _LABEL),
        field("work", say(clean(chute.macs, 120) or "–", (" MAC", "dim")), _LABEL),
        field("limits", say(clean(", ".join(f"{k} ≤ {v:,}" for k, v in sorted(chute.limits.items())), 200)), _LABEL),
        field("tolerance", say(f"{chute.eps_ppm / 1e6:g}"), _LABEL),
        field("kept warm", say(f"{duration(chute.warm_seconds)} after the last call"), _LABEL),
        field("warm now", say(plural(len(card.warm), "miner") if card.warm else ("nobody: a first call waits", "dim")),
              _LABEL),
    ]  # fmt: skip
    lines += [field("takes", say(_side(each)), _LABEL) for each in chute.inputs]
    lines += [field("gives", say(_side(each)), _LABEL) for each in chute.outputs]
    return lines if seen is None else [*lines, say(""), *_seen_lines(seen)]


def _side(port: ChutePort) -> str:
    axes = ", ".join(clean(str(axis), 20) for axis in port.shape)
    return clean(f"{port.name}: {port.dtype} [{axes}]", 120)


def _seen_lines(seen: Seen) -> list[Content]:
    rate = "–" if seen.pass_rate is None else per_cent(seen.pass_rate, 1)
    lines = [say(("seen by this node", "dim"))]
    if seen.judged:
        times = f"half within {millis(seen.p50_ms)}, 95 % within {millis(seen.p95_ms)}"
        lines.append(say(f"  {count(seen.judged)} judged, {rate} right, {times}"))
    if seen.served:
        lines.append(say(f"  {plural(seen.served, 'call')} served here, {tau(seen.creator_rao)} of it the creator's"))
    return lines if len(lines) > 1 else [say(("This node has neither judged nor served it yet.", "dim"))]


def answer_lines(answer: Answer) -> list[Content]:
    """Return an answer for people: labels where it has them, else its first numbers."""
    lines: list[Content] = []
    for output in answer.outputs:
        ranked = _ranked(output.shown)
        lines += [
            say((f"{per_cent(each.value, 1):>7} ", "accent"), clean(each.label or str(each.place), 60))
            for each in ranked[:_RANKED_SHOWN]
        ]
        if output.png:
            lines.append(
                say(f"{clean(output.name, 40)}: {plural(len(output.png), 'picture')}", ("  v saves it", "dim"))
            )
        elif not ranked and output.data is not None:
            lines.append(say(_numbers(output)))
    return [*lines, say((f"{count(answer.units)} units of work", "dim"))]


def _ranked(shown: object) -> list[Ranked]:
    """The labels of the first row, none where the output is shown in another way."""
    try:
        rows = msgspec.convert(shown, list[list[Ranked]])
    except msgspec.ValidationError:
        return []
    return rows[0] if rows else []


def _numbers(output: Output) -> str:
    data = output.data or []
    first = ", ".join(f"{each:.6g}" if isinstance(each, int | float) else clean(str(each), 40)
                      for each in data[:_NUMBERS_SHOWN])  # fmt: skip
    more = " …" if len(data) > _NUMBERS_SHOWN else ""
    return f"{clean(output.name, 40)} {clean(output.datatype, 10)}{list(output.shape)}: {first}{more}"


def why_not_called(card: Card) -> str:
    """Return why a chute cannot be called from the window, empty when it can."""
    ports = card.chute.inputs
    if card.info.kind == "text-generation":
        return "This one chats: ask it by its name on screen 2."
    if len(ports) != 1 or want_of(ports[0]) == "numbers":
        return f"It takes more than one thing, or bare numbers: neurond chutes call {card.info.name} --inputs FILE."
    return ""
