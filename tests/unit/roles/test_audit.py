"""Anybody can recount a validator's epoch: an honest one agrees bit by bit, and each lie is named."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import trio

from node.ledger import merkle
from node.ledger.calls import CommitWeights, RevealWeights, SetCommitment, SetWeights
from node.ledger.commit_hash import commit_hash
from node.market.audit import audit
from node.market.audit_facts import Audit, ChainFacts, Evidence, Root, SeedEnd, WeightsAt, nobody_saw
from node.market.frames import Receipt, decode
from node.market.record import (
    decode_head,
    decode_notes,
    head_holds,
    line_path,
    lines_root,
    record_digest,
    sign_head,
)
from node.market.record_desk import RecordDesk, RecordReader, Section
from node.market.record_desk import RecordQuestion as Question
from node.market.record_lines import KINDS, Booked, Line, Opened, Seated, Started, Weighed, bits, decode_line
from node.market.recount import Recount
from node.market.standings import book_digest, decode_book, encode_book
from node.market.weights import WeightVector
from node.primitives.codec import decode_canonical, encode
from node.primitives.crypto import Signer, digest, verify
from node.primitives.types import AccountId, Height
from node.service.roles.seats import PastSeats, SeatBook
from node.subnets.base import Answer, Host, Verdict
from storage import MarketStore
from tests.unit.market.support import GENESIS, NETUID, TEMPO_BLOCKS, Doubling, NoModels, Number, ask_to_double
from tests.unit.roles.test_roles import MinerRole, Town


class Graded(Doubling):
    """Doubling whose weights rest on facts of the last verdicts too, so that all of a book is put to the test."""

    async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
        verdict = await super().judge(task, answer, host)
        grade = (digest("test-grade", answer.miner, encode(task))[0] + 1) / 257
        return replace(verdict, facts={"grade": grade}, weight=0.5 + grade / 2)

    def weigh(self, book, view):  # type: ignore[no-untyped-def]
        shares = super().weigh(book, view)
        grades = {key: sum(each.verdict.facts.get("grade", 0.0) for each in book[key].recent) for key in shares}
        return {key: share * (1.0 + grades[key] / 7) for key, share in shares.items()}


@dataclass
class Case:
    """One epoch as an auditor has it."""

    evidence: Evidence
    facts: ChainFacts
    signer: Signer
    good: AccountId
    path: Path

    def audit(self, **changes: object) -> Audit:
        return audit(replace(self.evidence, **changes), self.facts, Graded(), verify)  # type: ignore[arg-type]

    def lines(self) -> list[Line]:
        return [decode_line(line) for line in self.evidence.lines]

    def rewritten(self, change: Callable[[list[Line]], list[Line]], *, book: bool = True) -> Evidence:
        """What a validator would publish that lies from the start: lines, book, root and signature fit each other."""
        lines = change(self.lines())
        head = self.evidence.signed.head
        recount = Recount(NETUID, decode_book(self.evidence.before))
        for line in lines:
            recount.apply(line)
        raw = tuple(map(encode, lines))
        after = book_digest(encode_book(recount.book)) if book else head.after
        head = msgspec.structs.replace(head, lines=len(raw), root=lines_root(raw), after=after)
        return replace(self.evidence, lines=raw, signed=sign_head(head, self.signer))

    def committed(self, evidence: Evidence) -> "Case":
        """The same with this record's digest on chain."""
        head = evidence.signed.head
        roots = {**self.facts.roots, head.epoch: Root(record_digest(head), head.lines, Height(1))}
        return replace(self, evidence=evidence, facts=replace(self.facts, roots=roots))

    def lying(self, change: Callable[[list[Line]], list[Line]]) -> Audit:
        """The audit of a validator that wrote other lines and committed to them."""
        return self.committed(self.rewritten(change)).audit()


