"""What a person fills in to move money, and the intent that follows from it. Nothing is asked of a node here.

Imported when a money dialog opens: it loads what signs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from node.control.actions import (
    DEFAULT_TOLERANCE_PPM,
    CloseIntent,
    Intent,
    RegisterIntent,
    StakeIntent,
    TransferIntent,
    UnstakeIntent,
    VoteIntent,
    checked_address,
    unit_of,
)
from node.control.amounts import format_amount, parse_amount
from node.control.errors import BadAmount

Values = Mapping[str, str]
_PPM_PER_PERCENT: Final = 10_000
_TOLERANCE_PERCENT_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in."""

    name: str
    label: str
    value: str = ""
    placeholder: str = ""


class Form(Protocol):
    """A kind of move."""

    @property
    def title(self) -> str: ...

    @property
    def fields(self) -> Sequence[Field]: ...

    def intent(self, values: Values) -> Intent:
        """The intent of what was filled in. Raises BadAmount or ActionRefused."""
        ...

    def command(self, values: Values) -> str:
        """The same on the command line."""
        ...


@dataclass(frozen=True, slots=True)
class SendForm:
    """Send τ to an address."""

    title: str = "Send τ"

    @property
    def fields(self) -> Sequence[Field]:
        return (
            Field("to", "to", placeholder="address that begins with 5"),
            Field("amount", "amount τ", placeholder="12.5"),
        )

    def intent(self, values: Values) -> Intent:
        return TransferIntent(_address(values["to"]), parse_amount(values["amount"]))

    def command(self, values: Values) -> str:
        return f"wallet transfer {values['to'].strip()} {values['amount'].strip()}"


@dataclass(frozen=True, slots=True)
class StakeForm:
    """Put τ behind a validator of a subnet."""

    netuid: int
    hotkey: str

    @property
    def title(self) -> str:
        return f"Stake on subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        return (
            Field("hotkey", "validator", self.hotkey),
            Field("amount", "pay τ", placeholder="250"),
            Field("tolerance", "limit %", _percent(DEFAULT_TOLERANCE_PPM)),
        )

    def intent(self, values: Values) -> Intent:
        amount = parse_amount(values["amount"])
        return StakeIntent(self.netuid, _address(values["hotkey"]), amount, tolerance_ppm(values["tolerance"]))

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --hotkey {values['hotkey'].strip()}"
        return f"stake add {values['amount'].strip()} {where} --tolerance {values['tolerance'].strip()}"


@dataclass(frozen=True, slots=True)
class UnstakeForm:
    """Take back what is staked with one validator; `held` is all of it."""

    netuid: int
    hotkey: str
    held: int

    @property
    def title(self) -> str:
        return f"Unstake from subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        unit = unit_of(self.netuid)
        return (
            Field("amount", f"take {unit}", placeholder=f"all of {format_amount(self.held, unit)}: all"),
            Field("tolerance", "limit %", _percent(DEFAULT_TOLERANCE_PPM)),
        )

    def intent(self, values: Values) -> Intent:
        amount = self.held if values["amount"].strip() == "all" else parse_amount(values["amount"])
        return UnstakeIntent(self.netuid, self.hotkey, amount, tolerance_ppm(values["tolerance"]))

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --hotkey {self.hotkey}"
        return f"stake remove {values['amount'].strip()} {where} --tolerance {values['tolerance'].strip()}"


@dataclass(frozen=True, slots=True)
class RegisterForm:
    """Buy a seat on a subnet."""

    netuid: int
    hotkey: str

    @property
    def title(self) -> str:
        return f"Register on subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        return (Field("hotkey", "hotkey", self.hotkey),)

    def intent(self, values: Values) -> Intent:
        return RegisterIntent(self.netuid, _address(values["hotkey"]))

    def command(self, values: Values) -> str:
        return f"subnets register --netuid {self.netuid} --hotkey {values['hotkey'].strip()}"


@dataclass(frozen=True, slots=True)
class VoteForm:
    """Vote on a proposal for the Senate's seat of a hotkey."""

    index: int
    proposal: str
    hotkey: str
    approve: bool

    @property
    def title(self) -> str:
        return f"Vote {'for' if self.approve else 'against'} proposal {self.index}"

    @property
    def fields(self) -> Sequence[Field]:
        return (Field("hotkey", "seat of", self.hotkey),)

    def intent(self, values: Values) -> Intent:
        return VoteIntent(self.index, self.proposal, _address(values["hotkey"]), self.approve)

    def command(self, values: Values) -> str:
        return f"proposals vote {self.index} {'yes' if self.approve else 'no'}"


@dataclass(frozen=True, slots=True)
class CloseForm:
    """Count a proposal and carry out its call if it is approved."""

    index: int
    proposal: str

    @property
    def title(self) -> str:
        return f"Close proposal {self.index}"

    @property
    def fields(self) -> Sequence[Field]:
        return ()

    def intent(self, values: Values) -> Intent:
        return CloseIntent(self.index, self.proposal)

    def command(self, values: Values) -> str:
        return f"proposals close {self.index}"


def amount_of(intent: Intent, pays_rao: int) -> int:
    """What a large move is confirmed by: the sum that is paid, or the stake that is taken back."""
    return intent.amount_alpha if isinstance(intent, UnstakeIntent) else pays_rao


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


def _address(text: str) -> str:
    return checked_address(text.strip())


def _percent(ppm: int) -> str:
    return f"{Decimal(ppm) / _PPM_PER_PERCENT:f}"
