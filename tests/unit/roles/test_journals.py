"""Journals over the memory network: told, fetched by those who come late, forked, restarted, refused."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from node.market.context import MarketContext
from node.market.errors import JournalRefused, MalformedMessage
from node.market.journal import SignedEntry, Tip, extend, prove_fork, sign_entry
from node.market.journal_gate import entry_news, fork_news, journal_topic, open_news
from node.market.journal_sync import JOURNALS_PROTOCOL, Entries, GetEntries, GetHeads, HeadLine, Heads, decode_heads
from node.market.limits import JOURNAL_BODY_BYTES_MAX, JOURNAL_PAGE_ENTRIES_MAX
from node.market.offers import OFFER_KIND, make_offer
from node.market.switchboard import of_subnet
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import ZERO_HASH, AccountId, Height
from node.service.roles.journal_book import JournalBook, Taken
from node.service.roles.journals import Journals
from node.subnets.base import Code, Entry, Refusal, State
from p2p import Stream, Verdict
from storage import JournalStore, SignGuard, SignRefused
from tests.unit.market.journals import Author, counting
from tests.unit.market.support import GENESIS, NETUID, World, signer_of

PROTOCOL = of_subnet(JOURNALS_PROTOCOL, NETUID)


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    """Jumps when nothing has happened for 20 ms: worker threads get their time before a timeout comes."""
    return trio.testing.MockClock(autojump_threshold=0.02)


class Village:
    """Nodes that keep the journals of one subnet."""

    def __init__(self, nursery: trio.Nursery, folder: Path) -> None:
        self.nursery = nursery
        self.folder = folder
        self.world = World()
        self.contexts: dict[str, MarketContext] = {}
        self.stores: dict[str, JournalStore] = {}
        self.scopes: dict[str, trio.CancelScope] = {}

    async def join(self, name: str, *, seated: bool = True, record: SignGuard | None = None) -> Journals:
        context = self.contexts[name] = self.world.join(name, seated=seated)
        return await self.open(name, context, record=record)

    async def open(
        self,
        name: str,
        context: MarketContext,
        *,
        record: SignGuard | None = None,
        apply: Callable[..., object] = counting,
    ) -> Journals:
        store = self.stores[name] = JournalStore.open(self.folder / f"{name}.db")
        journals = Journals(context.network, context.doors, context.chain, NETUID, store, apply=apply, record=record)  # type: ignore[arg-type]
        self.scopes[name] = await self.nursery.start(self._run, journals)
        return journals

    async def _run(self, journals: Journals, *, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(journals.run)
                task_status.started(scope)

    def key(self, name: str) -> AccountId:
        return signer_of(name).public

    async def settle(self, seconds: float = 3.0) -> None:
        await trio.sleep(seconds)


@asynccontextmanager
async def village(folder: Path) -> AsyncIterator[Village]:
    async with trio.open_nursery() as nursery:
        v = Village(nursery, folder)
        yield v
        nursery.cancel_scope.cancel()
        for store in v.stores.values():
            store.close()


def author(name: str) -> Author:
    """A writer outside the node, with the key of that name."""
    made = Author(genesis=GENESIS, netuid=NETUID)
    made.signer = signer_of(name)
    return made


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait for it; how long it took."""
    started = trio.current_time()
    with trio.fail_after(seconds):
        while not condition():
            await trio.sleep(0.4)
    return trio.current_time() - started


