"""The pure rules: score book, weights, routing, replay, roster, task list."""

import math
from collections import Counter

import pytest

from node.market.book import ScoreBook
from node.market.chain import view_of
from node.market.judge import judge
from node.market.limits import BOOK_ROWS_MAX, PREVIEW_CHARS_MAX
from node.market.replay import ReplayCache, is_fresh
from node.market.roster import may_validate, miners
from node.market.rounds import choose_targets, round_at, silence
from node.market.router import COOL_DOWN_S, Router
from node.market.tasks import TaskLog, TaskView, one_line
from node.market.weights import weight_vector
from node.primitives.crypto import digest
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid, Uid
from node.subnets.base import Code, Judged, Neuron, Standing, Usage, Verdict, View
from tests.unit.market.support import NETUID, Doubling, FakeChain, Number


def key(name: str) -> AccountId:
    return AccountId(digest("test-key", name.encode()))


def neuron(name: str, uid: int, *, permit: bool = False, stake_rao: int = 0, peer_id: str = "peer") -> Neuron:
    return Neuron(Uid(uid), key(name), key("cold"), peer_id, (), stake_rao, permit, Height(0))


def view(*neurons: Neuron) -> View:
    return View(NetUid(1), Height(10), ZERO_HASH, neurons)


# --- score book -----------------------------------------------------------------------------------------------------


def test_only_the_judged_miner_moves_by_alpha_times_evidence() -> None:
    book = ScoreBook(0.2)
    book.record(key("a"), Verdict(1.0, Code.OK), Height(5))
    book.record(key("b"), Verdict(1.0, Code.OK, weight=0.5), Height(6))
    assert book[key("a")] == Standing(0.2, 1.0, Height(5))
    assert book[key("b")] == Standing(0.1, 0.5, Height(6))
    book.record(key("b"), Verdict(0.0, Code.WRONG), Height(7))
    assert book[key("b")].score == pytest.approx(0.08)
    assert book[key("a")] == Standing(0.2, 1.0, Height(5))


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_verdict_without_a_usable_score_moves_nobody(score: float | None) -> None:
    book = ScoreBook(0.2)
    assert not book.record(key("a"), Verdict(score, Code.VALIDATOR_FAULT), Height(1))
    assert len(book) == 0


@pytest.mark.parametrize(("given", "expected"), [(5.0, 1.0), (-3.0, 0.0)])
def test_scores_outside_the_unit_interval_are_clamped(given: float, expected: float) -> None:
    book = ScoreBook(1.0)
    book.record(key("a"), Verdict(given, Code.OK), Height(1))
    assert book[key("a")].score == expected


def test_the_book_forgets_the_longest_unjudged_when_full() -> None:
    book = ScoreBook(0.2)
    book.restore((AccountId(n.to_bytes(32, "big")), Standing(0.5, 1.0, Height(n))) for n in range(BOOK_ROWS_MAX))
    book.record(key("new"), Verdict(1.0, Code.OK), Height(BOOK_ROWS_MAX))
    assert len(book) == BOOK_ROWS_MAX
    assert AccountId(bytes(32)) not in book
    assert key("new") in book


def test_damaged_rows_are_not_restored() -> None:
    book = ScoreBook(0.2)
    book.restore([(key("a"), Standing(math.nan, 1.0, Height(1))), (key("b"), Standing(0.5, 1.0, Height(1)))])
    assert list(book) == [key("b")]


def test_decay_takes_alpha_of_the_score_and_no_evidence() -> None:
    book = ScoreBook(0.25)
    book.restore([(key("a"), Standing(0.8, 4.0, Height(1)))])
    book.decay([key("a"), key("unknown")])
    assert book[key("a")] == Standing(pytest.approx(0.6), 4.0, Height(1))


# --- weights --------------------------------------------------------------------------------------------------------


def test_the_largest_share_becomes_65535_and_the_others_keep_their_ratio() -> None:
    seats = view(neuron("a", 3), neuron("b", 1), neuron("c", 2))
    vector = weight_vector({key("a"): 0.5, key("b"): 0.25, key("c"): 0.25}, seats)
    assert vector is not None
    assert vector.uids == (1, 2, 3)
    assert vector.values == (32768, 32768, 65535)
    assert all(type(value) is int for value in vector.values)


def test_strangers_and_worthless_shares_get_no_weight() -> None:
    seats = view(neuron("a", 0), neuron("b", 1), neuron("c", 2), neuron("d", 3))
    shares = {key("a"): 1.0, key("b"): 1e-9, key("c"): math.nan, key("d"): -1.0, key("gone"): 5.0}
    vector = weight_vector(shares, seats)
    assert vector is not None
    assert (vector.uids, vector.values) == ((0,), (65535,))


