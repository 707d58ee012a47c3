"""Receipts: what both sides of a call sign when it is over, so that usage can be counted and answers audited later.

The miner signs the answer, the caller signs that it got it and how fast. A receipt holds digests, never the words.
"""

from node.market.errors import MalformedMessage
from node.market.frames import (
    RECEIPT_VERSION,
    CallHead,
    ChallengeAnswer,
    ChallengeHead,
    PartChain,
    Receipt,
    ReceiptBody,
    chain_of,
    decode,
    receipt_holds,
    receipt_message,
    request_digest,
)
from node.primitives.crypto import Signer, Verifier
from node.primitives.types import Hash, Height, NetUid
from node.subnets.base import Answer, Usage


def sign_receipt(head: CallHead, answer: Answer, spec_version: int, signer: Signer) -> Receipt:
    """The caller's receipt for a complete answer; the answer's signature becomes the miner's half."""
    body = ReceiptBody(
        version=RECEIPT_VERSION,
        genesis=head.genesis,
        netuid=head.netuid,
        spec_version=spec_version,
        caller=head.caller,
        miner=head.to,
        request=request_digest(head),
        answer=answer.digest,
        usage=answer.usage,
        t_first_ms=answer.t_first_ms,
        t_done_ms=answer.t_done_ms,
        code=int(answer.status),
        height=head.height,
    )
    return Receipt(body, answer.signature, signer.sign(receipt_message(body)))


def sign_challenge_receipt(
    *, genesis: Hash, netuid: NetUid, challenge: Hash, height: Height, answer: Answer, spec_version: int, signer: Signer
) -> Receipt:
    """A validator's receipt for a miner's answer to its challenge: of the same form as a caller's."""
    body = ReceiptBody(
        version=RECEIPT_VERSION,
        genesis=genesis,
        netuid=netuid,
        spec_version=spec_version,
        caller=signer.public,
        miner=answer.miner,
        request=challenge,
        answer=answer.digest,
        usage=answer.usage,
        t_first_ms=answer.t_first_ms,
        t_done_ms=answer.t_done_ms,
        code=int(answer.status),
        height=height,
    )
    return Receipt(body, answer.signature, signer.sign(receipt_message(body)))


def check_challenge_receipt(data: bytes, head: ChallengeHead, sent: ChallengeAnswer, verify: Verifier) -> Receipt:
    """The receipt in `data`, once it is proven to be for this answer to this challenge. Raises MalformedMessage."""
    receipt = decode(Receipt, data)
    body, chain = receipt.body, chain_of(sent.challenge, sent.parts)
    expected = (head.genesis, head.netuid, head.validator, sent.miner, sent.challenge, chain.digest, sent.usage)
    given = (body.genesis, body.netuid, body.caller, body.miner, body.request, body.answer, body.usage)
    if given != expected:
        raise MalformedMessage("This receipt is for another answer.")
    if not receipt_holds(receipt, verify):
        raise MalformedMessage("A signature of this receipt does not hold.")
    return receipt


def check_receipt(data: bytes, head: CallHead, chain: PartChain, usage: Usage, verify: Verifier) -> Receipt:
    """The receipt in `data`, once it is proven to be for this call and this answer. Raises MalformedMessage."""
    receipt = decode(Receipt, data)
    body = receipt.body
    expected = (head.genesis, head.netuid, head.caller, head.to, request_digest(head), chain.digest, usage, head.height)
    given = (body.genesis, body.netuid, body.caller, body.miner, body.request, body.answer, body.usage, body.height)
    if given != expected:
        raise MalformedMessage("This receipt is for another call.")
    if not receipt_holds(receipt, verify):
        raise MalformedMessage("A signature of this receipt does not hold.")
    return receipt
