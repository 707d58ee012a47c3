"""What a subnet is for, as far as this window knows it: which of the known applications it runs, and its words.

Answers of a subnet's door are JSON from a node; what does not fit is told, never shown raw.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeVar

import msgspec
from textual.content import Content

from node.control.views.journals import OfferBoard
from tui.chutes import Chute
from tui.text import clean, count, plural, size, tau
from tui.widgets.draw import Part, field, say

App = Literal["nineteen", "chutes", "data_universe"]
T = TypeVar("T")
HOME_SEATS: Final[dict[int, App]] = {19: "nineteen", 64: "chutes", 13: "data_universe"}
TITLES: Final[dict[App, str]] = {
    "nineteen": "Answers, images, embeddings", "chutes": "Chutes", "data_universe": "Collected data"
}  # fmt: skip
PATHS: Final[dict[App, tuple[str, ...]]] = {
    "nineteen": (), "chutes": ("/v1/chutes",), "data_universe": ("/v1/data/stats", "/v1/data/desirability")
}  # fmt: skip
_LINES_MAX: Final = 40
_LABEL_CELLS: Final = 14


class Stats(msgspec.Struct, frozen=True):
    """What is held here and known of the network."""

    rows_here: int = 0
    labels: int = 0
    network_miners: int = 0
    network_rows: int = 0
    network_bytes: int = 0
    paused: str = ""


class Job(msgspec.Struct, frozen=True):
    """One thing that is wanted."""

    label: str = ""
    weight: float = 0.0
    start: str = ""


class Wanted(msgspec.Struct, frozen=True):
    """What counts now."""

    jobs: tuple[Job, ...] = ()


def app_of(netuid: int, name: str) -> App | None:
    """Return the application of a subnet: by the name that the chain has for it, else by its home seat."""
    for known in TITLES:
        if name.casefold().replace(" ", "_") == known:
            return known
    return HOME_SEATS.get(netuid)


def decoded(body: str, kind: type[T]) -> T | None:
    """Return an answer of a door, None when it has another form."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def words(app: App, bodies: Sequence[str]) -> list[Content]:
    """Return what an application's door said, in the order of its PATHS."""
    if app == "chutes":
        found = decoded(bodies[0], list[Chute])
        return _unreadable() if found is None else _chutes(found)
    stats, wanted = decoded(bodies[0], Stats), decoded(bodies[1], Wanted)
    return _unreadable() if stats is None or wanted is None else _data(stats, wanted)


def offer_words(board: OfferBoard) -> list[Content]:
    """Return what the miners of a subnet take."""
    lines = [say((plural(len(board.offers), "miner"), "strong"), " with an offer in force")]
    if board.units:
        lines.append(say(("priced by ", "dim"), clean(", ".join(board.units), 120)))
    cheapest: dict[str, int] = {}
    for offer in board.offers:
        for price in offer.prices:
            cheapest[price.unit] = min(price.rao, cheapest.get(price.unit, price.rao))
    lines += [
        say((f"  from {tau(rao)} ", "accent"), f"for a million {clean(unit, 40)}")
        for unit, rao in sorted(cheapest.items())[:_LINES_MAX]
    ]
    return lines if cheapest else [*lines, say(("Nobody asks for money now.", "dim"))]


def _chutes(found: Sequence[Chute]) -> list[Content]:
    lines = [say((plural(len(found), "chute"), "strong"), " · ", ("a", "accent"), (" opens them: cards, calls", "dim"))]
    for each in found[:_LINES_MAX]:
        warm: Part = (f"warm at {count(each.instances)}", "good") if each.instances > 0 else ("cold", "dim")
        seen = f" · {count(each.calls)} calls, {count(each.p50_ms)} ms" if each.calls else ""
        lines.append(
            say((f"  {clean(each.name, 30)} ", "accent"), (f"{clean(each.kind, 20)} · {tau(each.price_rao)} · ", "dim"),
                warm, (seen, "dim"))
        )  # fmt: skip
    return lines


def _data(stats: Stats, wanted: Wanted) -> list[Content]:
    network = f"{count(stats.network_rows)} rows, {size(stats.network_bytes)}, {plural(stats.network_miners, 'miner')}"
    lines = [
        field("rows here", say(f"{count(stats.rows_here)} of {plural(stats.labels, 'label')}"), _LABEL_CELLS),
        field("network", say(network), _LABEL_CELLS),
    ]
    if stats.paused:
        lines.append(say(("! ", "warn"), f"collecting is paused: {clean(stats.paused, 200)}"))
    lines.append(say(""))
    lines.append(say(("wanted now", "dim")) if wanted.jobs else say(("Nothing is wanted by name now.", "dim")))
    for each in sorted(wanted.jobs, key=lambda each: -each.weight)[:_LINES_MAX]:
        lines.append(say((f"  {clean(each.label or 'anything', 60)} ", "accent"),
                         (f"weight {each.weight:g} {clean(each.start, 20)}", "dim")))  # fmt: skip
    return lines


def _unreadable() -> list[Content]:
    return [say(("! ", "warn"), "The node's answer has a form that this window does not know.")]
