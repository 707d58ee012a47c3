"""The screens look as they did. After a wanted change: `SNAP_UPDATE=1 pytest tests/snapshots`, then look at them."""

import gzip
import os
from pathlib import Path

import pytest

from tests.snapshots.scenes import picture
from tui.options import DEFAULTS, Options

KEPT = Path(__file__).parent / "screens"
SMALL, LARGE = (80, 24), (140, 40)
_BOTH = ("home", "ask", "role", "stake", "trade", "gone", "welcome")
CASES = [(scene, size, "") for scene in _BOTH for size in (SMALL, LARGE)]
CASES += [
    (scene, LARGE, "") for scene in ("tasks", "metagraph", "subnets", "wallet", "governance", "logs", "peers", "qr")
]
CASES += [(scene, SMALL, "") for scene in ("peers", "subnets", "quit", "help", "invite")]
CASES += [(scene, size, "") for scene in ("palette", "doctor") for size in (SMALL, LARGE)]
CASES += [
    ("chutes", LARGE, ""),
    ("chutes", SMALL, ""),
    ("data", LARGE, ""),
    ("data", SMALL, ""),
    ("seat", LARGE, ""),
    ("logs", SMALL, ""),
]
CASES += [("home", LARGE, "neurond-light"), ("home", LARGE, "neurond-contrast")]
CASES += [("home", LARGE, "ascii"), ("stake", SMALL, "ascii")]
_ASCII = Options(ascii_only=True, no_colour=True)


@pytest.mark.parametrize(("scene", "size", "theme"), CASES, ids=[f"{s}-{w}x{h}{t}" for s, (w, h), t in CASES])
def test_the_screen_looks_as_it_did(scene: str, size: tuple[int, int], theme: str, tmp_path: Path) -> None:
    got = picture(scene, size, theme, simplify=True, options=_ASCII if theme == "ascii" else DEFAULTS)
    name = f"{scene}-{size[0]}x{size[1]}{'-' + theme if theme else ''}.svg"
    kept = KEPT / f"{name}.gz"
    if os.environ.get("SNAP_UPDATE"):
        KEPT.mkdir(exist_ok=True)
        kept.write_bytes(gzip.compress(got.encode(), mtime=0))
    if got.encode() != gzip.decompress(kept.read_bytes()):
        (tmp_path / name).write_text(got, encoding="utf-8")
        pytest.fail(f"{name} has changed: look at {tmp_path / name}; SNAP_UPDATE=1 keeps it")
