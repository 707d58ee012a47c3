"""One task in words: what it was, how long each phase took, the receipt both sides signed, and what judges said."""

from collections.abc import Iterable, Sequence
from typing import Final

from textual.content import Content

from node.control.schema import Task, TaskState
from node.control.views.inspect import TaskDetail
from node.control.views.records import ReceiptView
from tui.looks import Look
from tui.text import clean, clean_block, count, gauge, millis, per_cent, short, tau, time_of_day
from tui.themes import Tone
from tui.widgets.draw import field, rows, say

_BAR_CELLS: Final = 16
_TONES: Final[dict[TaskState, Tone]] = {"running": "accent", "done": "good", "failed": "bad"}
_MINERS_SHOWN: Final = 32


def task_words(task: Task, look: Look[TaskDetail], utc_offset_s: int, parts: Sequence[Task] = ()) -> Content:
    """Return all that is known of a task; `parts` is what each of its miners made of it."""
    tokens_s = 1000 * task.tokens / task.latency_ms if task.latency_ms and task.latency_ms > 0 else None
    return rows(
        [
            say((clean(task.kind, 40) or "task", "strong"), (f"  {clean(task.state)}", "accent")),
            say((clean(task.id, 80), "dim")),
            say(""),
            field("started", say(time_of_day(task.started_ms, utc_offset_s))),
            field("took", say(millis(task.latency_ms))),
            field("tokens", say(count(task.tokens), (f"  {tokens_s:.1f} a second" if tokens_s else "", "dim"))),
            field("score", say("not judged yet" if task.score is None else f"{task.score:.3f}")),
            field("subnet", say(str(task.netuid))),
            *([field("verdict", say((clean(task.code, 80), "bad" if task.state == "failed" else "plain")))]
              if task.code else []),
            say(""),
            *_on_record(look, utc_offset_s),
            *_miners(task, parts),
            say(("asked by", "dim")),
            say(clean(task.validator, 80) or "–"),
            say(""),
            say(("begins with", "dim")),
            say(clean_block(task.preview, 600) or "–"),
        ]
    )  # fmt: skip


def _miners(task: Task, parts: Sequence[Task]) -> Iterable[Content]:
    """The miner, or all of them with how each fared."""
    if len(parts) < 2:
        yield from (say(("miner", "dim")), say(clean(task.miner, 80) or "–"))
        return
    yield say((f"{count(len(parts))} miners", "dim"))
    for part in parts[:_MINERS_SHOWN]:
        score = "" if part.score is None else f"  score {part.score:.2f}"
        why = f"  {clean(part.code, 60)}" if part.code else ""
        fared = (f"  {part.state}", _TONES[part.state])
        yield say((short(part.miner, 6, 6), "strong"), fared, f"  {millis(part.latency_ms)}{score}{why}")
    if len(parts) > _MINERS_SHOWN:
        yield say((f"and {count(len(parts) - _MINERS_SHOWN)} more", "dim"))


def _on_record(look: Look[TaskDetail], utc_offset_s: int) -> Iterable[Content]:
    found = look.value
    if found is None:
        yield say((look.trouble or "looking for its receipt …", "dim"))
        yield say("")
        return
    for receipt in found.receipts[:4]:
        yield from _phases(receipt)
        yield say("")
    for verdict in found.verdicts[:6]:
        score = "no score" if verdict.score is None else f"{verdict.score:.3f}"
        yield field("judged", say((score, "strong"), f" at {time_of_day(verdict.judged_ms, utc_offset_s)}"))
        yield field("because", say(clean(verdict.reason, 300) or "–"))
        yield field("by", say((short(verdict.validator, 6, 6), "second"), (f" of {short(verdict.miner, 6, 6)}", "dim")))
        yield say("")
    if not found.receipts and not found.verdicts:
        yield say(("neither receipt nor verdict is on record here", "dim"))
        yield say("")


def _phases(receipt: ReceiptView) -> Iterable[Content]:
    """The time until the first part, the time from there on, and what was signed."""
    first, whole = max(0, receipt.t_first_ms), max(0, receipt.t_done_ms)
    rest = max(0, whole - first)
    yield _phase("first part", first, whole)
    yield _phase("the rest", rest, whole)
    speed = (
        f"  {1000 * receipt.completion_tokens / rest:.1f} tokens a second" if rest and receipt.completion_tokens else ""
    )
    yield field("in all", say(millis(whole), (speed, "dim")))
    yield field("receipt", say((receipt.digest[:16], "second"), (f"  block {count(receipt.height)}", "dim")))
    paid = tau(receipt.spent_rao) if receipt.spent_rao else "nothing"
    tokens = f"{count(receipt.prompt_tokens)} + {count(receipt.completion_tokens)} tokens"
    yield field("for", say(f"{tokens}, {paid} paid", (f"  {clean(receipt.model, 60)}", "dim")))


def _phase(name: str, ms: int, whole: int) -> Content:
    full, empty = gauge(ms / whole if whole else 0.0, _BAR_CELLS)
    share = per_cent(ms / whole) if whole else "–"
    return field(name, say((full, "accent"), (empty, "dim"), f" {millis(ms)}", (f"  {share}", "dim")))
