"""Broadcast challenges: what the gossip check lets through, and which answers a validator takes."""

import msgspec
import pytest
import trio

from node.market.challenge import AnswerDesk, ChallengeGate, Round, acknowledged, make_challenge
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.frames import ChallengeAnswer, ChallengeHead, sign_challenge, sign_challenge_answer
from node.market.receipts import check_challenge_receipt
from node.primitives.codec import encode
from node.primitives.crypto import digest, verify
from node.primitives.types import Height
from node.subnets.base import Answer, Code, Usage
from p2p import Verdict
from tests.unit.market.support import GENESIS, NETUID, Double, Doubling, Number, World, signer_of


class Setting:
    """A validator, two miners, and the gate of the first miner."""

    def __init__(self) -> None:
        self.world = World()
        self.validator = self.world.join("validator", permit=True)
        self.miner = self.world.join("miner")
        self.other = self.world.join("other")
        self.gate = ChallengeGate(self.miner)
        self.targets = (self.miner.hotkey, self.other.hotkey)

    def challenge(self, by: MarketContext | None = None, **changes: object) -> bytes:
        made = make_challenge(by or self.validator, 1, self.targets, Number(5))
        head = msgspec.structs.replace(made.head, **changes)
        return encode(sign_challenge(head, made.body, (by or self.validator).signer))

    def judge(self, data: bytes) -> tuple[Verdict, str]:
        before = dict(self.gate.counts)
        verdict = self.gate("peer", data)
        changed = [name for name, count in self.gate.counts.items() if count != before.get(name, 0)]
        assert len(changed) == 1
        return verdict, changed[0].removeprefix("challenge.")


async def test_a_validators_challenge_passes_once() -> None:
    s = Setting()
    data = s.challenge()
    assert s.judge(data) == (Verdict.ACCEPT, "accepted")
    assert s.judge(data) == (Verdict.IGNORE, "duplicate")


async def test_challenges_of_miners_and_strangers_are_not_passed_on() -> None:
    s = Setting()
    assert s.judge(s.challenge(by=s.miner)) == (Verdict.IGNORE, "unregistered")
    stranger = s.world.join("stranger", seated=False)
    assert s.judge(s.challenge(by=stranger)) == (Verdict.IGNORE, "unregistered")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"genesis": digest("other", b"net")}, (Verdict.REJECT, "foreign")),
        ({"netuid": 8}, (Verdict.REJECT, "foreign")),
        ({"height": Height(96)}, (Verdict.IGNORE, "stale")),
        ({"height": Height(104)}, (Verdict.IGNORE, "stale")),
        ({"body_digest": digest("other", b"body")}, (Verdict.REJECT, "forged")),
        ({"targets": ()}, (Verdict.REJECT, "malformed")),
    ],
)
async def test_unsound_challenges_are_stopped(changes: dict[str, object], expected: tuple[Verdict, str]) -> None:
    s = Setting()
    assert s.judge(s.challenge(**changes)) == expected


async def test_wrong_signatures_and_garbage_cost_the_sender_score() -> None:
    s = Setting()
    made = make_challenge(s.validator, 1, s.targets, Number(5))
    forged = sign_challenge(made.head, made.body, signer_of("forger"))
    assert s.judge(encode(forged)) == (Verdict.REJECT, "bad_signature")
    for garbage in (b"", b"\x00", b"\x93\x01\x02\x03", bytes(1000)):
        assert s.judge(garbage) == (Verdict.REJECT, "malformed")
    assert s.judge(bytes(200_000)) == (Verdict.REJECT, "too_large")


# --- answers --------------------------------------------------------------------------------------------------------


class Desk:
    def __init__(self) -> None:
        self.arrived: list[Answer] = []
        self.validator = World().join("validator", permit=True)
        self.desk = AnswerDesk(Doubling(), self.validator, arrived=lambda _, answer: self.arrived.append(answer))
        self.miner, self.other = signer_of("miner"), signer_of("other")
        self.round = Round(
            digest("test", b"round"), 1, Height(100), Number(5), (self.miner.public, self.other.public), 0.0
        )
        self.desk.open(self.round)

    def take(self, raw: bytes) -> Code:
        return self.desk.accept(raw)[0]

    def answer(self, signer: object = None, *, parts: tuple[bytes, ...] | None = None) -> ChallengeAnswer:
        body = (encode(Double(0, True, Usage(1, 1), 10)),) if parts is None else parts
        return sign_challenge_answer(self.round.digest, body, Usage(1, 1), signer or self.miner)  # type: ignore[arg-type]


