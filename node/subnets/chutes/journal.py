"""What hotkeys declare in the journal of subnet Chutes, and the rules by which that becomes the catalogue. Pure.

Every row belongs to one author, who alone changes it: the order among authors makes no difference. Journals forget
their oldest entries, so what must last is said again, which changes nothing while it is still known. Claims bind nobody
but their author: what counts for pay is measured by challenges.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from node.market.errors import BadRequest, MalformedMessage
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.types import HASH_BYTES, AccountId, Height
from node.subnets.base import Code, Entry, M, Message, Refusal, State, decode_message
from node.subnets.chutes.bundle import id_of, owner_of, read_canonical
from node.subnets.chutes.limits import (
    CHUTE_BYTES_MAX,
    CHUTES_PER_OWNER_MAX,
    DEMAND_PER_AUTHOR_MAX,
    ENTRY_BYTES_MAX,
    PRICE_RAO_MAX,
    TOMBSTONES_PER_OWNER_MAX,
    WARM_BLOCKS_MAX,
    WARM_PER_MINER_MAX,
)

DEPLOY: Final = "deploy"
LOAD: Final = "load"
UNLOAD: Final = "unload"
PRICE: Final = "price"
RETIRE: Final = "retire"
DEMAND: Final = "demand"
ROW_BYTES_MAX: Final = 16 * 1024  # a chute with its head; 80 ids are 3 KiB
REASON_CHARS: Final = 280
W = TypeVar("W", bound=Wire)


class Deploy(Message, frozen=True):
    """A new chute, whole, in canonical JSON; its author is the owner it names."""

    chute: bytes

    def check(self) -> None:
        if not 0 < len(self.chute) <= CHUTE_BYTES_MAX:
            raise MalformedMessage(f"A chute has 1 to {CHUTE_BYTES_MAX} bytes.")


class Load(Message, frozen=True):
    """The author keeps an instance warm from this entry's height until `until`, unless it says `unload` before."""

    chute: bytes
    until: Height

    def check(self) -> None:
        _id(self.chute)


class Unload(Message, frozen=True):
    """The author's instance is gone."""

    chute: bytes

    def check(self) -> None:
        _id(self.chute)


class SetPrice(Message, frozen=True):
    """From here on the owner recommends this price, in rao for a million units."""

    chute: bytes
    rao: int

    def check(self) -> None:
        _id(self.chute)
        if not 0 <= self.rao <= PRICE_RAO_MAX:
            raise MalformedMessage(f"A price is 0 to {PRICE_RAO_MAX} rao for a million units.")


class Retire(Message, frozen=True):
    """The owner withdraws the chute: the same definition cannot come back while its tombstone is remembered."""

    chute: bytes

    def check(self) -> None:
        _id(self.chute)


class Calls(Wire, frozen=True):
    """How many calls of users for one chute were seen."""

    chute: bytes
    calls: int


class Demand(Message, frozen=True):
    """What a validator's users asked for in the last day, by chute, each once and in order."""

    calls: tuple[Calls, ...]

    def check(self) -> None:
        chutes = [each.chute for each in self.calls]
        if len(chutes) > DEMAND_PER_AUTHOR_MAX or chutes != sorted(set(chutes)):
            raise MalformedMessage(f"Demand names at most {DEMAND_PER_AUTHOR_MAX} chutes, each once, in order.")
        for each in self.calls:
            _id(each.chute)
            if not 0 < each.calls < 2**32:
                raise MalformedMessage("A number of calls is 1 to 2^32 - 1.")


def _id(chute: bytes) -> None:
    if len(chute) != HASH_BYTES:
        raise MalformedMessage(f"A chute's id has {HASH_BYTES} bytes.")


# --- rows -----------------------------------------------------------------------------------------------------------


class ChuteRow(Wire, frozen=True):
    """One chute of the catalogue; `chute` is empty once it is retired."""

    chute: bytes
    price_rao: int
    deployed: Height
    retired: Height  # 0 while it lives


class WarmRow(Wire, frozen=True):
    """One instance that its miner says is warm."""

    since: Height
    until: Height


class DemandRow(Wire, frozen=True):
    """What one validator told last, and when."""

    height: Height
    calls: tuple[Calls, ...]


_CHUTE, _WARM, _DEMAND = b"c", b"w", b"d"
"""Behind the author's 32 bytes in every key: a chute of its own; an instance it keeps; what its users asked for."""


def chute_key(owner: AccountId, chute: bytes) -> bytes:
    """Where a chute's row is."""
    return owner + _CHUTE + chute


def warm_key(miner: AccountId, chute: bytes) -> bytes:
    """Where an instance's row is."""
    return miner + _WARM + chute


def demand_key(author: AccountId) -> bytes:
    """Where a validator's demand is."""
    return author + _DEMAND


def chutes_of(rows: Mapping[bytes, bytes], owner: AccountId) -> dict[bytes, ChuteRow]:
    """An owner's chutes by id, retired ones included, in order of their ids."""
    return _rows(ChuteRow, rows, owner + _CHUTE)


def instances_of(rows: Mapping[bytes, bytes], miner: AccountId) -> dict[bytes, WarmRow]:
    """A miner's claimed instances by chute, those that ran out included, in order of the ids."""
    return _rows(WarmRow, rows, miner + _WARM)


