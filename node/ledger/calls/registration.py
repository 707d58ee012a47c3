"""Seats in subnets, and where they can be reached. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import (
    BY_SIZE,
    COLD,
    FREE,
    HOT,
    HOTKEY,
    NETUID,
    Account,
    AddressField,
    CallSpec,
    NetUidField,
    PeerIdField,
    RaoAmount,
)
from node.primitives.codec import Wire
from node.primitives.limits import ADDRESSES_PER_AXON_MAX


class BurnedRegister(Wire, frozen=True, tag=6):
    """Buy a seat in a subnet for a hotkey at the subnet's burn price."""

    netuid: NetUidField
    hotkey: Account


class ServeAxon(Wire, frozen=True, tag=8):
    """Publish where a neuron can be reached; no addresses means: look the peer id up in the network."""

    netuid: NetUidField
    peer_id: PeerIdField
    addresses: Annotated[tuple[AddressField, ...], msgspec.Meta(max_length=ADDRESSES_PER_AXON_MAX)]


class RegisterLimit(Wire, frozen=True, tag=29):
    """`BurnedRegister` that pays at most `limit_rao` for the seat."""

    netuid: NetUidField
    hotkey: Account
    limit_rao: RaoAmount


RegistrationCall = BurnedRegister | RegisterLimit | ServeAxon

_REGISTER_ERRORS = (
    e.RegistrationNotPermittedOnRootSubnet, e.SubnetNotExists, e.SubNetRegistrationDisabled,
    e.HotKeyAlreadyRegisteredInSubNet, e.NotEnoughBalanceToStake, e.NonAssociatedColdKey, e.NoNeuronIdAvailable,
    e.InsufficientLiquidity, e.SwapInputTooLarge,
)  # fmt: skip
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(6, "burned_register", BurnedRegister, COLD, BY_SIZE, (NETUID, HOTKEY), _REGISTER_ERRORS),
    CallSpec(
        8,
        "serve_axon",
        ServeAxon,
        HOT,
        FREE,
        (NETUID, ("peer_id", "ASCII text"), ("addresses", "multiaddresses, ASCII text, at most 4")),
        (
            e.SubnetNotExists,
            e.HotKeyNotRegisteredInNetwork,
            e.InvalidPeerId,
            e.InvalidAddress,
            e.ServingRateLimitExceeded,
        ),
    ),
    CallSpec(
        29,
        "register_limit",
        RegisterLimit,
        COLD,
        BY_SIZE,
        (NETUID, HOTKEY, ("limit_rao", "most that the seat may cost, τ in rao")),
        (*_REGISTER_ERRORS, e.RegistrationPriceLimitExceeded),
    ),
)
