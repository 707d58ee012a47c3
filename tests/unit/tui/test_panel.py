"""What looks the same is not drawn again: a panel draws the lines that differ, a frame keeps the words on its edge."""

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.pilot import Pilot

from tests.snapshots.scenes import home, settle
from tests.unit.tui.fake import FakePort, drive
from tui.app import NeurondApp
from tui.model import Model
from tui.widgets.chain_card import ChainCard
from tui.widgets.draw import edge, rows, say


def shown(card: ChainCard) -> list[str]:
    """The lines inside the frame, as they are drawn."""
    lines = card.render_lines(card.size.region)
    return [strip.text.strip() for strip in lines]


@pytest.mark.parametrize(
    ("after", "drawn"),
    [
        ([("one", "plain"), ("two", "plain"), ("three", "plain")], []),
        ([("one", "plain"), ("TWO", "plain"), ("three", "plain")], [1]),
        ([("one", "bad"), ("two", "plain"), ("three", "good")], [0, 2]),  # the same letters in other colours
        ([("one", "plain"), ("two", "plain")], None),
    ],
)
def test_only_lines_that_differ_are_drawn(
    after: list[tuple[str, str]], drawn: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = FakePort()

    def words(parts: list[tuple[str, str]]) -> Content:
        return rows(say(each) for each in parts)  # type: ignore[arg-type]

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        card = app.screen.query_one(ChainCard)
        said = [words([("one", "plain"), ("two", "plain"), ("three", "plain")])]
        monkeypatch.setattr(ChainCard, "draw", lambda self, model: said[0])
        card._painted = ()
        card.paint(app.model)
        await settle(pilot, app)
        asked: list[tuple[Region, ...]] = []
        refresh = card.refresh

        def refreshed(*regions: Region) -> None:
            asked.append(regions)
            refresh(*regions)

        monkeypatch.setattr(card, "refresh", refreshed)
        said[0] = words(after)
        card._painted = ()
        card.paint(app.model)
        await settle(pilot, app)
        ys = [region.y for regions in asked for region in regions]
        assert (asked == [()]) if drawn is None else (ys == drawn)
        text = shown(card)
        assert all(any(word in line for line in text) for word, _ in after)
        assert drawn is not None or not any("three" in line for line in text)

    drive(scenario, port)


def test_what_was_drawn_by_lines_is_what_drawing_all_gives() -> None:
    """Every line of Home's cards after many changes, beside the same cards drawn at once."""
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        card = app.screen.query_one(ChainCard)
        for seconds in (3, 5, 64):
            model: Model = app.model
            model.observe(model.now_s + seconds, model.now_ms + seconds * 1000, connected=True, stale=False)
            app.screen.paint(model)  # type: ignore[attr-defined]
            await settle(pilot, app)
            by_lines = shown(card)
            card.refresh()
            await settle(pilot, app)
            assert shown(card) == by_lines

    drive(scenario, port)


def test_the_same_words_on_an_edge_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    port = FakePort()

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await home(pilot, app, port)
        card = app.screen.query_one(ChainCard)
        asked: list[None] = []
        edge(card, Content("5 [peers]"))
        monkeypatch.setattr(card, "refresh", lambda *_, **__: asked.append(None))
        edge(card, Content("5 [peers]"))
        assert not asked
        edge(card, Content("6 [peers]"))
        assert asked

    drive(scenario, port)
