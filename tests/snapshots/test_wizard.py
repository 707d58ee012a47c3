"""The pages of the first run look as they did. After a wanted change: `SNAP_UPDATE=1`, then look at them."""

import gzip
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.snapshots.test_screens import KEPT, LARGE, SMALL
from tests.unit.tui import recorded
from tests.unit.tui.fake import drive, until
from tests.unit.tui.fake_setup import INVITE
from tests.unit.tui.test_wizard import PASSWORD, away, enter, fill, onward, page, welcome
from tui.app import NeurondApp

Walk = Callable[[Pilot[object], NeurondApp], Awaitable[None]]


async def words(pilot: Pilot[object], app: NeurondApp) -> None:
    await welcome(pilot, app, "n", "m")
    await page(pilot, app, "seal")
    fill(app, password=PASSWORD, again=PASSWORD)
    await onward(pilot, app)
    await page(pilot, app, "words")


async def invite(pilot: Pilot[object], app: NeurondApp) -> None:
    await welcome(pilot, app, "j", "i")
    screen = await page(pilot, app, "invite")
    fill(app, target=INVITE)
    await onward(pilot, app)
    await until(pilot, app, lambda: screen.draft.check is not None)


async def host(pilot: Pilot[object], app: NeurondApp) -> None:
    await invite(pilot, app)
    await enter(pilot, app)
    await page(pilot, app, "role")
    await pilot.press("m")
    await page(pilot, app, "host")


async def review(pilot: Pilot[object], app: NeurondApp) -> None:
    await host(pilot, app)
    await onward(pilot, app)
    await page(pilot, app, "review")


WALKS: dict[str, Walk] = {"words": words, "invite": invite, "host": host, "review": review}


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", WALKS)
def test_the_page_looks_as_it_did(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    taken: list[str] = []

    async def scenario(pilot: Pilot[object], app: NeurondApp) -> None:
        await WALKS[name](pilot, app)
        taken.append(app.export_screenshot(title="neurond", simplify=True))

    drive(scenario, away(kept=(("savings", recorded.COLDKEY),)), size=size)
    got = re.sub(r"terminal-\d+-", "terminal-", taken[0])
    kept = KEPT / f"wizard-{name}-{size[0]}x{size[1]}.svg.gz"
    if os.environ.get("SNAP_UPDATE"):
        kept.write_bytes(gzip.compress(got.encode(), mtime=0))
    if got.encode() != gzip.decompress(kept.read_bytes()):
        (tmp_path / kept.stem).write_text(got, encoding="utf-8")
        pytest.fail(f"{kept.stem} has changed: look at {tmp_path / kept.stem}; SNAP_UPDATE=1 keeps it")
