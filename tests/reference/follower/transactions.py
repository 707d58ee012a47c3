"""Transactions as far as a follower looks at them: form, era, signature. docs/protocol.md, "Transactions"."""

from dataclasses import dataclass

from tests.reference.follower.shapes import TRANSACTION_BYTES
from tests.reference.follower.wire import (
    SIGNATURE,
    U63,
    Fields,
    Refused,
    Struct,
    Value,
    h,
    pack,
    require,
    signed,
    unpack,
)

SPEC_VERSION = (1).to_bytes(4, "big")
RAO_MAX = 21_000_000 * 10**9
PERIOD_MAX = 4_096
EVIDENCE_BYTES = 15_360
PROXY, REPORT_EVIDENCE = 59, 87


@dataclass(frozen=True)
class Era(Struct):
    birth_height: int
    period_blocks: int


@dataclass(frozen=True)
class Transaction(Struct):
    version: int
    sender: bytes
    nonce: int
    era: Era
    tip_rao: int
    call: Value
    scheme: int
    signature: bytes

    @property
    def tag(self) -> int:
        return tag_of(self.call)

    @property
    def hash(self) -> bytes:
        return h("tx-hash", self.raw())

    def message(self, genesis_hash: bytes, birth_hash: bytes) -> bytes:
        return h("tx", genesis_hash, SPEC_VERSION, birth_hash, pack(self.plain()[:-1]))

    def check(self, height: int, genesis_hash: bytes, birth_hash: bytes) -> None:
        """Raises Refused unless it may be in the block at `height` and its sender signed it."""
        era = self.era
        require(era.birth_height < height <= era.birth_height + era.period_blocks, "outside of its era")
        require(signed(self.sender, self.message(genesis_hash, birth_hash), self.signature), "the signature is wrong")


def tag_of(call: Value) -> int:
    """The number of a call."""
    if not isinstance(call, list) or not call or not isinstance(call[0], int) or isinstance(call[0], bool):
        raise Refused("a call begins with its tag")
    return call[0]


def transaction_in(raw: bytes) -> Transaction:
    each = Fields(unpack(raw, TRANSACTION_BYTES), 8)
    version, sender, nonce = each.number(1, 1), each.fixed(), each.number(U63)
    era = Fields(each.any(), 2)
    made = Transaction(
        version, sender, nonce, Era(era.number(), era.number(PERIOD_MAX, 1)), each.number(RAO_MAX), each.any(),
        each.number(0), each.fixed(SIGNATURE),
    )  # fmt: skip
    tag_of(made.call)
    return made


def reported(call: Value) -> bytes | None:
    """The evidence that a call brings to the ledger, if it is such a report."""
    if isinstance(call, list) and tag_of(call) == REPORT_EVIDENCE:
        return Fields(call, 1, REPORT_EVIDENCE).blob(EVIDENCE_BYTES, 1)
    return None


def reports_by_proxy(call: Value) -> bool:
    """Whether a proxied call is a report: it is paid, so being in a block does not tell whether it succeeded."""
    if tag_of(call) != PROXY:
        return False
    each = Fields(call, 2, PROXY)
    each.fixed()
    return each.one(tag_of) == REPORT_EVIDENCE
