"""The peers screen: what is told of the network and of one peer, and what can be done with it."""

import msgspec
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.errors import RemoteError
from node.control.schema import BanInfo, ErrorView, PeerInfo, PeerPing
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.screens.columns import ColumnsScreen
from tui.screens.prompt import Confirm, Prompt
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable
from tui.widgets.network_card import bucket_name, buckets

FIRST = recorded.PEERS[0]


def table(app: NeurondApp) -> LiveTable:
    return app.screen.query_one(LiveTable)


def details(app: NeurondApp) -> str:
    return str(app.screen.query_one("#detail-words", Static).content)


def test_round_trips_fall_into_their_buckets_from_near_to_far() -> None:
    first = recorded.peers()[0]
    peers = [msgspec.structs.replace(first, latency_ms=ms) for ms in (1.0, 10.0, 999.0, 1000.0, None)]
    assert buckets(peers) == [1, 1, 0, 0, 1, 1, 1]
    names = [bucket_name(peer) for peer in peers]
    assert sorted(names[:4]) == names[:4]


def test_the_head_tells_of_the_local_network_and_of_bans_and_follows_what_changes() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await until(pilot, app, lambda: "192.168.1.20, 1 found" in shown(app))
        assert "sends junk" in shown(app)
        port.api.now_network = msgspec.structs.replace(port.api.now_network, bans=())
        app.clock.s += 6  # type: ignore[attr-defined]  # a frozen clock
        await until(pilot, app, lambda: "nobody" in shown(app))

    drive(scenario, port)


def test_the_details_show_streams_and_what_the_score_lost() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await until(pilot, app, lambda: "/meshsub/1.2.0" in details(app))
        assert "sent a block that is none" in details(app)
        assert "/ip4/192.0.2.9/tcp/50122" in details(app)
        await pilot.press("G")
        await settle(pilot, app)
        assert "its router lets nobody in" in details(app)

    drive(scenario, port)


def test_disconnecting_asks_first_and_does_nothing_on_esc() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("x")
        await settle(pilot, app)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")  # the focus is on Cancel
        await settle(pilot, app)
        assert port.api.done == []
        await pilot.press("x", "tab", "enter")
        await until(pilot, app, lambda: port.api.done == [("drop", FIRST)])

    drive(scenario, port)


def test_a_ban_is_for_the_time_that_is_typed_and_for_all_marked_peers() -> None:
    port = FakePort()
    bans: list[tuple[str, float]] = []

    async def ban(peer_id: str, duration_s: float = 0.0, reason: str = "") -> BanInfo:
        bans.append((peer_id, duration_s))
        return BanInfo(peer_id, duration_s, reason)

    port.api.peer_ban = ban  # type: ignore[method-assign]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("space", "space", "b")
        await settle(pilot, app)
        assert isinstance(app.screen, Prompt)
        line = app.screen.query_one(LineInput)
        line.value = "soon"
        await pilot.press("enter")
        await settle(pilot, app)
        assert "no time span" in str(app.screen.query_one("#prompt-trouble", Static).content)
        line.value = "10m"
        await pilot.press("enter")
        await until(pilot, app, lambda: len(bans) == 2)
        assert {each[0] for each in bans} == set(recorded.PEERS[:2])
        assert {each[1] for each in bans} == {600.0}
        assert table(app).marked == ()

    drive(scenario, port)


def test_an_address_is_dialled_an_invite_joined_and_a_refusal_told() -> None:
    port = FakePort()
    added: list[str] = []

    async def add(address: str) -> PeerInfo:
        added.append(address)
        if "bad" in address:
            raise RemoteError(ErrorView("bad_address", "This is no address.", "Write another."))
        return recorded.peers()[0]

    port.api.peer_add = add  # type: ignore[method-assign]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        for target in ("/ip4/192.0.2.9/tcp/1/p2p/12D3", "bad"):
            await pilot.press("plus")
            await settle(pilot, app)
            app.screen.query_one(LineInput).value = target
            await pilot.press("enter")
            await settle(pilot, app)
        await until(pilot, app, lambda: len(added) == 2)
        await settle(pilot, app)
        said = " ".join(str(each.message) for each in app._notifications)
        assert "is connected" in said
        assert "This is no address. Write another." in said

    drive(scenario, port)


def test_a_ping_tells_the_round_trip() -> None:
    port = FakePort()

    async def ping(peer_id: str) -> PeerPing:
        return PeerPing(peer_id, 123.0)

    port.api.peer_ping = ping  # type: ignore[method-assign]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("P")
        await until(pilot, app, lambda: any("123 ms" in str(each.message) for each in app._notifications))

    drive(scenario, port)


def test_groups_stand_together_under_their_names_and_move_over_the_headings() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        await pilot.press("z")
        await settle(pilot, app)
        assert [row.group for row in table(app).rows] == [*["1. under 10 ms"] * 3, "4. under 250 ms"]
        lines = [table(app).render_line(y).text for y in range(1, 7)]
        assert "under 10 ms · 3" in lines[0]
        assert "under 250 ms · 1" in lines[4]
        await pilot.press("G")
        assert table(app).chosen == table(app).rows[-1]
        assert "▸" in table(app).render_line(6).text

    drive(scenario, port)


def test_a_hidden_column_is_gone_and_comes_back() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        assert "score" in table(app).render_line(0).text
        await pilot.press("w")
        await settle(pilot, app)
        assert isinstance(app.screen, ColumnsScreen)
        at = [column.title for column in app.screen._table.columns].index("score")
        await pilot.press(*["j"] * at, "space", "escape")
        await settle(pilot, app)
        assert "score" not in table(app).render_line(0).text
        await pilot.press("w", "a", "escape")
        await settle(pilot, app)
        assert "score" in table(app).render_line(0).text

    drive(scenario, port)


def test_on_a_narrow_terminal_the_details_are_a_tab_that_esc_leaves() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("P")(pilot, app, port)
        assert not app.screen.query_one("#detail").region.width
        await pilot.press("enter")
        await settle(pilot, app)
        assert app.screen.query_one("#detail").region.width > 70
        assert FIRST in shown(app)
        await pilot.press("escape")
        await settle(pilot, app)
        assert table(app).region.width > 70
        assert app.screen.NAME == "peers"  # type: ignore[attr-defined]

    drive(scenario, port, (80, 24))