@pytest.mark.parametrize("shares", [{}, {"a": 0.0}, {"a": math.nan}, {"gone": 1.0}])
def test_a_validator_with_nothing_to_say_abstains(shares: dict[str, float]) -> None:
    assert weight_vector({key(name): share for name, share in shares.items()}, view(neuron("a", 0))) is None


# --- routing --------------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def firsts(router: Router, seats: list[Neuron], book: ScoreBook, draws: int = 400) -> dict[int, int]:
    counts: dict[int, int] = {}
    for n in range(draws):
        uid = router.choose(seats, book, n.to_bytes(4, "big"))[0].uid
        counts[uid] = counts.get(uid, 0) + 1
    return counts


def test_equal_seeds_route_equally_and_at_most_three_are_tried() -> None:
    seats = [neuron(str(n), n) for n in range(6)]
    router = Router(Clock())
    chosen = router.choose(seats, {}, b"seed")
    assert chosen == router.choose(seats, {}, b"seed")
    assert len(chosen) == 3
    assert len({router.choose(seats, {}, bytes([n]))[0].uid for n in range(40)}) > 3


def test_good_miners_get_most_newcomers_some_and_known_cheats_nothing() -> None:
    book = ScoreBook(1.0)
    book.restore([(key("good"), Standing(0.9, 10.0, Height(1))), (key("cheat"), Standing(0.0, 10.0, Height(1)))])
    seats = [neuron("good", 0), neuron("new", 1), neuron("cheat", 2)]
    counts = firsts(Router(Clock()), seats, book)
    assert counts.get(2, 0) == 0
    assert counts[0] > 300
    assert counts[1] > 0
    assert Router(Clock()).choose(seats, book, b"x")[-1].uid == 2  # asked when the others failed


def test_a_failed_miner_is_asked_last_until_it_has_cooled_down() -> None:
    clock = Clock()
    router, seats = Router(clock), [neuron("a", 0), neuron("b", 1)]
    router.began(key("a"))
    router.ended(key("a"), failed=True)
    assert set(firsts(router, seats, ScoreBook(1.0), 50)) == {1}
    clock.now = COOL_DOWN_S + 1
    assert set(firsts(router, seats, ScoreBook(1.0), 50)) == {0, 1}


def test_a_busy_miner_is_asked_less() -> None:
    router, seats = Router(Clock()), [neuron("a", 0), neuron("b", 1)]
    for _ in range(9):
        router.began(key("a"))
    assert firsts(router, seats, ScoreBook(1.0))[0] < 80


# --- replay ---------------------------------------------------------------------------------------------------------


def message(n: int) -> Hash:
    return digest("test-message", n.to_bytes(4, "big"))


def test_a_message_is_new_once() -> None:
    cache = ReplayCache()
    assert cache.first_time(message(1), Height(10), Height(10))
    assert not cache.first_time(message(1), Height(10), Height(13))


def test_what_is_remembered_is_dropped_only_when_it_is_stale() -> None:
    cache = ReplayCache()
    cache.first_time(message(1), Height(10), Height(10))
    for now in range(10, 20):
        cache.first_time(message(100 + now), Height(now), Height(now))
        assert not is_fresh(Height(10), Height(now)) or not cache.first_time(message(1), Height(10), Height(now))
    assert len(cache) <= 5


def test_memory_stays_bounded_under_a_flood() -> None:
    cache = ReplayCache(capacity=10)
    for n in range(1000):
        cache.first_time(message(n), Height(5), Height(5))
    assert len(cache) == 10


# --- roster and rounds ----------------------------------------------------------------------------------------------


def test_before_the_first_permits_stake_speaks_and_afterwards_only_permits() -> None:
    early = view(neuron("v", 0, stake_rao=5), neuron("m", 1))
    assert may_validate(early.neurons[0], early)
    assert not may_validate(early.neurons[1], early)
    later = view(neuron("v", 0, permit=True), neuron("s", 1, stake_rao=5), neuron("m", 2))
    assert not may_validate(later.neurons[1], later)
    assert [n.uid for n in miners(later)] == [1, 2]


def test_seats_without_a_peer_and_oneself_are_not_asked() -> None:
    seats = view(neuron("v", 0, permit=True), neuron("me", 1), neuron("silent", 2, peer_id=""), neuron("m", 3))
    assert [n.uid for n in miners(seats, without=key("me"))] == [3]


def test_the_longest_unjudged_are_asked_first_and_ties_follow_the_seed() -> None:
    book = ScoreBook(1.0)
    book.restore((key(str(n)), Standing(0.5, 1.0, Height(10 + n))) for n in range(3))
    seats = [neuron(str(n), n) for n in range(6)]
    chosen = choose_targets(seats, book, b"seed", 4)
    assert set(chosen[:3]) == {key("3"), key("4"), key("5")}
    assert chosen[3] == key("0")
    assert chosen == choose_targets(list(reversed(seats)), book, b"seed", 4)
    assert len({choose_targets(seats, book, bytes([n]), 1) for n in range(30)}) == 3


