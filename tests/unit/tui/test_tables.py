"""The live table: what is shown, in which order, in how much room."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from textual.app import App, ComposeResult

from tests.unit.tui import recorded
from tui.tables import PEER_COLUMNS, SEAT_COLUMNS, TASK_COLUMNS, peer_rows, seat_rows, task_rows
from tui.themes import THEMES
from tui.widgets.live_table import Cell, Column, LiveTable, Row, fitting

COLUMNS = (Column("name", 8), Column("number", 8, right=True, rank=1), Column("words", 10, grow=True, rank=2))


def rows(count: int = 300) -> list[Row]:
    return [Row(f"k{n}", (Cell(f"name{n}"), Cell(str(n), "plain", n), Cell("even" if n % 2 == 0 else "odd")))
            for n in range(count)]  # fmt: skip


def use(scenario: Callable[[LiveTable, App[None]], Awaitable[None]], size: tuple[int, int] = (60, 12)) -> None:
    class Host(App[None]):
        def on_mount(self) -> None:
            for theme in THEMES:
                self.register_theme(theme)
            self.theme = THEMES[0].name

        def get_theme_variable_defaults(self) -> dict[str, str]:
            return THEMES[0].variables

        def compose(self) -> ComposeResult:
            yield LiveTable(COLUMNS, "Nothing here, because nothing happened.", sort=1)

    async def main() -> None:
        app = Host()
        async with app.run_test(size=size) as pilot:
            table = app.query_one(LiveTable)
            table.focus()
            await pilot.pause()
            await scenario(table, app)

    asyncio.run(main())


def seen(table: LiveTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


def test_columns_without_room_are_left_out_the_least_important_first() -> None:
    assert fitting(COLUMNS, 60) == (8, 8, 35)
    assert fitting(COLUMNS, 24) == (8, 8, 0)
    assert fitting(COLUMNS, 12) == (8, 0, 0)
    assert sum(fitting(SEAT_COLUMNS, 80)) < 80


def test_every_row_has_a_cell_for_every_column() -> None:
    assert all(len(row.cells) == len(PEER_COLUMNS) for row in peer_rows(recorded.peers()))
    assert all(len(row.cells) == len(SEAT_COLUMNS) for row in seat_rows(recorded.metagraph(), recorded.status()))


@pytest.mark.parametrize(
    ("state", "code", "preview", "told"),
    [
        ("done", "OK", "", ("OK", "dim")),
        ("done", "OK", "Paris", ("Paris", "dim")),
        ("done", "PARTIAL", "Paris", ("PARTIAL", "warn")),
        ("failed", "deadline_passed", "Paris", ("deadline_passed", "bad")),
        ("running", "", "Where?", ("Where?", "dim")),
    ],
)
def test_only_a_task_that_failed_is_told_in_red(state: str, code: str, preview: str, told: tuple[str, str]) -> None:
    task = msgspec.structs.replace(recorded.tasks()[0], state=state, code=code, preview=preview)
    cell = task_rows([task], 0, {})[0].cells[-1]
    assert (cell.text, cell.tone) == told


def test_how_many_more_miners_have_a_task_is_not_cut_off() -> None:
    task = recorded.tasks()[0]
    parts = {task.id: {str(number): task for number in range(100)}}
    miner = [column.title for column in TASK_COLUMNS].index("miner")
    text = task_rows([task], 0, parts)[0].cells[miner].text
    assert text.endswith(" +99")
    assert len(text) <= TASK_COLUMNS[miner].width


def test_the_nodes_own_seat_is_marked_and_no_other() -> None:
    assert [row.mine for row in seat_rows(recorded.metagraph(), recorded.status())] == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_the_chosen_row_stays_chosen_while_rows_move() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        table.show(rows())
        table.action_move(5)
        table.show(
            [Row(row.key, (row.cells[0], Cell("9", "plain", -float(row.key[1:])), row.cells[2])) for row in rows()]
        )
        assert table.chosen is not None
        assert table.chosen.key == "k5"
        assert table.rows[0].key == "k299"

    use(scenario)


def test_a_filter_shows_matches_and_an_inverse_filter_the_others() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        table.show(rows(10))
        table.set_filter("EVEN")
        assert [row.key for row in table.rows] == ["k0", "k2", "k4", "k6", "k8"]
        table.set_filter("!even")
        assert len(table.rows) == 5
        table.set_filter("no such thing")
        assert "No row has" in "".join(seen(table))

    use(scenario)


def test_all_words_of_a_filter_must_fit_each_by_itself_turned_round_or_by_its_letters() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        table.show(rows(20))
        for text, wanted in (
            ("even name1", ["k10", "k12", "k14", "k16", "k18"]),
            ("name1 !even", ["k1", "k11", "k13", "k15", "k17", "k19"]),
            ("~nm7", ["k7", "k17"]),
            ("number:1 !number:10 even", ["k12", "k14", "k16", "k18"]),
            ("words:e !~nm1", ["k0", "k2", "k4", "k6", "k8"]),
            ("nosuch:1", []),
        ):
            table.set_filter(text)
            assert sorted((row.key for row in table.rows), key=lambda key: int(key[1:])) == wanted, text

    use(scenario)


def test_marks_stay_with_their_rows_and_go_when_the_rows_do() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        from textual.pilot import Pilot

        pilot: Pilot[None] = Pilot(app)
        table.show(rows(5))
        await pilot.press("space", "space", "k", "space")
        assert list(table.marked) == ["k0"]
        await pilot.press("space")
        assert list(table.marked) == ["k0", "k2"]
        assert "●" in table.render_line(1).text
        await pilot.press("y")
        assert app.clipboard == "k0\nk2"
        table.show(rows(2))
        assert list(table.marked) == ["k0"]
        assert table.unmark()
        assert not table.unmark()

    use(scenario)


def test_an_empty_table_says_why() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        assert "because nothing happened" in "".join(seen(table))

    use(scenario)


def test_every_line_has_the_width_of_the_table_whatever_is_in_it() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        table.show([Row("x", (Cell("漢字" * 40), Cell("-" * 500), Cell("[red]not markup[/]\u0301" * 9)))])
        assert {strip.cell_length for strip in map(table.render_line, range(6))} == {60}

    use(scenario)


def test_vim_keys_move_and_sort() -> None:
    async def scenario(table: LiveTable, app: App[None]) -> None:
        from textual.pilot import Pilot

        pilot: Pilot[None] = Pilot(app)
        table.show(rows())
        await pilot.press("j", "j", "k")
        assert table.chosen is not None
        assert table.chosen.key == "k1"
        await pilot.press("G")
        assert table.chosen.key == "k299"
        assert any("name299" in line for line in seen(table))
        await pilot.press("g", "g", "s")
        assert table.rows[0].key == "k299"
        await pilot.press("h")
        assert table.rows[0].key == "k0"

    use(scenario)
