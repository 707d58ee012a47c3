"""The signed structures of the market and their bytes: call requests, final frames, challenges, answers, receipts.

Every signature covers a 32-byte digest of its own domain that includes the genesis hash, so nothing signed here can be
used on another network or as another kind of message. A frame on a stream is one byte of kind, then canonical bytes.
"""

import enum
from collections.abc import Iterable

from node.ledger.vouchers import Voucher
from node.market.errors import MalformedMessage
from node.market.limits import (
    ANSWER_BYTES_MAX,
    CHALLENGE_OVERHEAD_BYTES,
    NONCE_BYTES,
    PAYMENT_BYTES_MAX,
    PEER_ID_CHARS_MAX,
    RECEIPT_BYTES_MAX,
    REFUSAL_TEXT_CHARS_MAX,
    REQUEST_OVERHEAD_BYTES,
    SEQUENCE_MAX,
    TARGETS_MAX,
)
from node.primitives.codec import encode
from node.primitives.crypto import Signer, Verifier, digest
from node.primitives.limits import ANSWER_PARTS_MAX, TASK_BYTES_MAX
from node.primitives.types import (
    ACCOUNT_BYTES,
    HASH_BYTES,
    MAX_SUPPLY_RAO,
    SIGNATURE_BYTES,
    AccountId,
    Hash,
    Height,
    NetUid,
    Rao,
)
from node.subnets.base import Code, M, Message, Usage, check_text, decode_message

RECEIPT_VERSION = 1
REQUEST_BYTES_MAX = TASK_BYTES_MAX + REQUEST_OVERHEAD_BYTES
CHALLENGE_BYTES_MAX = TASK_BYTES_MAX + CHALLENGE_OVERHEAD_BYTES


class FrameKind(enum.IntEnum):
    """First byte of every frame of a call."""

    PART = 1
    FINAL = 2
    REFUSAL = 3
    RECEIPT = 4
    VOUCHER = 5


class CallHead(Message, frozen=True):
    """What a caller signs: who asks whom, on which network and subnet, when, and for what."""

    genesis: Hash
    netuid: NetUid
    height: Height
    nonce: bytes
    caller: AccountId
    to: AccountId
    body_digest: Hash

    def check(self) -> None:
        _lengths(HASH_BYTES, self.genesis, self.body_digest)
        _lengths(ACCOUNT_BYTES, self.caller, self.to)
        _lengths(NONCE_BYTES, self.nonce)
        _not_negative(self.netuid, self.height)


class Payment(Message, frozen=True):
    """A voucher of the caller's channel to the miner; `call_rao` is what of its sum is for this call, so far.

    The voucher's digest is that of the request, its sum that of all calls through the channel.
    """

    voucher: Voucher
    signature: bytes
    call_rao: Rao

    def check(self) -> None:
        _lengths(HASH_BYTES, self.voucher.channel, self.voucher.receipt_digest)
        _lengths(SIGNATURE_BYTES, self.signature)
        _not_negative(self.voucher.sequence, self.voucher.cumulative_rao, self.call_rao)
        if max(self.voucher.cumulative_rao, self.call_rao) > MAX_SUPPLY_RAO or self.voucher.sequence > SEQUENCE_MAX:
            raise MalformedMessage("A payment is over more than there is.")


class CallRequest(Message, frozen=True):
    """A signed task for one miner; `body` is the canonical task. `payment` has one voucher at most."""

    head: CallHead
    body: bytes
    signature: bytes
    payment: tuple[Payment, ...] = ()

    def check(self) -> None:
        self.head.check()
        _lengths(SIGNATURE_BYTES, self.signature)
        if len(self.payment) > 1:
            raise MalformedMessage("A request carries one payment at most.")
        for payment in self.payment:
            payment.check()


class FinalFrame(Message, frozen=True):
    """The end of a complete answer, signed by the miner over everything it sent."""

    parts: int
    usage: Usage
    signature: bytes

    def check(self) -> None:
        _lengths(SIGNATURE_BYTES, self.signature)
        _not_negative(self.parts, *usage_numbers(self.usage))


