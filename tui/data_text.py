"""What a node stores, as rows of a table and as words: sizes, have and want, budgets, when it was checked."""

from collections.abc import Iterable
from typing import Final

from textual.content import Content

from node.control.schema import Job
from node.control.views.data import DataBoard, DataItem
from tui.text import clean, cut, duration, gauge, per_cent, plural, size
from tui.themes import Tone
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import Cell, Column, Row

DATA_COLUMNS: Final = (
    Column("kind", 8),
    Column("name", 18, grow=True),
    Column("state", 9),
    Column("size", 8, right=True),
    Column("have", 6, right=True, rank=2),
    Column("budget", 10, rank=3),
    Column("checked", 13, rank=1),
    Column("shared", 6, rank=5),
    Column("sources", 16, rank=4),
)
_KINDS: Final = ("chain", "snapshot", "rows", "index", "blobs", "blob", "fetch", "model", "journals", "records", "logs")
_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "here": ("✓ here", "good"),
    "partly": ("… partly", "accent"),
    "absent": ("○ absent", "dim"),
    "damaged": ("✖ damaged", "bad"),
    "unknown": ("? unknown", "dim"),
}
_MEANINGS: Final[dict[str, str]] = {
    "chain": "the chain's database",
    "snapshot": "a snapshot that others begin with",
    "rows": "collected public text",
    "index": "what other miners promise to hold",
    "blobs": "all large payloads of subnets",
    "blob": "one large payload, named by its hash",
    "fetch": "on its way from peers",
    "model": "a model of the catalogue",
    "journals": "signed journals of subnets",
    "records": "records of this node's own work",
    "logs": "what the node said",
}
_BAR_CELLS: Final = 8


def data_rows(board: DataBoard, now_ms: int) -> list[Row]:
    """Return one row an item, in the columns of DATA_COLUMNS; what is damaged is marked."""
    return [_row(item, now_ms) for item in board.items]


def _row(item: DataItem, now_ms: int) -> Row:
    place = _KINDS.index(item.kind) if item.kind in _KINDS else len(_KINDS)
    whole = item.have_bytes >= item.want_bytes
    have = (
        "all" if whole and item.have_bytes else per_cent(item.have_bytes / item.want_bytes) if item.want_bytes else "–"
    )
    checked, tone = checked_words(item, now_ms)
    return Row(
        clean(item.id, 300),
        (
            Cell(clean(item.kind, 20), "second", place),
            Cell(clean(item.title, 120), "strong"),
            Cell(*_STATES.get(item.state, ("? unknown", "dim"))),
            Cell(size(item.have_bytes or item.want_bytes), "plain" if item.have_bytes else "dim", item.have_bytes),
            Cell(have, "plain" if whole else "accent", item.have_bytes / max(1, item.want_bytes)),
            Cell(*_budget(item)),
            Cell(checked, tone, item.checked_ms or 0),
            Cell("yes" if item.shared else "no", "plain" if item.shared else "dim"),
            Cell(clean(", ".join(item.sources), 120) or "–", "dim"),
        ),
    )


def _budget(item: DataItem) -> tuple[str, Tone, float]:
    if not item.budget_bytes:
        return "–", "dim", 0.0
    share = item.have_bytes / item.budget_bytes
    full, empty = gauge(share, 5)
    return f"{full}{empty} {per_cent(share)}", _budget_tone(share), share


def _budget_tone(share: float) -> Tone:
    return "bad" if share >= 0.9 else "warn" if share >= 0.8 else "plain"


def checked_words(item: DataItem, now_ms: int) -> tuple[str, Tone]:
    """Return how long ago an item was held against its hashes, and what came out."""
    if "verify" not in item.actions and item.checked_ms is None:
        return "–", "dim"
    if item.checked_ms is None:
        return "never", "dim"
    ago = duration(max(0, now_ms - item.checked_ms) / 1000)
    return (f"✓ {ago} ago", "good") if item.sound else (f"✖ {ago} ago", "bad")


