"""Text in Unicode's form NFC, in a time that grows with its length alone.

The standard library sorts the marks of one letter by insertion: a stranger's letter with a hundred thousand marks would
hold the event loop for minutes. Marks in order cost it nothing, so long runs are put in order first.
"""

import re
import unicodedata
from functools import cache
from typing import Final

_FEW: Final = 64  # marks of one letter; honest texts have a handful
_MARKS: Final = range(0x300, 0x20000)  # no mark lies outside
_PAIRS: Final = {0x0344: "\u0308\u0301", 0x0F73: "\u0f71\u0f72", 0x0F75: "\u0f71\u0f74", 0x0F81: "\u0f71\u0f80"}
"""The characters that stand for two marks, and so can hide in a run of them."""


def nfc(text: str) -> str:
    """Return `text` in the form NFC, as `unicodedata.normalize` does."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _long_runs().sub(_in_order, text))


@cache
def _long_runs() -> "re.Pattern[str]":
    marks = "".join(chr(each) for each in _MARKS if unicodedata.combining(chr(each)) or each in _PAIRS)
    return re.compile(f"[{marks}]{{{_FEW},}}")


def _in_order(found: "re.Match[str]") -> str:
    """The same marks in canonical order, on which the form does not depend."""
    return "".join(sorted(found[0].translate(_PAIRS), key=unicodedata.combining))
