"""Orders to a wallet in words, such as "buy 10 sn4": what they mean, exactly or not at all.

A fixed grammar and no model: nothing here guesses, and nothing is carried out. Whoever reads an order shows what it
means before anything is signed.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from node.control.amounts import parse_amount
from node.control.errors import BadAmount, BadOrder

Verb = Literal["buy", "sell", "swap", "send", "balance", "price"]

ORDER_CHARS_MAX: Final = 400  # two addresses of 48 letters and some words
TOLERANCE_PERCENT_MAX: Final = 50  # beyond it a limit on the price limits nothing
FORMS: Final = (
    "buy AMOUNT snN [at HOTKEY] [within P%]",
    "sell AMOUNT|all snN [at HOTKEY] [within P%]",
    "swap AMOUNT|all snN snM [at HOTKEY] [within P%]",
    "send AMOUNT WHOM",
    "balance [WHOM]",
    "price snN",
)
_VERBS: Final[dict[str, Verb]] = {
    "buy": "buy", "stake": "buy", "sell": "sell", "unstake": "sell", "swap": "swap", "exchange": "swap",
    "send": "send", "pay": "send", "transfer": "send", "balance": "balance", "price": "price",
}  # fmt: skip
_FILLERS: Final = frozenset({"of", "on", "in", "into", "from", "for", "to", "subnet", "my", "the"})
_UNITS: Final = {"tao": "τ", "τ": "τ", "alpha": "α", "α": "α"}
_COUNTS_IN: Final[dict[Verb, str]] = {"buy": "τ", "send": "τ", "sell": "α", "swap": "α"}
_PLACE_IN_SWAP: Final = {"from": 1, "to": 2, "into": 2, "for": 2}  # behind the amount; behind that and the first subnet
_SUBNETS: Final[dict[Verb, int]] = {"buy": 1, "sell": 1, "swap": 2, "send": 0, "balance": 0, "price": 1}
_SUBNET: Final = re.compile(r"(?:sn|#)?(\d{1,5})", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,2})(?:\.(\d{1,4}))?%?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `amount` is in units of 10^-9, None for all; `whom` an address or a name; tolerance in ppm."""

    verb: Verb
    amount: int | None = None
    netuids: tuple[int, ...] = ()
    whom: str = ""
    hotkey: str = ""
    tolerance_ppm: int | None = None


def read_order(text: str) -> Order:
    """What an order means. Raises BadOrder, and BadAmount for a number that is none."""
    if len(text) > ORDER_CHARS_MAX:
        raise BadOrder(f"An order has at most {ORDER_CHARS_MAX} characters.")
    words = text.split()
    verb = _VERBS.get(words[0].lower().removeprefix("/")) if words else None
    if verb is None:
        raise BadOrder(f"{words[0][:20]!r} is no order." if words else "The order is empty.")
    rest, hotkey, tolerance = _tail(verb, words[1:])
    amount: int | None = None
    if verb in ("buy", "sell", "swap", "send"):
        amount, rest = _amount(verb, rest)
    netuids: list[int] = []
    whom: list[str] = []
    for word in rest:
        if len(netuids) < _SUBNETS[verb]:
            netuids.append(_netuid(word))
        else:
            whom.append(word)
    if len(netuids) < _SUBNETS[verb]:
        raise BadOrder("A subnet is missing." if verb != "swap" else "A swap names two subnets: from and to.")
    if len(whom) > (verb in ("send", "balance")):
        raise BadOrder(f"{whom[-1][:20]!r} is one word too many.")
    if verb == "send" and not whom:
        raise BadOrder("Whom to send it to is missing.")
    return Order(verb, amount, tuple(netuids), whom[0] if whom else "", hotkey, tolerance)


def _tail(verb: Verb, words: list[str]) -> tuple[list[str], str, int | None]:
    """The words without fillers, and what stands behind `at` and `within`."""
    rest: list[str] = []
    named: dict[str, str] = {}
    line = iter(words)
    for word in line:
        lower = word.lower()
        if lower in ("at", "within"):
            value = next(line, "")
            if not value or lower in named or verb not in ("buy", "sell", "swap"):
                raise BadOrder(f"`{lower}` has no place there.")
            named[lower] = value
        elif lower in _UNITS:
            _check_unit(verb, lower)
        elif verb == "swap" and _PLACE_IN_SWAP.get(lower, len(rest)) != len(rest):
            raise BadOrder(f"`{lower}` stands in the wrong place: a swap names the subnet it comes from first.")
        elif lower not in _FILLERS:
            rest.append(word)
    return rest, named.get("at", ""), _tolerance(named["within"]) if "within" in named else None


def _check_unit(verb: Verb, word: str) -> None:
    """Refuse an amount in the other unit: nobody who writes "buy 10 alpha" wants to pay 10 τ."""
    unit = next((_UNITS[each] for each in _UNITS if word.endswith(each)), "")
    if unit and unit != _COUNTS_IN.get(verb, unit):
        raise BadOrder(f"`{verb}` counts in {_COUNTS_IN[verb]}, not in {unit}.")


def _amount(verb: Verb, rest: list[str]) -> tuple[int | None, list[str]]:
    if not rest:
        raise BadOrder("An amount is missing.")
    if rest[0].lower() == "all":
        if verb not in ("sell", "swap"):
            raise BadOrder("Say how much: `all` is for what is staked.")
        return None, rest[1:]
    _check_unit(verb, rest[0].lower())
    try:
        return parse_amount(rest[0]), rest[1:]
    except BadAmount as error:
        raise BadOrder(error.message) from error


def _netuid(word: str) -> int:
    found = _SUBNET.fullmatch(word.lower())
    if found is None or int(found[1]) > 65_535:
        raise BadOrder(f"{word[:20]!r} is no subnet; write sn4.")
    return int(found[1])


def _tolerance(word: str) -> int:
    found = _PERCENT.fullmatch(word)
    if found is None:
        raise BadOrder(f"{word[:20]!r} is no tolerance; write 0.5%.")
    ppm = int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0"))
    if ppm > TOLERANCE_PERCENT_MAX * 10_000:
        raise BadOrder(f"A tolerance is 0 to {TOLERANCE_PERCENT_MAX} %.")
    return ppm
