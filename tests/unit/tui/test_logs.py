"""The logs screen: patterns, components, older lines, times, saving; and what one line says in full."""

from pathlib import Path

from textual.pilot import Pilot

from node.control.schema import LogLine
from node.control.views.inspect import LogFilePage
from tests.snapshots.scenes import key, settle
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakePort, drive, until
from tui.app import NeurondApp
from tui.log_lines import Sieve, Wanted, areas_of, json_in, pretty, wanted_pattern
from tui.screens.log_line import LogLineScreen
from tui.screens.prompt import Prompt
from tui.widgets.line_input import LineInput
from tui.widgets.log_view import LogView


def view(app: NeurondApp) -> LogView:
    return app.screen.query_one(LogView)


def test_a_pattern_leaves_others_out_and_its_inverse_the_lines_that_fit() -> None:
    lines, sieve = recorded.log_lines(), Sieve()
    pattern, inverse = wanted_pattern("!imported .*transactions?")
    without = sieve.sifted(lines, Wanted(pattern=pattern, inverse=inverse))
    pattern, inverse = wanted_pattern("imported .*transactions?")
    found = sieve.sifted(lines, Wanted(pattern=pattern, inverse=inverse))
    assert found
    assert all("imported" in line.message for line in found)
    assert len(found) + len(without) == sum(line.level != "debug" for line in lines)


def test_components_with_errors_come_first_and_all_are_counted() -> None:
    areas = areas_of(recorded.log_lines())
    assert (areas[0].area, areas[0].errors) == ("p2p", 2)
    assert sum(each.lines for each in areas) == len(recorded.log_lines())


def test_json_in_a_message_is_laid_out_and_what_is_none_is_left_alone() -> None:
    assert json_in('answer {"a": [1, 2]} came') == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    assert json_in("a { b") == ""
    assert json_in("[" * 5000) == ""
    line = LogLine(7, 0, "info", "chain", 'said {"height": 3}')
    assert '"height": 3' in pretty(line, "00:00:00")
    assert '"area": "chain"' in pretty(line, "00:00:00")


def test_a_bad_pattern_is_told_in_words_and_the_last_good_one_stays() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        await pilot.press("slash", *"final")
        await settle(pilot, app)
        few = len(view(app).lines)
        assert 0 < few < len(app.model.log)
        await pilot.press("left_parenthesis")
        await settle(pilot, app)
        assert "not closed" in str(view(app).border_subtitle)
        assert len(view(app).lines) == few
        await pilot.press("enter", "escape")
        await settle(pilot, app)
        assert len(view(app).lines) == len(app.model.log)

    drive(scenario, port)


def test_finding_keeps_all_lines_and_n_goes_through_those_that_fit() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        await pilot.press("slash", *"epoch", "enter", "f", "g")
        await settle(pilot, app)
        assert len(view(app).lines) == len(app.model.log)
        seen = []
        for _ in range(3):
            await pilot.press("n")
            chosen = view(app).chosen
            assert chosen is not None
            seen.append(chosen.seq)
        fits = [line.seq for line in view(app).lines if line.area == "epoch"]
        assert seen == [*fits, fits[-1]]
        await pilot.press("N")
        assert view(app).chosen == view(app).lines[[line.seq for line in view(app).lines].index(fits[-2])]

    drive(scenario, port)


def test_c_leaves_the_chosen_lines_component_alone_and_a_chip_brings_one_back() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        await pilot.press("g", "c")
        await settle(pilot, app)
        assert {line.area for line in view(app).lines} == {"chain"}
        await pilot.click("#areas", offset=(4, 0))  # the first chip: p2p, which has errors
        await settle(pilot, app)
        assert {line.area for line in view(app).lines} == {"chain", "p2p"}
        await pilot.press("c")
        await settle(pilot, app)
        assert len(view(app).lines) == len(app.model.log)

    drive(scenario, port)


def test_older_lines_come_from_the_file_page_by_page_until_its_beginning() -> None:
    port = FakePort()
    old = [LogLine(0, recorded.NOW_MS - 90_000 - n, "info", "chain", f"old line {n}") for n in range(4)]
    port.api.older = (LogFilePage((old[1], old[0]), "1"), LogFilePage((old[3], old[2]), ""))

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        for wanted in (2, 4):
            await pilot.press("o")
            await until(pilot, app, lambda n=wanted: len(view(app).lines) == len(app.model.log) + n)  # type: ignore[misc]
        assert [line.message for line in view(app).lines[:4]] == [f"old line {n}" for n in (3, 2, 1, 0)]
        assert len({line.seq for line in view(app).lines}) == len(view(app).lines)
        await pilot.press("o")
        await settle(pilot, app)
        assert len(view(app).lines) == len(app.model.log) + 4

    drive(scenario, port)


def test_a_line_opens_in_full_and_a_time_is_gone_to() -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        await pilot.press("k", "enter")
        await settle(pilot, app)
        assert isinstance(app.screen, LogLineScreen)
        await pilot.press("escape", "T", *"99:99", "enter")
        await settle(pilot, app)
        assert isinstance(app.screen, Prompt)
        app.screen.query_one(LineInput).value = "15s"
        await pilot.press("enter")
        await settle(pilot, app)
        chosen = view(app).chosen
        assert chosen is not None
        assert chosen.time_ms == recorded.NOW_MS - 15_000

    drive(scenario, port)


def test_saving_writes_what_is_shown_and_never_over_a_file(tmp_path: Path) -> None:
    port, target = FakePort(), tmp_path / "shown.log"

    async def save(pilot: Pilot[object], app: NeurondApp) -> None:
        await pilot.press("s")
        await settle(pilot, app)
        app.screen.query_one(LineInput).value = str(target)
        await pilot.press("enter")

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        await pilot.press("v", "v")  # errors alone
        await settle(pilot, app)
        await save(pilot, app)
        await until(pilot, app, target.exists)
        before = target.read_text(encoding="utf-8")
        assert before.count("\n") == len(view(app).lines) == 2
        await pilot.press("v", "v")
        await save(pilot, app)
        await settle(pilot, app)
        assert target.read_text(encoding="utf-8") == before

    drive(scenario, port)


def test_wrapped_lines_show_their_ends() -> None:
    port = FakePort()
    port.api.now_log = (LogLine(1, recorded.NOW_MS, "info", "chain", "word " * 60 + "the end"),)

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await key("9")(pilot, app, port)
        texts = [view(app).render_line(y).text for y in range(10)]
        assert not any("the end" in text for text in texts)
        await pilot.press("w")
        texts = [view(app).render_line(y).text for y in range(10)]
        assert any("the end" in text for text in texts)
        assert {len(text) for text in texts} == {view(app).scrollable_content_region.width}

    drive(scenario, port, (80, 24))
