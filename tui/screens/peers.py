"""Screen 5: who this node is connected to."""

from textual.content import Content

from node.control.schema import PeerInfo
from tui.model import Model
from tui.screens.tabled import TableScreen
from tui.tables import PEER_COLUMNS, peer_rows
from tui.text import clean, count, duration, millis, plural
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row


class PeersScreen(TableScreen):
    """Connected peers, by latency."""

    NAME = "peers"
    COMMAND = "peers list"
    HEADING = "Peers"
    HELP = "Connected peers. A score below zero means that a peer has misbehaved; very low ones are disconnected."
    PARTS = ("peers",)

    def table(self) -> LiveTable:
        return LiveTable(PEER_COLUMNS, "No peer yet. On Home, i makes an invite for another machine.", sort=2)

    def rows(self, model: Model) -> list[Row] | None:
        return None if model.peers is None else peer_rows(model.peers)

    def words(self, model: Model) -> Content:
        peers = model.peers or ()
        out = sum(peer.direction == "out" for peer in peers)
        relayed = sum(peer.route == "relayed" for peer in peers)
        words = f"{plural(len(peers), 'peer')} · {out} out · {len(peers) - out} in"
        return Content(f"{words} · {relayed} by relay" if relayed else words)

    def detail(self, model: Model, key: str) -> Content:
        peer = next((each for each in model.peers or () if clean(each.peer_id) == key), None)
        if peer is None:
            return say(("This peer has gone.", "dim"))
        return rows(
            [
                say((clean(peer.peer_id, 80), "strong")),
                say(""),
                field("direction", say("this node dialled" if peer.direction == "out" else "the peer dialled")),
                field("way", say(("through a relay", "warn")) if peer.route == "relayed" else say("direct")),
                *_why(peer),
                field("latency", say(millis(peer.latency_ms))),
                field("height", say("unknown" if peer.height is None else count(peer.height))),
                field("score", say(f"{peer.score:+.2f}", (" misbehaved", "bad") if peer.score < 0 else "")),
                field("connected", say(duration(peer.connected_s))),
                field("agent", say(clean(peer.agent, 80) or "–")),
                say(""),
                say(("hotkey", "dim")),
                say(clean(peer.hotkey, 80) if peer.hotkey else ("has shown none", "dim")),
                say(""),
                say(("addresses", "dim")),
                *(say(clean(address, 200)) for address in peer.addresses[:8]),
            ]
        )


def _why(peer: PeerInfo) -> list[Content]:
    """Why a peer is not reached directly; nothing for one that is."""
    if peer.route != "relayed":
        return []
    return [field("why", say(clean(peer.route_reason, 200) or "no reason is known"))]