async def test_an_answer_of_a_target_is_taken_once_and_timed_by_our_clock(autojump_clock: object) -> None:
    d = Desk()
    d.round.started = trio.current_time()
    await trio.sleep(2)
    assert d.take(encode(d.answer())) is Code.OK
    assert d.arrived[0].t_done_ms == 2000
    assert d.take(encode(d.answer())) is Code.DUPLICATE
    assert not d.round.complete.is_set()
    assert d.take(encode(d.answer(d.other))) is Code.OK
    assert d.round.complete.is_set()
    assert len(d.arrived) == 2


async def test_the_answer_that_counts_gets_a_receipt_that_binds_the_validator(autojump_clock: object) -> None:
    d = Desk()
    d.round.started = trio.current_time()
    await trio.sleep(1.5)
    sent = d.answer()
    code, receipt = d.desk.accept(encode(sent))
    assert code is Code.OK
    assert receipt is not None
    head = ChallengeHead(
        GENESIS, NETUID, 1, Height(100), d.validator.hotkey, "peer", d.round.targets, bytes(32)  # type: ignore[arg-type]
    )  # fmt: skip
    assert check_challenge_receipt(encode(receipt), head, sent, verify) == receipt
    assert (receipt.body.caller, receipt.body.t_done_ms) == (d.validator.hotkey, 1500)
    with pytest.raises(MalformedMessage, match="another answer"):
        check_challenge_receipt(encode(receipt), head, d.answer(d.other), verify)
    faster = msgspec.structs.replace(receipt, body=msgspec.structs.replace(receipt.body, t_done_ms=1))
    with pytest.raises(MalformedMessage, match="signature"):
        check_challenge_receipt(encode(faster), head, sent, verify)
    assert d.desk.accept(encode(sent)) == (Code.DUPLICATE, None)


async def test_late_foreign_and_forged_answers_are_refused_and_counted() -> None:
    d = Desk()
    assert d.take(encode(d.answer(signer_of("stranger")))) is Code.MISADDRESSED
    assert d.take(encode(msgspec.structs.replace(d.answer(), signature=bytes(64)))) is Code.BAD_SIGNATURE
    assert d.take(encode(msgspec.structs.replace(d.answer(d.other), miner=d.miner.public))) is Code.BAD_SIGNATURE
    unknown = msgspec.structs.replace(d.answer(), challenge=digest("test", b"unknown"))
    assert d.take(encode(unknown)) is Code.STALE
    d.desk.close(d.round)
    assert d.take(encode(d.answer())) is Code.STALE
    assert d.desk.counts == {
        "answer.misaddressed": 1, "answer.bad_signature": 2, "answer.stale": 2,
    }  # fmt: skip
    assert d.arrived == []


@pytest.mark.parametrize(
    "parts",
    [
        (b"garbage",),
        (encode(Double(1, True, Usage(1, 1), 10)),),
        (encode(Double(0, False, Usage(), 10)),),
        (encode(Double(0, True, Usage(1, 1), 10)), encode(Double(1, True, Usage(1, 1), 10))),
        (encode(Double(0, True, Usage(1, 9), 10)),),
    ],
)
async def test_answers_with_unsound_parts_are_refused_even_when_signed(parts: tuple[bytes, ...]) -> None:
    d = Desk()
    assert d.take(encode(d.answer(parts=parts))) is Code.MALFORMED
    assert d.take(b"\x00garbage") is Code.MALFORMED


async def test_a_refused_answer_does_not_spend_the_miners_turn() -> None:
    d = Desk()
    d.take(encode(d.answer(parts=(b"garbage",))))
    assert d.take(encode(d.answer())) is Code.OK


def test_acknowledgements_that_make_no_sense_are_refusals() -> None:
    assert acknowledged(bytes([Code.OK])) is Code.OK
    assert acknowledged(b"") is Code.REFUSED
    assert acknowledged(b"\xff") is Code.REFUSED
