"""Search patterns that take a time in proportion to the text, whatever they are: no back-tracking, a bound on the work.

A pattern is turned into a set of places and, while it reads, into a table of the sets that occur. It knows letters,
`.` `[a-z]` `[^a-z]` `\\d \\w \\s` and their capitals, `( )` `|` `*` `+` `?` `{2,5}` `^` `$`; case does not matter. What
else Python's patterns know (look-around, references back) is refused in words. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from tui.limits import PATTERN_STATES_MAX

REPEAT_MAX: Final = 100  # of {m,n}
PLACES_MAX: Final = 1500  # of one pattern once its repeats are written out
DEPTH_MAX: Final = 30  # of brackets in brackets

Test = Callable[[str], bool]
_CLASSES: Final[dict[str, Test]] = {
    "d": str.isdecimal,
    "w": lambda char: char.isalnum() or char == "_",
    "s": str.isspace,
}
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r"}


class PatternError(ValueError):
    """What is wrong with a pattern, and where."""


@dataclass(slots=True)
class _Place:
    """Reads a char that fits `test`, or (None) goes on without: to all of `to`. `edge` is ^ or $."""

    test: Test | None = None
    edge: str = ""
    to: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the pattern: where it begins, and the places whose way out is open."""

    first: int
    ends: tuple[int, ...]


class Pattern:
    """A pattern that was understood. Raises PatternError at once, and later when it turns out to be too costly."""

    def __init__(self, text: str) -> None:
        self.text = text
        reader = _Reader(text)
        piece = reader.alternatives(0)
        reader.end()
        self._places = reader.places
        self._last = reader.add(_Place())
        for end in piece.ends:
            self._places[end].to.append(self._last)
        self._first = piece.first
        self._begin = self._closed([self._first], at_start=True)
        self._anywhere = self._closed([self._first], at_start=False)
        self._searching: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._fixed: dict[frozenset[int], dict[str, frozenset[int]]] = {}
        self._made = 0

    def found_in(self, text: str) -> bool:
        """Tell whether the pattern fits anywhere in a line."""
        last, places = self._last, self._begin
        table = self._searching
        if last in places:
            return True
        for char in text.lower():
            row = table.get(places)
            following = None if row is None else row.get(char)
            if following is None:
                following = self._step(places, char, table, self._anywhere)
            places = following
            if last in places:
                return True
        return self._ends(places)

    def span_in(self, text: str) -> tuple[int, int] | None:
        """Return the first and longest place in a short text; the work grows with the square of its length."""
        lowered = text.lower()
        for start in range(len(lowered) + 1):
            end = self._longest(lowered, start)
            if end is not None:
                return start, end
        return None

    def _longest(self, text: str, start: int) -> int | None:
        places = self._begin if start == 0 else self._anywhere
        best = start if self._last in places else None
        for at in range(start, len(text)):
            row = self._fixed.get(places)
            following = None if row is None else row.get(text[at])
            if following is None:
                following = self._step(places, text[at], self._fixed, frozenset())
            places = following
            if not places:
                return best
            if self._last in places:
                best = at + 1
        return len(text) if self._ends(places) else best

    def _step(
        self, places: frozenset[int], char: str, table: dict[frozenset[int], dict[str, frozenset[int]]],
        always: frozenset[int],
    ) -> frozenset[int]:  # fmt: skip
        self._made += 1
        if self._made > 16 * PATTERN_STATES_MAX or len(table) > PATTERN_STATES_MAX:
            raise PatternError("This pattern takes too many steps on these lines; make it simpler.")
        nexts = [to for at in places if (place := self._places[at]).test is not None and place.test(char)
                 for to in place.to]  # fmt: skip
        found = self._closed(nexts, at_start=False) | always
        table.setdefault(places, {})[char] = found
        return found

    def _ends(self, places: frozenset[int]) -> bool:
        """Whether the end of the line, where $ fits, completes the pattern."""
        return self._last in self._closed(places, at_start=False, at_end=True)

    def _closed(self, begin: Iterable[int], *, at_start: bool, at_end: bool = False) -> frozenset[int]:
        """All places that are reached without reading a char."""
        found: set[int] = set()
        waiting = list(begin)
        while waiting:
            at = waiting.pop()
            if at in found:
                continue
            place = self._places[at]
            if place.edge == "^" and not at_start:
                continue
            found.add(at)
            if place.test is None and (place.edge != "$" or at_end):
                waiting.extend(place.to)
        return frozenset(found)


