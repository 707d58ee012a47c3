"""The wire structures: their exact bytes, and that signatures are bound to network, kind and content."""

import hashlib

import msgspec
import pytest

from node.market.errors import MalformedMessage
from node.market.frames import (
    CallHead,
    CallRequest,
    Challenge,
    ChallengeAnswer,
    ChallengeHead,
    FinalFrame,
    Receipt,
    ReceiptBody,
    answer_message,
    body_digest,
    chain_of,
    challenge_digest,
    decode,
    receipt_holds,
    receipt_message,
    request_digest,
    sign_call,
    sign_challenge_answer,
)
from node.primitives.codec import encode
from node.primitives.crypto import digest, verify
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import Message, Usage
from tests.unit.market.support import signer_of

H = Hash(bytes(range(32)))
A = AccountId(bytes([7]) * 32)
HEAD = CallHead(H, NetUid(1), Height(2), bytes(16), A, A, H)
BODY = ReceiptBody(1, H, NetUid(1), 1, A, A, H, H, Usage(3, 4), 5, 6, 0, Height(7))
CHALLENGE_HEAD = ChallengeHead(H, NetUid(1), 9, Height(2), A, "peer", (A,), H)

SAMPLES: list[Message] = [
    CallRequest(HEAD, b"task", bytes(64)),
    FinalFrame(3, Usage(1, 2), bytes(64)),
    Receipt(BODY, bytes(64), bytes(64)),
    Challenge(CHALLENGE_HEAD, b"task", bytes(64)),
    ChallengeAnswer(H, A, (b"part",), Usage(1, 2), bytes(64)),
]


def test_the_encoding_of_every_structure_is_pinned() -> None:
    found = {type(sample).__name__: digest("test-vector", encode(sample)).hex()[:16] for sample in SAMPLES}
    assert found == {
        "CallRequest": "dc5150db4ead8f0b",
        "FinalFrame": "5d0383dbfea9ecfb",
        "Receipt": "99724bc105d1eae8",
        "Challenge": "c14736f745658ac8",
        "ChallengeAnswer": "39aeeab8720e67a5",
    }
    assert encode(FinalFrame(3, Usage(1, 2), b"")).hex() == "930393010200c400"


def test_the_digests_that_are_signed_are_pinned() -> None:
    chain = chain_of(H, [b"a", b"b"])
    found = [
        request_digest(HEAD),
        challenge_digest(CHALLENGE_HEAD),
        receipt_message(BODY),
        answer_message(H, chain, Usage(1, 2)),
        body_digest(b"task"),
    ]
    assert [value.hex()[:16] for value in found] == [
        "dfa92ed13b4d24e8",
        "02148cfd7664b112",
        "bd95d898a7304ae1",
        "4f13fee04ff925cf",
        "b8921d86d6c8435f",
    ]
    by_hand = hashlib.blake2b((4).to_bytes(8, "big") + b"task", digest_size=32, person=b"task")
    assert found[4] == by_hand.digest()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_structure_comes_back_and_no_truncation_or_addition_does(sample: Message) -> None:
    data = encode(sample)
    assert decode(type(sample), data) == sample
    for broken in (data[:-1], data + b"\x00", b"", b"\xc0", data[1:]):
        with pytest.raises(MalformedMessage):
            decode(type(sample), broken)


@pytest.mark.parametrize(
    "bad",
    [
        CallRequest(msgspec.structs.replace(HEAD, nonce=bytes(15)), b"", bytes(64)),
        CallRequest(msgspec.structs.replace(HEAD, genesis=Hash(b"")), b"", bytes(64)),
        CallRequest(HEAD, b"", bytes(63)),
        FinalFrame(3, Usage(-1, 2), bytes(64)),
        Challenge(msgspec.structs.replace(CHALLENGE_HEAD, targets=()), b"", bytes(64)),
        Challenge(msgspec.structs.replace(CHALLENGE_HEAD, targets=(A,) * 65), b"", bytes(64)),
        Challenge(msgspec.structs.replace(CHALLENGE_HEAD, peer_id="x" * 200), b"", bytes(64)),
        ChallengeAnswer(H, A, (), Usage(1, 2), bytes(64)),
        ChallengeAnswer(H, AccountId(b"short"), (b"",), Usage(1, 2), bytes(64)),
        ChallengeAnswer(H, A, (b"",) * 8193, Usage(1, 2), bytes(64)),
    ],
)
def test_fields_of_a_wrong_size_are_refused(bad: Message) -> None:
    with pytest.raises(MalformedMessage):
        decode(type(bad), encode(bad))


def test_a_signature_holds_for_one_network_one_addressee_and_one_task_only() -> None:
    signer = signer_of("a")
    base = sign_call(H, NetUid(1), Height(2), bytes(16), A, b"task", signer)
    assert verify(signer.public, request_digest(base.head), base.signature)
    for changes in ({"genesis": digest("x", b"y")}, {"to": AccountId(bytes(32))}, {"height": 3}, {"nonce": b"x" * 16},
                    {"netuid": 2}, {"body_digest": body_digest(b"other")}):  # fmt: skip
        changed = msgspec.structs.replace(base.head, **changes)
        assert not verify(signer.public, request_digest(changed), base.signature)


def test_an_answer_signature_covers_question_order_content_and_usage() -> None:
    sign = signer_of("a")
    base = sign_challenge_answer(H, (b"a", b"b"), Usage(1, 2), sign)
    other = digest("x", b"question")
    for question, parts, usage in [
        (other, (b"a", b"b"), Usage(1, 2)),
        (H, (b"b", b"a"), Usage(1, 2)),
        (H, (b"ab",), Usage(1, 2)),
        (H, (b"a",), Usage(1, 2)),
        (H, (b"a", b"b"), Usage(1, 3)),
    ]:
        assert not verify(sign.public, answer_message(question, chain_of(question, parts), usage), base.signature)


def test_a_receipt_holds_only_with_both_signatures() -> None:
    caller, miner = signer_of("caller"), signer_of("miner")
    chain = chain_of(H, [b"part"])
    body = msgspec.structs.replace(BODY, caller=caller.public, miner=miner.public, request=H, answer=chain.digest)
    by_miner = miner.sign(answer_message(H, chain, body.usage))
    by_caller = caller.sign(receipt_message(body))
    assert receipt_holds(Receipt(body, by_miner, by_caller), verify)
    assert not receipt_holds(Receipt(body, by_caller, by_miner), verify)
    slower = msgspec.structs.replace(body, t_done_ms=body.t_done_ms + 1)
    assert not receipt_holds(Receipt(slower, by_miner, by_caller), verify)
    dearer = msgspec.structs.replace(body, usage=Usage(9, 9))
    assert not receipt_holds(Receipt(dearer, by_miner, caller.sign(receipt_message(dearer))), verify)
