"""What all families of calls share: field types with their bounds, the table's row, and argument names."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.primitives.codec import Wire
from node.primitives.limits import ADDRESS_BYTES_MAX, PEER_ID_BYTES_MAX
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, MAX_SUPPLY_RAO, AccountId, Alpha, Hash, NetUid, Rao, Uid

U16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
U63 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
U64 = Annotated[int, msgspec.Meta(ge=0)]
"""At most 2^64 - 1: the encoding has no larger integers."""
Account = Annotated[AccountId, msgspec.Meta(min_length=ACCOUNT_BYTES, max_length=ACCOUNT_BYTES)]
HashField = Annotated[Hash, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
RaoAmount = Annotated[Rao, msgspec.Meta(ge=0, le=MAX_SUPPLY_RAO)]
AlphaAmount = Annotated[Alpha, msgspec.Meta(ge=0, le=MAX_SUPPLY_RAO)]
NetUidField = Annotated[NetUid, msgspec.Meta(ge=0, le=0xFFFF)]
UidField = Annotated[Uid, msgspec.Meta(ge=0, le=0xFFFF)]
PeerIdField = Annotated[bytes, msgspec.Meta(min_length=1, max_length=PEER_ID_BYTES_MAX)]
AddressField = Annotated[bytes, msgspec.Meta(min_length=1, max_length=ADDRESS_BYTES_MAX)]


class SignerKind(Enum):
    """Whose key signs a call."""

    COLDKEY = "coldkey"
    HOTKEY = "hotkey"
    OWNER = "coldkey of the subnet's owner, or an approved proposal"
    ROOT = "nobody: only an approved proposal executes it"


class FeeRule(Enum):
    """What a call costs beside its own amounts."""

    BY_SIZE = "base fee and a fee per byte, to the block's producer"
    FIRST_FREE = "base fee and a fee per byte; given back for the first vote on a proposal"
    FREE = "free; enters a block only when it succeeds"


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One row of the call table."""

    number: int
    name: str
    kind: type[Wire]
    signer: SignerKind
    fee: FeeRule
    arguments: tuple[tuple[str, str], ...]
    """(name, meaning and unit) in wire order."""
    errors: tuple[type[e.CallError], ...]


HOTKEY: Final = ("hotkey", "account, 32 bytes")
NETUID: Final = ("netuid", "subnet, u16; 0 is root")
RAO: Final = ("amount_rao", "τ in rao")
ALPHA: Final = ("amount_alpha", "α in units of 10^-9; on root rao")
LIMIT: Final = (("limit_price", "τ per α in units of 10^-9"), ("allow_partial", "fill what fits instead of failing"))
TAKE: Final = ("take_u16", "share, 65 535 = 1")
COLD, HOT = SignerKind.COLDKEY, SignerKind.HOTKEY
OWNER, ROOT = SignerKind.OWNER, SignerKind.ROOT
BY_SIZE, FIRST_FREE, FREE = FeeRule.BY_SIZE, FeeRule.FIRST_FREE, FeeRule.FREE
