"""The head of the peers screen: can others reach this node, how it finds peers, and how far away they are."""

from collections.abc import Iterable
from typing import Final

from textual.content import Content

from node.control.schema import PeerInfo, Reachability
from node.control.views.inspect import NetworkBoard
from tui.looks import Look
from tui.model import Model
from tui.text import clean, count, duration, plural
from tui.themes import Tone
from tui.widgets.draw import clip, field, rows, say, spread
from tui.widgets.panel import Panel

RTT_BOUNDS_MS: Final = (10, 50, 100, 250, 1000)
_BAR_CELLS: Final = 10
_REACH: Final[dict[str, tuple[str, Tone]]] = {
    "unknown": ("not tried yet", "dim"),
    "direct": ("✓ direct", "good"),
    "relayed": ("through a relay", "warn"),
    "unreachable": ("✖ nobody gets through", "bad"),
    "not_listening": ("dials only", "warn"),
}


class NetworkCard(Panel):
    """Three lines at the left, a histogram of round trips at the right."""

    PARTS = ("peers", "status")
    HEADING = "Network"
    look: Look[NetworkBoard] = Look()
    _version: int = -1

    def show(self, look: Look[NetworkBoard]) -> None:
        """Take the node's own view of the network, as far as it came."""
        if (look, look.version) != (self.look, self._version):
            self.look, self._version = look, look.version
            self._painted = ()

    def draw(self, model: Model) -> Content:
        board, width = self.look.value, self.content_size.width
        reach = model.status.reachability if model.status is not None else None
        lines = [field("reach", _reach(reach)), field("finding", _finding(board)), field("kept out", _kept_out(board))]
        if self.look.trouble and board is None:
            lines[1] = field("finding", say((self.look.trouble, "warn")))
        bars = histogram(model.peers or ())
        half = max(30, width - 34)
        return rows(
            spread(clip(line, half), bar, width) if width > 80 else clip(line, width)
            for line, bar in zip(lines, bars, strict=False)
        )


def _reach(found: Reachability | None) -> Content:
    if found is None:
        return say(("unknown", "dim"))
    word, tone = _REACH.get(found.state, (clean(found.state, 20), "dim"))
    tried = [each for each in found.addresses if each.asked]
    parts = [f"{sum(each.reached_by for each in tried)} of {sum(each.asked for each in tried)} dial-backs came through"]
    when = "" if found.checked_s_ago is None else f", {duration(found.checked_s_ago)} ago"
    reason = f" · {clean(found.reason, 160)}" if found.reason else ""
    return say((word, tone), (f" · {parts[0]}{when}" if tried else "", "dim"), (reason, "dim"))


def _finding(board: NetworkBoard | None) -> Content:
    if board is None:
        return say(("asking …", "dim"))
    lan = (
        f"local network: {', '.join(clean(each, 40) for each in board.lan_interfaces[:2])}, {board.lan_found} found"
        if board.lan_interfaces
        else "local network: off"
    )
    trouble = board.lan_problem or board.find_problem
    table = f" · table: {plural(board.table_peers, 'peer')}"
    return say(lan, table, (f" · {clean(trouble, 120)}" if trouble else "", "warn"))


def _kept_out(board: NetworkBoard | None) -> Content:
    if board is None:
        return say(("–", "dim"))
    if not board.bans:
        return say(("nobody", "dim"))
    first = board.bans[0]
    why = f" ({clean(first.reason, 60)})" if first.reason else ""
    return say(
        plural(len(board.bans), "peer"),
        (f" · the next ends in {duration(first.remaining_s)}{why}", "dim"),
    )


def buckets(peers: Iterable[PeerInfo]) -> list[int]:
    """Return how many round trips lie below each bound, above all of them, and how many are not known."""
    found = [0] * (len(RTT_BOUNDS_MS) + 2)
    for peer in peers:
        if peer.latency_ms is None:
            found[-1] += 1
        else:
            found[sum(peer.latency_ms >= bound for bound in RTT_BOUNDS_MS)] += 1
    return found


def bucket_name(peer: PeerInfo) -> str:
    """Return the bucket of a peer's round trip, in words that sort from near to far."""
    if peer.latency_ms is None:
        return "round trip unknown"
    place = sum(peer.latency_ms >= bound for bound in RTT_BOUNDS_MS)
    return f"{place + 1}. {_names()[place]}"


def _names() -> list[str]:
    return [*(f"under {bound} ms" for bound in RTT_BOUNDS_MS), f"{RTT_BOUNDS_MS[-1]} ms and more"]


def histogram(peers: Iterable[PeerInfo]) -> list[Content]:
    """Return three lines of two bars each: how many peers are how far away."""
    found = buckets(peers)
    most = max(found, default=0)
    labels = ("<10ms", "<50ms", "<100ms", "<250ms", "<1 s", "≥1 s")
    cells = []
    for label, number in zip(labels, found, strict=False):
        full = round(5 * number / most) if most else 0
        full = max(full, 1) if number else 0
        cells.append(
            say((f"{label:>6} ", "dim"), ("▰" * full, "accent"), ("▱" * (5 - full), "dim"), f"{count(number):>3}")
        )
    return [Content("  ").join([cells[line], cells[line + 3]]) for line in range(3)]
