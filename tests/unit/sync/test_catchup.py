"""The schedule of requests: who is asked, what happens to liars and silence, and that it always comes to an end."""

from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from node.ledger.header import Block
from node.primitives.codec import encode
from node.primitives.types import Hash, Height
from node.sync.catchup import Ask, Blame, CatchUpMachine, Feed, SyncEffect
from node.sync.limits import BLOCKS_TIMEOUT_MS, FAILURES_MAX, PEERS_MAX, STATUS_TIMEOUT_MS
from node.sync.messages import Blocks, GetBlocks, GetStatus, Status
from tests.unit.consensus.helpers import GENESIS_HASH, certificate
from tests.unit.consensus.test_engine import chain, ref
from tests.unit.sync.test_messages_and_serving import Store

CHAIN = chain(40)


def store(final: int, certified: tuple[int, ...] | None = None) -> Store:
    return Store(CHAIN, final, certified if certified is not None else tuple(range(1, final + 1)))


def start() -> CatchUpMachine:
    return CatchUpMachine(GENESIS_HASH, Height(0), GENESIS_HASH)


def only_ask(effects: list[SyncEffect]) -> Ask:
    (ask,) = [effect for effect in effects if isinstance(effect, Ask)]
    return ask


def meet(made: CatchUpMachine, peer: str, status: Status, now_ms: int = 0) -> list[SyncEffect]:
    """Connect a peer and give its status."""
    asks = (effect for effect in made.on_connected(peer, now_ms) if isinstance(effect, Ask))
    ask = next(ask for ask in asks if ask.peer == peer)
    assert isinstance(ask.request, GetStatus)
    return made.on_answer(peer, ask.request_id, status, now_ms)


def reply(ask: Ask, blocks: list[Block], *, certified: bool = True) -> Blocks:
    proof = (certificate(ref(blocks[-1])),) if certified else ()
    return Blocks(tuple(encode(block) for block in blocks), proof)


def test_a_peer_that_is_further_on_is_asked_and_its_stretch_fed() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(10).status()))
    assert ask.request == GetBlocks(Height(1), 128)
    effects = made.on_answer("p", ask.request_id, reply(ask, CHAIN[:10]), 5)
    assert effects == [Feed(tuple(CHAIN[:10]), certificate(ref(CHAIN[9])), "p")]
    assert made.on_finalised(Height(10), ref(CHAIN[9]).hash, 6) == []
    assert made.progress() is None


def test_nobody_is_asked_for_blocks_that_this_node_has() -> None:
    made = CatchUpMachine(GENESIS_HASH, Height(10), ref(CHAIN[9]).hash)
    assert meet(made, "p", store(10).status()) == []


def test_only_one_stretch_is_on_its_way_at_a_time_and_the_next_one_follows_at_once() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(30).status()))
    assert meet(made, "q", store(30).status()) == []
    effects = made.on_answer("p", ask.request_id, reply(ask, CHAIN[:20]), 5)
    assert [type(effect) for effect in effects] == [Feed, Ask]
    assert only_ask(effects).request == GetBlocks(Height(21), 128)


def test_a_stretch_may_come_in_parts_from_one_peer_until_its_certificate() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(20, (20,)).status()))
    more = only_ask(made.on_answer("p", ask.request_id, reply(ask, CHAIN[:12], certified=False), 5))
    assert (more.peer, more.request) == ("p", GetBlocks(Height(13), 128))
    effects = made.on_answer("p", more.request_id, reply(more, CHAIN[12:20]), 6)
    assert [effect.blocks for effect in effects if isinstance(effect, Feed)] == [tuple(CHAIN[:20])]


@pytest.mark.parametrize(
    "blocks",
    [
        CHAIN[1:5],
        [CHAIN[0], CHAIN[2]],
        [replace(CHAIN[0], header=replace(CHAIN[0].header, parent=Hash(b"?" * 32)))],
    ],
)
def test_blocks_that_do_not_follow_are_blamed_and_somebody_else_is_asked(blocks: list[Block]) -> None:
    made = start()
    ask = only_ask(meet(made, "liar", store(10).status()))
    meet(made, "p", store(9).status())
    effects = made.on_answer("liar", ask.request_id, reply(ask, blocks), 5)
    assert [effect.peer for effect in effects if isinstance(effect, Blame)] == ["liar"]
    assert only_ask(effects).peer == "p"


