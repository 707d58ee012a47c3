"""The lines of a money form: what they are called, what a person may type into them, and what follows from it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from node.control.actions import DEFAULT_TOLERANCE_PPM, checked_address, unit_of
from node.control.amounts import format_amount, parse_amount
from node.control.errors import ActionRefused, BadAmount

Values = Mapping[str, str]
_PPM_PER_PERCENT: Final = 10_000
_TOLERANCE_PERCENT_MAX: Final = 50
_NETUID_MAX: Final = 65_535
ALL: Final = "all"
YES: Final = "yes"


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in, or with `toggle` a box to tick: its value is `YES` or empty."""

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    toggle: bool = False


def partial_field() -> Field:
    return Field("partial", "partial fill", toggle=True)


def limit_field() -> Field:
    return Field("tolerance", "limit %", _percent(DEFAULT_TOLERANCE_PPM))


def subnet_field(netuid: int) -> Field:
    """Where stake goes that may leave its subnet; it begins with the subnet that it is on."""
    return Field("netuid", "on subnet", str(netuid), placeholder="its number; 0 is root")


def elsewhere(values: Values, netuid: int) -> str:
    """The flags of stake that leaves its subnet on the way; of stake that stays, no pool is touched, so nothing."""
    into = values["netuid"].strip()
    return "" if into in ("", str(netuid)) else f" --to-netuid {into}{limit_words(values)}"


def tolerance_ppm(text: str) -> int:
    """Per cent as people write them, as parts per million. Raises BadAmount."""
    try:
        percent = Decimal(text.strip().removesuffix("%").strip())
        inside = 0 <= percent <= _TOLERANCE_PERCENT_MAX  # what is not a number cannot be compared
    except InvalidOperation as error:
        raise BadAmount(f"{text.strip()[:20]!r} is no limit in per cent.") from error
    if not inside:
        raise BadAmount(f"The limit is 0 to {_TOLERANCE_PERCENT_MAX} %.")
    return int(percent * _PPM_PER_PERCENT)


def amount_field(verb: str, netuid: int, held: int) -> Field:
    unit = unit_of(netuid)
    return Field("amount", f"{verb} {unit}", placeholder=f"{ALL}, or up to {format_amount(held, unit)}")


def all_or(values: Values, held: int, netuid: int) -> int:
    """All that is held, or the amount that was typed, in what is staked on a subnet. Raises BadAmount."""
    return held if values["amount"].strip() == ALL else parse_amount(values["amount"], unit_of(netuid))


def in_shell(values: Values) -> Values:
    """The same for a command to paste into a shell: what was typed stays one word there, and does nothing else."""
    return {name: shlex.quote(text.strip()) if text.strip() else "" for name, text in values.items()}


def is_ticked(values: Values) -> bool:
    return values.get("partial") == YES


def limit_words(values: Values) -> str:
    return f" --tolerance {values['tolerance'].strip()}{' --partial' if is_ticked(values) else ''}"


def netuid_of(text: str) -> int:
    """A subnet's number. Raises ActionRefused."""
    number = text.strip()
    if not (number.isascii() and number.isdecimal() and len(number) <= len(str(_NETUID_MAX))):
        raise ActionRefused(f"{number[:20]!r} is no number of a subnet.", remedy="Screen 6 lists them; 0 is root.")
    return min(int(number), _NETUID_MAX)


def address_of(text: str) -> str:
    return checked_address(text.strip())


def _percent(ppm: int) -> str:
    return f"{Decimal(ppm) / _PPM_PER_PERCENT:f}"