class RefusalFrame(Message, frozen=True):
    """Why there is no answer, or no more of it. Not signed: nothing follows from it but asking somebody else.

    `short_rao` is what the miner says is owed to it, with the code UNPAID alone; whoever pays keeps books of its own.
    """

    code: int
    text: str
    short_rao: Rao = Rao(0)

    def check(self) -> None:
        _not_negative(self.code, self.short_rao)
        if len(self.text) > REFUSAL_TEXT_CHARS_MAX:
            raise MalformedMessage("The text of a refusal is too long.")


class ReceiptBody(Message, frozen=True):
    """What was asked and answered, without saying the words. Times are the caller's, in ms since it asked."""

    version: int
    genesis: Hash
    netuid: NetUid
    spec_version: int
    caller: AccountId
    miner: AccountId
    request: Hash
    answer: Hash
    usage: Usage
    t_first_ms: int
    t_done_ms: int
    code: int
    height: Height

    def check(self) -> None:
        _lengths(HASH_BYTES, self.genesis, self.request, self.answer)
        _lengths(ACCOUNT_BYTES, self.caller, self.miner)
        _not_negative(
            self.version, self.netuid, self.spec_version, *usage_numbers(self.usage),
            self.t_first_ms, self.t_done_ms, self.code, self.height,
        )  # fmt: skip


class Receipt(Message, frozen=True):
    """A receipt with both signatures: the miner's over the answer, the caller's over the body."""

    body: ReceiptBody
    miner_signature: bytes
    caller_signature: bytes

    def check(self) -> None:
        self.body.check()
        _lengths(SIGNATURE_BYTES, self.miner_signature, self.caller_signature)


class ChallengeHead(Message, frozen=True):
    """What a validator signs when it asks several miners the same thing at once."""

    genesis: Hash
    netuid: NetUid
    round: int
    height: Height
    validator: AccountId
    peer_id: str  # where answers go
    targets: tuple[AccountId, ...]  # who shall answer
    body_digest: Hash

    def check(self) -> None:
        _lengths(HASH_BYTES, self.genesis, self.body_digest)
        _lengths(ACCOUNT_BYTES, self.validator, *self.targets)
        _not_negative(self.netuid, self.round, self.height)
        check_text("The peer id", self.peer_id, max_chars=PEER_ID_CHARS_MAX)
        if not 0 < len(self.targets) <= TARGETS_MAX:
            raise MalformedMessage(f"A challenge has 1 to {TARGETS_MAX} targets, not {len(self.targets)}.")


class Challenge(Message, frozen=True):
    """A signed broadcast task; `body` is the canonical task."""

    head: ChallengeHead
    body: bytes
    signature: bytes

    def check(self) -> None:
        self.head.check()
        _lengths(SIGNATURE_BYTES, self.signature)


class ChallengeAnswer(Message, frozen=True):
    """One miner's whole answer to a challenge, sent to the validator alone."""

    challenge: Hash
    miner: AccountId
    parts: tuple[bytes, ...]
    usage: Usage
    signature: bytes

    def check(self) -> None:
        _lengths(HASH_BYTES, self.challenge)
        _lengths(ACCOUNT_BYTES, self.miner)
        _lengths(SIGNATURE_BYTES, self.signature)
        _not_negative(*usage_numbers(self.usage))
        if not 0 < len(self.parts) <= ANSWER_PARTS_MAX:
            raise MalformedMessage(f"An answer has 1 to {ANSWER_PARTS_MAX} parts, not {len(self.parts)}.")


# --- digests and signatures -----------------------------------------------------------------------------------------


def body_digest(body: bytes) -> Hash:
    """What a signed head says about its task."""
    return digest("task", body)


def request_digest(head: CallHead) -> Hash:
    """Identity of a call: what its caller signs."""
    return digest("call", encode(head))


def challenge_digest(head: ChallengeHead) -> Hash:
    """Identity of a challenge: what its validator signs."""
    return digest("challenge", encode(head))


class PartChain:
    """The running digest of an answer's parts, bound to the question; equal chains mean equal answers."""

    def __init__(self, question: Hash) -> None:
        self.digest = digest("parts", question)
        self.parts = 0

    def add(self, part: bytes) -> None:
        """Take in the next part's canonical bytes."""
        self.digest = digest("part", self.digest, part)
        self.parts += 1


def chain_of(question: Hash, parts: Iterable[bytes]) -> PartChain:
    """The chain over all parts of an answer."""
    chain = PartChain(question)
    for part in parts:
        chain.add(part)
    return chain