class _Reader:
    """Reads a pattern's text into places."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.places: list[_Place] = []

    def add(self, place: _Place) -> int:
        self.places.append(place)
        if len(self.places) > PLACES_MAX:
            raise PatternError("This pattern is too large; repeat less.")
        return len(self.places) - 1

    def end(self) -> None:
        if self._at < len(self._text):
            raise PatternError(f"A ) at {self._at + 1} closes nothing; write \\) for the sign itself.")

    def alternatives(self, depth: int) -> _Piece:
        if depth > DEPTH_MAX:
            raise PatternError("There are too many brackets inside each other.")
        choices = [self._sequence(depth)]
        while self._peek() == "|":
            self._at += 1
            choices.append(self._sequence(depth))
        if len(choices) == 1:
            return choices[0]
        fork = self.add(_Place(to=[each.first for each in choices]))
        return _Piece(fork, tuple(end for each in choices for end in each.ends))

    def _sequence(self, depth: int) -> _Piece:
        empty = self.add(_Place())
        whole = _Piece(empty, (empty,))
        while self._peek() not in ("", "|", ")"):
            whole = self._joined(whole, self._repeated(depth))
        return whole

    def _joined(self, first: _Piece, second: _Piece) -> _Piece:
        for end in first.ends:
            self.places[end].to.append(second.first)
        return _Piece(first.first, second.ends)

    def _repeated(self, depth: int) -> _Piece:
        start = self._at
        piece = self._single(depth)
        sign = self._peek()
        if sign not in ("*", "+", "?", "{"):
            return piece
        if sign == "{":
            least, most = self._numbers()
        else:
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        if self._peek() in ("*", "+", "?", "{"):
            raise PatternError(f"The {self._peek()} at {self._at + 1} repeats a repetition; put brackets around it.")
        after = self._at
        return self._copies(start, after, depth, least, most)

    def _copies(self, start: int, after: int, depth: int, least: int, most: int | None) -> _Piece:
        def copy() -> _Piece:
            self._at = start
            return self._single(depth)

        empty = self.add(_Place())
        whole = _Piece(empty, (empty,))
        for _ in range(least):
            whole = self._joined(whole, copy())
        if most is None:
            loop = self.add(_Place())
            piece = copy()
            self.places[loop].to.append(piece.first)
            for end in piece.ends:
                self.places[end].to.append(loop)
            whole = self._joined(whole, _Piece(loop, (loop,)))
        for _ in range(0 if most is None else most - least):
            fork = self.add(_Place())
            piece = copy()
            self.places[fork].to.append(piece.first)
            whole = _Piece(self._joined(whole, _Piece(fork, ())).first, (fork, *piece.ends))
        self._at = after
        return whole

    def _numbers(self) -> tuple[int, int | None]:
        close = self._text.find("}", self._at)
        inside = self._text[self._at + 1 : close] if close > 0 else ""
        low, comma, high = inside.partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()) or len(inside) > 7:
            raise PatternError(
                f"The {{ at {self._at + 1} is no repetition such as {{2,5}}; write \\{{ for the sign itself."
            )
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if least > REPEAT_MAX or (most is not None and not least <= most <= REPEAT_MAX):
            raise PatternError(f"A repetition is from 0 to {REPEAT_MAX}, the smaller number first.")
        self._at = close + 1
        return least, most

    def _single(self, depth: int) -> _Piece:
        char = self._peek()
        self._at += 1
        match char:
            case "(":
                return self._group(depth)
            case "[":
                return self._test(self._set())
            case ".":
                return self._test(lambda _: True)
            case "^" | "$":
                place = self.add(_Place(edge=char))
                return _Piece(place, (place,))
            case "*" | "+" | "?" | "{":
                raise PatternError(
                    f"The {char} at {self._at} has nothing to repeat; write \\{char} for the sign itself."
                )
            case "\\":
                return self._test(self._escaped())
            case _:
                return self._test(_letter(char))

    def _group(self, depth: int) -> _Piece:
        opened = self._at
        if self._text[self._at : self._at + 2] == "?:":
            self._at += 2
        elif self._peek() == "?":
            raise PatternError(f"The (? at {opened} is not known here; plain brackets are.")
        piece = self.alternatives(depth + 1)
        if self._peek() != ")":
            raise PatternError(f"The ( at {opened} is not closed; write \\( for the sign itself.")
        self._at += 1
        return piece

    def _test(self, test: Test) -> _Piece:
        place = self.add(_Place(test))
        return _Piece(place, (place,))

    def _escaped(self) -> Test:
        char = self._peek()
        if not char:
            raise PatternError("A \\ at the end stands before nothing; write \\\\ for the sign itself.")
        self._at += 1
        known = _CLASSES.get(char.lower())
        if known is not None:
            return known if char.islower() else lambda each: not known(each)
        if char in _ESCAPES:
            return _letter(_ESCAPES[char])
        if char.isalnum():
            raise PatternError(f"\\{char} at {self._at - 1} is not known here; \\d, \\w and \\s are.")
        return _letter(char)

    def _set(self) -> Test:
        opened = self._at
        inverse = self._peek() == "^"
        self._at += inverse
        tests: list[Test] = []
        while self._peek() != "]" or not tests:
            if not self._peek():
                raise PatternError(f"The [ at {opened} is not closed; write \\[ for the sign itself.")
            tests.append(self._member())
        self._at += 1
        return (lambda char: not any(test(char) for test in tests)) if inverse else (
            lambda char: any(test(char) for test in tests)
        )  # fmt: skip

    def _member(self) -> Test:
        low = self._peek()
        self._at += 1
        if low == "\\":
            return self._escaped()
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return _letter(low)
        high = self._text[self._at + 1]
        self._at += 2
        if high < low or high == "\\":
            raise PatternError(f"The range {low}-{high} at {self._at - 2} ends before it begins.")
        return lambda char: low <= char <= high or low <= char.upper() <= high

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]


def _letter(char: str) -> Test:
    lowered = char.lower()
    return lambda each: each == lowered
