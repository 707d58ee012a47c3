"""What needs a person's attention, found in the model alone: raised once, kept with its times, ended by itself.

Pure: time comes from the model, nothing is asked of the node and nothing is drawn. A condition must hold for a while
before it counts, so that what heals by itself is not cried out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from tui import limits
from tui.model import Model
from tui.text import clean, count, duration

Severity = Literal["warning", "error"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition. `until_ms` is None while it holds; `remedy` is what to do, it may be empty."""

    name: str
    severity: Severity
    title: str
    words: str
    remedy: str
    since_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has found just now."""

    severity: Severity
    title: str
    words: str
    remedy: str = ""


class Watch:
    """Looks at the model once a second; remembers what it has seen. Bounded by ALERTS_MAX."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._ended: list[Alert] = []
        self._since_s: dict[str, float] = {}
        self._final = (0, 0.0)
        self.unlocked_since_s: float | None = None
        """When the coldkey was opened in this window and not locked since; set by whoever keeps it."""

    @property
    def open_count(self) -> int:
        """How many conditions hold now."""
        return len(self._alerts)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All that are kept: those that hold first, then those that have ended, newest first."""
        holding = sorted(self._alerts.values(), key=lambda each: -each.since_ms)
        return (*holding, *reversed(self._ended))

    def forget_ended(self) -> None:
        """Empty the list of what is over."""
        self._ended.clear()

    def observe(self, model: Model) -> list[Alert]:
        """Take note of what holds now; return what has just begun and was not told a moment ago."""
        self._note_finality(model)
        fresh: list[Alert] = []
        for name, hold_s, rule in _RULES:
            found = rule(self, model)
            if found is None:
                self._since_s.pop(name, None)
                self._end(name, model.now_ms)
                continue
            since_s = self._since_s.setdefault(name, model.now_s)
            if model.now_s - since_s < hold_s:
                continue
            known = self._alerts.get(name)
            begun = model.now_ms if known is None else known.since_ms
            self._alerts[name] = Alert(name, found.severity, found.title, found.words, found.remedy, begun)
            if known is None and not self._told_lately(name, model.now_ms):
                fresh.append(self._alerts[name])
        return fresh

    def _note_finality(self, model: Model) -> None:
        height = model.status.finalized_height if model.status else 0
        if height != self._final[0] or model.link != "live":
            self._final = (height, model.now_s)

    @property
    def final_since_s(self) -> float:
        """When the last block became final, in the model's time."""
        return self._final[1]

    def _told_lately(self, name: str, now_ms: int) -> bool:
        last = next((each.until_ms for each in reversed(self._ended) if each.name == name), None)
        return last is not None and now_ms - last < 1000 * limits.ALERT_AGAIN_S

    def _end(self, name: str, now_ms: int) -> None:
        alert = self._alerts.pop(name, None)
        if alert is not None:
            self._ended.append(replace(alert, until_ms=now_ms))
            del self._ended[: -limits.ALERTS_MAX]


def _gone(_: Watch, model: Model) -> Finding | None:
    if model.link != "gone":
        return None
    return Finding("error", "The node is gone", "Nobody answers at its socket; values are old.", "S starts it again.")


def _silent(_: Watch, model: Model) -> Finding | None:
    if model.link != "stale":
        return None
    return Finding(
        "warning", "The node is silent", "It is connected and says nothing.", "See its log: 9, or daemon.log."
    )


def _alone(_: Watch, model: Model) -> Finding | None:
    if model.link != "live" or model.status is None or model.status.peers > 0:
        return None
    return Finding("error", "No peers", "The node hears nobody: no block and no task arrives.",
                   "On Peers, + adds one; an invite (i) brings others.")  # fmt: skip


def _finality(watch: Watch, model: Model) -> Finding | None:
    status = model.status
    if model.link != "live" or status is None or status.state != "running":
        return None
    still_s = model.now_s - watch.final_since_s
    lag = status.height - status.finalized_height
    if lag < limits.ALERT_LAG_BLOCKS or still_s < limits.ALERT_STILL_S:
        return None
    return Finding("error", "Finality stands still", f"No block became final for {duration(still_s)}; the head is "
                   f"{count(lag)} blocks ahead.", "Money moves wait. See Logs for what authorities say.")  # fmt: skip


def _no_blocks(_: Watch, model: Model) -> Finding | None:
    status = model.status
    if model.link != "live" or status is None or status.state != "running" or model.block_at_s is None:
        return None
    still_s = model.now_s - model.block_at_s
    if still_s < max(limits.ALERT_STILL_S, limits.ALERT_SLOTS * status.slot_ms / 1000):
        return None
    return Finding("error", "No new blocks", f"The last one came {duration(still_s)} ago.", "See Peers and Logs.")


def _checkpoint(_: Watch, model: Model) -> Finding | None:
    words = model.status.trust_warning if model.status else ""
    return Finding("error", "The chain is not held to a checkpoint", clean(words, 300)) if words else None


def _disk(_: Watch, model: Model) -> Finding | None:
    words = model.status.store.warning if model.status else ""
    return Finding("warning", "Disk", clean(words, 300), "On Data, see what takes the room.") if words else None


def _unreachable(_: Watch, model: Model) -> Finding | None:
    reach = model.status.reachability if model.status else None
    if reach is None or reach.state != "unreachable":
        return None
    return Finding("warning", "Nobody can dial this node", clean(reach.reason, 300) or "Peers tried and failed.",
                   "It works over its own connections; a miner earns less.")  # fmt: skip


def _score(_: Watch, model: Model) -> Finding | None:
    """Compare the later half of the node's own judged answers with the earlier one."""
    own = model.status.hotkey if model.status else None
    mine = [each for each in (model.tasks or {}).values() if each.score is not None and each.miner == own]
    if own is None or len(mine) < limits.ALERT_SCORES_MIN:
        return None
    mine.sort(key=lambda each: each.started_ms)
    half = len(mine) // 2
    before, after = _mean(each.score for each in mine[:half]), _mean(each.score for each in mine[half:])
    if before - after < limits.ALERT_SCORE_FALL:
        return None
    words = f"From {before:.2f} to {after:.2f} over {len(mine)} judged answers."
    return Finding("warning", "The score is falling", words,
                   "On Metagraph, enter on your seat says why.")  # fmt: skip


def _unlocked(watch: Watch, model: Model) -> Finding | None:
    since_s = watch.unlocked_since_s
    if since_s is None or model.now_s - since_s < limits.ALERT_UNLOCKED_S:
        return None
    return Finding("warning", "The coldkey is open", f"For {duration(model.now_s - since_s)}.", "u locks it.")


def _mean(scores: Iterable[float | None]) -> float:
    values = [min(max(each, 0.0), 1.0) for each in scores if each is not None]
    return sum(values) / len(values) if values else 0.0


Rule = Callable[[Watch, Model], Finding | None]
_RULES: Final[tuple[tuple[str, float, Rule], ...]] = (
    ("gone", limits.GONE_AFTER_S, _gone),
    ("silent", limits.GONE_AFTER_S, _silent),
    ("alone", limits.ALERT_ALONE_S, _alone),
    ("finality", 0.0, _finality),
    ("blocks", 0.0, _no_blocks),
    ("checkpoint", 0.0, _checkpoint),
    ("disk", 0.0, _disk),
    ("unreachable", limits.ALERT_ALONE_S, _unreachable),
    ("score", 0.0, _score),
    ("unlocked", 0.0, _unlocked),
)
"""Name, for how many seconds it must hold, and the rule."""