def test_a_certificate_of_another_block_is_blamed() -> None:
    made = start()
    ask = only_ask(meet(made, "liar", store(10).status()))
    wrong = replace(reply(ask, CHAIN[:5]), certificate=(certificate(ref(CHAIN[3])),))
    effects = made.on_answer("liar", ask.request_id, wrong, 5)
    assert [type(effect) for effect in effects] == [Blame]


def test_a_malformed_block_is_blamed() -> None:
    made = start()
    ask = only_ask(meet(made, "liar", store(10).status()))
    effects = made.on_answer("liar", ask.request_id, Blocks((b"no block",), ()), 5)
    assert [type(effect) for effect in effects] == [Blame]


def test_a_block_that_every_peer_further_on_was_asked_for_in_vain_is_missing() -> None:
    made = start()
    ask = only_ask(meet(made, "pruned", store(30).status()))
    assert made.missing() is None
    ask = only_ask(
        [*made.on_answer(ask.peer, ask.request_id, Blocks((), ()), 5), *meet(made, "q", store(20).status(), 6)]
    )
    assert (ask.peer, made.missing()) == ("q", None), "the other one may have it"
    made.on_answer("q", ask.request_id, Blocks((), ()), 7)
    assert made.missing() == 1
    meet(made, "level", store(0).status(), 8)
    assert made.missing() == 1
    ask = only_ask(meet(made, "whole", store(10).status(), 9))
    assert made.missing() is None
    made.on_answer("whole", ask.request_id, reply(ask, CHAIN[:10]), 10)
    made.on_finalised(Height(10), ref(CHAIN[9]).hash, 11)
    assert made.missing() is None


def test_silence_is_given_up_and_somebody_else_is_asked() -> None:
    made = start()
    meet(made, "silent", store(12).status())
    meet(made, "p", store(10).status())
    assert made.next_deadline_ms == BLOCKS_TIMEOUT_MS
    assert only_ask(made.on_tick(BLOCKS_TIMEOUT_MS)).peer == "p"


def test_a_late_answer_is_ignored() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(10).status()))
    made.on_tick(BLOCKS_TIMEOUT_MS)
    assert made.on_answer("p", ask.request_id, reply(ask, CHAIN[:10]), BLOCKS_TIMEOUT_MS + 1) == []


def test_an_answer_that_nobody_asked_for_is_ignored() -> None:
    made = start()
    assert made.on_answer("stranger", 1, Blocks((), ()), 0) == []


def test_a_peer_of_another_network_is_blamed_and_never_asked() -> None:
    made = start()
    effects = meet(made, "alien", replace(store(10).status(), genesis_hash=Hash(b"?" * 32)))
    assert [type(effect) for effect in effects] == [Blame]


def test_a_refused_stretch_is_asked_for_again_from_somebody_else() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(10).status()))
    meet(made, "q", store(10).status())
    made.on_answer("p", ask.request_id, reply(ask, CHAIN[:10]), 5)
    again = only_ask(made.on_refused("p", 6))
    assert (again.peer, again.request) == ("q", GetBlocks(Height(1), 128))


def test_a_peer_that_leaves_is_replaced() -> None:
    made = start()
    meet(made, "p", store(12).status())
    meet(made, "q", store(10).status())
    assert only_ask(made.on_gone("p", 5)).peer == "q"


def test_finality_from_elsewhere_makes_an_answer_stale_not_wrong() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(10).status()))
    made.on_finalised(Height(4), ref(CHAIN[3]).hash, 3)
    effects = made.on_answer("p", ask.request_id, reply(ask, CHAIN[:10]), 5)
    assert [type(effect) for effect in effects] == [Ask]
    assert only_ask(effects).request == GetBlocks(Height(5), 128)


