"""Amounts that know their unit: τ, or α of one subnet. Whole numbers inside; never a float.

τ and α of a subnet have different prices, so that adding them has no meaning: it is refused, by the type checker where
the text says so and at run time always. `Balance` must never convert by a price; quotes of the node do.
"""

from decimal import Decimal, InvalidOperation
from typing import Final, Self, final

from node.control.amounts import format_amount
from node.control.errors import BadAmount
from node.primitives.types import RAO_PER_TAO
from node.sdk.errors import UnitMismatch
from node.sdk.limits import AMOUNT_MAX, BALANCE_TEXT_CHARS_MAX

_DECIMALS: Final = 9
TAO_NETUID: Final = 0
Number = int | str | Decimal


@final
class Balance:
    """An exact amount: `rao` counts units of 10^-9 τ (netuid 0) or of 10^-9 α of subnet `netuid`.

    Immutable, hashable, may be negative (a difference). Made by `tao("2.5")`, `alpha("2.5", netuid=1)`, `rao(1)` or the
    `from_…` methods. Amounts of two units are never equal; their sum and their order raise UnitMismatch.
    """

    __slots__ = ("_netuid", "_rao")

    def __init__(self, rao: int, netuid: int = TAO_NETUID) -> None:
        """`rao`: units of 10^-9, within ±2^63; `netuid`: 0 for τ, else whose α (u16). Raises BadAmount, TypeError."""
        if isinstance(rao, bool) or not isinstance(rao, int) or isinstance(netuid, bool) or not isinstance(netuid, int):
            raise TypeError("A Balance is made from whole numbers of rao; use Balance.from_tao for τ.")
        if abs(rao) > AMOUNT_MAX:
            raise BadAmount("This is more than any balance can hold.")
        if not 0 <= netuid <= 0xFFFF:
            raise BadAmount(f"There can be no subnet {netuid}.")
        self._rao = rao
        self._netuid = netuid

    @classmethod
    def from_rao(cls, amount: int, netuid: int = TAO_NETUID) -> Self:
        """Return `amount` units of 10^-9 τ, or of 10^-9 α when a netuid is given."""
        return cls(amount, netuid)

    @classmethod
    def from_tao(cls, amount: Number) -> Self:
        """Return whole τ: an int, a text ("2.5") or a Decimal. A float is refused: 0.1 is none. Raises BadAmount."""
        return cls(_units(amount))

    @classmethod
    def from_alpha(cls, amount: Number, netuid: int) -> Self:
        """Return whole α of subnet `netuid` (not 0: root holds τ), as `from_tao`."""
        if netuid == TAO_NETUID:
            raise UnitMismatch("Root (netuid 0) holds τ, not α.", remedy="Use Balance.from_tao.")
        return cls(_units(amount), netuid)

    @property
    def rao(self) -> int:
        """The amount in units of 10^-9."""
        return self._rao

    @property
    def netuid(self) -> int:
        """0 for τ, else the subnet whose α this is."""
        return self._netuid

    @property
    def tao(self) -> Decimal:
        """The exact amount of whole τ. Raises UnitMismatch for α."""
        if self._netuid != TAO_NETUID:
            raise UnitMismatch(f"This is α of subnet {self._netuid}, not τ.")
        return self.whole

    @property
    def alpha(self) -> Decimal:
        """The exact amount of whole α. Raises UnitMismatch for τ."""
        if self._netuid == TAO_NETUID:
            raise UnitMismatch("This is τ, not α.")
        return self.whole

    @property
    def whole(self) -> Decimal:
        """The exact amount of whole τ or α, whichever this is."""
        return Decimal(self._rao).scaleb(-_DECIMALS)

    @property
    def unit(self) -> str:
        """ "τ", or "α1" for α of subnet 1."""
        return "τ" if self._netuid == TAO_NETUID else f"α{self._netuid}"

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(self._rao + self._same(other), self._netuid)

    def __sub__(self, other: "Balance") -> "Balance":
        return Balance(self._rao - self._same(other), self._netuid)

    def __radd__(self, other: object) -> "Balance":
        """Let `sum` begin with its 0, and nothing else."""
        if isinstance(other, int) and other == 0:
            return self
        raise UnitMismatch(f"{other!r} has no unit.", remedy="Write tao(…) or alpha(…, netuid) around it.")

    def __neg__(self) -> "Balance":
        return Balance(-self._rao, self._netuid)

    def __mul__(self, factor: int) -> "Balance":
        if isinstance(factor, bool) or not isinstance(factor, int):
            raise TypeError("A Balance is multiplied by whole numbers only; anything else would round in secret.")
        return Balance(self._rao * factor, self._netuid)

    __rmul__ = __mul__

    def __floordiv__(self, parts: int) -> "Balance":
        """Return one of `parts` equal parts, rounded down."""
        if isinstance(parts, bool) or not isinstance(parts, int):
            raise TypeError("A Balance is divided by whole numbers only.")
        return Balance(self._rao // parts, self._netuid)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Balance) and (self._rao, self._netuid) == (other._rao, other._netuid)

    def __hash__(self) -> int:
        return hash((self._rao, self._netuid))

    def __lt__(self, other: "Balance") -> bool:
        return self._rao < self._same(other)

    def __le__(self, other: "Balance") -> bool:
        return self._rao <= self._same(other)

    def __gt__(self, other: "Balance") -> bool:
        return self._rao > self._same(other)

    def __ge__(self, other: "Balance") -> bool:
        return self._rao >= self._same(other)

    def __bool__(self) -> bool:
        return self._rao != 0

    def __str__(self) -> str:
        return format_amount(self._rao, self.unit)

    def __repr__(self) -> str:
        return f"Balance({self})"

    def __format__(self, spec: str) -> str:
        """`f"{amount:.2}"` shows two digits after the point, rounded toward zero; no spec shows all that matter."""
        if not spec:
            return str(self)
        digits = spec.removeprefix(".")
        if not spec.startswith(".") or not digits.isascii() or not digits.isdigit() or int(digits) > _DECIMALS:
            raise ValueError(f"{spec!r} is no format of an amount; write .0 to .{_DECIMALS}.")
        return format_amount(self._rao, self.unit, int(digits))

    def _same(self, other: object) -> int:
        if not isinstance(other, Balance):
            raise UnitMismatch(f"{other!r} has no unit.", remedy="Write tao(…) or alpha(…, netuid) around it.")
        if other._netuid != self._netuid:
            raise UnitMismatch(f"{self} and {other} are different things.")
        return other._rao


def tao(amount: Number) -> Balance:
    """Return whole τ: `tao(3)`, `tao("2.5")`. Raises BadAmount; a float is refused."""
    return Balance.from_tao(amount)


def alpha(amount: Number, netuid: int) -> Balance:
    """Return whole α of a subnet: `alpha("2.5", 1)`. Raises BadAmount, UnitMismatch."""
    return Balance.from_alpha(amount, netuid)


def rao(amount: int, netuid: int = TAO_NETUID) -> Balance:
    """Return units of 10^-9 τ, or of 10^-9 α of `netuid`."""
    return Balance.from_rao(amount, netuid)


def units_of(amount: Balance, netuid: int, what: str) -> int:
    """Return the units of `amount` if it is of `netuid`'s kind. Raises UnitMismatch, which names `what`."""
    if not isinstance(amount, Balance):
        raise UnitMismatch(f"{what}: {amount!r} has no unit.", remedy="Write tao(…) or alpha(…, netuid) around it.")
    if amount.netuid != netuid:
        wanted = "τ" if netuid == TAO_NETUID else f"α of subnet {netuid}"
        raise UnitMismatch(f"{what} is counted in {wanted}, and {amount} is something else.")
    return amount.rao


def _units(amount: Number) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
        raise TypeError('An amount is a whole number, a text ("0.1") or a Decimal; a float cannot hold 0.1.')
    if isinstance(amount, int):
        return amount * RAO_PER_TAO
    if isinstance(amount, str) and (len(amount) > BALANCE_TEXT_CHARS_MAX or not amount.isascii()):
        raise BadAmount(f"{amount[:BALANCE_TEXT_CHARS_MAX]!r} is no amount.")
    try:
        found = Decimal(amount.strip() if isinstance(amount, str) else amount)
    except InvalidOperation as error:
        raise BadAmount(f"{amount!r} is no amount.") from error
    if not found.is_finite() or abs(found) > AMOUNT_MAX:
        raise BadAmount(f"{amount!r} is no amount.")
    _, _, exponent = found.as_tuple()
    if isinstance(exponent, int) and exponent < -_DECIMALS and found != found.quantize(Decimal(1).scaleb(-_DECIMALS)):
        raise BadAmount(f"{amount!r} has more than {_DECIMALS} digits after the point; smaller parts do not exist.")
    return int(found.scaleb(_DECIMALS))
