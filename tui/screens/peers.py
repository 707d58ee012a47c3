"""Who this node is connected to, how it finds others, and what can be done with a peer."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from node.control.limits import BAN_DEFAULT_S, BAN_MAX_S
from node.control.schema import PeerInfo
from node.control.views.inspect import PeerDetail
from tui.limits import LATELY_MAX, LOOK_AGE_S, PEERS_MAX, TARGET_CHARS_MAX
from tui.looks import Look
from tui.model import Model
from tui.port import API_ERRORS
from tui.screens.prompt import Confirm, Prompt
from tui.screens.tabled import TableScreen
from tui.spans import SpanError, parse_span
from tui.tables import PEER_COLUMNS, peer_rows
from tui.text import clean, count, duration, millis, plural, spark
from tui.widgets.draw import field, rows, say
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.network_card import NetworkCard, bucket_name
from tui.work import begin

Group = tuple[str, Callable[[PeerInfo], str]]
_GROUPS: Final[tuple[Group, ...]] = (
    ("", lambda _: ""),
    ("round trip", bucket_name),
    ("agent", lambda peer: clean(peer.agent, 60) or "no agent"),
    ("way", lambda peer: f"{'through a relay' if peer.route == 'relayed' else 'direct'}, {peer.direction}"),
)
_SPAN_CHARS: Final = 20


class PeersScreen(TableScreen):
    """Connected peers, by latency."""

    NAME = "peers"
    COMMAND = "peers list"
    HEADING = "Peers"
    HELP = "Connected peers. A score below zero means that a peer has misbehaved; very low ones are disconnected."
    PARTS = ("peers", "metagraph")
    CHANGES = frozenset({"add", "hang_up", "ban", "unban"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "add", "Add", key_display="+", tooltip="Connect to a multiaddress, a peer id or an invite"),
        Binding("P", "ping", "Ping", tooltip="Measure the round trip to the chosen peer now"),
        Binding("x", "hang_up", "Disconnect", tooltip="Close the connections to the chosen peer"),
        Binding("b", "ban", "Ban", tooltip="Keep the chosen peer, or all marked ones, out for a time"),
        Binding("B", "unban", "Lift ban", show=False, tooltip="Let the peer in again whose ban ends next"),
        Binding("z", "group", "Group", tooltip="Group by round trip, agent or way"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lately: dict[str, deque[float]] = {}
        self._seen: object = None
        self._group = 0

    def above(self) -> Iterable[Widget]:
        yield NetworkCard(id="network", classes="header")

    def table(self) -> LiveTable:
        empty = "No peer yet. + connects to an address or invite; on Home, i makes an invite for another machine."
        return LiveTable(PEER_COLUMNS, empty, sort=2)

    def rows(self, model: Model) -> list[Row] | None:
        if model.peers is None:
            return None
        self._remember(model.peers)
        seats = {each.hotkey: each for each in model.metagraph.neurons} if model.metagraph else {}
        return peer_rows(model.peers, seats, self._lately, _GROUPS[self._group][1])

    def _remember(self, peers: tuple[PeerInfo, ...]) -> None:
        """Keep the latest round trips of those who are connected."""
        if peers is self._seen:
            return
        self._seen = peers
        here = {peer.peer_id: peer.latency_ms for peer in peers[:PEERS_MAX]}
        self._lately = {each: self._lately.get(each) or deque(maxlen=LATELY_MAX) for each in here}
        for peer_id, latency_ms in here.items():
            if latency_ms is not None:
                self._lately[peer_id].append(max(0.0, latency_ms))

    def words(self, model: Model) -> Content:
        peers = model.peers or ()
        out = sum(peer.direction == "out" for peer in peers)
        relayed = sum(peer.route == "relayed" for peer in peers)
        words = f"{plural(len(peers), 'peer')} · {out} out · {len(peers) - out} in"
        words = f"{words} · {relayed} by relay" if relayed else words
        name = _GROUPS[self._group][0]
        return Content(f"{words} · by {name}" if name else words)

    def paint_body(self, model: Model) -> None:
        card = self.query_one(NetworkCard)
        card.show(self.looks.of("network", self.node_app.api.network, LOOK_AGE_S))
        super().paint_body(model)

    def detail(self, model: Model, key: str) -> Content:
        peer = self._peer(key)
        if peer is None:
            return say(("This peer has gone.", "dim"))
        look = self.looks.of(f"peer {key}", lambda: self.node_app.api.peer_detail(peer.peer_id), LOOK_AGE_S)
        past = self._lately.get(peer.peer_id, ())
        return rows(
            [
                say((clean(peer.peer_id, 80), "strong")),
                say(""),
                field("direction", say("this node dialled" if peer.direction == "out" else "the peer dialled")),
                field("way", say(("through a relay", "warn")) if peer.route == "relayed" else say("direct")),
                *_why(peer),
                field("latency", say(millis(peer.latency_ms), (f"  {spark(tuple(past), 16)}", "accent"))),
                field("height", say("unknown" if peer.height is None else count(peer.height))),
                field("score", say(f"{peer.score:+.2f}", (" misbehaved", "bad") if peer.score < 0 else "")),
                field("connected", say(duration(peer.connected_s))),
                field("agent", say(clean(peer.agent, 80) or "–")),
                say(""),
                *_inside(look),
                say(("hotkey", "dim")),
                say(clean(peer.hotkey, 80) if peer.hotkey else ("has shown none", "dim")),
                say(""),
                say(("addresses", "dim")),
                *(say(clean(address, 200)) for address in peer.addresses[:8]),
            ]
        )

    def _peer(self, key: str | None) -> PeerInfo | None:
        return next((each for each in self.model.peers or () if clean(each.peer_id) == key), None)

    def _chosen(self) -> list[PeerInfo]:
        """The marked peers, or the one under the cursor; says so when there is none."""
        table = self.query_one(LiveTable)
        found = [self._peer(key) for key in (table.marked or (self.chosen_key,))]
        peers = [each for each in found if each is not None]
        if not peers:
            self.notify("No peer is chosen.", severity="warning", timeout=3)
        return peers

    # what can be done

    def action_group(self) -> None:
        self._group = (self._group + 1) % len(_GROUPS)
        self.notify(f"by {_GROUPS[self._group][0]}" if self._group else "not grouped", title="Peers", timeout=2)
        self.paint_again()

    def action_add(self) -> None:
        words = say("A multiaddress that ends in /p2p/…, a peer id that others know, or an invite (nd1…).")
        prompt = Prompt("Add a peer", words, chars_max=TARGET_CHARS_MAX, hint="/ip4/192.0.2.7/tcp/4001/p2p/12D3…")
        self.app.push_screen(prompt, self._add)

    def _add(self, target: str | None) -> None:
        if target is None:
            return
        api = self.node_app.api

        async def connect() -> str:
            if target.startswith("nd1"):
                return f"{(await api.join(target)).peer_id} is connected"
            return f"{(await api.peer_add(target)).peer_id} is connected"

        self._do("Add a peer", connect)

    def action_ping(self) -> None:
        for peer in self._chosen():

            async def ping(peer_id: str = peer.peer_id) -> str:
                return f"{peer_id[-6:]}: {millis((await self.node_app.api.peer_ping(peer_id)).latency_ms)}"

            self._do("Ping", ping)

    def action_hang_up(self) -> None:
        peers = self._chosen()
        if peers:
            names = [say(clean(each.peer_id, 80)) for each in peers[:8]]
            words = rows([say(f"Close the connections to {plural(len(peers), 'peer')}?"), *names,
                          say(""), say(("They may come back; a ban keeps them out.", "dim"))])  # fmt: skip

            def answered(yes: bool | None) -> None:
                for peer in peers if yes else ():
                    self._do("Disconnect", self._drop_of(peer.peer_id))

            self.app.push_screen(Confirm("Disconnect", words, "Disconnect"), answered)

    def _drop_of(self, peer_id: str) -> Callable[[], Awaitable[str]]:
        async def drop() -> str:
            await self.node_app.api.peer_drop(peer_id)
            return f"{peer_id[-6:]} is disconnected"

        return drop

    def action_ban(self) -> None:
        peers = self._chosen()
        if peers:
            words = rows(
                [
                    say(f"How long shall {plural(len(peers), 'peer')} be kept out? Such as 90s, 10m, 2h, 7d."),
                    *(say((clean(each.peer_id, 80), "dim")) for each in peers[:8]),
                ]
            )
            prompt = Prompt(
                "Ban", words, chars_max=_SPAN_CHARS, value=duration_word(BAN_DEFAULT_S), check=_span_trouble
            )
            self.app.push_screen(prompt, lambda text: self._ban(peers, text))

    def _ban(self, peers: list[PeerInfo], text: str | None) -> None:
        if text is None:
            return
        span_s = parse_span(text, most_s=BAN_MAX_S)
        for peer in peers:

            async def ban(peer_id: str = peer.peer_id) -> str:
                made = await self.node_app.api.peer_ban(peer_id, span_s, "banned in the window")
                return f"{peer_id[-6:]} is kept out for {duration(made.remaining_s)}"

            self._do("Ban", ban)
        self.query_one(LiveTable).unmark()

    def action_unban(self) -> None:
        board = self.looks.of("network", self.node_app.api.network, LOOK_AGE_S).value
        if board is None or not board.bans:
            self.notify("Nobody is banned.", timeout=3)
            return
        first = board.bans[0].peer_id

        async def unban() -> str:
            await self.node_app.api.peer_unban(first)
            return f"{clean(first, 80)[-6:]} may come back"

        words = rows([say("Let this peer in again?"), say(clean(first, 80)),
                      say((clean(board.bans[0].reason, 120), "dim"))])  # fmt: skip
        self.app.push_screen(Confirm("Lift ban", words, "Lift"), lambda yes: self._do("Ban", unban) if yes else None)

    def _do(self, title: str, work: Callable[[], Awaitable[str]]) -> None:
        """Do something at the node; what comes out, or why it failed, is a toast."""

        async def run() -> None:
            try:
                self.notify(clean(await work(), 300), title=title, markup=False)
            except API_ERRORS as error:
                self.notify(clean(str(error), 400), title=f"{title}: refused", severity="error", markup=False)
            self.looks.forget("network")

        begin(self, run, "peers", exclusive=False)


def _why(peer: PeerInfo) -> list[Content]:
    """Why a peer is not reached directly; nothing for one that is."""
    if peer.route != "relayed":
        return []
    return [field("why", say(clean(peer.route_reason, 200) or "no reason is known"))]


def _inside(look: Look[PeerDetail]) -> list[Content]:
    """Open streams, and what the score lost lately."""
    if look.value is None:
        return [say((look.trouble or "asking for its streams …", "dim")), say("")]
    found = look.value
    lines = [field("comes from", say(clean(found.remote, 100) or ("a relay", "dim"))), say(("open streams", "dim"))]
    lines += [say(f"{count(each.count):>3}  {clean(each.protocol, 120)}") for each in found.streams] or [say("  none")]
    if found.marks:
        lines += [say(""), say(("score lost", "dim"))]
        lines += [
            say(
                (f"−{mark.points:g}", "bad"),
                f"  {clean(mark.reason, 120)}",
                (f", {duration(mark.seconds_ago)} ago", "dim"),
            )
            for mark in found.marks
        ]
    return [*lines, say("")]


def duration_word(seconds: float) -> str:
    """Return a span as it may be typed."""
    return f"{seconds / 3600:g}h"


def _span_trouble(text: str) -> str:
    try:
        parse_span(text, most_s=BAN_MAX_S)
    except SpanError as error:
        return str(error)
    return ""
