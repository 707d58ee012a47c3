"""The pool against a plain list with the same rules: whatever happens, both hold the same and choose the same.

The bounds are made small, so that a few steps reach every one of them.
"""

from dataclasses import dataclass, field
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node import mempool
from node.mempool import Lane, Mempool, PoolTransaction, Replaced
from node.mempool.errors import AlreadyPooled, MempoolError
from node.primitives.types import AccountId, Hash, Height, Rao

COUNT, WEIGHT, PER_SENDER, GAP, FREE_COUNT, FREE_WEIGHT, SHARE, REPORTS = 10, 900, 4, 2, 3, 300, 4, 1
SMALL = {
    "MEMPOOL_TRANSACTIONS_MAX": COUNT,
    "MEMPOOL_BYTES_MAX": WEIGHT,
    "MEMPOOL_PER_SENDER_MAX": PER_SENDER,
    "MEMPOOL_NONCE_GAP_MAX": GAP,
    "MEMPOOL_FREE_TRANSACTIONS_MAX": FREE_COUNT,
    "MEMPOOL_FREE_BYTES_MAX": FREE_WEIGHT,
    "MEMPOOL_FREE_SHARE_OF_BLOCK": SHARE,
    "MEMPOOL_REPORTS_PER_OFFENDER_MAX": REPORTS,
    "_TAILS_SPARE": 10,
}
SENDERS = [AccountId(bytes([number]) * 32) for number in range(7)]