async def test_an_entry_reaches_everybody_and_is_reduced_alike(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, two = await v.join("one"), await v.join("two")
        await v.settle()
        written = await one.door(signer_of("one")).append("note", b"hello")
        await v.settle(0.1)
        assert two.entries(v.key("one")) == (written,)
        assert two.entries(v.key("one"), kind="other") == ()
        assert dict(one.state()) == dict(two.state()) == {v.key("one") + b"note": (1).to_bytes(4, "big")}


async def test_a_node_that_joins_late_has_all_journals_within_seconds(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, two = await v.join("one"), await v.join("two")
        await v.settle()
        for count in range(40):
            await one.door(signer_of("one")).append("note", bytes([count]) * 500)
        await two.door(signer_of("two")).append("note", b"x")
        late = await v.join("late")
        took = await until(lambda: late.book.digest() == one.book.digest())
        assert took < 5.0
        assert len(late.entries(v.key("one"))) == 40
        assert dict(late.state()) == dict(one.state())


async def test_only_what_still_counts_is_fetched_and_gives_the_same_state(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one", seated=True)
        writer = author("one")
        for start in range(0, 1100, 100):
            entries = writer.write_many(100)
            assert await one.book.take(entries) == [Taken.NEW] * 100, start
        kept = one.entries(v.key("one"))
        assert kept[0].sequence == JOURNAL_PAGE_ENTRIES_MAX
        late = await v.join("late")
        await until(lambda: late.book.digest() == one.book.digest())
        assert late.entries(v.key("one")) == kept
        assert dict(late.state()) == dict(one.state()) == {v.key("one") + b"note": len(kept).to_bytes(4, "big")}


async def test_a_lost_entry_is_fetched_when_the_next_one_comes(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, two = await v.join("one"), await v.join("two")
        await v.settle()
        door = one.door(signer_of("one"))
        await door.append("note", b"0")
        await v.settle(0.1)
        writer = author("one")
        writer.tip = one.book.tips[v.key("one")]
        lost = writer.write(b"1", height=100)
        await one.book.take([lost])  # kept, and told to nobody
        await door.append("note", b"2")
        took = await until(lambda: two.book.digest() == one.book.digest())
        assert took < 2.5
        assert [entry.body for entry in two.entries(v.key("one"))] == [b"0", b"1", b"2"]


async def test_a_restart_loses_nothing_and_goes_on_where_it_was(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        for body in (b"0", b"1"):
            await one.door(signer_of("one")).append("note", body)
        before = dict(one.state())
        v.scopes["one"].cancel()
        await v.settle()
        v.stores["one"].close()
        again = await v.open("one", v.contexts["one"])
        assert dict(again.state()) == before
        entry = await again.door(signer_of("one")).append("note", b"2")
        assert entry.sequence == 2


async def test_entries_that_were_read_stay_up_to_date(tmp_path: Path) -> None:
    world = World()
    context = world.join("one")
    with JournalStore.open(tmp_path / "journals.db") as store:
        journals = Journals(context.network, context.doors, context.chain, NETUID, store, apply=counting)
        assert journals.entries(v_key("one")) == ()
        writer = author("one")
        for count in (1, 600, 600):  # over two ends of a page
            await journals.book.take(writer.write_many(count))
            base = writer.entries[-1].head.base
            assert journals.entries(v_key("one")) == tuple(entry.plain() for entry in writer.entries[base:])
        for n in range(40):  # others that are read push it out of memory
            journals.entries(v_key(f"other {n}"))
        assert len(journals.entries(v_key("one"))) == len(writer.entries) - base


async def test_the_state_is_part_of_what_a_role_sees(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        context = replace(v.contexts["one"], journal=one.door(signer_of("one")))
        await context.journal.append("note", b"x")
        assert dict(context.view().state) == {v_key("one") + b"note": (1).to_bytes(4, "big")}


# --- signing --------------------------------------------------------------------------------------------------------


class Killed(Exception):
    """The process ends here."""


async def test_a_node_killed_between_record_and_store_signs_the_same_entry_again(
    tmp_path: Path, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SignGuard.open(tmp_path / "signing.db", host=b"a host") as guard:
        async with village(tmp_path) as v:
            one = await v.join("one", record=guard)
            door = one.door(signer_of("one"))
            await door.append("note", b"0")

            def die(*_: object) -> None:
                raise Killed

            with monkeypatch.context() as patch:
                patch.setattr("node.service.roles.journal_door.sign_entry", die)
                with pytest.raises(Killed):
                    await door.append("note", b"killed")
            v.scopes["one"].cancel()
            await v.settle()
            v.stores["one"].close()
            again = await v.open("one", v.contexts["one"], record=guard)
            await again.door(signer_of("one")).append("note", b"after")
            assert [entry.body for entry in again.entries(v.key("one"))] == [b"0", b"killed", b"after"]


async def test_a_node_that_lost_its_journal_goes_on_after_the_last_number_it_signed(
    tmp_path: Path, autojump_clock: object
) -> None:
    with SignGuard.open(tmp_path / "signing.db", host=b"a host") as guard:
        async with village(tmp_path) as v:
            one = await v.join("one", record=guard)
            told: list[SignedEntry] = []
            for body in (b"0", b"1", b"2"):
                await one.door(signer_of("one")).append("note", body)
            told += [kept for seq in range(3) if (kept := one.book.entry(v.key("one"), seq)) is not None]
            v.scopes["one"].cancel()
            await v.settle()
            v.stores["one"].close()
            for path in tmp_path.glob("one.db*"):
                path.unlink()
            again = await v.open("one", v.contexts["one"], record=guard)
            entry = await again.door(signer_of("one")).append("note", b"3")
            assert entry.sequence == 3
            other = JournalBook(NETUID, JournalStore.open(tmp_path / "other.db"), again.offers)
            await other.take(told)
            written = again.book.entry(v.key("one"), 3)
            assert written is not None
            assert await other.take([written]) == [Taken.NEW]  # no fork for those who have the lost ones


async def test_a_lost_journal_comes_back_from_peers_before_the_next_entry(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with village(tmp_path) as v:
        one, two = await v.join("one"), await v.join("two")
        for body in (b"0", b"1"):
            await one.door(signer_of("one")).append("note", body)
        await until(lambda: two.book.digest() == one.book.digest())
        v.scopes["one"].cancel()
        await v.settle()
        v.stores["one"].close()
        for path in tmp_path.glob("one.db*"):
            path.unlink()
        again = await v.open("one", v.contexts["one"])  # without a signing record
        entry = await again.door(signer_of("one")).append("note", b"2")
        assert entry.sequence == 2
        assert not two.forks()


async def test_the_signing_record_refuses_a_second_entry_with_one_number(
    tmp_path: Path, autojump_clock: object
) -> None:
    with SignGuard.open(tmp_path / "signing.db", host=b"a host") as guard:
        async with village(tmp_path) as v:
            one = await v.join("one", record=guard)
            door = one.door(signer_of("one"))
            await door.append("note", b"0")
            before = one.book.tips[v.key("one")]
            await door.append("note", b"1")
            one.book._tips[v.key("one")] = before  # a node that forgot
            with pytest.raises(SignRefused):
                await door.append("note", b"another 1")


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_what_the_subnet_or_the_rules_refuse_is_not_written(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, guest = await v.join("one"), await v.join("guest", seated=False)
        door = one.door(signer_of("one"))
        for kind, body, code in (
            ("bad", b"", Code.REFUSED),
            ("crash", b"", Code.REFUSED),
            ("note", bytes(JOURNAL_BODY_BYTES_MAX + 1), Code.TOO_LARGE),
        ):
            with pytest.raises(JournalRefused) as refused:
                await door.append(kind, body)
            assert refused.value.refusal is code
        with pytest.raises(MalformedMessage):
            await door.append("Two Words", b"")
        with pytest.raises(MalformedMessage):
            await door.append(OFFER_KIND, b"no offer")
        with pytest.raises(JournalRefused) as refused:
            await guest.door(signer_of("guest")).append("note", b"")
        assert refused.value.refusal is Code.UNREGISTERED
        assert one.entries(v.key("one")) == ()


async def test_an_apply_that_hangs_is_left_behind_and_journals_go_on(tmp_path: Path) -> None:
    def stuck(entry: Entry, state: State) -> Refusal | None:
        time.sleep(0.5)
        return None

    async with trio.open_nursery():
        with JournalStore.open(tmp_path / "journals.db") as store:
            world = World()
            context = world.join("one")
            journals = Journals(context.network, context.doors, context.chain, NETUID, store)
            journals.book._apply_timeout_s = 0.05
            await journals.attach(stuck)
            writer = author("one")
            assert await journals.book.take([writer.write()]) == [Taken.NEW]
            assert "did not end" in journals.problem
            started = trio.current_time()
            assert await journals.book.take([writer.write()]) == [Taken.NEW]
            assert trio.current_time() - started < 0.04  # it is not asked again
            assert dict(journals.state()) == {}
            assert len(journals.entries(v_key("one"))) == 2


def v_key(name: str) -> AccountId:
    return signer_of(name).public


async def test_the_gate_passes_on_what_a_seat_signed_and_blames_for_the_rest(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        v.world.chain.seat(signer_of("miner").public)
        gate, miner, stranger = one._gate, author("miner"), author("stranger")
        good = miner.make(b"body")
        assert gate("peer", entry_news(good)) is Verdict.ACCEPT
        assert gate("peer", entry_news(stranger.make())) is Verdict.IGNORE
        assert gate("peer", entry_news(miner.make(height=104))) is Verdict.IGNORE  # ahead of our chain
        assert gate("peer", entry_news(miner.make(height=103))) is Verdict.ACCEPT
        for bad in (b"", b"\x00", b"\x03" + encode(good), b"\x01", bytes(100_000), entry_news(good)[:-1]):
            assert gate("peer", bad) is Verdict.REJECT
        forged = sign_entry(good.head, good.body, Ed25519Signer(bytes(32)))
        assert gate("peer", entry_news(forged)) is Verdict.REJECT
        elsewhere = Author(genesis=GENESIS, netuid=NETUID)
        elsewhere.signer = signer_of("miner")
        elsewhere.genesis = AccountId(b"g" * 32)  # type: ignore[assignment]
        assert gate("peer", entry_news(elsewhere.make())) is Verdict.REJECT
        await one.book.take([good])
        assert gate("peer", entry_news(good)) is Verdict.IGNORE


async def test_an_author_that_floods_is_slowed_and_nobody_else(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        v.world.chain.seat(signer_of("flood").public)
        v.world.chain.seat(signer_of("calm").public)
        flood, calm = author("flood"), author("calm")
        verdicts = [one._gate("peer", entry_news(flood.make(n.to_bytes(4, "big")))) for n in range(2200)]
        assert verdicts.count(Verdict.ACCEPT) == 2048
        assert verdicts[-1] is Verdict.IGNORE
        assert one._gate("peer", entry_news(calm.make())) is Verdict.ACCEPT


# --- forks ----------------------------------------------------------------------------------------------------------


def forked(name: str, common: int = 2) -> tuple[Author, SignedEntry, SignedEntry]:
    """A writer with some honest entries and then two with one number."""
    writer = author(name)
    writer.write_many(common)
    return writer, writer.make(b"one"), writer.make(b"other")


async def test_a_fork_ends_a_journal_for_everybody_in_the_same_way(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, two, three = await v.join("one"), await v.join("two"), await v.join("three")
        v.world.chain.seat(signer_of("cheat").public)
        heard: list[int] = []
        three.on_fork(lambda proof: heard.append(proof.void_from))
        await v.settle()
        cheat, left, right = forked("cheat")
        await one.book.take([*cheat.entries, left])
        await two.book.take([*cheat.entries, right])
        nodes = (one, two, three)
        await until(lambda: all(v_key("cheat") in node.forks() for node in nodes))
        assert len({encode(node.forks()[v_key("cheat")]) for node in nodes}) == 1
        for node in nodes:
            assert dict(node.state()) == {}
            assert all(entry.sequence < 2 for entry in node.entries(v_key("cheat")))
            verdict = node.verdict_on(v_key("cheat"))
            assert verdict is not None
            assert (verdict.score, verdict.code) == (0.0, Code.FORGED)
        assert heard == [2]
        assert one.verdict_on(v_key("one")) is None
        assert await one.book.take([left]) == [Taken.VOID]
        late = await v.join("late")
        await until(lambda: v_key("cheat") in late.forks())


async def test_proofs_of_ever_earlier_forks_are_slowed_too(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        v.world.chain.seat(signer_of("cheat").public)
        _, left, right = forked("cheat")
        proof = prove_fork(left, right)
        assert proof is not None
        verdicts = [one._gate("peer", fork_news(proof)) for _ in range(2050)]
        assert verdicts.count(Verdict.ACCEPT) == 2048
        assert await one.book.take_fork(proof)
        assert one._gate("peer", fork_news(proof)) is Verdict.IGNORE


async def test_an_entry_that_links_to_another_one_is_a_fork_too(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        cheat, left, right = forked("cheat")
        tip = cheat.tip
        assert tip is not None
        after = extend(tip, right)
        stray = cheat.make(place=(after.seq + 1, after.page, after.base, after.hash))
        assert await one.book.take([*cheat.entries, left]) == [Taken.NEW] * 3
        assert await one.book.take([stray]) == [Taken.FORK]
        assert one.forks()[v_key("cheat")].void_from == 2


async def test_a_fork_survives_a_restart_and_its_own_author_may_not_go_on(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        cheat, left, right = forked("one")
        assert await one.book.take([*cheat.entries, left, right]) == [Taken.NEW] * 3 + [Taken.FORK]
        v.scopes["one"].cancel()
        await v.settle()
        v.stores["one"].close()
        again = await v.open("one", v.contexts["one"])
        assert again.forks()[v_key("one")].void_from == 2
        with pytest.raises(JournalRefused) as refused:
            await again.door(signer_of("one")).append("note", b"")
        assert refused.value.refusal is Code.FORGED


async def test_an_entry_that_breaks_a_rule_is_refused_by_everybody_and_is_no_fork(tmp_path: Path) -> None:
    world = World()
    context = world.join("one")
    with JournalStore.open(tmp_path / "journals.db") as store:
        journals = Journals(context.network, context.doors, context.chain, NETUID, store)
        writer = author("miner")
        writer.write(height=10)
        assert await journals.book.take(writer.entries) == [Taken.NEW]
        assert await journals.book.take([writer.make(height=9)]) == [Taken.REFUSED]
        assert not journals.forks()
        assert await journals.book.take([writer.write(height=10)]) == [Taken.NEW]


# --- peers that lie -------------------------------------------------------------------------------------------------


async def liar(v: Village, answers: Callable[[bytes], bytes]) -> MarketContext:
    """A node that answers questions about journals as told."""
    context = v.world.join("liar")

    async def handle(stream: Stream) -> None:
        await stream.send(answers(await stream.receive(1000)))
        await stream.close_write()

    v.nursery.start_soon(_hold, context, handle)
    return context


async def _hold(context: MarketContext, handle: Callable[[Stream], object]) -> None:
    with context.doors.plug(PROTOCOL, handle, per_peer=4, total=4):  # type: ignore[arg-type]
        await trio.sleep_forever()


def heads_of(entry: SignedEntry, **changes: int) -> bytes:
    head = entry.head
    line = HeadLine(head.author, changes.get("base", 0), changes.get("seq", head.seq), Height(10), entry.hash)
    return encode(Heads((line,), ()))


@pytest.mark.parametrize("lie", ["malformed", "other author", "unsigned", "no chain", "other subnet"])
async def test_a_peer_that_gives_a_false_journal_is_reported_and_harms_nothing(
    tmp_path: Path, autojump_clock: object, lie: str
) -> None:
    async with village(tmp_path) as v:
        writer, other = author("miner"), author("other")
        writer.write_many(3)
        other.write_many(3)
        strange = Author(genesis=GENESIS, netuid=type(NETUID)(9))
        strange.signer = writer.signer
        strange.write_many(3)
        entries = {
            "malformed": [b"\xc1"],
            "other author": [encode(entry) for entry in other.entries],
            "unsigned": [encode(SignedEntry(entry.head, entry.body, bytes(64))) for entry in writer.entries],
            "no chain": [encode(writer.make(place=(n, 0, 0, GENESIS if n else ZERO_HASH))) for n in range(3)],
            "other subnet": [encode(entry) for entry in strange.entries],
        }[lie]

        def answers(question: bytes) -> bytes:
            return encode(Entries(tuple(entries))) if question[1] == 2 else heads_of(writer.entries[-1])

        false = await liar(v, answers)
        one = await v.join("one")
        v.world.chain.seat(writer.signer.public)
        v.world.chain.seat(other.signer.public)
        await v.settle(5.0)
        assert one.counters()["journal.peer_wrong"] >= 1
        assert one.entries(writer.signer.public) == ()
        scores = {peer.peer_id: peer.score for peer in v.contexts["one"].network.peers()}
        assert scores.get(false.network.peer_id, -1000.0) < 0.0


async def test_a_peer_that_claims_and_does_not_give_only_wastes_its_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    async with village(tmp_path) as v:
        writer = author("miner")
        writer.write_many(3)

        def answers(question: bytes) -> bytes:
            return encode(Entries(())) if question[1] == 2 else heads_of(writer.entries[-1])

        await liar(v, answers)
        one = await v.join("one")
        v.world.chain.seat(writer.signer.public)
        two = await v.join("two")
        await two.book.take(writer.entries)
        await until(lambda: one.book.digest() == two.book.digest())
        assert one.counters()["journal.claimed_and_not_given"] >= 1


@pytest.mark.parametrize(
    "question", [b"", b"\xc1", b"\x93", bytes(200), encode(GetEntries(GENESIS, NETUID, AccountId(b""), -1))]
)
async def test_a_malformed_question_costs_its_asker_and_no_more(
    tmp_path: Path, autojump_clock: object, question: bytes
) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        asker = v.world.join("asker")
        await v.settle()
        with pytest.raises(Exception, match=r".*"):
            await asker.network.request(v.contexts["one"].network.peer_id, PROTOCOL, question, max_bytes=1000)
        assert one.counters()["journal.question_malformed"] == 1
        raw = await asker.network.request(
            v.contexts["one"].network.peer_id, PROTOCOL, encode(GetHeads(GENESIS, NETUID, GENESIS)), max_bytes=1000
        )
        assert decode_heads(raw) == Heads((), ())


async def test_nodes_with_the_same_journals_say_so_with_nothing(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        await one.book.take(author("one").write_many(3))
        asker = v.world.join("asker")
        await v.settle()
        question = encode(GetHeads(GENESIS, NETUID, one.book.digest()))
        assert await asker.network.request(v.contexts["one"].network.peer_id, PROTOCOL, question, max_bytes=1000) == b""


async def test_the_journal_of_an_author_without_a_seat_is_forgotten(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one = await v.join("one")
        await one.book.take(author("gone").write_many(3))
        await one.book.take(author("one").write_many(1))
        await v.settle(25.0)
        assert one.entries(v_key("gone")) == ()
        assert len(one.entries(v_key("one"))) == 1


# --- offers ---------------------------------------------------------------------------------------------------------


async def test_offers_in_journals_reach_everybodys_book(tmp_path: Path, autojump_clock: object) -> None:
    async with village(tmp_path) as v:
        one, two = await v.join("one"), await v.join("two")
        await v.settle()
        offer = make_offer({"prompt_tokens": 5}, valid_until=Height(200), concurrency=2)
        await one.door(signer_of("one")).append(OFFER_KIND, encode(offer))
        await v.settle(0.1)
        assert two.offers.offer_of(v_key("one")) == offer
        assert dict(two.state()) == {}  # no business of the subnet's


def test_news_of_entries_and_forks_survive_the_wire() -> None:
    cheat, left, right = forked("cheat")
    assert isinstance(cheat.tip, Tip)
    proof = prove_fork(left, right)
    assert proof is not None
    assert open_news(fork_news(proof)) == proof
    assert open_news(entry_news(left)) == left
    assert journal_topic(GENESIS, NETUID).endswith("/journal/7/1")
