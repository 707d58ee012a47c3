"""One line on every screen: is the node well, what is it, how far is the chain."""

from typing import TYPE_CHECKING, Final, cast

from textual.content import Content

from node.control.schema import NodeStatus
from tui.model import Model
from tui.text import clean, count, cut, duration, gauge, per_cent, plural
from tui.themes import Tone
from tui.widgets.draw import say
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.app import NeurondApp

ROLE_SIGNS: Final = {"miner": "⚒", "validator": "⚖", "staker": "◈"}
_STATES: Final[dict[str, tuple[str, Tone]]] = {
    "running": ("● RUNNING", "good"),
    "syncing": ("◐ SYNCING", "warn"),
    "starting": ("◌ STARTING", "warn"),
    "stopping": ("◌ STOPPING", "warn"),
}


class StatusBar(Panel):
    """Segments in order of importance; those without room are left out, last ones first."""

    PARTS = ("link", "second", "status", "peers")
    DEFAULT_CSS = """
    StatusBar { border: none; height: 1; padding: 0 1; background: $panel; dock: top; }
    """

    def draw(self, model: Model) -> Content:
        width = self.content_size.width
        line = say((model.aside, "warn"), ("  ", "dim"), state_of(model)) if model.aside else state_of(model)
        for segment in (*self._flags(), *_segments(model), *self._asides(), *_tail(model)):
            longer = say(line, ("  ", "dim"), segment) if segment.plain else line
            if longer.cell_length > width:
                break
            line = longer
        return line

    def _flags(self) -> list[Content]:
        """What a person has done to this window and must not forget."""
        app = cast("NeurondApp", self.app)
        return [
            say(("= HELD, p goes on", "warn") if app.is_paused else ""),
            say(("READ ONLY", "warn") if app.options.read_only else ""),
            say((f"! {plural(app.alerts.open_count, 'alert')}: a", "warn") if app.alerts.open_count else ""),
            say((app.lock_words, "warn")),
        ]

    def _asides(self) -> list[Content]:
        """A newer version."""
        return [say((cast("NeurondApp", self.app).update_words, "accent"))]


def state_of(model: Model) -> Content:
    """Return the state of the node, or of the connection when that is the news."""
    match model.link:
        case "attaching":
            return say(("◌ ATTACHING", "warn"))
        case "gone":
            return say((f"○ NODE GONE {duration(model.silent_s)}", "bad"))
        case "stale":
            return say((f"◌ SILENT {duration(model.silent_s)}", "warn"))
        case "live":
            if model.status is None:
                return say(("◌ WAITING FOR STATUS", "warn"))
            return say(_STATES[model.status.state])


def _segments(model: Model) -> list[Content]:
    status = model.status
    if status is None:
        return []
    lag = status.height - status.finalized_height
    segments = [
        say((f"{ROLE_SIGNS[status.role]} {status.role}", "accent"), _seat(status)),
        say(("block ", "dim"), (count(status.height), "strong"), _since_block(model)),
        say(("final ", "dim"), (count(status.finalized_height), "strong"), (f" −{count(lag)}", _lag_tone(lag))),
        say((plural(status.peers, "peer"), "plain" if status.peers else "bad"), _ways(model)),
        say((cut(clean(status.network), 16), "second")),
    ]
    return segments


def _tail(model: Model) -> list[Content]:
    """What is left out first."""
    status = model.status
    if status is None:
        return []
    segments = []
    if status.epoch is not None and status.epoch.tempo_blocks > 0:
        done = status.epoch.blocks_done / status.epoch.tempo_blocks
        full, empty = gauge(done, 5)
        segments.append(say(("epoch ", "dim"), (full, "accent"), (empty, "dim"), f" {per_cent(done)}"))
    segments.append(say(("up ", "dim"), duration(status.uptime_s)))
    return segments


def _seat(status: NodeStatus) -> Content:
    return say("" if status.uid is None else (f" uid {status.uid}", "plain"))


def _ways(model: Model) -> Content:
    """How many peers dialled this node and how many it dialled; nothing while that is not known."""
    if not model.peers:
        return say("")
    dialled = sum(peer.direction == "out" for peer in model.peers)
    return say((f" ↓{len(model.peers) - dialled} ↑{dialled}", "dim"))


def _since_block(model: Model) -> Content:
    if model.block_at_s is None:
        return say("")
    return say((f" +{duration(model.now_s - model.block_at_s)}", "dim"))


def _lag_tone(lag: int) -> Tone:
    return "dim" if lag <= 6 else "warn" if lag <= 30 else "bad"
