"""The metagraph and the page of one seat: heat, subnets, comparison, weights, pay, why."""

import msgspec
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import Metagraph, ValidatorReason, VerdictInfo, Why
from node.control.views.inspect import SeatWeight
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.screens.metagraph import CompareScreen
from tui.screens.uid import SeatScreen
from tui.seat_text import comparison, seat_lines, weight_lines, why_lines
from tui.tables import HEAT, heat, seat_rows
from tui.text import alpha
from tui.widgets.live_table import LiveTable

VERDICT = VerdictInfo(
    recorded.NOW_MS - 60_000, "challenge", "TIMEOUT", "no answer came in time", 0.0, "waited 9 s", 9000
)
REASON = ValidatorReason(
    recorded.HOTKEYS[0], 0, 412_500 * 10**9, 0.31, "", 0.62, 14.0, 1200, 0.3, 2, 3, 0.81, (VERDICT,)
)
SILENT = ValidatorReason(recorded.HOTKEYS[1], 1, 380_000 * 10**9, 0.2, "it did not answer")
WHY = Why(
    1, recorded.HOTKEYS[3], 3, 1204, 29_900, 2, 3, 31_457, (REASON, SILENT), {"TIMEOUT": 2}, ("Use more threads.",)
)


def port_with_why() -> FakePort:
    port = FakePort()

    async def why(netuid: int | None = None, hotkey: str | None = None) -> Why:
        return msgspec.structs.replace(WHY, netuid=netuid or 0, hotkey=hotkey or "")

    port.api.why = why  # type: ignore[method-assign]
    return port


def words(app: NeurondApp) -> str:
    return str(app.screen.query_one("#seat-words", Static).content)


def test_heat_rises_with_the_value_and_is_blank_for_nothing() -> None:
    of = heat([0, 0, 1, 2, 3, 4, 5])
    assert [of(value)[0] for value in (1, 2, 3, 4, 5)] == list(HEAT)
    assert of(0) == (" ", "dim")
    assert of(-(10**30))[0] == " "
    assert heat([7])(7)[0] == HEAT[-1]


def test_why_names_the_next_rank_the_failures_and_who_could_not_be_asked() -> None:
    text = "\n".join(str(line) for line in why_lines(WHY, recorded.NOW_MS))
    for part in ("rank 2 of 3", "incentive 48.0 %, 2.4 % more", "+0.190", "TIMEOUT ×2", "Use more threads.",
                 "no answer came in time", "could not be asked: it did not answer", "1m 00s ago"):  # fmt: skip
        assert part in text, part


def test_stake_weight_is_told_in_alpha_wherever_a_seat_is_shown() -> None:
    """It is α and weighted root τ: what it is worth in τ, the price says."""
    seat, other = recorded.metagraph().neurons[:2]
    weight = alpha(seat.stake_rao)
    (row,) = seat_rows(msgspec.structs.replace(recorded.metagraph(), neurons=(seat,)), None)
    shown_here = (
        " ".join(cell.text for cell in row.cells),
        "\n".join(str(line) for line in seat_lines(seat, mine=False)),
        "\n".join(str(line) for line in weight_lines([SeatWeight(0, seat.hotkey, 0.5, seat.stake_rao)], "")),
        str(comparison(seat, other)),
    )
    for words in shown_here:
        assert weight in words, words
        assert weight.replace("α", "τ") not in words, words
    assert alpha(REASON.stake_rao) in "\n".join(str(line) for line in why_lines(WHY, recorded.NOW_MS))


def test_a_comparison_says_what_the_second_has_more_or_less() -> None:
    first, second = recorded.metagraph().neurons[3:5]
    text = str(comparison(first, second))
    assert "uid 3" in text
    assert "-43.8 %" in text
    assert "different coldkeys" in text


def test_enter_opens_the_page_of_a_seat_and_its_tabs_show_weights_and_pay() -> None:
    port = port_with_why()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("4")(pilot, app, port)
        await pilot.press("j", "enter")
        await until(pilot, app, lambda: isinstance(app.screen, SeatScreen) and "rank 2 of 3" in words(app))
        assert "uid 3" in shown(app)
        await pilot.press("tab")
        await until(pilot, app, lambda: "52.0 %" in words(app))
        await pilot.press("tab")
        await until(pilot, app, lambda: "has set no weights" in words(app))
        await pilot.press("tab")
        await until(pilot, app, lambda: "12 epochs" in words(app))
        assert "events are here from block 700" in words(app)
        await pilot.press("n")
        await until(pilot, app, lambda: "uid 4" in shown(app))
        await pilot.press("escape")
        await until(pilot, app, lambda: getattr(app.screen, "HEADING", "") == "Metagraph")

    drive(scenario, port)


def test_a_node_without_validators_says_so_on_the_page() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("4")(pilot, app, port)
        await pilot.press("enter")
        await until(pilot, app, lambda: isinstance(app.screen, SeatScreen) and "No validators here." in words(app))

    drive(scenario, port)


def test_two_marked_seats_are_compared_and_one_with_the_nodes_own() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("4")(pilot, app, port)
        await pilot.press("equals_sign")
        await settle(pilot, app)
        assert not isinstance(app.screen, CompareScreen)
        await pilot.press("G", "space", "equals_sign")
        await settle(pilot, app)
        assert isinstance(app.screen, CompareScreen)
        assert "uid 2" in shown(app)
        await pilot.press("escape")
        table = app.screen.query_one(LiveTable)
        assert len(table.marked) == 1
        await pilot.press("escape")
        assert not table.marked

    drive(scenario, port)


def test_n_shows_the_seats_of_other_subnets_and_comes_round() -> None:
    port = FakePort()
    asked: list[int] = []

    async def metagraph(netuid: int) -> Metagraph:
        asked.append(netuid)
        graph = recorded.metagraph()
        return graph if netuid == 1 else Metagraph(netuid, graph.height, graph.neurons[:netuid])

    port.api.metagraph = metagraph  # type: ignore[method-assign]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("4")(pilot, app, port)
        table = app.screen.query_one(LiveTable)
        for netuid in (2, 3):
            await pilot.press("n")
            await until(pilot, app, lambda n=netuid: len(table.rows) == n)  # type: ignore[misc]
            assert f"subnet {netuid}" in str(table.border_subtitle)
        await pilot.press("n")
        await until(pilot, app, lambda: len(table.rows) == 5)
        assert set(asked) == {1, 2, 3}

    drive(scenario, port)