def chain_facts(t: Town) -> ChainFacts:
    """What an auditor's chain would tell, from the fake chain's list of transactions."""
    chain, own = t.world.chain, t.context.hotkey
    weights, commits = [], {}
    seeds = []
    for height, signer, call in chain.submitted:
        if signer != own:
            continue
        at = Height(height + 1)
        if isinstance(call, SetWeights):
            weights.append(WeightsAt(at, WeightVector(call.uids, call.values), call.version_key))
        elif isinstance(call, RevealWeights):
            named = commit_hash(own, call.netuid, call.uids, call.values, call.salt, call.version_key)
            weights.append(WeightsAt(at, WeightVector(call.uids, call.values), call.version_key, named))
        elif isinstance(call, CommitWeights):
            commits[bytes(call.commit_hash)] = at
        elif isinstance(call, SetCommitment):
            seeds += [SeedEnd(note.first_round, note.end, at) for note in decode_notes(call.data)]
    roots = {row.epoch: Root(row.root, row.leaves, row.height) for row in chain.receipt_roots(NETUID, own)}
    return ChainFacts(
        GENESIS, NETUID, own, chain.tempo_blocks, roots, tuple(seeds), chain.block_hash,
        {row.uid: (row.hotkey, row.registered_at) for row in chain.rows}, tuple(weights), commits,
    )  # fmt: skip


@asynccontextmanager
async def worked(path: Path, *, sealed: bool = False, blocks: int = 60) -> AsyncIterator[Town]:
    """A validator with three miners, one of them a cheat, one silent, over several epochs, users' calls included."""
    with MarketStore.open(path / "validator.sqlite") as store, MarketStore.open(path / "miner.sqlite") as kept:
        async with trio.open_nursery() as nursery:
            t = Town(nursery, validator=Graded(), store=store)
            t.store, t.kept = store, kept  # type: ignore[attr-defined]
            t.world.chain.commit_reveal = sealed
            t.contexts["good"] = t.world.join("good")
            nursery.start_soon(SeatBook(t.world.chain, kept.seats, lambda: (NETUID,)).run)
            good = MinerRole(t.contexts["good"], Doubling(), NoModels(), now_ms=lambda: 1, store=kept)  # type: ignore[arg-type]
            await nursery.start(good.run)
            await t.open(cheat=Doubling(wrong=True), fine=Doubling())
            for number in range(blocks):
                await t.blocks(1, seconds=0.02)
                if number % 3 == 0:
                    async with aclosing(t.validator.door.ask(ask_to_double(number))) as parts:
                        assert [part async for part in parts][-1].done
            await good.drain(1)
            yield t
            nursery.cancel_scope.cancel()


