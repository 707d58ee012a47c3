"""The texts that a form allows, byte by byte: what may follow is a pure function of form and bytes so far.

A state is the set of ways to read the text so far; each way is a stack of what is still to come, its top a terminal
that takes the next byte. Answers are written compactly: no white space but one optional space after `:` and `,`.
Keys come in the order of the schema. Numbers have bounded digits; text is UTF-8 without control characters. Knows
nothing of tokens: `models.masks` brings both together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from models.errors import BadSampling
from models.limits import (
    MAX_EXPONENT_DIGITS,
    MAX_GRAMMAR_STACKS,
    MAX_GRAMMARS_KEPT,
    MAX_NUMBER_DIGITS,
    MAX_SCHEMA_DEPTH,
)
from models.schema import Place, Schema, parse_schema

ANY_OBJECT: Final = "json"
"""The form of an answer that is any JSON object."""

Symbol = tuple[object, ...]
Stack: TypeAlias = "tuple[()] | tuple[Symbol, Stack]"  # what comes next, and what after it
State: TypeAlias = frozenset[Stack]

_DONE: Final[Stack] = ()
_DIGITS: Final = frozenset(b"0123456789")
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_ESCAPES: Final = frozenset(b'"\\/bfnrt')
_QUOTE, _BACKSLASH, _U = 0x22, 0x5C, 0x75
_SURROGATE: Final = frozenset(b"dD")  # \ud8.. would be half a character: refused, the character itself may be written

# Symbols. Terminals: ("text", bytes left), ("choice", texts left, one of which it is), ("chars", most left or -1, least
# left, mode), ("number", phase, digits, whole). Others are written out by `_expand`: ("place", n), ("keys", n, next,
# first), ("items", n, count), ("space",), ("any", depth), ("members", depth, first), ("elements", depth, first),
# ("object", depth).
TEXT, CHOICE, CHARS, NUMBER = "text", "choice", "chars", "number"
_TERMINALS: Final = frozenset({TEXT, CHOICE, CHARS, NUMBER})
PLAIN: Final = 0  # mode of CHARS: between two characters; 1-3 bytes of a character missing; then escapes
_ESCAPE, _HEX4, _HEX1 = 4, 5, 8

_STRING: Final[tuple[Symbol, ...]] = ((TEXT, b'"'), (CHARS, -1, 0, PLAIN))


class Grammar:
    """One form. `start` and `step` are pure; states can be kept and compared."""

    def __init__(self, schema: Schema | None) -> None:
        """`schema` None allows any JSON object."""
        self._places = () if schema is None else schema.places
        first: Symbol = ("object", 0) if schema is None else ("place", 0)
        self.start: State = self._closed([(first, _DONE)])

    def step(self, state: State, byte: int) -> State:
        """The state after one more byte; empty when the form does not allow it."""
        following: list[Stack] = []
        for stack in state:
            following += _take(stack, byte)
        return self._closed(following)

    def run(self, state: State, data: bytes) -> State:
        """The state after more bytes; empty when the form does not allow them."""
        for byte in data:
            state = self.step(state, byte)
            if not state:
                break
        return state

    @staticmethod
    def complete(state: State) -> bool:
        """Whether the text may end here."""
        return _DONE in state

    def _closed(self, stacks: list[Stack]) -> State:
        """The stacks with every top written out until it is a terminal, or nothing is left."""
        done: set[Stack] = set()
        seen: set[Stack] = set()
        while stacks:
            stack = stacks.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if len(seen) > MAX_GRAMMAR_STACKS:
                raise BadSampling("response_format: the schema leaves too many ways to go on at once")
            if not stack or stack[0][0] in _TERMINALS:
                done.add(stack)
                continue
            symbol, rest = stack
            stacks += [_pushed(way, rest) for way in self._expand(symbol)]
        return frozenset(done)

    def _expand(self, symbol: Symbol) -> list[list[Symbol]]:
        match symbol:
            case ("space",):
                return [[], [(TEXT, b" ")]]
            case ("place", int(number)):
                return self._of_place(number, self._places[number])
            case ("keys", int(number), int(following), bool(first)):
                return self._of_keys(number, following, first)
            case ("items", int(number), int(count)):
                return self._of_items(number, count)
            case ("any", int(depth)):
                return _any(depth)
            case ("object", int(depth)):
                return [[(TEXT, b"{"), ("members", depth, True)]]
            case ("members", int(depth), bool(first)):
                member: list[Symbol] = [
                    *_STRING,
                    (TEXT, b":"),
                    ("space",),
                    ("any", depth + 1),
                    ("members", depth, False),
                ]
                return [[(TEXT, b"}")], member if first else [(TEXT, b","), ("space",), *member]]
            case ("elements", int(depth), bool(first)):
                element: list[Symbol] = [("any", depth + 1), ("elements", depth, False)]
                return [[(TEXT, b"]")], element if first else [(TEXT, b","), ("space",), *element]]
        raise BadSampling(f"response_format: {symbol[0]!s:.20} is not understood")

    def _of_place(self, number: int, place: Place) -> list[list[Symbol]]:
        ways: list[list[Symbol]] = [[(CHOICE, place.literals)]] if place.literals else []
        ways += [[("place", each)] for each in place.any_of]
        for kind in place.kinds:
            match kind:
                case "object":
                    ways.append([(TEXT, b"{"), ("keys", number, 0, True)])
                case "any object":
                    ways.append([("object", 0)])
                case "array":
                    ways.append([(TEXT, b"["), ("items", number, 0)])
                case "string":
                    ways.append([(TEXT, b'"'), (CHARS, place.most, place.least, PLAIN)])
                case "number" | "integer":
                    ways.append([(NUMBER, "start", 0, kind == "integer")])
                case "boolean":
                    ways += [[(TEXT, b"true")], [(TEXT, b"false")]]
                case "null":
                    ways.append([(TEXT, b"null")])
                case "any":
                    ways += _any(0)
        return ways

    def _of_keys(self, number: int, following: int, first: bool) -> list[list[Symbol]]:
        ways: list[list[Symbol]] = []
        keys = self._places[number].keys
        for index in range(following, len(keys)):
            key, place, required = keys[index]
            before: list[Symbol] = [] if first else [(TEXT, b","), ("space",)]
            ways.append([*before, (TEXT, key), ("space",), ("place", place), ("keys", number, index + 1, False)])
            if required:
                return ways
        return [*ways, [(TEXT, b"}")]]

    def _of_items(self, number: int, count: int) -> list[list[Symbol]]:
        place = self._places[number]
        ways: list[list[Symbol]] = [[(TEXT, b"]")]] if count >= place.least_items else []
        if place.most_items < 0 or count < place.most_items:
            counted = count + 1 if place.most_items >= 0 else min(count + 1, max(place.least_items, 1))
            item: Symbol = ("place", place.items) if place.items >= 0 else ("any", 0)
            before: list[Symbol] = [] if count == 0 else [(TEXT, b","), ("space",)]
            ways.append([*before, item, ("items", number, counted)])
        return ways


@lru_cache(maxsize=MAX_GRAMMARS_KEPT)
def grammar_of(form: str) -> Grammar:
    """The grammar of a form that is not empty: "json", or the text of a JSON schema. Raises BadSampling."""
    return Grammar(None if form == ANY_OBJECT else parse_schema(form))


def _pushed(symbols: list[Symbol], rest: Stack) -> Stack:
    for symbol in reversed(symbols):
        if symbol != (TEXT, b""):
            rest = (symbol, rest)
    return rest


def _any(depth: int) -> list[list[Symbol]]:
    ways: list[list[Symbol]] = [
        [*_STRING], [(NUMBER, "start", 0, False)],
        [(TEXT, b"true")], [(TEXT, b"false")], [(TEXT, b"null")],
    ]  # fmt: skip
    if depth < MAX_SCHEMA_DEPTH:
        ways += [[("object", depth)], [(TEXT, b"["), ("elements", depth, True)]]
    return ways


# --- terminals ------------------------------------------------------------------------------------------------------


def _take(stack: Stack, byte: int) -> list[Stack]:
    """What a stack becomes by one byte: none, one, or (a number that may be over) two stacks."""
    if not stack:
        return []
    symbol, rest = stack
    match symbol:
        case (str(kind), bytes(left)) if kind == TEXT:
            if left[0] != byte:
                return []
            return [((TEXT, left[1:]), rest) if len(left) > 1 else rest]
        case (str(kind), tuple(texts)) if kind == CHOICE:
            lefts = tuple(text[1:] for text in texts if text[0] == byte)
            more: list[Stack] = [((CHOICE, tuple(filter(None, lefts))), rest)] if any(lefts) else []
            return [*more, rest] if b"" in lefts else more
        case (str(kind), int(most), int(least), int(mode)) if kind == CHARS:
            return _take_char(most, least, mode, byte, rest)
        case (str(kind), str(phase), int(digits), bool(whole)) if kind == NUMBER:
            after = _take_digit(phase, digits, whole, byte)
            if after is None:
                return []
            longer: Stack = ((NUMBER, *after, whole), rest)
            return [longer, rest] if after[0] in ("zero", "digits", "fraction", "power") else [longer]
    return []


def _take_char(most: int, least: int, mode: int, byte: int, rest: Stack) -> list[Stack]:
    def chars(mode: int, counted: bool) -> list[Stack]:
        left = most - 1 if counted and most > 0 else most
        return [((CHARS, left, max(least - 1, 0) if counted else least, mode), rest)]

    if mode == PLAIN:
        if byte == _QUOTE:
            return [rest] if least == 0 else []
        if most == 0 or byte < 0x20:
            return []
        if byte == _BACKSLASH:
            return chars(_ESCAPE, False)
        missing = 0 if byte < 0x80 else 1 if 0xC2 <= byte < 0xE0 else 2 if 0xE0 <= byte < 0xF0 else 3
        if 0x80 <= byte < 0xC2 or byte > 0xF4:
            return []
        return chars(missing, missing == 0)
    if mode < _ESCAPE:
        return chars(mode - 1, mode == 1) if 0x80 <= byte < 0xC0 else []
    if mode == _ESCAPE:
        return chars(PLAIN, True) if byte in _ESCAPES else chars(_HEX4, False) if byte == _U else []
    if byte not in _HEX or (mode == _HEX4 and byte in _SURROGATE):
        return []
    return chars(PLAIN, True) if mode == _HEX1 else chars(mode + 1, False)


def _take_digit(phase: str, digits: int, whole: bool, byte: int) -> tuple[str, int] | None:
    """Phase and count of digits after a byte of a number; None when the byte does not continue it."""
    digit = byte in _DIGITS
    match phase:
        case "start" | "sign":
            if digit:
                return ("zero", 0) if byte == 0x30 else ("digits", 1)
            return ("sign", 0) if byte == 0x2D and phase == "start" else None
        case "digits" if digit:
            return ("digits", digits + 1) if digits < MAX_NUMBER_DIGITS else None
        case "zero" | "digits":
            if whole:
                return None
            return ("point", 0) if byte == 0x2E else ("e", 0) if byte in b"eE" else None
        case "point" | "fraction" if digit:
            return ("fraction", digits + 1) if digits < MAX_NUMBER_DIGITS else None
        case "fraction":
            return ("e", 0) if byte in b"eE" else None
        case "e" if byte in b"+-":
            return ("power sign", 0)
        case "e" | "power sign" | "power" if digit:
            return ("power", digits + 1) if digits < MAX_EXPONENT_DIGITS else None
    return None