def test_every_miner_is_asked_once_before_any_is_asked_twice() -> None:
    book, seats, asked = ScoreBook(0.5), [neuron(str(n), n) for n in range(10)], []
    for height in range(1, 6):
        for target in choose_targets(seats, book, height.to_bytes(4, "big"), 2):
            asked.append(target)
            book.record(target, Verdict(0.0, Code.WRONG), Height(height))
    assert len(set(asked)) == 10


def booked(book: ScoreBook, miner: AccountId, verdict: Verdict, height: int) -> None:
    judged = Judged(Hash(bytes(32)), "challenge", Height(height), verdict, Usage(), 0, 0)
    book.record(miner, verdict, Height(height), judged)


@pytest.mark.parametrize(("alive", "away"), [(3, 40), (1, 200), (20, 16)])
def test_miners_that_are_all_away_do_not_take_every_round(alive: int, away: int) -> None:
    book = ScoreBook(0.5)
    seats = [neuron(f"{'m' if n < alive else 'away'}{n}", n) for n in range(alive + away)]
    living, asked = {n.hotkey for n in seats[:alive]}, Counter[AccountId]()
    for height in range(1, 121):
        targets = choose_targets(seats, book, height.to_bytes(4, "big"), 16)
        asked.update(targets)
        silent = silence(bool(living & set(targets)))
        for miner in targets:
            booked(book, miner, Verdict(1.0, Code.OK) if miner in living else silent, height)
    turns = 120 * 16 // (alive + away)
    assert all(abs(asked[each.hotkey] - turns) <= 5 for each in seats)
    assert all(book[each].score > 0.9 for each in living)


def test_a_miner_that_never_gave_a_verdict_has_no_score_and_no_evidence() -> None:
    book = ScoreBook(0.5)
    booked(book, key("a"), Verdict(None, Code.UNCHECKABLE), 7)
    assert (book[key("a")].score, book[key("a")].samples, book[key("a")].last_height) == (0.0, 0.0, 0)
    booked(book, key("a"), Verdict(1.0, Code.OK), 8)
    assert (book[key("a")].score, book[key("a")].last_height) == (0.5, 8)


def test_a_round_begins_every_so_many_blocks_at_a_validators_own_offset() -> None:
    numbers = [round_at(Height(h), 5, key("v")) for h in range(100, 150)]
    assert len(set(numbers)) in (10, 11)
    starts = {min(h for h in range(1, 6) if round_at(Height(h), 5, key(name)) == 1) for name in "abcdefgh"}
    assert len(starts) > 1


def test_silence_counts_only_when_somebody_else_was_heard() -> None:
    assert silence(True).score == 0.0
    assert silence(False).score is None


# --- task list ------------------------------------------------------------------------------------------------------


def test_the_task_list_keeps_the_newest_and_replaces_by_task_and_miner() -> None:
    log = TaskLog(kept_max=3)
    for n in range(5):
        log.put(TaskView(str(n), "user", key("m"), "running", n))
    log.put(TaskView("4", "user", key("m"), "done", 4, score=1.0))
    log.put(TaskView("4", "user", key("other"), "running", 4))
    assert [(row.id, row.state) for row in log.recent()] == [("4", "running"), ("4", "done"), ("3", "running")]
    assert len(log.recent(1)) == 1


def test_previews_are_one_short_printable_line() -> None:
    assert one_line("a\nb\x1b[31m\tc ") == "a b [31m c"
    assert len(one_line("x" * 10_000)) == PREVIEW_CHARS_MAX


def test_a_view_of_the_chain_names_the_owner_and_one_of_no_subnet_names_nobody() -> None:
    chain = FakeChain()
    assert view_of(chain, NETUID).owner == AccountId(bytes(32))
    assert view_of(chain, NetUid(NETUID + 1)).owner is None


@pytest.mark.parametrize(
    "given",
    [
        None, 1.0, Verdict("1", Code.OK), Verdict(10**400, Code.OK), Verdict(1.0, 0), Verdict(1.0, Code.OK, None),
        Verdict(1.0, Code.OK, weight=None), Verdict(1.0, Code.OK, facts=None),
    ],
)  # fmt: skip
async def test_what_is_no_verdict_is_a_fault_of_the_validators_program(given: Verdict) -> None:
    rules = Doubling()

    async def answers(*_: object) -> Verdict:
        return given

    rules.judge = answers  # type: ignore[method-assign]
    verdict = await judge(rules, Number(1), None, None, timeout_s=1.0)  # type: ignore[arg-type]
    assert (verdict.score, verdict.code) == (None, Code.VALIDATOR_FAULT)
