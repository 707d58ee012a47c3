"""Subnets that are created, started, described and dissolved, and the numbers they run by. See `node.ledger.calls`.

A number of a subnet (or of the chain) is set by name: one call for all of them, because a parameter is a row of a
table (`node.ledger.parameter_rules`), not a behaviour. A new row needs no new call, number, form or document.
"""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import (
    BY_SIZE,
    COLD,
    HOTKEY,
    NETUID,
    OWNER,
    ROOT,
    U16,
    U63,
    Account,
    CallSpec,
    NetUidField,
)
from node.primitives.codec import Wire
from node.primitives.limits import IDENTITY_TEXT_CHARS_MAX, NETWORK_NAME_CHARS_MAX, PARAMETER_NAME_BYTES_MAX

_Name = Annotated[str, msgspec.Meta(max_length=NETWORK_NAME_CHARS_MAX)]
_Text = Annotated[str, msgspec.Meta(max_length=IDENTITY_TEXT_CHARS_MAX)]
_Parameter = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PARAMETER_NAME_BYTES_MAX)]


class SubnetIdentity(Wire, frozen=True):
    """What an owner says of a subnet; everything but the name may be empty."""

    name: _Name
    description: _Text = ""
    url: _Text = ""
    github_repo: _Text = ""
    contact: _Text = ""
    discord: _Text = ""
    logo_url: _Text = ""
    additional: _Text = ""


class RegisterNetwork(Wire, frozen=True, tag=22):
    """Create a subnet for the lock cost, which goes into its pool; the hotkey takes uid 0."""

    hotkey: Account


class RegisterNetworkWithIdentity(Wire, frozen=True, tag=23):
    """`RegisterNetwork` that also describes the subnet."""

    hotkey: Account
    identity: SubnetIdentity


class StartCall(Wire, frozen=True, tag=24):
    """Start a subnet: from the next block on it emits and can be staked on. Once, by its owner."""

    netuid: NetUidField


class RootDissolveNetwork(Wire, frozen=True, tag=25):
    """Dissolve a subnet: every position is paid out of its pool, and all of its state is erased."""

    netuid: NetUidField


class SetSubnetIdentity(Wire, frozen=True, tag=26):
    """Describe a subnet."""

    netuid: NetUidField
    identity: SubnetIdentity


class SetSubnetOwnerHotkey(Wire, frozen=True, tag=27):
    """Name another hotkey of the subnet's owner as the one that gets the owner's cut."""

    netuid: NetUidField
    hotkey: Account


class TrimToMaxAllowedUids(Wire, frozen=True, tag=28):
    """Cut a subnet's seats: the lowest earners leave, the others keep their order and get new uids."""

    netuid: NetUidField
    max_uids: U16


class SetHyperparameter(Wire, frozen=True, tag=30):
    """Set one number of a subnet by its name; flags are 0 or 1."""

    netuid: NetUidField
    parameter: _Parameter
    value: U63


class SetAlphaValues(Wire, frozen=True, tag=31):
    """Set both ends of liquid alpha's range at once."""

    netuid: NetUidField
    alpha_low_u16: U16
    alpha_high_u16: U16


class SetParameter(Wire, frozen=True, tag=32):
    """Set one number of the whole chain by its name; flags are 0 or 1."""

    parameter: _Parameter
    value: U63


NetworkLife = RegisterNetwork | RegisterNetworkWithIdentity | StartCall | RootDissolveNetwork
"""A subnet comes, starts, goes."""
NetworkAdmin = (
    SetSubnetIdentity | SetSubnetOwnerHotkey | TrimToMaxAllowedUids | SetHyperparameter | SetAlphaValues | SetParameter
)
"""A subnet or the chain is changed."""
NetworksCall = NetworkLife | NetworkAdmin

_IDENTITY: Final = ("identity", "name, description, url, github_repo, contact, discord, logo_url, additional")
_PARAMETER: Final = (("parameter", "name, ASCII"), ("value", "in the parameter's own unit; flags 0 or 1"))
_CREATE: Final = (
    e.NonAssociatedColdKey, e.NetworkTxRateLimitExceeded, e.SubnetLimitReached, e.CannotAffordLockCost,
)  # fmt: skip
_OWNED: Final = (e.SubnetNotExists, e.NotSubnetOwner)
_ADMIN: Final = (*_OWNED, e.AdminActionProhibitedDuringWeightsWindow, e.TxRateLimitExceeded)
_RANGE: Final = (e.UnknownParameter, e.InvalidValue)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(22, "register_network", RegisterNetwork, COLD, BY_SIZE, (HOTKEY,), _CREATE),
    CallSpec(
        23,
        "register_network_with_identity",
        RegisterNetworkWithIdentity,
        COLD,
        BY_SIZE,
        (HOTKEY, _IDENTITY),
        (e.InvalidIdentity, *_CREATE),
    ),
    CallSpec(
        24,
        "start_call",
        StartCall,
        OWNER,
        BY_SIZE,
        (NETUID,),
        (*_OWNED, e.FirstEmissionBlockNumberAlreadySet, e.NeedWaitingMoreBlocksToStarCall),
    ),
    CallSpec(
        25, "root_dissolve_network", RootDissolveNetwork, ROOT, BY_SIZE, (NETUID,), (e.BadOrigin, e.SubnetNotExists)
    ),
    CallSpec(
        26, "set_subnet_identity", SetSubnetIdentity, OWNER, BY_SIZE, (NETUID, _IDENTITY), (*_OWNED, e.InvalidIdentity)
    ),
    CallSpec(
        27,
        "set_subnet_owner_hotkey",
        SetSubnetOwnerHotkey,
        OWNER,
        BY_SIZE,
        (NETUID, HOTKEY),
        (*_ADMIN, e.HotKeyAccountNotExists, e.NonAssociatedColdKey),
    ),
    CallSpec(
        28,
        "trim_to_max_allowed_uids",
        TrimToMaxAllowedUids,
        OWNER,
        BY_SIZE,
        (NETUID, ("max_uids", "seats to keep, u16")),
        (*_ADMIN, e.InvalidValue, e.TrimmingWouldExceedMaxImmunePercentage),
    ),
    CallSpec(
        30,
        "set_hyperparameter",
        SetHyperparameter,
        OWNER,
        BY_SIZE,
        (NETUID, *_PARAMETER),
        (*_ADMIN, e.BadOrigin, *_RANGE, e.TempoOutOfBounds, e.ActivityCutoffTooLow),
    ),
    CallSpec(
        31,
        "set_alpha_values",
        SetAlphaValues,
        OWNER,
        BY_SIZE,
        (NETUID, ("alpha_low_u16", "share, 65 535 = 1"), ("alpha_high_u16", "share, 65 535 = 1")),
        (*_ADMIN, e.LiquidAlphaDisabled, e.AlphaHighTooLow, e.AlphaLowOutOfRange),
    ),
    CallSpec(32, "set_parameter", SetParameter, ROOT, BY_SIZE, _PARAMETER, (e.BadOrigin, *_RANGE)),
)
