"""Writes pictures of the screens from recorded data: `python -m tests.snapshots.screenshots FOLDER [scene …]`.

`python -m tests.snapshots.screenshots --readme` writes docs/images/home.png. Needs a Chromium on the PATH and the
font Fira Code for PNG; no network, no node.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.snapshots.scenes import SCENES, picture

ROOT: Final = Path(__file__).resolve().parents[2]
SIZES: Final = ((80, 24), (140, 40))
_README: Final = ("home", (140, 40), ROOT / "docs" / "images" / "home.png")
_RENDER_TIMEOUT_S: Final = 60
_SCALE: Final = 0.75  # keeps the README picture below 300 kB


def main(arguments: list[str]) -> int:
    """Write what was asked for; return the exit status."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if browser is None:
        print("screenshots: no Chromium on the PATH; it turns the SVG into PNG.", file=sys.stderr)
        return 1
    if arguments == ["--readme"]:
        scene, size, target = _README
        target.parent.mkdir(parents=True, exist_ok=True)
        render(browser, picture(scene, size), target)
        return 0
    if not arguments or not set(arguments[1:]) <= set(SCENES):
        print(f"usage: screenshots --readme | FOLDER [{'|'.join(SCENES)} …]", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for scene in arguments[1:] or SCENES:
        for width, height in SIZES:
            render(browser, picture(scene, (width, height)), folder / f"{scene}-{width}x{height}.png")
    return 0


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
