"""What a person fills in to move money, and the intent that follows from it. Nothing is asked of a node here.

Imported when a money dialog opens: it loads what signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from node.control.actions import (
    CloseIntent,
    Intent,
    MoveIntent,
    RegisterIntent,
    StakeIntent,
    SwapIntent,
    TransferIntent,
    TransferStakeIntent,
    UnstakeAllIntent,
    UnstakeIntent,
    VoteIntent,
)
from node.control.amounts import parse_amount
from node.control.errors import BadAmount
from tui.form_fields import (
    ALL,
    YES,
    Field,
    Values,
    address_of,
    all_or,
    amount_field,
    elsewhere,
    is_ticked,
    limit_field,
    limit_words,
    netuid_of,
    partial_field,
    subnet_field,
    tolerance_ppm,
)


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
        return TransferIntent(address_of(values["to"]), parse_amount(values["amount"], "τ"))

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
            limit_field(),
            partial_field(),
        )

    def intent(self, values: Values) -> Intent:
        amount, tolerance = parse_amount(values["amount"], "τ"), tolerance_ppm(values["tolerance"])
        return StakeIntent(self.netuid, address_of(values["hotkey"]), amount, tolerance, is_ticked(values))

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --hotkey {values['hotkey'].strip()}"
        return f"stake add {values['amount'].strip()} {where}{limit_words(values)}"


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
        return (amount_field("take", self.netuid, self.held), limit_field(), partial_field())

    def intent(self, values: Values) -> Intent:
        amount, tolerance = all_or(values, self.held, self.netuid), tolerance_ppm(values["tolerance"])
        return UnstakeIntent(self.netuid, self.hotkey, amount, tolerance, is_ticked(values))

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --hotkey {self.hotkey}"
        return f"stake remove {values['amount'].strip()} {where}{limit_words(values)}"


@dataclass(frozen=True, slots=True)
class SwapForm:
    """Exchange stake on one subnet for another's, behind the same hotkey."""

    netuid: int
    hotkey: str
    held: int

    @property
    def title(self) -> str:
        return f"Swap out of subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        into = Field("netuid", "into subnet", placeholder="its number; 0 is root")
        return (amount_field("give", self.netuid, self.held), into, limit_field(), partial_field())

    def intent(self, values: Values) -> Intent:
        return SwapIntent(
            self.hotkey, self.netuid, netuid_of(values["netuid"]), all_or(values, self.held, self.netuid),
            tolerance_ppm(values["tolerance"]), is_ticked(values),
        )  # fmt: skip

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --to-netuid {values['netuid'].strip()} --hotkey {self.hotkey}"
        return f"stake swap {values['amount'].strip()} {where}{limit_words(values)}"


@dataclass(frozen=True, slots=True)
class MoveForm:
    """Take stake to another hotkey, on its subnet or on the way to another one."""

    netuid: int
    hotkey: str
    held: int

    @property
    def title(self) -> str:
        return f"Move stake on subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        to = Field("hotkey", "to hotkey", placeholder="address that begins with 5")
        return (amount_field("move", self.netuid, self.held), to, subnet_field(self.netuid), limit_field())

    def intent(self, values: Values) -> Intent:
        to, amount, into = (
            address_of(values["hotkey"]),
            all_or(values, self.held, self.netuid),
            netuid_of(values["netuid"]),
        )
        return MoveIntent(self.hotkey, to, self.netuid, into, amount, tolerance_ppm(values["tolerance"]))

    def command(self, values: Values) -> str:
        to = f"--from {self.hotkey} --to {values['hotkey'].strip()}{elsewhere(values, self.netuid)}"
        return f"stake move {values['amount'].strip()} --netuid {self.netuid} {to}"


@dataclass(frozen=True, slots=True)
class TransferStakeForm:
    """Give stake to another coldkey, behind the same hotkey, on its subnet or on another one."""

    netuid: int
    hotkey: str
    held: int

    @property
    def title(self) -> str:
        return f"Give stake on subnet {self.netuid}"

    @property
    def fields(self) -> Sequence[Field]:
        to = Field("to", "to coldkey", placeholder="address that begins with 5")
        return (amount_field("give", self.netuid, self.held), to, subnet_field(self.netuid), limit_field())

    def intent(self, values: Values) -> Intent:
        to, amount, into = address_of(values["to"]), all_or(values, self.held, self.netuid), netuid_of(values["netuid"])
        return TransferStakeIntent(
            to, self.hotkey, self.netuid, into, amount, tolerance_ppm(values["tolerance"])
        )  # fmt: skip

    def command(self, values: Values) -> str:
        where = f"--netuid {self.netuid} --hotkey {self.hotkey}{elsewhere(values, self.netuid)}"
        return f"stake transfer {values['amount'].strip()} {values['to'].strip()} {where}"


@dataclass(frozen=True, slots=True)
class UnstakeAllForm:
    """Sell every position behind one hotkey."""

    hotkey: str
    title: str = "Unstake everything behind one hotkey"

    @property
    def fields(self) -> Sequence[Field]:
        return (limit_field(), Field("root", "stake on root", toggle=True))

    def intent(self, values: Values) -> Intent:
        return UnstakeAllIntent(self.hotkey, values["root"] == YES, tolerance_ppm(values["tolerance"]))

    def command(self, values: Values) -> str:
        root = " --to-root" if values["root"] == YES else ""
        return f"stake unstake-all --hotkey {self.hotkey}{root} --tolerance {values['tolerance'].strip()}"


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form that was filled in elsewhere: its dialog begins with the review."""

    form: Form
    values: Values

    @property
    def title(self) -> str:
        return self.form.title

    @property
    def fields(self) -> Sequence[Field]:
        return tuple(replace(each, value=self.values.get(each.name, each.value)) for each in self.form.fields)

    def intent(self, values: Values) -> Intent:
        return self.form.intent(values)

    def command(self, values: Values) -> str:
        return self.form.command(values)


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
        return RegisterIntent(self.netuid, address_of(values["hotkey"]))

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
        return VoteIntent(self.index, self.proposal, address_of(values["hotkey"]), self.approve)

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


def is_whole(form: Form, values: Values) -> bool:
    """Whether every line is filled in; boxes need no tick."""
    return all(values[each.name] for each in form.fields if not each.toggle)


def typed_of(intent: Intent, pays_rao: int) -> int | str:
    """What a large move is confirmed by: the sum that is paid or the stake that moves, or the word for all of it."""
    match intent:
        case UnstakeAllIntent():
            return ALL
        case UnstakeIntent() | SwapIntent() | MoveIntent() | TransferStakeIntent():
            return intent.amount_alpha
        case _:
            return pays_rao


def is_typed(text: str, wanted: int | str) -> bool:
    """Whether what a person typed is what had to be."""
    if isinstance(wanted, str):
        return text.strip().casefold() == wanted
    try:
        return parse_amount(text) == wanted
    except BadAmount:
        return False