async def case_of(t: Town, epoch: int | None = None) -> Case:
    """The second newest closed epoch, fetched over the network by a miner."""
    asker = t.contexts["good"]
    reader = RecordReader(asker.network, t.world.neuron(t.context), GENESIS, NETUID)
    heads = await reader.heads()
    number = heads[-2].head.epoch if epoch is None else epoch
    copy = await reader.copy(number)
    around = {each.head.epoch: each for each in heads}
    receipts = tuple(decode(Receipt, row.receipt) for row in t.kept.receipts.newest(999, kind="challenge"))  # type: ignore[attr-defined]
    evidence = Evidence(
        copy.signed, copy.before, copy.lines, around[number - 1],
        await reader.lines(around[number - 1]), await reader.lines(around[number + 1]), receipts,
    )  # fmt: skip
    seen = PastSeats(t.kept.seats, NETUID, Height(0), t.world.chain.now)  # type: ignore[attr-defined]
    return Case(evidence, replace(chain_facts(t), seen=seen), t.context.signer, asker.hotkey, Path())


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One epoch of one run; the cases below only look at it."""
    path = tmp_path_factory.mktemp("audit")

    async def run() -> Case:
        async with worked(path) as t:
            return replace(await case_of(t), path=path)

    return trio.run(run)


@pytest.fixture
def desk(case: Case) -> Iterator[RecordDesk]:
    with MarketStore.open(case.path / "validator.sqlite") as store:
        yield RecordDesk(GENESIS, NETUID, store.records(NETUID, case.signer.public))


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "committed first"])
async def test_an_honest_validators_weights_are_reproduced_exactly(tmp_path: Path, sealed: bool) -> None:
    async with worked(tmp_path, sealed=sealed) as t:
        case = await case_of(t)
        result = case.audit()
        assert result.findings == []
        assert result.outcome == "agrees"
        assert result.on_chain is not None
        assert result.computed == result.on_chain.vector
        assert result.computed is not None
        assert len(result.computed.uids) == 2
        assert result.counts["rounds"] >= 2
        assert result.counts["verdicts"] >= 6
        assert result.counts["calls"] >= 3
        assert result.counts["receipts"] >= 2
        assert result.counts["seats"] >= 3
        assert "seats not followed" not in result.counts
        first = await case_of(t, case.evidence.signed.head.epoch - 1)
        assert first.audit().outcome == "agrees"


@pytest.mark.parametrize("change", [{"stake_rao": 7}, {"validator_permit": True}, {"hotkey": bytes(32)}])
def test_a_stake_a_permit_and_a_holder_of_that_time_are_checked_by_what_the_auditor_saw(
    case: Case, change: dict[str, object]
) -> None:
    def lie(lines: list[Line]) -> list[Line]:
        number, line = next((n, each) for n, each in enumerate(lines) if isinstance(each, Seated))
        rows = [row for row in line.changed if not row.validator_permit]
        lied = msgspec.structs.replace(rows[0], **change)
        changed = tuple(lied if row == rows[0] else row for row in line.changed)
        return [*lines[:number], msgspec.structs.replace(line, changed=changed), *lines[number + 1 :]]

    lying = case.committed(case.rewritten(lie))
    assert "seats" in {each.kind for each in lying.audit().disagreements}


def test_of_epochs_that_nobody_followed_the_stakes_are_said_to_be_unchecked(case: Case) -> None:
    found = replace(case, facts=replace(case.facts, seen=nobody_saw)).audit()
    assert not found.disagreements
    assert [each.kind for each in found.findings if each.note] == ["seats"]
    assert found.counts["seats not followed"] >= 3


def test_a_changed_line_no_longer_fits_the_root_on_chain(case: Case) -> None:
    lines = list(case.evidence.lines)
    number, line = next((n, each) for n, each in enumerate(case.lines()) if isinstance(each, Booked) and each.score)
    lines[number] = encode(msgspec.structs.replace(line, score=bits(0.5)))
    found = case.audit(lines=tuple(lines))
    assert "root" in {each.kind for each in found.disagreements}


def test_a_changed_verdict_in_a_record_that_fits_itself_no_longer_gives_the_weights(case: Case) -> None:
    def change(lines: list[Line]) -> list[Line]:
        good = case.good
        number = next(n for n, each in enumerate(lines) if isinstance(each, Booked) and each.miner == good)
        return [*lines[:number], msgspec.structs.replace(lines[number], score=bits(0.25)), *lines[number + 1 :]]

    rewritten = case.rewritten(change)
    assert "root" in {each.kind for each in case.audit(signed=rewritten.signed, lines=rewritten.lines).disagreements}
    found = case.committed(rewritten).audit()
    assert {each.kind for each in found.disagreements} == {"weights"}
    assert found.weights_agree is False


def test_a_dropped_verdict_is_missed_by_the_record_and_by_the_miners_receipt(case: Case) -> None:
    good = case.good
    found = case.lying(lambda lines: [each for each in lines if not (isinstance(each, Booked) and each.miner == good)])
    kinds = {(each.kind, each.miner) for each in found.disagreements}
    assert ("verdict", good) in kinds, "asked and never judged"
    assert ("receipt", good) in kinds, "signed for and never judged"


def test_a_verdict_that_came_in_the_next_epoch_is_not_missed(case: Case) -> None:
    told = [each for each in case.lines() if isinstance(each, Booked) and KINDS[each.kind] == "challenge"]
    booked = next(each for each in reversed(told) if each.miner == case.good and each.answer)
    rewritten = case.committed(case.rewritten(lambda lines: [each for each in lines if each != booked]))
    later = (*(rewritten.evidence.later or ()), encode(booked))
    assert {each.kind for each in rewritten.audit().disagreements} >= {"verdict", "receipt"}
    assert {each.kind for each in rewritten.audit(later=later).disagreements} <= {"weights"}


def test_an_invented_verdict_is_named_with_its_line(case: Case) -> None:
    def invent(lines: list[Line]) -> list[Line]:
        booked = next(each for each in lines if isinstance(each, Booked) and each.kind == 1 and each.answer)
        other = msgspec.structs.replace(booked, question=digest("test", b"invented"))
        return [*lines[:-1], other, lines[-1]]

    found = [each for each in case.lying(invent).disagreements if each.line >= 0]
    assert {(each.kind, each.line) for each in found} >= {
        ("verdict", len(case.lines()) - 1), ("signature", len(case.lines()) - 1),
    }  # fmt: skip


def test_a_verdict_booked_twice_is_named(case: Case) -> None:
    def twice(lines: list[Line]) -> list[Line]:
        number = next(n for n, each in enumerate(lines) if isinstance(each, Booked))
        return [*lines[: number + 1], lines[number], *lines[number + 1 :]]

    assert any("twice" in each.text for each in case.lying(twice).disagreements)


def test_other_weights_on_chain_are_named(case: Case) -> None:
    changed = [
        replace(each, vector=WeightVector(each.vector.uids, tuple(v - 1 for v in each.vector.values)))
        for each in case.facts.weights
    ]
    found = replace(case, facts=replace(case.facts, weights=tuple(changed))).audit()
    assert [each.kind for each in found.disagreements] == ["weights"]
    assert found.outcome == "disagrees"


def test_weights_in_the_record_that_its_verdicts_do_not_give_are_named(case: Case) -> None:
    def other(lines: list[Line]) -> list[Line]:
        return [
            msgspec.structs.replace(each, values=tuple(v // 2 + 1 for v in each.values))
            if isinstance(each, Weighed)
            else each
            for each in lines
        ]

    assert "weights" in {each.kind for each in case.lying(other).disagreements}


def test_another_seed_is_named_and_so_are_the_targets_and_tasks_it_would_give(case: Case) -> None:
    def other(lines: list[Line]) -> list[Line]:
        return [
            msgspec.structs.replace(each, secret=digest("test", b"chosen")) if isinstance(each, Opened) else each
            for each in lines
        ]

    kinds = {each.kind for each in case.lying(other).disagreements}
    assert kinds >= {"seed", "task"}


def test_seeds_published_too_late_are_named(case: Case) -> None:
    late = tuple(replace(seed, height=Height(10_000)) for seed in case.facts.seeds)
    found = replace(case, facts=replace(case.facts, seeds=late)).audit()
    assert {each.kind for each in found.disagreements} == {"seed"}
    assert all("only" in each.text for each in found.disagreements)


def test_another_version_of_the_rules_is_named_and_decides_nothing_else(case: Case) -> None:
    class Newer(Graded):
        def __init__(self) -> None:
            super().__init__()
            self.spec = replace(self.spec, version=4)

    found = audit(case.evidence, case.facts, Newer(), verify)
    assert {each.kind for each in found.disagreements} == {"rules"}
    assert "version 3" in found.disagreements[0].text
    assert found.weights_agree is None


def test_a_root_that_is_not_on_chain_is_named(case: Case) -> None:
    found = replace(case, facts=replace(case.facts, roots={})).audit()
    assert {each.kind for each in found.disagreements} == {"root"}


def test_another_book_at_the_start_is_named(case: Case) -> None:
    fresh = encode_book({})
    kinds = {each.kind for each in case.audit(before=fresh).disagreements}
    assert "book" in kinds


def test_a_user_call_audited_against_its_lot_is_named(case: Case) -> None:
    def flip(lines: list[Line]) -> list[Line]:
        return [
            msgspec.structs.replace(each, taken=not each.taken) if hasattr(each, "taken") else each for each in lines
        ]

    assert "lot" in {each.kind for each in case.lying(flip).disagreements}


def test_garbage_in_a_record_is_told_and_raises_nothing(case: Case) -> None:
    for garbage in (b"", b"\xc0", encode((99, 1)), b"\xff" * 300):
        found = case.audit(lines=(*case.evidence.lines[:3], garbage))
        assert any(each.kind == "form" for each in found.disagreements)
    assert case.audit(before=b"\x91").outcome == "disagrees"
    assert case.audit(later=(b"\xc0",)).outcome == "disagrees"


def test_secrets_of_the_open_epoch_are_not_shown(case: Case, desk: RecordDesk) -> None:
    heads = desk.page(Question(GENESIS, NETUID, 0, Section.HEADS, 0)).items
    newest = max(decode_head(each).head.epoch for each in heads)
    assert desk.page(Question(GENESIS, NETUID, newest, Section.LINES, 0)).total > 0
    for section in (Section.LINES, Section.BOOK, Section.PROOF):
        page = desk.page(Question(GENESIS, NETUID, newest + 1, section, 0))
        assert (page.total, page.items) == (0, ())
    with MarketStore.open(case.path / "validator.sqlite") as store:
        assert store.records(NETUID, case.signer.public).lines(newest + 1) != []


def test_one_line_can_be_had_with_its_proof(case: Case, desk: RecordDesk) -> None:
    head = case.evidence.signed.head
    page = desk.page(Question(GENESIS, NETUID, head.epoch, Section.PROOF, 4))
    line, proof = page.items
    decoded = decode_canonical(merkle.Proof, proof, max_bytes=4096)
    assert line == case.evidence.lines[4]
    assert merkle.verify_proof(head.root, line_path(4), line, decoded)
    assert not merkle.verify_proof(head.root, line_path(5), line, decoded)


async def test_a_validator_killed_in_the_middle_of_a_round_is_not_accused_of_what_it_lost(tmp_path: Path) -> None:
    async with worked(tmp_path, blocks=44) as t:
        t.rules.judge_delay_s = 1000.0  # answers are accepted and wait for the judge
        waited = t.validator.counters()["answer.accepted"]
        while t.validator.counters()["answer.accepted"] < waited + 3:
            await t.blocks(1, seconds=0.05)
        t.nursery.cancel_scope.cancel()  # as a kill: nothing is drained and nothing flushed
    with MarketStore.open(tmp_path / "validator.sqlite") as store, MarketStore.open(tmp_path / "miner.sqlite") as kept:
        async with trio.open_nursery() as nursery:
            again = Town(nursery, validator=Graded(), store=store)
            again.world.chain.now = t.world.chain.now
            again.world.chain.rows = [replace(row, validator_permit=False) for row in t.world.chain.rows]
            again.world.chain.commitments, again.world.chain.roots = t.world.chain.commitments, t.world.chain.roots
            await nursery.start(again.validator.run)
            await again.blocks(TEMPO_BLOCKS + 3, seconds=0.02)
            await again.validator.drain(1)
            records = store.records(NETUID, again.context.hotkey)
            epochs = [decode_head(head).head.epoch for head in records.heads()]
            starts = {
                epoch: sum(isinstance(decode_line(each), Started) for each in records.lines(epoch)) for epoch in epochs
            }
            number = next(epoch for epoch in epochs if starts[epoch] > 1)
            row, receipts = records.epoch(number), kept.receipts.newest(999, kind="challenge")
            assert row is not None
            evidence = Evidence(
                decode_head(row.head), row.before, tuple(records.lines(number)), None,
                tuple(records.lines(number - 1)), tuple(records.lines(number + 1)),
                tuple(decode(Receipt, each.receipt) for each in receipts),
            )  # fmt: skip
            facts = chain_facts(again)
            seeds = chain_facts(t).seeds
            found = audit(evidence, replace(facts, seeds=seeds, weights=()), Graded(), verify)
            assert found.disagreements == []
            assert any("started anew" in each.text for each in found.findings)
            nursery.cancel_scope.cancel()


async def test_a_restart_goes_on_with_the_same_book_and_draws_no_round_twice(tmp_path: Path) -> None:
    async with worked(tmp_path, blocks=47) as t:
        await t.validator.drain(1)
        before = dict(t.validator.book())
        t.nursery.cancel_scope.cancel()
    with MarketStore.open(tmp_path / "validator.sqlite") as store:
        async with trio.open_nursery() as nursery:
            again = Town(nursery, validator=Graded(), store=store)
            again.world.chain.now = t.world.chain.now
            again.world.chain.commitments = t.world.chain.commitments
            again.world.chain.roots = t.world.chain.roots
            await nursery.start(again.validator.run)
            assert dict(again.validator.book()) == before
            records = store.records(NETUID, again.context.hotkey)
            await again.blocks(12, seconds=0.02)
            await again.validator.drain(1)
            rounds = [
                line.round
                for head in map(decode_head, records.heads())
                for line in map(decode_line, records.lines(head.head.epoch))
                if isinstance(line, Opened)
            ]
            assert len(rounds) == len(set(rounds))
            assert all(head_holds(head, verify) for head in map(decode_head, records.heads()))
            chain = list(map(decode_head, records.heads()))
            for earlier, later in pairwise(chain):
                assert later.head.previous == record_digest(earlier.head)
                assert later.head.before == earlier.head.after
            nursery.cancel_scope.cancel()