def _rows(kind: type[W], rows: Mapping[bytes, bytes], prefix: bytes) -> dict[bytes, W]:
    found = {}
    for key in sorted(key for key in rows if key.startswith(prefix)):
        row = read_row(kind, rows, key)
        if row is not None:
            found[key[len(prefix) :]] = row
    return found


# --- the reducer ----------------------------------------------------------------------------------------------------


def apply_entry(entry: Entry, state: State) -> Refusal | None:
    """Take an entry into the state, or say why it has no effect; a refused entry changes nothing."""
    if len(entry.body) > ENTRY_BYTES_MAX:
        return Refusal(Code.TOO_LARGE, f"An entry of this subnet has at most {ENTRY_BYTES_MAX} bytes.")
    try:
        match entry.kind:
            case "deploy":
                return _deploy(entry, _body(Deploy, entry), state)
            case "load":
                return _load(entry, _body(Load, entry), state)
            case "unload":
                return _unload(entry, _body(Unload, entry), state)
            case "price":
                return _price(entry, _body(SetPrice, entry), state)
            case "retire":
                return _retire(entry, _body(Retire, entry), state)
            case "demand":
                return _demand(entry, _body(Demand, entry), state)
    except MalformedMessage as error:
        return Refusal(Code.MALFORMED, error.message)
    return Refusal(Code.REFUSED, f"The subnet Chutes knows no entries of the kind {entry.kind[:20]!r}.")


def _body(kind: type[M], entry: Entry) -> M:
    return decode_message(kind, entry.body, max_bytes=ENTRY_BYTES_MAX)


def read_row(kind: type[W], state: Mapping[bytes, bytes], key: bytes) -> W | None:
    """The row at a key, or None; rows are written by this file only."""
    raw = state.get(key)
    return None if raw is None else decode_canonical(kind, raw, max_bytes=ROW_BYTES_MAX)


def _deploy(entry: Entry, body: Deploy, state: State) -> Refusal | None:
    """A new chute; said again, it stays as it is, so that journals may forget their oldest entries."""
    try:
        chute = read_canonical(body.chute)
    except BadRequest as error:
        return Refusal(Code.MALFORMED, error.message[:REASON_CHARS])
    if owner_of(chute) != entry.author:
        return Refusal(Code.FORGED, "A chute is deployed by the owner it names.")
    key = chute_key(entry.author, id_of(body.chute))
    known = read_row(ChuteRow, state, key)
    if known is not None:
        return Refusal(Code.ELIMINATED, "That chute was retired.") if known.retired else None
    living = [row for row in chutes_of(state, entry.author).values() if not row.retired]
    if len(living) >= CHUTES_PER_OWNER_MAX:
        return Refusal(Code.RATE_LIMITED, f"An owner has at most {CHUTES_PER_OWNER_MAX} chutes; retire one first.")
    state[key] = encode(ChuteRow(body.chute, chute.price_rao, entry.height, Height(0)))
    return None


def _owned(entry: Entry, chute: bytes, state: State) -> ChuteRow | Refusal:
    """The author's own living chute."""
    row = read_row(ChuteRow, state, chute_key(entry.author, chute))
    if row is None:
        return Refusal(Code.REFUSED, "The author owns no such chute.")
    return Refusal(Code.ELIMINATED, "That chute was retired.") if row.retired else row


def _price(entry: Entry, body: SetPrice, state: State) -> Refusal | None:
    row = _owned(entry, body.chute, state)
    if isinstance(row, Refusal):
        return row
    state[chute_key(entry.author, body.chute)] = encode(msgspec.structs.replace(row, price_rao=body.rao))
    return None


def _retire(entry: Entry, body: Retire, state: State) -> Refusal | None:
    row = _owned(entry, body.chute, state)
    if isinstance(row, Refusal):
        return row
    buried = {each: old for each, old in chutes_of(state, entry.author).items() if old.retired}
    while len(buried) >= TOMBSTONES_PER_OWNER_MAX:
        oldest = min(buried, key=lambda each: (buried[each].retired, each))
        del buried[oldest]
        del state[chute_key(entry.author, oldest)]
    retired = msgspec.structs.replace(row, chute=b"", retired=Height(max(entry.height, 1)))
    state[chute_key(entry.author, body.chute)] = encode(retired)
    return None


def _load(entry: Entry, body: Load, state: State) -> Refusal | None:
    if not entry.height < body.until <= entry.height + WARM_BLOCKS_MAX:
        return Refusal(Code.MALFORMED, f"An instance is claimed for 1 to {WARM_BLOCKS_MAX} blocks.")
    claimed = instances_of(state, entry.author)
    warm = {each: row for each, row in claimed.items() if row.until >= entry.height}
    if body.chute not in warm and len(warm) >= WARM_PER_MINER_MAX:
        return Refusal(Code.RATE_LIMITED, f"A miner claims at most {WARM_PER_MINER_MAX} instances.")
    for each in claimed.keys() - warm.keys():
        del state[warm_key(entry.author, each)]
    since = warm[body.chute].since if body.chute in warm else entry.height
    state[warm_key(entry.author, body.chute)] = encode(WarmRow(since, body.until))
    return None


def _unload(entry: Entry, body: Unload, state: State) -> Refusal | None:
    if state.pop(warm_key(entry.author, body.chute), None) is None:
        return Refusal(Code.NO_DATA, "The author claimed no such instance.")
    return None


def _demand(entry: Entry, body: Demand, state: State) -> Refusal | None:
    state[demand_key(entry.author)] = encode(DemandRow(entry.height, body.calls))
    return None
