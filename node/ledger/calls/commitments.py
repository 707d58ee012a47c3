"""A few bytes in public. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import FREE, HOT, NETUID, CallSpec, NetUidField
from node.primitives.codec import Wire
from node.primitives.limits import COMMITMENT_BYTES_MAX


class SetCommitment(Wire, frozen=True, tag=11):
    """Publish a few bytes a subnet agrees on (a model's hash, say); empty bytes withdraw them."""

    netuid: NetUidField
    data: Annotated[bytes, msgspec.Meta(max_length=COMMITMENT_BYTES_MAX)]


CommitmentsCall = SetCommitment

SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        11,
        "set_commitment",
        SetCommitment,
        HOT,
        FREE,
        (NETUID, ("data", "at most 128 bytes")),
        (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.CommitmentRateLimitExceeded),
    ),
)
