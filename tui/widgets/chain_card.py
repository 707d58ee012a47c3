"""The chain at a glance: head, finality, epoch and the next block, or the catching up while it lags behind."""

from textual.content import Content

from node.control.schema import NodeStatus
from tui.model import Model
from tui.text import count, duration, gauge, per_cent, plural, short
from tui.themes import Tone
from tui.widgets.draw import clip, field, rows, say
from tui.widgets.panel import Panel

_COUNTDOWN_FROM_S = 3.0  # shorter slots would only flicker


class ChainCard(Panel):
    """Most important line first: a small card shows only the first three."""

    PARTS = ("status", "second", "link")
    HEADING = "Chain"

    def draw(self, model: Model) -> Content:
        status = model.status
        if status is None:
            return say(("waiting for the node's first status", "dim"))
        lines = _catching_up(status, self) if status.sync.syncing else _following(status, model)
        return rows(clip(line, self.content_size.width) for line in lines[: max(1, self.content_size.height)])


def _following(status: NodeStatus, model: Model) -> list[Content]:
    lag = status.height - status.finalized_height
    settled: tuple[str, Tone] = ("✓", "good") if lag <= 6 else ("! finality lags", "warn")
    return [
        field("finalised", say((count(status.finalized_height), "strong"), (f"  −{count(lag)} ", "dim"), settled)),
        field("epoch", _epoch(status)),
        field("next block", _next_block(status, model)),
        field("height", say(count(status.height), (f"  {short(status.head_hash)}", "dim"))),
        field("state root", say((short(status.state_root, 6, 6), "dim"))),
    ]


def _epoch(status: NodeStatus) -> Content:
    epoch = status.epoch
    if epoch is None or epoch.tempo_blocks <= 0:
        return say(("no subnet yet", "dim"))
    full, empty = gauge(epoch.blocks_done / epoch.tempo_blocks, 6)
    return say((full, "accent"), (empty, "dim"), f" {count(epoch.blocks_left)} left")


def _next_block(status: NodeStatus, model: Model) -> Content:
    if model.block_at_s is None or model.link != "live":
        return say(("unknown", "dim"))
    slot_s = status.slot_ms / 1000
    left_s = slot_s - (model.now_s - model.block_at_s)
    if left_s < -2 * slot_s:
        return say((f"! late by {duration(-left_s)}", "warn"))
    every = say((f"every {duration(slot_s) if slot_s.is_integer() else f'{slot_s:g}s'}", "dim"))
    return every if slot_s < _COUNTDOWN_FROM_S else say(f"~{duration(left_s)}  ", every)


def _catching_up(status: NodeStatus, card: Panel) -> list[Content]:
    sync = status.sync
    done = sync.height / sync.target_height if sync.target_height > 0 else 0.0
    pace = f"{sync.blocks_per_s:.0f} blocks/s"
    if sync.rows_total > 0:
        done, pace = sync.rows / sync.rows_total, f"{sync.rows_per_s:.0f} rows/s"
    full, empty = gauge(done, max(4, min(12, card.content_size.width - 12)))
    eta = "unknown" if sync.eta_s is None else duration(sync.eta_s)
    return [
        say(("SYNCING ", "warn"), (full, "accent"), (empty, "dim"), f" {per_cent(done, 1)}"),
        field("time left", say(eta, (f"  {pace}", "dim"))),
        field("behind", say(plural(sync.target_height - sync.height, "block"))),
        field("from", say(plural(sync.source_peers, "peer"))),
        field("finalised", say(count(status.finalized_height))),
    ]