@dataclass
class ListPool:
    """The rules of docs/protocol.md, "Mempool", without any index."""

    nonces: dict[AccountId, int]  # the next one of each account
    waiting: list[PoolTransaction] = field(default_factory=list)  # in order of arrival

    def weight(self) -> int:
        return sum(each.size_bytes for each in self.waiting)

    def of(self, sender: AccountId) -> dict[int, PoolTransaction]:
        return {each.nonce: each for each in self.waiting if each.sender == sender}

    def add(self, new: PoolTransaction, next_nonce: int, height: int) -> str:
        """The name of what came of it; the list is changed only by what was taken."""
        own = self.of(new.sender)
        ready = next_nonce
        while ready in own:
            ready += 1
        if new in self.waiting:
            return "AlreadyPooled"
        if new.expires_height <= height:
            return "Expired"
        if new.nonce < next_nonce:
            return "StaleNonce"
        if new.nonce > next_nonce + GAP and new.nonce > ready:
            return "NonceGap"
        old = own.get(new.nonce)
        if old is not None and (new.fee_rao <= old.fee_rao or new.fee_rao * 10 < old.fee_rao * 11):
            return "UnderpricedReplacement"
        last = own[max(own)] if old is None and len(own) >= PER_SENDER else None
        if last is not None and last.nonce < new.nonce:
            return "SenderFull"
        rest = [each for each in self.waiting if each is not old and each is not last]
        worth = {each.hash: self._worth(each) for each in self.waiting}
        worth[new.hash] = self._worth(new)
        refusal = self._make_lane(new, rest) or self._make_room(new, rest, worth)
        if refusal:
            return refusal
        self.waiting = [*rest, new]
        if old is not None:
            return "Replaced"
        return "Held" if new.nonce > ready else "Added"

    def _make_lane(self, new: PoolTransaction, rest: list[PoolTransaction]) -> str:
        if new.lane is Lane.PAID:
            return ""
        lane = [each for each in rest if each.lane is not Lane.PAID]
        if new.offender and sum(each.offender == new.offender for each in lane) >= REPORTS:
            return "ReportedEnough"
        gone: list[PoolTransaction] = []
        for youngest in reversed(lane):
            if len(lane) - len(gone) < FREE_COUNT and _weight(lane) - _weight(gone) + new.size_bytes <= FREE_WEIGHT:
                break
            if new.lane is Lane.URGENT and youngest.lane is Lane.FREE and youngest.sender != new.sender:
                gone.append(youngest)
        if len(lane) - len(gone) >= FREE_COUNT or _weight(lane) - _weight(gone) + new.size_bytes > FREE_WEIGHT:
            return "LaneFull"
        rest[:] = [each for each in rest if each not in gone]
        return ""

    def _worth(self, item: PoolTransaction) -> tuple[bool, int]:
        """Whether all before it are there, and what the cheapest of the paid ones up to it pays."""
        own = self.of(item.sender)
        before = [own.get(nonce) for nonce in range(self.nonces[item.sender], item.nonce)]
        if None in before:
            return False, item.priority
        paid = [each.priority for each in before if each is not None and each.lane is Lane.PAID]
        return True, min([*paid, item.priority])

    def _make_room(self, new: PoolTransaction, rest: list[PoolTransaction], worth: dict[Hash, tuple[bool, int]]) -> str:
        while len(rest) >= COUNT or _weight(rest) + new.size_bytes > WEIGHT:
            paid = [each for each in rest if each.lane is Lane.PAID]
            last = {each.sender: each for each in sorted(paid, key=lambda each: each.nonce)}
            tails = [each for each in last.values() if each.sender != new.sender]
            if not tails:
                return "PoolFull"
            cheapest = min(tails, key=lambda each: (worth[each.hash], -rest.index(each)))
            if new.lane is Lane.PAID and worth[cheapest.hash] >= worth[new.hash]:
                return "PoolFull"
            rest.remove(cheapest)
        return ""

    def select(self, bytes_max: int, count_max: int, nonces: dict[AccountId, int], height: int) -> list[Hash]:
        share_bytes, share_count = bytes_max // SHARE, count_max // SHARE
        following = {sender: self.of(sender).get(nonces[sender]) for sender in SENDERS}
        chosen: list[Hash] = []
        while len(chosen) < count_max:
            heads = [each for each in following.values() if each is not None]
            free = sorted(
                (each for each in heads if each.lane is not Lane.PAID),
                key=lambda each: (each.lane, self.waiting.index(each)),
            )
            paid = sorted(
                (each for each in heads if each.lane is Lane.PAID),
                key=lambda each: (-each.priority, self.waiting.index(each)),
            )
            if not heads:
                break
            first = bool(free) and share_count > 0 and free[0].size_bytes <= share_bytes
            taken = free[0] if first or not paid else paid[0]
            if taken.size_bytes > bytes_max or taken.expires_height <= height:
                following[taken.sender] = None
                continue
            if taken.lane is not Lane.PAID:
                share_bytes, share_count = share_bytes - taken.size_bytes, share_count - 1
            bytes_max -= taken.size_bytes
            chosen.append(taken.hash)
            following[taken.sender] = self.of(taken.sender).get(taken.nonce + 1)
        return chosen


def _weight(items: list[PoolTransaction]) -> int:
    return sum(each.size_bytes for each in items)


OFFERS = st.tuples(
    st.sampled_from(SENDERS),
    st.sampled_from([0, 0, 0, 0, -1, 1, 3]),  # the nonce, beyond those that wait
    st.sampled_from([1, 50, 100, 105, 110, 200, 1000]),
    st.sampled_from([40, 40, 80, 120, 250]),
    st.sampled_from([9, 9, 9, 9, 0, 1, 3]),  # how many blocks it lives
    st.sampled_from([Lane.PAID, Lane.PAID, Lane.PAID, Lane.FREE, Lane.URGENT]),
    st.sampled_from([b"liar", b"thief"]),
)


class PoolMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.patches = [patch.object(mempool, name, value) for name, value in SMALL.items()]
        for each in self.patches:
            each.start()
        self.nonces = dict.fromkeys(SENDERS, 0)
        self.pool, self.list, self.height = Mempool(Height(0)), ListPool(self.nonces), 0
        self.made = 0

    def teardown(self) -> None:
        for each in getattr(self, "patches", []):
            each.stop()

    @rule(offers=st.lists(OFFERS, min_size=1, max_size=12))
    def add(self, offers: list[tuple[AccountId, int, int, int, int, Lane, bytes]]) -> None:
        for sender, ahead, fee, size, life, lane, offender in offers:
            self.made += 1
            new = PoolTransaction(
                Hash(self.made.to_bytes(32, "big")), sender, self.pool.next_nonce(sender, self.nonces[sender]) + ahead,
                Rao(fee if lane is Lane.PAID else 0), size, Height(self.height + life), b"", lane,
                offender if lane is Lane.URGENT else b"",
            )  # fmt: skip
            before = {each.hash for each in self.list.waiting}
            expected = self.list.add(new, self.nonces[sender], self.height)
            outcome: mempool.Outcome | MempoolError
            try:
                outcome = self.pool.add(new, self.nonces[sender])
            except MempoolError as error:
                outcome = error
            assert type(outcome).__name__ == expected
            if isinstance(outcome, MempoolError):
                continue
            gone = {each.hash for each in outcome.evicted}
            gone |= {outcome.old.hash} if isinstance(outcome, Replaced) else set()
            assert gone == before - {each.hash for each in self.list.waiting}

    @precondition(lambda self: self.list.waiting)
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.list.waiting))
        try:
            self.pool.add(known, self.nonces[known.sender])
        except AlreadyPooled:
            return
        raise AssertionError("the same transaction entered twice")

    @precondition(lambda self: self.list.waiting)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.list.waiting))
        self.pool.discard(gone.hash)
        self.list.waiting.remove(gone)

    @rule(room=st.sampled_from([60, 240, 500, 5000]), count=st.integers(1, 12), takes=st.integers(0, 3))
    def make_a_block(self, room: int, count: int, takes: int) -> None:
        chosen = self.pool.select(bytes_max=room, count_max=count)
        assert [each.hash for each in chosen] == self.list.select(room, count, self.nonces, self.height)
        self.height += 1
        moved = {}
        for each in chosen[:takes]:
            assert each.nonce == self.nonces[each.sender]
            self.nonces[each.sender] = moved[each.sender] = each.nonce + 1
        self._follow(moved)

    @rule(sender=st.sampled_from(SENDERS), back=st.integers(1, 2))
    def undo_a_block(self, sender: AccountId, back: int) -> None:
        self.height = max(0, self.height - 1)
        self.nonces[sender] = max(0, self.nonces[sender] - back)
        self._follow({sender: self.nonces[sender]})

    def _follow(self, moved: dict[AccountId, int]) -> None:
        gone = self.pool.prune(Height(self.height), moved)
        expected = [
            each
            for each in self.list.waiting
            if each.expires_height <= self.height or each.nonce < moved.get(each.sender, 0)
        ]
        assert {each.hash for each in gone} == {each.hash for each in expected}
        self.list.waiting = [each for each in self.list.waiting if each not in expected]

    @invariant()
    def both_hold_the_same_within_the_bounds(self) -> None:
        if not hasattr(self, "pool"):
            return
        waiting = self.list.waiting
        assert len(self.pool) == len(waiting) <= COUNT
        assert all(each.hash in self.pool for each in waiting)
        assert self.pool.size_bytes == self.list.weight() <= WEIGHT
        assert set(self.pool.senders()) == {each.sender for each in waiting}
        assert all(len(self.list.of(sender)) <= PER_SENDER for sender in SENDERS)
        free = [each for each in waiting if each.lane is not Lane.PAID]
        assert len(free) <= FREE_COUNT
        assert _weight(free) <= FREE_WEIGHT
        for sender in SENDERS:
            ready = self.nonces[sender]
            while ready in self.list.of(sender):
                ready += 1
            assert self.pool.next_nonce(sender, self.nonces[sender]) == ready


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
