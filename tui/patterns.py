"""Search patterns that take a time in proportion to the text, whatever they are: RE2, with errors in words.

Python's own patterns may run for hours on one line of a log (`(a+)+b`) and cannot be interrupted. Pure.
"""

from typing import Final

import re2

from tui.limits import PATTERN_CHARS_MAX, PATTERN_MEMORY_BYTES

_WORDS: Final = {
    "missing ]": "A [ is not closed",
    "missing )": "A ( is not closed",
    "unexpected )": "A ) closes nothing",
    "no argument for repetition operator": "There is nothing to repeat",
    "bad repetition operator": "A repetition repeats a repetition",
    "invalid repetition size": "Repeats go up to 1000 in all",
    "invalid perl operator": "Look-around is not known here",
    "invalid escape sequence": "This escape is not known here",
    "invalid character class range": "A range ends before it begins",
    "trailing \\": "A \\ stands before nothing",
    "pattern too large": "The pattern is too large; a simpler one finds as much",
}


class PatternError(ValueError):
    """What is wrong with a pattern, as a sentence."""


class Pattern:
    """A pattern that was understood; case does not matter. Raises PatternError."""

    def __init__(self, text: str) -> None:
        if len(text) > PATTERN_CHARS_MAX:
            raise PatternError(f"A pattern has at most {PATTERN_CHARS_MAX} characters.")
        self.text = text
        options = re2.Options()
        options.case_sensitive, options.log_errors, options.max_mem = False, False, PATTERN_MEMORY_BYTES
        try:
            self._compiled = re2.compile(text, options=options)
        except UnicodeEncodeError as error:
            raise PatternError("The pattern has characters that are no text.") from error
        except re2.error as error:
            raise PatternError(_sentence(error)) from error

    def found_in(self, text: str) -> bool:
        """Tell whether the pattern fits anywhere in a line."""
        return self.span_in(text) is not None

    def span_in(self, text: str) -> tuple[int, int] | None:
        """Return the first place in a line."""
        found = self._compiled.search(text.encode("utf-8", "replace").decode())
        return None if found is None else (found.start(), found.end())


def _sentence(error: Exception) -> str:
    said = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
    what, _, where = said.partition(": ")
    words = _WORDS.get(what, f"This is no pattern: {what}")
    return f"{words}: {where}." if where else f"{words}."
