"""The pool of a node and its head: what a reorganisation undid, what others used, and evidence that comes first."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest
import trio
from msgspec.structs import replace

from node.consensus.events import NewHead
from node.consensus.evidence import DoubleVote, encode_evidence
from node.consensus.votes import Step, Vote, message_of_vote
from node.ledger.calls import Call, ReportEvidence, Transfer
from node.ledger.genesis import genesis_state
from node.ledger.header import Block
from node.ledger.transaction import sign_transaction, transaction_hash
from node.ledger.transition import ChainState, Executed, build_block
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.types import Hash, Height, Rao, SetId, Slot
from node.service.birth import FINAL_LAG_MAX, birth_of
from node.service.chain import Chain
from node.service.reader import Reader
from node.service.transactions import Transactions
from tests.unit.service.network import coldkey, hotkey, spec_of

HEADER, START, _ = genesis_state(spec_of(4, 0))
GENESIS = START.hash


class ChainStandIn:
    """As much of a chain as the pool asks: where its head stands."""

    def __init__(self) -> None:
        self.genesis_hash, self.verify = GENESIS, verify
        self.final = SimpleNamespace(header=HEADER, hash=START.hash)
        self.store = SimpleNamespace(transaction=lambda key: None)
        self.move(START, Executed(START, {}, {}, (), ()))

    def move(self, state: ChainState, executed: Executed) -> None:
        self.head = SimpleNamespace(height=state.height, hash=state.hash, executed=executed)


def transfer(person: Ed25519Signer, nonce: int = 0, *, amount: int = 1000, lives: int = 64, tip: int = 0) -> bytes:
    return signed(person, Transfer(coldkey(3).public, Rao(amount)), nonce, lives=lives, tip=tip)


def signed(person: Ed25519Signer, call: Call, nonce: int = 0, *, lives: int = 64, tip: int = 0) -> bytes:
    return sign_transaction(
        person, call, nonce=nonce, birth_height=START.height, birth_hash=START.hash, genesis_hash=GENESIS,
        period_blocks=lives, tip_rao=Rao(tip),
    )  # fmt: skip


def double_vote(by: Ed25519Signer) -> ReportEvidence:
    votes = [
        Vote(SetId(0), 1, 0, Step.PREVOTE, Height(1), Hash(bytes([number]) * 32), by.public, bytes(64))
        for number in (1, 2)
    ]
    first, second = (replace(vote, signature=by.sign(message_of_vote(vote, GENESIS))) for vote in votes)
    return ReportEvidence(encode_evidence(DoubleVote(first, second)))


def made(parent: ChainState, slot: int, raws: Sequence[bytes]) -> tuple[Block, Executed]:
    draft = build_block(parent, Slot(slot), hotkey(0).public, raws, GENESIS, verify=verify, enact=False)
    assert not draft.skipped
    return draft.seal(bytes(64))


class Fork:
    """A pool whose head can be moved."""

    def __init__(self) -> None:
        self.chain = ChainStandIn()
        self.pool = Transactions(cast(Chain, self.chain))
        self.executed: dict[Hash, Executed] = {}

    def go(self, *applied: tuple[Block, Executed], undone: Sequence[Block] = ()) -> None:
        for _, executed in applied:
            self.executed[executed.state.hash] = executed
        state, executed = applied[-1][1].state, applied[-1][1]
        self.chain.move(state, executed)
        blocks = tuple(block for block, _ in applied)
        self.pool.moved(NewHead(state.hash, Height(state.height), executed, tuple(undone), blocks), self.executed)

    def states(self, *raws: bytes) -> list[str]:
        return [self.pool.status(transaction_hash(raw)).state for raw in raws]

    async def settle(self) -> None:
        with trio.move_on_after(0.5):
            await self.pool.run()


async def test_undone_transactions_wait_again_and_those_that_became_invalid_are_dropped_by_name() -> None:
    fork = Fork()
    stays = [transfer(coldkey(0)), transfer(coldkey(0), 1), transfer(coldkey(0), 2)]
    used, short = transfer(coldkey(1)), transfer(coldkey(2), lives=1)
    old = made(START, 1, [*stays, used, short])
    fork.go(old)
    assert fork.states(*stays, used, short) == ["in_block"] * 5
    rival = made(START, 2, [transfer(coldkey(1), amount=5)])
    fork.go(rival, undone=[old[0]])
    assert fork.states(*stays) == ["pending"] * 3
    await fork.settle()
    assert fork.states(*stays, used, short) == ["pending"] * 3 + ["failed"] * 2
    errors = [fork.pool.status(transaction_hash(raw)).error for raw in (used, short)]
    assert [error.code for error in errors if error is not None] == ["NonceTooLow", "EraExpired"]
    assert fork.pool.candidates() == stays
    fork.go(made(rival[1].state, 3, stays))
    assert fork.states(*stays) == ["in_block"] * 3
    assert fork.pool.waiting() == 0


async def test_what_the_new_branch_holds_too_is_not_returned() -> None:
    fork = Fork()
    both = transfer(coldkey(0))
    old, rival = made(START, 1, [both]), made(START, 2, [both])
    fork.go(old)
    fork.go(rival, undone=[old[0]])
    await fork.settle()
    assert fork.states(both) == ["in_block"]
    assert fork.pool.waiting() == 0


async def test_a_nonce_used_on_the_branch_that_lost_is_the_next_one_again() -> None:
    fork = Fork()
    first, second = transfer(coldkey(0)), transfer(coldkey(0), 1)
    await fork.pool.submit(first)
    await fork.pool.submit(second)
    old = made(START, 1, [first])
    fork.go(old)
    assert fork.pool.candidates() == [second]
    fork.go(made(START, 2, []), undone=[old[0]])
    assert fork.pool.candidates() == []
    await fork.settle()
    assert fork.pool.candidates() == [first, second]


async def test_an_own_transaction_that_was_undone_is_gossiped_again() -> None:
    fork = Fork()
    sent: list[bytes] = []
    fork.pool.publish = sent.append
    own = transfer(coldkey(0))
    await fork.pool.submit(own)
    block = made(START, 1, [own])
    fork.go(block)
    fork.go(made(START, 2, []), undone=[block[0]])
    sent.clear()
    await fork.settle()
    assert sent == [own]


async def test_a_block_of_others_moves_the_nonces_of_waiting_senders() -> None:
    fork = Fork()
    mine, theirs = transfer(coldkey(0), amount=7), transfer(coldkey(0), amount=8)
    await fork.pool.submit(mine)
    fork.go(made(START, 1, [theirs]))
    assert fork.states(mine) == ["failed"]
    assert fork.pool.next_nonce(coldkey(0).public) == 1


async def test_a_transaction_checked_on_an_older_head_is_judged_by_the_present_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fork = Fork()
    mine, theirs = transfer(coldkey(0), amount=7), transfer(coldkey(0), amount=8)
    checked = await fork.pool._check(mine)
    fork.go(made(START, 1, [theirs]))

    async def as_before(_: bytes) -> object:
        return checked

    monkeypatch.setattr(fork.pool, "_check", as_before)
    assert await fork.pool.receive(mine)
    assert fork.states(mine) == ["failed"]
    assert fork.pool.candidates() == []


async def test_evidence_comes_before_those_who_pay_and_only_a_few_reports_of_one_offender_wait() -> None:
    fork = Fork()
    rich = [transfer(coldkey(0), nonce, tip=10**9) for nonce in range(20)]
    for raw in rich:
        await fork.pool.submit(raw)
    report = signed(hotkey(1), double_vote(hotkey(2)))
    await fork.pool.submit(report)
    assert fork.pool.candidates() == [report, *rich]
    copies = [signed(Ed25519Signer(bytes([200 + number]) * 32), double_vote(hotkey(2))) for number in range(4)]
    for raw in copies:
        assert await fork.pool.receive(raw)
    assert fork.states(*copies) == ["pending"] * 3 + ["failed"]
    block = made(START, 1, [report, *rich])
    assert [receipt.error_code for receipt in block[1].receipts] == [""] * 21


async def test_calls_of_one_key_that_are_made_at_once_all_get_a_nonce_of_their_own() -> None:
    fork, sent = Fork(), list[Hash]()
    chain = SimpleNamespace(**vars(fork.chain), transactions=fork.pool)
    reader = Reader(cast(Chain, chain))
    async with trio.open_nursery() as running:
        running.start_soon(fork.pool.run)

        async def send(number: int) -> None:
            sent.append(await reader.submit(Transfer(coldkey(3).public, Rao(1000 + number)), coldkey(1)))

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(send, number)
        running.cancel_scope.cancel()
    assert len(set(sent)) == fork.pool.waiting() == 5


async def test_what_a_node_signs_itself_outlives_the_blocks_that_were_its_head() -> None:
    fork = Fork()
    old = made(START, 1, [])
    fork.go(old)
    reader = Reader(cast(Chain, SimpleNamespace(**vars(fork.chain), transactions=fork.pool)))
    async with trio.open_nursery() as running:
        running.start_soon(fork.pool.run)
        sent = await reader.submit(Transfer(coldkey(3).public, Rao(1000)), coldkey(1))
        running.cancel_scope.cancel()
    rival = made(START, 2, [])
    fork.go(rival, undone=[old[0]])
    fork.go(made(rival[1].state, 3, fork.pool.candidates()))  # which refuses what does not fit that branch
    assert fork.pool.status(sent).state == "in_block"


@pytest.mark.parametrize(("lag", "named"), [(0, "final"), (FINAL_LAG_MAX, "final"), (FINAL_LAG_MAX + 1, "head")])
def test_a_life_begins_at_the_last_final_block_while_there_is_a_recent_one(lag: int, named: str) -> None:
    final, head = Hash(b"f" * 32), Hash(b"h" * 32)
    chain = SimpleNamespace(
        final=SimpleNamespace(header=SimpleNamespace(height=Height(100)), hash=final),
        head=SimpleNamespace(height=Height(100 + lag), hash=head),
    )
    assert birth_of(cast(Chain, chain)) == ((100, final) if named == "final" else (100 + lag, head))
