"""The data screen: what is stored, in which state, and jobs on it; and the tasks screen's closer look."""

import msgspec
from textual.pilot import Pilot
from textual.widgets import Static

from node.control.schema import ErrorView, Job
from tests.snapshots.scenes import key, settle
from tests.unit.control.fake_inspect import DATA
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tests.unit.tui.test_attach import shown
from tui.app import NeurondApp
from tui.data_text import DATA_COLUMNS, data_rows
from tui.screens.data import DataScreen
from tui.screens.prompt import Confirm, Prompt
from tui.widgets.line_input import LineInput
from tui.widgets.live_table import LiveTable


async def data(pilot: Pilot[object], app: NeurondApp, port: FakePort) -> LiveTable:
    await key("D")(pilot, app, port)
    await until(pilot, app, lambda: isinstance(app.screen, DataScreen) and len(table(app).rows) == len(DATA.items))
    return table(app)


def table(app: NeurondApp) -> LiveTable:
    return app.screen.query_one(LiveTable)


def details(app: NeurondApp) -> str:
    return str(app.screen.query_one("#detail-words", Static).content)


def test_every_item_has_a_cell_a_column_and_absurd_sizes_break_nothing() -> None:
    huge = tuple(msgspec.structs.replace(each, have_bytes=10**300, want_bytes=0, checked_ms=-1) for each in DATA.items)
    for items in (DATA.items, huge):
        rows = data_rows(msgspec.structs.replace(DATA, items=items), recorded.NOW_MS)
        assert all(len(row.cells) == len(DATA_COLUMNS) for row in rows)


def test_the_head_names_what_is_damaged_and_each_item_says_what_can_be_done() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        rows = await data(pilot, app, port)
        assert "1 item damaged" in shown(app)
        assert "86.0 GB free" in shown(app)
        rows.choose("blob:" + "cd" * 32)
        await settle(pilot, app)
        assert "X drop: delete it" in details(app)
        rows.choose("chain")
        await settle(pilot, app)
        assert "X drop: the node looks after it by itself" in details(app)
        assert "96 MB of 537 MB" in details(app)

    drive(scenario, port)


def test_verifying_is_a_job_whose_progress_and_end_are_shown() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await data(pilot, app, port)
        await pilot.press("v")
        await until(pilot, app, lambda: port.api.done == [("verify", "chain")])
        port.api.push_job(Job("j-data", "data", "verify chain", "running", 30, 100, "rows", 8.0, "reading the state"))
        await until(pilot, app, lambda: "reading the state" in details(app))
        assert "30 %" in details(app)
        failure = ErrorView("data_damaged", "The stored state is another.", "Repair it.")
        port.api.push_job(Job("j-data", "data", "verify chain", "failed", message=failure.message, error=failure))
        await until(pilot, app, lambda: "Repair it." in details(app))
        await settle(pilot, app)
        assert [str(each.message) for each in app._notifications].count("The stored state is another.") == 1

    drive(scenario, port)


def test_an_export_goes_to_a_whole_path_only() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await data(pilot, app, port)
        await pilot.press("o")
        await settle(pilot, app)
        assert isinstance(app.screen, Prompt)
        app.screen.query_one(LineInput).value = "here"
        await pilot.press("enter")
        await settle(pilot, app)
        assert port.api.done == []
        app.screen.query_one(LineInput).value = "/media/disk/state.snapshot"
        await pilot.press("enter")
        await until(pilot, app, lambda: port.api.done == [("export", "chain", "/media/disk/state.snapshot")])

    drive(scenario, port)


def test_deleting_and_fetching_ask_first_and_what_cannot_be_done_is_not() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        rows = await data(pilot, app, port)
        await pilot.press("X", "R")  # the chain has neither
        await settle(pilot, app)
        assert isinstance(app.screen, DataScreen)
        for item, pressed, wanted in (("blob:" + "cd" * 32, "X", "drop"), ("model:all-minilm", "R", "repair")):
            rows.choose(item)
            await pilot.press(pressed)
            await settle(pilot, app)
            assert isinstance(app.screen, Confirm)
            await pilot.press("tab", "enter")
            await until(pilot, app, lambda w=(wanted, item): w in port.api.done)  # type: ignore[misc]

    drive(scenario, port)


def test_a_task_shows_its_phases_its_receipt_and_its_verdict() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("3")(pilot, app, port)
        await until(pilot, app, lambda: "every token is likely" in details(app))
        for part in ("first part", "85 ms", "0e0e0e0e", "12 + 34 tokens"):
            assert part in details(app), part

    drive(scenario, port)


def test_tasks_are_narrowed_by_state_and_grouped_by_kind() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("3")(pilot, app, port)
        counts = []
        for _ in range(4):
            await pilot.press("v")
            await settle(pilot, app)
            counts.append(len(table(app).rows))
        assert counts == [1, 12, 1, 14]
        await pilot.press("z")
        await settle(pilot, app)
        assert [row.group for row in table(app).rows] == ["challenge"] * 5 + ["request"] * 9

    drive(scenario, port)