def answer_message(question: Hash, chain: PartChain, usage: Usage) -> Hash:
    """The 32 bytes a miner signs under a complete answer."""
    return digest("answer", question, chain.digest, encode(usage))


def sign_call(
    genesis: Hash, netuid: NetUid, height: Height, nonce: bytes, to: AccountId, body: bytes, signer: Signer
) -> CallRequest:
    """Make the signed request for one miner; `nonce` is NONCE_BYTES of fresh randomness."""
    head = CallHead(genesis, netuid, height, nonce, signer.public, to, body_digest(body))
    return CallRequest(head, body, signer.sign(request_digest(head)))


def sign_challenge(head: ChallengeHead, body: bytes, signer: Signer) -> Challenge:
    """Make the signed broadcast; `head.validator` is the signer."""
    return Challenge(head, body, signer.sign(challenge_digest(head)))


def sign_challenge_answer(challenge: Hash, parts: tuple[bytes, ...], usage: Usage, signer: Signer) -> ChallengeAnswer:
    """Make a miner's signed answer to a challenge."""
    signature = signer.sign(answer_message(challenge, chain_of(challenge, parts), usage))
    return ChallengeAnswer(challenge, signer.public, parts, usage, signature)


def receipt_digest(receipt: Receipt) -> Hash:
    """Identity of a receipt, signatures included."""
    return digest("receipt", encode(receipt))


def receipt_message(body: ReceiptBody) -> Hash:
    """The 32 bytes a caller signs under a receipt."""
    return digest("receipt-body", encode(body))


def receipt_holds(receipt: Receipt, verify: Verifier) -> bool:
    """Tell whether both signatures of a receipt hold."""
    body = receipt.body
    answered = digest("answer", body.request, body.answer, encode(body.usage))
    return verify(body.miner, answered, receipt.miner_signature) and verify(
        body.caller, receipt_message(body), receipt.caller_signature
    )


# --- bytes ----------------------------------------------------------------------------------------------------------


def frame(kind: FrameKind, body: bytes) -> bytes:
    """The bytes of one frame of a call."""
    return bytes([kind]) + body


def open_frame(data: bytes) -> tuple[FrameKind, bytes]:
    """Kind and body of a frame. Raises MalformedMessage."""
    try:
        return FrameKind(data[0]), data[1:]
    except (IndexError, ValueError) as error:
        raise MalformedMessage("A frame is empty or of an unknown kind.") from error


def refusal_frame(code: Code, text: str, short_rao: int = 0) -> bytes:
    """The bytes of a refusal, its text cut to the bound."""
    body = RefusalFrame(int(code), text[:REFUSAL_TEXT_CHARS_MAX], Rao(short_rao))
    return frame(FrameKind.REFUSAL, encode(body))


def code_of(number: int) -> Code:
    """The code with that number; REFUSED for numbers of later versions."""
    try:
        return Code(number)
    except ValueError:
        return Code.REFUSED


_BYTES_MAX: dict[type[Message], int] = {
    CallRequest: REQUEST_BYTES_MAX,
    Payment: PAYMENT_BYTES_MAX,
    FinalFrame: RECEIPT_BYTES_MAX,
    RefusalFrame: 4 * REFUSAL_TEXT_CHARS_MAX + 32,
    Receipt: RECEIPT_BYTES_MAX,
    Challenge: CHALLENGE_BYTES_MAX,
    ChallengeAnswer: ANSWER_BYTES_MAX,
}


def decode(kind: type[M], data: bytes) -> M:
    """Return the checked structure of this file that `data` encodes. Raises MalformedMessage."""
    return decode_message(kind, data, max_bytes=_BYTES_MAX[kind])


def _lengths(expected: int, *values: bytes) -> None:
    if any(len(value) != expected for value in values):
        raise MalformedMessage(f"A field of {expected} bytes has another length.")


def usage_numbers(usage: Usage) -> tuple[int, int, int]:
    """The three counts of a usage; none may be negative."""
    return usage.prompt_tokens, usage.completion_tokens, usage.units


def _not_negative(*numbers: int) -> None:
    if min(numbers) < 0:
        raise MalformedMessage("A number is negative.")
