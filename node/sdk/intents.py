"""What a program wants done, as values: amounts carry their unit, accounts are ss58 text.

An intent says nothing of fees, nonces or prices of the moment: `plan` finds them out and shows them, `execute` carries
the plan out. Where a price moves, the intent bounds it. Any other call of the chain is a `Call` by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from node.control import actions
from node.control.actions import DEFAULT_TOLERANCE_PPM, Draft
from node.control.api import Api
from node.control.call_draft import draft_call
from node.control.call_form import build_call, spec_named
from node.control.errors import ActionRefused, BadArgument
from node.ledger import calls
from node.ledger.calls import SignerKind
from node.primitives.address import from_ss58
from node.sdk.balance import TAO_NETUID, Balance, units_of
from node.sdk.errors import UnitMismatch

Key = Literal["coldkey", "hotkey"]
_U16_MAX: Final = 65_535


class Intent:
    """Base of all intents; `name` is what a Policy calls it, `signed_by` the key of the wallet that signs."""

    name: ClassVar[str]
    signed_by: Key = "coldkey"

    async def draft(self, api: Api, sender: str) -> Draft:
        """Return what it means for the ss58 account `sender` now. Raises NodeError for what cannot be meant."""
        raise NotImplementedError


@dataclass(frozen=True)
class Transfer(Intent):
    """Send τ to the ss58 address `to`."""

    to: str
    amount: Balance
    name: ClassVar[str] = "transfer"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount_rao = _positive(self.amount, TAO_NETUID, "transfer")
        return await actions.prepare(api, actions.TransferIntent(self.to, amount_rao), sender)


@dataclass(frozen=True)
class AddStake(Intent):
    """Put τ behind `hotkey` on a subnet; the price may rise by `tolerance_ppm`, or what fits is filled if partial."""

    netuid: int
    hotkey: str
    amount: Balance
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False
    name: ClassVar[str] = "add_stake"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount_rao = _positive(self.amount, TAO_NETUID, "add_stake")
        wanted = actions.StakeIntent(self.netuid, self.hotkey, amount_rao, self.tolerance_ppm, self.allow_partial)
        return await actions.prepare(api, wanted, sender)


@dataclass(frozen=True)
class RemoveStake(Intent):
    """Take α of `netuid` (on root: τ) back from `hotkey`, None for all of it; the price may fall by `tolerance_ppm`."""

    netuid: int
    hotkey: str
    amount: Balance | None = None
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False
    name: ClassVar[str] = "remove_stake"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount = await _held(api, sender, self.hotkey, self.netuid, self.amount, "remove_stake")
        wanted = actions.UnstakeIntent(self.netuid, self.hotkey, amount, self.tolerance_ppm, self.allow_partial)
        return await actions.prepare(api, wanted, sender)


@dataclass(frozen=True)
class MoveStake(Intent):
    """Move a position (None: all of it) to another hotkey of the same subnet; no price is involved."""

    netuid: int
    origin_hotkey: str
    destination_hotkey: str
    amount: Balance | None = None
    name: ClassVar[str] = "move_stake"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount = await _held(api, sender, self.origin_hotkey, self.netuid, self.amount, "move_stake")
        netuid = self.netuid
        wanted = actions.MoveIntent(self.origin_hotkey, self.destination_hotkey, netuid, netuid, amount)
        return await actions.prepare(api, wanted, sender)


@dataclass(frozen=True)
class SwapStake(Intent):
    """Move a position (None: all of it) to another subnet behind the same hotkey.

    The rate between the two subnets may be worse than the present one by `tolerance_ppm`.
    """

    hotkey: str
    origin_netuid: int
    destination_netuid: int
    amount: Balance | None = None
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False
    name: ClassVar[str] = "swap_stake"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount = await _held(api, sender, self.hotkey, self.origin_netuid, self.amount, "swap_stake")
        wanted = actions.SwapIntent(
            self.hotkey, self.origin_netuid, self.destination_netuid, amount, self.tolerance_ppm, self.allow_partial
        )
        return await actions.prepare(api, wanted, sender)


@dataclass(frozen=True)
class TransferStake(Intent):
    """Give a position (None: all of it) to another coldkey; subnet and hotkey stay."""

    netuid: int
    hotkey: str
    destination_coldkey: str
    amount: Balance | None = None
    name: ClassVar[str] = "transfer_stake"

    async def draft(self, api: Api, sender: str) -> Draft:
        amount = await _held(api, sender, self.hotkey, self.netuid, self.amount, "transfer_stake")
        netuid, to = self.netuid, self.destination_coldkey
        wanted = actions.TransferStakeIntent(to, self.hotkey, netuid, netuid, amount)
        return await actions.prepare(api, wanted, sender)


@dataclass(frozen=True)
class BurnedRegister(Intent):
    """Buy a seat on a subnet for `hotkey` at the burn price."""

    netuid: int
    hotkey: str
    name: ClassVar[str] = "burned_register"

    async def draft(self, api: Api, sender: str) -> Draft:
        return await actions.prepare(api, actions.RegisterIntent(self.netuid, self.hotkey), sender)


@dataclass(frozen=True)
class RegisterSubnet(Intent):
    """Create a subnet for the lock cost; `hotkey` takes its first seat."""

    hotkey: str
    name: ClassVar[str] = "register_network"

    async def draft(self, api: Api, sender: str) -> Draft:
        call = calls.RegisterNetwork(from_ss58(self.hotkey))
        return await draft_call(api, call, sender, title="Create a subnet", lines=(("hotkey", self.hotkey),))


@dataclass(frozen=True)
class SetHyperparameter(Intent):
    """Set one number of a subnet of one's own, in the parameter's own unit; flags are 0 or 1."""

    netuid: int
    parameter: str
    value: int
    name: ClassVar[str] = "set_hyperparameter"

    async def draft(self, api: Api, sender: str) -> Draft:
        arguments = {"netuid": self.netuid, "parameter": self.parameter, "value": self.value}
        title = f"Set {self.parameter} of subnet {self.netuid} to {self.value}"
        return await draft_call(api, build_call("set_hyperparameter", arguments), sender, title=title)


@dataclass(frozen=True)
class SetWeights(Intent):
    """A validator's opinion of seats `uids`: numbers from 0 up of which only the ratios count; the hotkey signs."""

    netuid: int
    uids: Sequence[int]
    weights: Sequence[float]
    version_key: int = 0
    name: ClassVar[str] = "set_weights"
    signed_by: Key = "hotkey"

    async def draft(self, api: Api, sender: str) -> Draft:
        arguments = {
            "netuid": self.netuid, "uids": list(self.uids), "values": list(u16_weights(self.uids, self.weights)),
            "version_key": self.version_key,
        }  # fmt: skip
        title = f"Set {len(self.uids)} weights on subnet {self.netuid}"
        return await draft_call(api, build_call("set_weights", arguments), sender, title=title)


