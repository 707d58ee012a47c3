"""Transactions as files: built where a node is, signed where the key is, sent from anywhere.

A file is a few lines for people and one line for programs, `ntx1:` and the canonical bytes in base64. Only that line
counts: what a signer is shown is decoded from it, never taken from the lines above. It binds the network by its
genesis, and the time by its era. It holds no key; a signed one can only do what was signed.
"""

import base64
import binascii
import math
import re
from dataclasses import dataclass
from typing import Annotated, Final, cast

import msgspec

from node.control.actions import Draft
from node.control.amounts import format_amount
from node.ledger.calls import Account, Call, RaoAmount, spec_of
from node.ledger.calls.base import U63
from node.ledger.transaction import (
    SPEC_VERSION,
    Transaction,
    decode_transaction,
    sign_transaction,
    transaction_hash,
)
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Signer, digest
from node.primitives.errors import DecodeError, LedgerError
from node.primitives.limits import ERA_PERIOD_BLOCKS_MAX, TRANSACTION_BYTES_MAX
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, AccountId, Hash, Height, Rao
from node.wallet import BadTransactionFile, TransactionExpired, WatchOnly

FILE_BYTES_MAX: Final = 512 * 1024  # a transaction of 256 KiB in base64, and the lines for people
VALID_FOR_DEFAULT_S: Final = 6 * 3600.0  # a walk to another machine and back
_MARK: Final = "ntx1:"
_LINE: Final = re.compile(r"^ntx1:([A-Za-z0-9_-]+)$", re.MULTILINE)
_CHECK_BYTES: Final = 4
_NETWORK_CHARS_MAX: Final = 64
_HashField = Annotated[Hash, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Network = Annotated[str, msgspec.Meta(max_length=_NETWORK_CHARS_MAX)]
_SHOWN_DEPTH_MAX: Final = 4  # calls inside calls that are written out; real ones have two


class Unsigned(Wire, frozen=True, tag=1):
    """All that a signer needs; `fee_rao` is what it will cost if it enters the chain as the rules are now."""

    spec_version: U63
    network: _Network
    genesis_hash: _HashField
    sender: Account
    nonce: U63
    era_height: U63
    era_hash: _HashField
    era_blocks: U63
    expires_ms: U63
    fee_rao: RaoAmount
    call: Call


class SignedTx(Wire, frozen=True, tag=2):
    """A signed transaction on its way to a node; `raw` is what nodes take."""

    network: _Network
    genesis_hash: _HashField
    expires_ms: U63
    raw: Annotated[bytes, msgspec.Meta(max_length=TRANSACTION_BYTES_MAX)]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a transaction file holds."""

    unsigned: Unsigned | None
    signed: SignedTx | None

    @property
    def genesis_hash(self) -> str:
        """The network it is for, 64 hex digits."""
        return self._part.genesis_hash.hex()

    @property
    def network(self) -> str:
        """The network's name as the file has it; only the genesis hash binds."""
        return self._part.network

    @property
    def expires_ms(self) -> int:
        """The Unix time after which no block takes it, as the builder's node reckoned."""
        return self._part.expires_ms

    @property
    def _part(self) -> Unsigned | SignedTx:
        return cast("Unsigned | SignedTx", self.unsigned or self.signed)


def unsigned_of(draft: Draft, now_ms: int, valid_for_s: float = VALID_FOR_DEFAULT_S) -> Unsigned:
    """Return a draft as what can be carried to its signer; it lives `valid_for_s`, within what the chain allows."""
    context = draft.context
    blocks = min(max(math.ceil(valid_for_s * 1000 / context.slot_ms), 1), ERA_PERIOD_BLOCKS_MAX)
    lived = max(0, context.height - context.era_height)  # the era begins at the last final block
    return Unsigned(
        context.spec_version, context.network[:_NETWORK_CHARS_MAX], Hash(bytes.fromhex(context.genesis_hash)),
        from_ss58(draft.sender), draft.nonce, context.era_height, Hash(bytes.fromhex(context.era_hash)), blocks,
        now_ms + max(1, blocks - lived) * context.slot_ms, Rao(draft.fee_rao), draft.call,
    )  # fmt: skip


def sign_unsigned(unsigned: Unsigned, signer: Signer) -> SignedTx:
    """Return the signed transaction.

    Raises:
        WatchOnly: the key is another one than the sender's.
        BadTransactionFile: it was built for other rules than this program knows.
    """
    if unsigned.spec_version != SPEC_VERSION:
        raise BadTransactionFile(
            f"It was built for version {unsigned.spec_version} of the rules; this program knows {SPEC_VERSION}.",
            remedy="Use the same version of neurond on both machines.",
        )
    if signer.public != unsigned.sender:
        raise WatchOnly(
            f"This key is {to_ss58(signer.public)}, but {to_ss58(unsigned.sender)} must sign.",
            remedy="Name the other wallet with --wallet.",
        )
    raw = sign_transaction(
        signer,
        unsigned.call,
        nonce=unsigned.nonce,
        birth_height=Height(unsigned.era_height),
        birth_hash=unsigned.era_hash,
        genesis_hash=unsigned.genesis_hash,
        period_blocks=unsigned.era_blocks,
    )
    return SignedTx(unsigned.network, unsigned.genesis_hash, unsigned.expires_ms, raw)


def check_time(opened: Opened, now_ms: int) -> None:
    """Raise TransactionExpired when no block would take it any more."""
    if now_ms >= opened.expires_ms:
        raise TransactionExpired("The time of this transaction has passed.")


def to_text(item: Unsigned | SignedTx, lines: list[tuple[str, str]]) -> str:
    """Return the text of a file: a title, `lines` for people, and the line that counts."""
    title = "neurond unsigned transaction" if isinstance(item, Unsigned) else "neurond signed transaction"
    cells = max((len(label) for label, _ in lines), default=0)
    told = [f"{label:<{cells}}  {_one_line(text)}" for label, text in lines]
    return "\n".join([title, *told, "", to_line(item), ""])


def to_line(item: Unsigned | SignedTx) -> str:
    """Return the line that counts; short ones fit a QR code."""
    body = encode(item)
    data = body + digest("tx-file", body)[:_CHECK_BYTES]
    return _MARK + base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def from_text(data: bytes) -> Opened:
    """Return what a file holds.

    Raises:
        BadTransactionFile: too large, no or several such lines, damaged, or not what its kind should be.
    """
    if len(data) > FILE_BYTES_MAX:
        raise BadTransactionFile(f"The file is larger than {FILE_BYTES_MAX:,} bytes.")
    found = _LINE.findall(data.decode("utf-8", "replace").replace("\r\n", "\n"))
    if len(found) != 1:
        raise BadTransactionFile(f"The file has {len(found)} lines that begin with {_MARK}, not one.")
    try:
        raw = base64.urlsafe_b64decode(found[0] + "=" * (-len(found[0]) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadTransactionFile("The file is damaged: its last line is cut off.") from error
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if digest("tx-file", body)[:_CHECK_BYTES] != check:
        raise BadTransactionFile("The file is damaged: its checksum does not fit.")
    try:
        item = decode_canonical(cast("type[Unsigned | SignedTx]", Unsigned | SignedTx), body, max_bytes=FILE_BYTES_MAX)
        if isinstance(item, SignedTx):
            decode_transaction(item.raw)
    except (DecodeError, LedgerError) as error:
        raise BadTransactionFile(f"The file holds no transaction: {error.message}") from error
    if isinstance(item, Unsigned) and not 1 <= item.era_blocks <= ERA_PERIOD_BLOCKS_MAX:
        raise BadTransactionFile(
            f"The transaction would live {item.era_blocks} blocks; {ERA_PERIOD_BLOCKS_MAX} is most."
        )
    return Opened(item, None) if isinstance(item, Unsigned) else Opened(None, item)


def lines_of(item: Unsigned | SignedTx) -> list[tuple[str, str]]:
    """Return what a transaction says, decoded from what is or will be signed: (label, text) for people."""
    if isinstance(item, Unsigned):
        nonce, sender, call = item.nonce, item.sender, item.call
        last = ("fee", f"about {format_amount(item.fee_rao)}")
    else:
        transaction: Transaction = decode_transaction(item.raw)
        nonce, sender, call = transaction.nonce, transaction.sender, transaction.call
        last = ("id", transaction_hash(item.raw).hex())
    network = _one_line(item.network)  # whoever built the file chose it
    told = [("network", f"{network} (genesis {item.genesis_hash.hex()})"), ("signer", to_ss58(sender))]
    return [*told, ("call", spec_of(call).name), *call_lines(call), ("nonce", str(nonce)), last]


def call_lines(call: Call, indent: str = "  ") -> list[tuple[str, str]]:
    """Return the arguments of a call, those of a call inside it further in: accounts as ss58, rao as τ."""
    told: list[tuple[str, str]] = []
    for name in call.__struct_fields__:
        value = _opened(name, getattr(call, name), len(indent) // 2)
        if isinstance(value, Wire) and type(value).__module__.startswith("node.ledger.calls"):
            told.append((f"{indent}{name}", type(value).__name__))
            told += call_lines(cast("Call", value), indent + "  ")
        elif isinstance(value, int) and not isinstance(value, bool) and name.endswith("_rao"):
            told.append((f"{indent}{name}", f"{format_amount(value)} ({value:,} rao)"))
        elif isinstance(value, int) and not isinstance(value, bool) and "alpha" in name:
            told.append((f"{indent}{name}", f"{format_amount(value, 'α')} ({value:,})"))
        else:
            told.append((f"{indent}{name}", _words(value)))
    return told


def _opened(name: str, value: object, depth: int) -> object:
    """The call that a proposal carries encoded, where these bytes are one; else the value as it is."""
    if name != "call" or not isinstance(value, bytes) or depth > _SHOWN_DEPTH_MAX:
        return value
    try:
        return decode_canonical(cast("type[Wire]", Call), value, max_bytes=TRANSACTION_BYTES_MAX)
    except DecodeError:
        return value


def _words(value: object) -> str:
    if isinstance(value, bytes):
        if len(value) == ACCOUNT_BYTES:
            return f"{to_ss58(AccountId(value))} (0x{value.hex()})"
        text = value.decode("ascii", "replace")
        return text if text.isascii() and text.isprintable() else f"0x{value.hex()}"
    if isinstance(value, tuple):
        return ", ".join(f"({_words(each)})" if isinstance(each, tuple) else _words(each) for each in value)
    return _one_line(str(value)) if isinstance(value, str) else str(value)


def _one_line(text: str) -> str:
    """Text on one line that can never be taken for the line that counts."""
    return " ".join(text.split()).replace(_MARK, "")
