"""Numbers, times and foreign words as short text for people.

Everything here takes whatever a node may say, however absurd, and never raises; text from the network is stripped of
control and direction characters and is never read as markup.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size

from tui.limits import LINE_CHARS_MAX

RAO_PER_TAO: Final = 10**9
_LARGEST: Final = 1e300  # so that sums and products of a few stay finite
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_KEPT_IN_BLOCKS: Final = "\n"


def clean(text: str, chars_max: int = LINE_CHARS_MAX) -> str:
    """Return one line of printable text: control and direction characters become spaces, combining ones stay few."""
    return _without_towers(_FORBIDDEN.sub(" ", text[:chars_max]))


def clean_block(text: str, chars_max: int) -> str:
    """Return printable text that keeps its line breaks."""
    whole = text[:chars_max].replace("\r\n", "\n").replace("\t", "    ")
    return "\n".join(clean(line, chars_max) for line in whole.split(_KEPT_IN_BLOCKS))


def _without_towers(text: str) -> str:
    """Drop combining marks beyond two in a row, which would paint over neighbouring lines."""
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= 2 and unicodedata.category(char) != "Cn":
            kept.append(char)
    return "".join(kept)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Return `text` at exactly `cells` columns: padded, or cut with an ellipsis."""
    if cells <= 0:
        return ""
    width = cell_len(text)
    if width > cells:
        return set_cell_size(text, cells - 1).rstrip() + "…" + " " * _missing(text, cells)
    padding = " " * (cells - width)
    return padding + text if right else text + padding


def _missing(text: str, cells: int) -> int:
    return cells - 1 - cell_len(set_cell_size(text, cells - 1).rstrip())


def cut(text: str, cells: int) -> str:
    """Return `text` in at most `cells` columns."""
    return fit(text, cells).rstrip() if cell_len(text) > cells else text


def count(number: int) -> str:
    """1204551 → 1,204,551; beyond 10^15 in powers of ten."""
    return f"{number:,}" if abs(number) < 10**15 else f"{float_of(number):.3g}"


def tau(rao: int, *, sign: bool = False) -> str:
    """Return an amount in τ, with as many digits as its size deserves."""
    return f"{_amount(rao, sign)} τ"


def alpha(amount: int, *, sign: bool = False) -> str:
    """Return an amount in α."""
    return f"{_amount(amount, sign)} α"


def price(rao: int) -> str:
    """Return the τ price of one α."""
    whole = float_of(rao) / RAO_PER_TAO
    return f"{whole:.4f}" if abs(whole) < 1e9 else f"{whole:.3g}"


def _amount(rao: int, sign: bool) -> str:
    whole = float_of(rao) / RAO_PER_TAO
    size = abs(whole)
    plus = "+" if sign else ""
    if size >= 1e12:
        return f"{whole:{plus}.3g}"
    digits = 2 if size >= 1000 else 3 if size >= 1 else 4 if size >= 0.001 or size == 0 else 9
    return f"{whole:{plus},.{digits}f}"


def float_of(number: float) -> float:
    """Return a finite float for any number, however large."""
    try:
        value = min(max(float(number), -_LARGEST), _LARGEST)
    except OverflowError:
        return _LARGEST if number > 0 else -_LARGEST
    return 0.0 if math.isnan(value) else value


def duration(seconds: float) -> str:
    """3 d 4 h, 12 m 05 s, 45 s: the two largest units."""
    total = int(max(0.0, min(float_of(seconds), 1e12)))
    days, rest = divmod(total, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{count(days)}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {secs:02}s" if minutes else f"{secs}s"


def millis(ms: float | None) -> str:
    """8 ms, 410 ms, 1.9 s."""
    if ms is None:
        return "–"
    value = max(0.0, float_of(ms))
    if value < 1:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s" if value < 100_000 else duration(value / 1000)


def size(number: int) -> str:
    """270 MB, in powers of ten."""
    value = float_of(number)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit != "GB" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB" if abs(value) < 1e6 else f"{value:.3g} TB"


def per_cent(fraction: float, digits: int = 0) -> str:
    """0.642 → 64 %."""
    return f"{min(max(100 * float_of(fraction), -9999), 9999):.{digits}f} %"


def u16(share: int | None) -> str:
    """A share of 65 535 as per cent; – for None."""
    return "–" if share is None else per_cent(float_of(share) / 65_535, 1)


def short(identity: str | None, head: int = 4, tail: int = 4) -> str:
    """12D3KooW…k9Qa → 12D3…k9Qa."""
    word = clean(identity or "")
    if not word.strip():
        return "–"
    return word if len(word) <= head + tail + 1 else f"{word[:head]}…{word[-tail:]}"


def time_of_day(time_ms: int, offset_s: int) -> str:
    """Return HH:MM:SS of Unix milliseconds at an offset from UTC; a time out of range shows as dashes."""
    if not 0 <= time_ms < 10**15:
        return "--:--:--"
    seconds = (time_ms // 1000 + offset_s) % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def gauge(fraction: float, cells: int) -> tuple[str, str]:
    """Return the full and the empty part of a bar."""
    full = round(min(max(float_of(fraction), 0.0), 1.0) * cells)
    return "▰" * full, "▱" * (cells - full)


def spark(values: Sequence[float], cells: int, top_min: float = 0.0) -> str:
    """Return the latest `cells` values as a row of bars, between zero and their maximum or at least `top_min`."""
    latest = [max(0.0, float_of(value)) for value in values[-cells:]] if cells > 0 else []
    top = max([*latest, top_min], default=0.0)
    if top <= 0:
        return _SPARKS[0] * len(latest)
    return "".join(_SPARKS[min(7, int(8 * value / top))] for value in latest)


def plural(number: int, one: str, many: str = "") -> str:
    """1 peer, 2 peers."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
