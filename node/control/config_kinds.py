"""The kinds of values that settings have: how each is checked, written in TOML and read from a line of text.

A checked value is what TOML can hold: a truth value, an integer, text, or a tuple of texts or integers. Amounts and
percentages are exact text, never floats. A check raises ValueError with words that fit behind a key: "is …".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from node.control.errors import BadAmount
from node.control.limits import CONFIG_LIST_MAX, CONFIG_TEXT_CHARS_MAX

Value = bool | int | str | tuple[str, ...] | tuple[int, ...]
Schema = dict[str, object]
"""A piece of a JSON Schema; JSON has no narrower type."""

NONE: Final = "none"
PPM_DIGITS: Final = 4  # parts per million are percent with four digits
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,2})(?:\.(\d{1,4}))?\s*%?", re.ASCII)
_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value. `check` takes what TOML gave, `read` a text; `words` says what is allowed."""

    words: str
    schema: Schema
    check: Callable[[object], Value]
    read: Callable[[str], object]
    choices: tuple[str, ...] = ()
    many: bool = False


def show(value: Value | None) -> str:
    """Return a value as one line for people; the empty text for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return str(value)


def truth() -> Kind:
    """True or false."""

    def check(given: object) -> Value:
        if not isinstance(given, bool):
            raise ValueError(f"must be true or false, not {_shown(given)}")
        return given

    def read(text: str) -> object:
        word = text.strip().lower()
        if word not in (*_TRUE, *_FALSE):
            raise ValueError(f"must be true or false, not {_shown(text)}")
        return word in _TRUE

    return Kind("true or false", {"type": "boolean"}, check, read, ("true", "false"))


def whole(least: int, most: int, *, none: bool = False, extra: tuple[int, ...] = ()) -> Kind:
    """A whole number from `least` to `most`, one of `extra`, or the word none where that is said."""
    others = [*(f"{each}" for each in extra), *((NONE,) * none)]
    words = " or ".join([*others, f"a whole number from {least} to {most}"])
    number: Schema = {"type": "integer", "minimum": least, "maximum": most}
    schema: Schema = (
        {"anyOf": [*({"const": each} for each in (*extra, *((NONE,) * none))), number]} if others else number
    )

    def check(given: object) -> Value:
        if none and given == NONE:
            return NONE
        if isinstance(given, bool) or not isinstance(given, int):
            raise ValueError(f"must be {words}, not {_shown(given)}")
        if not least <= given <= most and given not in extra:
            raise ValueError(f"must be {words}, not {_shown(given)}")
        return given

    def read(text: str) -> object:
        word = text.strip()
        return int(word) if _INTEGER.fullmatch(word) else word

    return Kind(words, schema, check, read)


def choice(*allowed: str) -> Kind:
    """One of a few words."""

    def check(given: object) -> Value:
        if given not in allowed or not isinstance(given, str):
            raise ValueError(f"must be one of {', '.join(allowed)}, not {_shown(given)}")
        return given

    return Kind(f"one of {', '.join(allowed)}", {"enum": list(allowed)}, check, str.strip, allowed)


def line(words: str, problem: Callable[[str], str | None] | None = None) -> Kind:
    """A line of text; `problem` says what is wrong with it, None for nothing."""

    def check(given: object) -> Value:
        if not isinstance(given, str):
            raise ValueError(f"must be {words}, in quotes, not {_shown(given)}")
        if not given or len(given) > CONFIG_TEXT_CHARS_MAX or not given.isprintable():
            raise ValueError(f"must be {words}: 1 to {CONFIG_TEXT_CHARS_MAX} printable characters")
        fault = None if problem is None else problem(given)
        if fault is not None:
            raise ValueError(fault)
        return given

    schema: Schema = {"type": "string", "minLength": 1, "maxLength": CONFIG_TEXT_CHARS_MAX}
    return Kind(words, schema, check, str.strip)


def amount() -> Kind:
    """An exact amount of τ, kept as text."""
    from node.control.amounts import parse_amount

    words = 'an amount of τ such as "12.5"'

    def check(given: object) -> Value:
        if isinstance(given, bool) or not isinstance(given, int | str | Decimal):
            raise ValueError(f"must be {words}, not {_shown(given)}")
        text = f"{given:f}" if isinstance(given, Decimal) else str(given).strip()
        try:
            parse_amount(text, "τ")
        except BadAmount as error:
            raise ValueError(f"must be {words}: {error.message}") from error
        return text

    return Kind(words, {"type": ["string", "number"]}, check, str.strip)


def percent() -> Kind:
    """A part of a hundred below 100 with at most four digits after the point, kept as text."""
    words = 'percent below 100 such as "0.5"'

    def check(given: object) -> Value:
        if isinstance(given, bool) or not isinstance(given, int | str | Decimal):
            raise ValueError(f"must be {words}, not {_shown(given)}")
        text = f"{given:f}" if isinstance(given, Decimal) else str(given).strip()
        if not _PERCENT.fullmatch(text):
            raise ValueError(f"must be {words}, not {_shown(text)}")
        return text.removesuffix("%").strip()

    return Kind(words, {"type": ["string", "number"]}, check, str.strip)


def several(one: Kind, most: int = CONFIG_LIST_MAX) -> Kind:
    """A list of values of one kind; as text with commas between them."""
    words = f"a list of at most {most}, each {one.words}"

    def check(given: object) -> Value:
        if not isinstance(given, list | tuple):
            raise ValueError(f"must be {words}, in [brackets], not {_shown(given)}")
        if len(given) > most:
            raise ValueError(f"has {len(given)} entries; at most {most} are allowed")
        checked = []
        for number, each in enumerate(given, 1):
            try:
                checked.append(one.check(each))
            except ValueError as error:
                raise ValueError(f"entry {number} {error}") from error
        return tuple(checked)  # type: ignore[return-value]  # all of one kind

    def read(text: str) -> object:
        return [one.read(part) for part in text.split(",") if part.strip()]

    schema: Schema = {"type": "array", "items": one.schema, "maxItems": most}
    return Kind(words, schema, check, read, one.choices, many=True)


def percent_ppm(text: str) -> int:
    """Return a checked percentage as parts per million."""
    return int(Decimal(text).scaleb(PPM_DIGITS))


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ' Did you mean …?' for a name that is close to a known one, else the empty text."""
    import difflib  # only when something is wrong

    found = difflib.get_close_matches(name[:100], known, 1, 0.6)
    return f" Did you mean {found[0]}?" if found else ""


def _shown(given: object) -> str:
    text = repr(given) if isinstance(given, str) else str(given).lower() if isinstance(given, bool) else str(given)
    return text if len(text) <= 40 else f"{text[:39]}…"
