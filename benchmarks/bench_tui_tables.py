"""The window's large tables: a full update of a metagraph of 256 seats in 15 columns, from the answer to the strips.

"Full" is every value of every seat changed: rows are made anew, sorted, and each line in view is drawn. "A tenth"
changes every tenth seat. CPU time of the process, on a terminal of 160 x 45.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec
from textual.app import App, ComposeResult

from benchmarks.measure import at_most, show, title
from node.control.schema import Metagraph
from tests.unit.tui import recorded
from tui.tables import SEAT_COLUMNS, seat_rows
from tui.themes import THEMES
from tui.widgets.live_table import LiveTable

SEATS, COLUMNS = 256, 15
ROUNDS = 40
FULL_MS = 40.0


def graph(turn: int, every: int) -> Metagraph:
    """A subnet of SEATS; each turn changes every `every`-th seat."""
    first = recorded.metagraph().neurons[2]
    rows = []
    for uid in range(SEATS):
        moved = turn if uid % every == 0 else 0
        value = (uid * 7919 + moved * 104_729) % 65_535
        rows.append(
            msgspec.structs.replace(
                first, uid=uid, hotkey=f"5{uid:03}{first.hotkey[4:]}", incentive_u16=value, dividends_u16=value // 3,
                consensus_u16=value // 2, validator_trust_u16=value // 5, emission_alpha=value * 10**6,
                stake_rao=(value + 1) * 10**9, stake_alpha=(value + 1) * 10**9, last_update=1_000 + moved % 200,
            )
        )  # fmt: skip
    return Metagraph(1, 1_204 + turn, tuple(rows))


class Host(App[None]):
    """A window with nothing but the table."""

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return THEMES[0].variables

    def compose(self) -> ComposeResult:
        yield LiveTable(SEAT_COLUMNS, "Nobody.", sort=3, descending=True)


def measured(table: LiveTable, graphs: list[Metagraph]) -> list[float]:
    """CPU milliseconds of each update, ascending."""
    spent = []
    for each in graphs:
        begun = time.process_time()
        table.show(seat_rows(each, None))
        for y in range(table.size.height):
            table.render_line(y)
        spent.append(1000 * (time.process_time() - begun))
    return sorted(spent)


async def run(report: Callable[[str, list[float]], None]) -> None:
    """Measure both kinds of update in one window."""
    app = Host()
    async with app.run_test(size=(160, 45)) as pilot:
        table = app.query_one(LiveTable)
        await pilot.pause()
        for name, every in (("full", 1), ("a tenth", 10)):
            report(name, measured(table, [graph(turn, every) for turn in range(1, ROUNDS + 1)]))


def main() -> None:
    """Measure and judge."""
    title(f"live table, {SEATS} seats, {len(SEAT_COLUMNS)} columns")

    def report(name: str, spent: list[float]) -> None:
        middle = spent[len(spent) // 2]
        against = at_most(middle, FULL_MS, " ms") if name == "full" else ""
        show(name, f"{middle:.1f} ms CPU", f"worst {spent[-1]:.1f}; {against}".rstrip("; "))

    asyncio.run(run(report))
    if len(SEAT_COLUMNS) < COLUMNS:
        raise RuntimeError(f"the metagraph shows {len(SEAT_COLUMNS)} columns, {COLUMNS} are asked for")


if __name__ == "__main__":
    main()
