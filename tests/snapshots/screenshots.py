"""Writes pictures of the screens from recorded data: `python -m tests.snapshots.screenshots FOLDER [scene …]`.

`python -m tests.snapshots.screenshots --pages HOME` writes docs/images from the node that runs on HOME, after watching
it for a while and asking it a question. Needs a Chromium on the PATH and the font Fira Code for PNG.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.snapshots.scenes import SCENES, picture
from tui.app import NeurondApp
from tui.local import LocalPort, SystemClock

ROOT: Final = Path(__file__).resolve().parents[2]
SIZES: Final = ((80, 24), (140, 40))
_IMAGES: Final = ROOT / "docs" / "images"
_WATCH_S: Final = 45  # two epochs of a devnet, so that the charts have something to show
_LOOK_S: Final = 3.0  # until a screen has asked for what it shows
_QUESTION: Final = "What is a blockchain? Explain it in two sentences."
_ANSWER_S: Final = 12.0  # the answer of a small model, its receipt included
_KEYS: Final = {"home": "1", "tasks": "3", "metagraph": "4", "stake": "5", "peers": "P"}  # what else the pages show
_RENDER_TIMEOUT_S: Final = 60
_SCALE: Final = 0.75  # keeps the README picture below 300 kB


def main(arguments: list[str]) -> int:
    """Write what was asked for; return the exit status."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if browser is None:
        print("screenshots: no Chromium on the PATH; it turns the SVG into PNG.", file=sys.stderr)
        return 1
    if len(arguments) == 2 and arguments[0] == "--pages":
        for name, svg in asyncio.run(watch(Path(arguments[1]))).items():
            render(browser, svg, _IMAGES / f"{name}.png")
        return 0
    if not arguments or not set(arguments[1:]) <= set(SCENES):
        print(f"usage: screenshots --pages HOME | FOLDER [{'|'.join(SCENES)} …]", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for scene in arguments[1:] or SCENES:
        for width, height in SIZES:
            render(browser, picture(scene, (width, height)), folder / f"{scene}-{width}x{height}.png")
    return 0


async def watch(home: Path) -> dict[str, str]:
    """Return screens of the node that runs on `home` as SVG by name, after watching it and asking a question."""
    app = NeurondApp(LocalPort(home), SystemClock())
    taken = {}
    async with app.run_test(size=(140, 40)) as pilot:
        for _ in range(_WATCH_S):
            await pilot.pause(1.0)
        await pilot.press("2", *_QUESTION, "enter")
        await pilot.pause(_ANSWER_S)
        taken["ask"] = app.export_screenshot(title="neurond")
        await pilot.press("escape")
        for name, key in _KEYS.items():
            await pilot.press(key)
            await pilot.pause(_LOOK_S)
            taken[name] = app.export_screenshot(title="neurond")
    return taken


def render(browser: str, svg: str, target: Path) -> None:
    """Turn an SVG into a PNG of its own size."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if found is None:
        raise ValueError("the picture has no size")
    width, height = (int(float(each)) + 1 for each in found.groups())
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "picture.svg"
        page.write_text(svg, encoding="utf-8")
        subprocess.run(
            [
                browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--default-background-color=00000000", f"--force-device-scale-factor={_SCALE}",
                f"--user-data-dir={folder}/profile", f"--window-size={width},{height}",
                f"--screenshot={target}", page.as_uri(),
            ],
            check=True, capture_output=True, timeout=_RENDER_TIMEOUT_S,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