@dataclass(frozen=True)
class Vote(Intent):
    """Vote on proposal `index` for the Senate's seat of `hotkey`."""

    index: int
    hotkey: str
    approve: bool
    name: ClassVar[str] = "vote"

    async def draft(self, api: Api, sender: str) -> Draft:
        proposal = await _proposal(api, self.index)
        return await actions.prepare(api, actions.VoteIntent(self.index, proposal, self.hotkey, self.approve), sender)


@dataclass(frozen=True)
class CloseProposal(Intent):
    """Count proposal `index` and carry it out if it is approved."""

    index: int
    name: ClassVar[str] = "close_proposal"

    async def draft(self, api: Api, sender: str) -> Draft:
        return await actions.prepare(api, actions.CloseIntent(self.index, await _proposal(api, self.index)), sender)


class Call(Intent):
    """Any call of the chain by its name: `Call("set_identity", name="Ada", url="", …)`; see `neurond tx list`.

    Amounts as text are whole τ or α ("12.5"), as numbers the chain's smallest units, or a Balance.
    """

    def __init__(self, call: str, /, **arguments: object) -> None:
        """Raises BadArgument for an unknown call, UnitMismatch for α where τ is counted and the other way round."""
        self.name = call  # type: ignore[misc]  # this one's name is its own
        self.signed_by = "hotkey" if spec_named(call).signer is SignerKind.HOTKEY else "coldkey"
        of_root = TAO_NETUID in (arguments.get("netuid"), arguments.get("origin_netuid"))  # there stake is τ
        self.arguments = {key: _counted(key, each, of_root) for key, each in arguments.items()}

    def __repr__(self) -> str:
        return f"Call({self.name!r}, {self.arguments})"

    async def draft(self, api: Api, sender: str) -> Draft:
        return await draft_call(api, build_call(self.name, self.arguments), sender)


def _counted(name: str, value: object, of_root: bool) -> object:
    """An argument as the chain's forms take it: a Balance as its smallest units, when it counts what `name` counts."""
    if not isinstance(value, Balance):
        return value
    in_alpha = name.endswith("_alpha") and not of_root
    if (value.netuid != TAO_NETUID) != in_alpha:
        raise UnitMismatch(f"{name} is counted in {'α' if in_alpha else 'τ'}, and {value} is something else.")
    return value.rao


def u16_weights(uids: Sequence[int], weights: Sequence[float]) -> tuple[int, ...]:
    """Return weights as the chain takes them: the largest becomes 65 535, the rest keep their ratio to it, rounded.

    Raises:
        BadArgument: not one weight a seat, a negative or infinite one, or none above zero.
    """
    if len(uids) != len(weights):
        raise BadArgument(f"There are {len(uids)} uids and {len(weights)} weights.")
    largest = max(weights, default=0)
    if not all(0 <= each < float("inf") for each in weights) or largest <= 0:
        raise BadArgument("Weights are numbers from 0 up, and one of them is above 0.")
    return tuple(round(each / largest * _U16_MAX) for each in weights)


def _positive(amount: Balance, netuid: int, what: str) -> int:
    units = units_of(amount, netuid, what)
    if units <= 0:
        raise BadArgument(f"{what}: {amount} is not more than nothing.")
    return units


async def _held(api: Api, sender: str, hotkey: str, netuid: int, amount: Balance | None, what: str) -> int:
    """Return how much of a position is meant: `amount`, or all of it."""
    if amount is not None:
        return _positive(amount, netuid, what)
    account = await api.account(sender)
    held = sum(each.stake_alpha for each in account.stakes if each.netuid == netuid and each.hotkey == hotkey)
    if held == 0:
        raise ActionRefused(f"Nothing of {sender} is staked with {hotkey} on subnet {netuid}.")
    return held


async def _proposal(api: Api, index: int) -> str:
    found = next((each for each in await api.proposals() if each.index == index), None)
    if found is None:
        raise ActionRefused(f"There is no open proposal {index}.", remedy="See `neurond proposals`.")
    return found.hash
