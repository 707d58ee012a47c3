"""A few bytes in public. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import FREE, HOT, NETUID, CallSpec, NetUidField
from node.primitives.codec import Wire
from node.primitives.limits import COMMITMENT_BYTES_MAX

_Data = Annotated[bytes, msgspec.Meta(max_length=COMMITMENT_BYTES_MAX)]


class SetCommitment(Wire, frozen=True, tag=11):
    """Publish a few bytes a subnet agrees on (a model's hash, say); empty bytes withdraw them."""

    netuid: NetUidField
    data: _Data


class SetCommitmentResetBonds(Wire, frozen=True, tag=63):
    """`SetCommitment` of something new altogether: where the subnet allows it, all bonds on the neuron end."""

    netuid: NetUidField
    data: _Data


CommitmentsCall = SetCommitment | SetCommitmentResetBonds

_ARGUMENTS = (NETUID, ("data", "at most 128 bytes"))
_ERRORS = (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.CommitmentRateLimitExceeded)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(11, "set_commitment", SetCommitment, HOT, FREE, _ARGUMENTS, _ERRORS),
    CallSpec(63, "set_commitment_reset_bonds", SetCommitmentResetBonds, HOT, FREE, _ARGUMENTS, _ERRORS),
)