def item_words(item: DataItem, now_ms: int, job: Job | None) -> Content:
    """Return all that is known of an item, what runs on it, and what can be done."""
    word, tone = _STATES.get(item.state, ("? unknown", "dim"))
    budget = [] if not item.budget_bytes else [field("budget", _bar(item.have_bytes, item.budget_bytes))]
    checked, checked_tone = checked_words(item, now_ms)
    lines = [
        say((clean(item.title, 200), "strong")),
        say((_MEANINGS.get(item.kind, ""), "dim")),
        say(""),
        field("state", say((word, tone))),
        field("here", _bar(item.have_bytes, item.want_bytes) if item.want_bytes else say(size(item.have_bytes))),
        *budget,
        field("shared", say("given to peers who ask" if item.shared else "kept for this node alone")),
        *([field("pinned", say("this node's own: never given up"))] if item.pinned else []),
        field("sources", say(clean(", ".join(item.sources), 200) or ("this node alone", "dim"))),
        field("checked", say((checked, checked_tone))),
        *(field(clean(fact.name, 20), say(clean(fact.value, 300)), 14) for fact in item.facts[:12]),
        say(""),
    ]
    if job is not None:
        lines += [*_job_lines(job), say("")]
    return rows([*lines, *_action_lines(item)])


def _job_lines(job: Job) -> Iterable[Content]:
    if job.error is not None:
        yield say(("✖ ", "bad"), clean(job.error.message, 300))
        yield say((clean(job.error.hint, 300), "accent"))
        return
    if job.state == "done":
        yield say(("✓ ", "good"), clean(job.message, 300))
        return
    full, empty = gauge(job.done / job.total if job.total else 0.0, 16)
    eta = "" if job.eta_s is None else f" · {duration(job.eta_s)} left"
    yield say(
        (full, "accent"),
        (empty, "dim"),
        f" {clean(job.message, 60)} ",
        (f"{per_cent(job.done / job.total) if job.total else ''}{eta}", "dim"),
    )


def _action_lines(item: DataItem) -> Iterable[Content]:
    keys = (("v", "verify", "hold it against its hashes"), ("R", "repair", "get it anew"),
            ("o", "export", "write it to a new file"), ("X", "drop", "delete it"))  # fmt: skip
    for key, action, words in keys:
        if action in item.actions:
            yield say((f"{key} ", "accent"), f"{action}: {words}")
        else:
            yield say((f"{key} {action}: ", "dim"), (_no(item, action), "dim"))


def _no(item: DataItem, action: str) -> str:
    """Why an action is not there for an item."""
    match action:
        case "verify":
            return "it has no hashes of its own here"
        case "repair":
            return "no key gets this anew"
        case "export":
            return "nothing to be written out" if item.state == "absent" else "it is no file of its own"
        case _:
            return "others rely on it" if item.pinned else "the node looks after it by itself"


def _bar(have: int, want: int) -> Content:
    share = have / want if want else 0.0
    full, empty = gauge(share, _BAR_CELLS)
    return say(
        (full, _budget_tone(share) if have != want else "good"), (empty, "dim"), f" {size(have)} of {size(want)}"
    )


def disk_lines(board: DataBoard, cells: int) -> list[Content]:
    """Return the disk, the node's folder by kind, and what is damaged: three lines."""
    used = board.disk_total_bytes - board.disk_free_bytes
    share = used / board.disk_total_bytes if board.disk_total_bytes else 0.0
    full, empty = gauge(share, 20)
    sums: dict[str, int] = {}
    for item in board.items:
        if item.kind not in ("blob", "fetch", "model") and not (item.kind == "rows" and ":" in item.id):
            sums[item.kind] = sums.get(item.kind, 0) + item.have_bytes
    largest = sorted(sums.items(), key=lambda each: -each[1])[:5]
    parts = " · ".join(f"{kind} {size(number)}" for kind, number in largest if number)
    damaged = [item for item in board.items if item.state == "damaged"]
    told = (
        say(
            (f"{plural(len(damaged), 'item')} damaged: ", "bad"),
            ", ".join(clean(each.title, 40) for each in damaged[:3]),
        )
        if damaged
        else say(("nothing is known to be damaged", "good"))
    )
    more = f" · {plural(board.omitted, 'smaller payload')} not listed" if board.omitted else ""
    return [
        field(
            "disk",
            say(
                (full, _budget_tone(share)),
                (empty, "dim"),
                f" {size(board.disk_free_bytes)} free of {size(board.disk_total_bytes)}",
            ),
        ),
        field(
            "this node",
            say(size(board.used_bytes), (f"  {parts}", "dim"), (f"  models {size(board.models_bytes)}", "dim")),
        ),
        field("health", say(told, (more, "dim"))),
    ]


def short_home(home: str) -> str:
    """Return the end of a long path."""
    return clean(home if len(home) <= 50 else "…" + home[-49:], 60)


__all__ = ["DATA_COLUMNS", "checked_words", "cut", "data_rows", "disk_lines", "item_words", "short_home"]