def test_a_hopeless_peer_is_asked_ever_more_rarely_and_then_no_more() -> None:
    made = start()
    ask = only_ask(meet(made, "p", store(10).status()))
    now_ms, asked_at = 0, [0]
    for _ in range(20):
        now_ms = made.next_deadline_ms or now_ms
        asks = [effect for effect in made.on_tick(now_ms) if isinstance(effect, Ask)]
        asked_at.extend(now_ms for _ in asks)
    assert len(asked_at) == FAILURES_MAX
    assert made.next_deadline_ms is None
    assert ask.peer == "p"
    assert isinstance(only_ask(made.on_hint("p", now_ms)).request, GetStatus)  # unless it speaks again


def test_the_deadline_is_always_in_the_future_after_a_call() -> None:
    made = start()
    made.on_connected("p", 0)
    meet(made, "q", store(10).status())
    for now_ms in (1, STATUS_TIMEOUT_MS, 5_000, 9_999, 20_000, 50_000, 200_000):
        made.on_hint(None, now_ms)
        due = made.next_deadline_ms
        assert due is None or due > now_ms


def test_statuses_of_a_flood_of_peers_are_bounded() -> None:
    made = start()
    asks = sum(len(made.on_connected(f"p{number}", 0)) for number in range(3 * PEERS_MAX))
    assert asks == PEERS_MAX


def test_when_nobody_is_named_a_few_are_asked_in_turn() -> None:
    made = CatchUpMachine(GENESIS_HASH, Height(1), ref(CHAIN[0]).hash)
    for peer in "abcdef":
        meet(made, peer, store(1).status())
    first = {effect.peer for effect in made.on_hint(None, 10) if isinstance(effect, Ask)}
    second = {effect.peer for effect in made.on_hint(None, 11) if isinstance(effect, Ask)}
    assert (len(first), first | second) == (4, set("abcdef"))


def test_progress_tells_rate_and_time_left() -> None:
    made = start()
    meet(made, "p", store(40).status())
    made.on_finalised(Height(10), ref(CHAIN[9]).hash, 1_000)
    made.on_finalised(Height(20), ref(CHAIN[19]).hash, 2_000)
    shown = made.progress()
    assert shown is not None
    assert (shown.height, shown.target_height, shown.blocks_per_minute, shown.eta_ms) == (20, 40, 600, 2_000)


def test_a_held_machine_asks_where_peers_stand_and_for_no_blocks() -> None:
    made = start()
    made.is_held = True
    assert meet(made, "p", store(40).status()) == []
    assert (made.next_deadline_ms, made.target()) == (None, 40)
    made.is_held = False
    assert isinstance(only_ask(made.on_tick(5)).request, GetBlocks)


def test_progress_in_long_strides_has_a_rate_too() -> None:
    made = start()
    meet(made, "p", store(40).status())
    made.on_finalised(Height(10), ref(CHAIN[9]).hash, 0)
    made.on_finalised(Height(20), ref(CHAIN[19]).hash, 60_000)
    shown = made.progress()
    assert shown is not None
    assert (shown.blocks_per_minute, shown.eta_ms) == (10, 120_000)


@dataclass
class World:
    """Peers with stores, some of them liars."""

    stores: dict[str, Store]

    def serve(self, ask: Ask) -> Status | Blocks:
        held = self.stores[ask.peer]
        if isinstance(ask.request, GetStatus):
            return held.status()
        assert isinstance(ask.request, GetBlocks)
        first = ask.request.from_height
        blocks = [CHAIN[height - 1] for height in range(first, min(first + 7, held.final + 1))]
        return reply(ask, blocks)


def test_catching_up_from_several_peers_ends_at_the_highest() -> None:
    world = World({"a": store(40), "b": store(25), "c": store(3)})
    made = start()
    queue = [effect for peer in world.stores for effect in made.on_connected(peer, 0)]
    for now_ms in range(1, 200):
        if not queue:
            break
        effect = queue.pop(0)
        if isinstance(effect, Ask):
            queue += made.on_answer(effect.peer, effect.request_id, world.serve(effect), now_ms)
        elif isinstance(effect, Feed):
            last = ref(effect.blocks[-1])
            queue += made.on_finalised(last.height, last.hash, now_ms)
    assert made.progress() is None
    assert made._finalised == (40, ref(CHAIN[39]).hash)
