"""Amounts of τ and α as people write and read them, exact in both directions: never through a float."""

import re
from decimal import Decimal
from typing import Final

from node.control.errors import BadAmount
from node.primitives.types import MAX_SUPPLY_RAO, RAO_PER_TAO, ROOT_NETUID

_DECIMALS: Final = 9
_TEXT_CHARS_MAX: Final = 40  # the largest amount has 18 characters; the rest is room for spaces and a unit
_NUMBER: Final = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?", re.ASCII)
_ZERO: Final = re.compile(r"0+(\.0+)?")
_UNITS: Final = {"τ": "τ", "tao": "τ", "α": "α", "alpha": "α"}


def parse_amount(text: str, unit: str = "") -> int:
    """Return the amount in units of 10^-9 (rao for τ); "12.5", "1,000", "3 τ" and "0.1 alpha" are understood.

    With `unit` ("τ" or "α") the other one is refused: nobody who writes "10 alpha" wants to send 10 τ.

    Raises:
        BadAmount: no number, the other unit, negative, zero, more than nine decimals, or more than there can ever be.
    """
    shown = text.strip()[:_TEXT_CHARS_MAX]
    number = shown.lower()
    written = next((each for each in _UNITS if number.endswith(each)), "")
    number = number.removesuffix(written).rstrip()
    if unit and written and _UNITS[written] != unit:
        raise BadAmount(f"{shown!r} is not counted in {unit}, but this amount is.")
    found = _NUMBER.fullmatch(number) if len(text) <= _TEXT_CHARS_MAX else None
    if found is None:
        raise BadAmount(f"{shown!r} is no amount.")
    if len(found[2] or "") > _DECIMALS:
        raise BadAmount(f"{shown!r} has more than {_DECIMALS} digits after the point; smaller parts do not exist.")
    amount = int(Decimal(number.replace(",", "")).scaleb(_DECIMALS))
    if amount == 0:
        raise BadAmount("An amount must be more than zero.")
    if amount > MAX_SUPPLY_RAO:
        raise BadAmount(f"{shown!r} is more than there can ever be.")
    return amount


def parse_price(text: str) -> int:
    """Return a price or a limit in rao; unlike an amount it may be zero. Raises BadAmount as `parse_amount` does."""
    return 0 if _ZERO.fullmatch(text.strip()) else parse_amount(text, "τ")


def format_amount(amount: int, unit: str = "τ", decimals: int = _DECIMALS) -> str:
    """Return "1,234.5 τ": grouped, at most `decimals` digits after the point (rounded toward zero), no idle zeros."""
    whole, part = divmod(abs(amount), RAO_PER_TAO)
    digits = f"{part:0{_DECIMALS}d}"[:decimals].rstrip("0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}{'.' + digits if digits else ''} {unit}".rstrip()


def format_ppm(ppm: int) -> str:
    """Return parts per million as "0.99 %"."""
    return f"{Decimal(ppm).scaleb(-4).normalize():f} %"


def unit_of(netuid: int) -> str:
    """Return the letter of what is staked on a subnet: τ on root, α elsewhere."""
    return "τ" if netuid == ROOT_NETUID else "α"
