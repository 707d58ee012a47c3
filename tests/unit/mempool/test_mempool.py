"""The pool keeps its bounds, its order and every account's nonces, whatever is thrown at it."""

import random
import sys

import pytest

from node.mempool import Added, Held, Lane, Mempool, PoolTransaction, Replaced
from node.mempool.errors import (
    AlreadyPooled,
    Expired,
    LaneFull,
    MempoolError,
    NonceGap,
    Oversized,
    PoolFull,
    ReportedEnough,
    SenderFull,
    StaleNonce,
    UnderpricedReplacement,
)
from node.primitives.crypto import digest
from node.primitives.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_FREE_SHARE_OF_BLOCK,
    MEMPOOL_FREE_TRANSACTIONS_MAX,
    MEMPOOL_NONCE_GAP_MAX,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_REPORTS_PER_OFFENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
)
from node.primitives.types import AccountId, Height, Rao


def transaction(
    sender: int = 1, nonce: int = 0, fee: int = 1000, *, size: int = 200, expires: int = 100,
    lane: Lane = Lane.PAID, offender: bytes = b"",
) -> PoolTransaction:  # fmt: skip
    raw = b"%d/%d/%d/%d/%d" % (sender, nonce, fee, size, lane)
    account = AccountId(sender.to_bytes(32, "big"))
    return PoolTransaction(digest("test", raw), account, nonce, Rao(fee), size, Height(expires), raw, lane, offender)


def free(sender: int, nonce: int = 0, *, size: int = 200) -> PoolTransaction:
    return transaction(sender, nonce, 0, size=size, lane=Lane.FREE)


def report(sender: int, offender: bytes = b"", *, size: int = 200) -> PoolTransaction:
    return transaction(sender, 0, 0, size=size, lane=Lane.URGENT, offender=offender or b"offender-%d" % sender)


def pool() -> Mempool:
    return Mempool(Height(0))


def test_a_ready_transaction_is_added_and_a_gap_is_held_until_it_is_filled() -> None:
    made = pool()
    later = [transaction(nonce=nonce) for nonce in (1, 2)]
    assert [made.add(item, 0) for item in later] == [Held(0), Held(0)]
    first = transaction(nonce=0)
    assert made.add(first, 0) == Added((first, *later))
    assert made.next_nonce(first.sender, 0) == 3


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (transaction(nonce=4), StaleNonce),
        (transaction(nonce=5 + MEMPOOL_NONCE_GAP_MAX + 1), NonceGap),
        (transaction(nonce=5, expires=0), Expired),
        (transaction(nonce=5, size=20_000), Oversized),
    ],
)
def test_what_can_never_enter_a_block_is_refused(item: PoolTransaction, error: type[MempoolError]) -> None:
    made = pool()
    with pytest.raises(error) as caught:
        made.add(item, 5)
    assert caught.value.hint
    assert len(made) == 0


def test_the_same_transaction_is_refused_the_second_time() -> None:
    made = pool()
    made.add(transaction(), 0)
    with pytest.raises(AlreadyPooled):
        made.add(transaction(), 0)


def test_a_replacement_pays_a_tenth_more() -> None:
    made = pool()
    old = transaction(fee=1000)
    made.add(old, 0)
    for fee in (1000, 1099):
        with pytest.raises(UnderpricedReplacement):
            made.add(transaction(fee=fee, size=201), 0)
    assert made.add(transaction(fee=1100), 0) == Replaced(old, ready=True)
    assert old.hash not in made
    assert len(made) == 1


def test_a_free_transaction_cannot_be_replaced_by_a_free_one() -> None:
    made = pool()
    made.add(transaction(fee=0), 0)
    with pytest.raises(UnderpricedReplacement):
        made.add(transaction(fee=0, size=201), 0)


def test_one_account_cannot_fill_the_pool() -> None:
    made = pool()
    for nonce in range(MEMPOOL_PER_SENDER_MAX):
        made.add(transaction(nonce=nonce), 0)
    with pytest.raises(SenderFull):
        made.add(transaction(nonce=MEMPOOL_PER_SENDER_MAX), 0)
    made.add(transaction(sender=2), 0)


def test_what_a_reorganisation_undid_has_a_place_before_what_it_holds_up() -> None:
    """Without it none of the sender's other transactions could ever be in a block."""
    made = pool()
    later = [transaction(nonce=nonce) for nonce in range(1, 1 + MEMPOOL_PER_SENDER_MAX)]
    for item in later:
        made.add(item, 1)
    made.prune(Height(0), {later[0].sender: 0})
    undone = transaction(nonce=0)
    assert made.add(undone, 0) == Added((undone, *later[:-1]), evicted=(later[-1],))
    with pytest.raises(SenderFull):
        made.add(later[-1], 0)


def full_pool(fee: int) -> Mempool:
    made = pool()
    for sender in range(10, 10 + MEMPOOL_TRANSACTIONS_MAX):
        made.add(transaction(sender=sender, fee=fee), 0)
    return made


def test_a_full_pool_takes_only_what_pays_more_and_gives_up_the_cheapest() -> None:
    made = full_pool(1000)
    with pytest.raises(PoolFull):
        made.add(transaction(sender=1, fee=1000), 0)
    youngest = transaction(sender=9 + MEMPOOL_TRANSACTIONS_MAX, fee=1000)
    better = transaction(sender=1, fee=1001)
    assert made.add(better, 0) == Added((better,), evicted=(youngest,))
    assert len(made) == MEMPOOL_TRANSACTIONS_MAX
    assert youngest.hash not in made


def test_the_pool_keeps_its_weight() -> None:
    made = pool()
    for sender in range(2000):
        try:
            made.add(transaction(sender=sender, size=16_000, fee=16_000 * (1 + sender)), 0)
        except PoolFull:
            pytest.fail("each pays more than all before")
        assert made.size_bytes <= MEMPOOL_BYTES_MAX
    assert made.size_bytes > MEMPOOL_BYTES_MAX - 16_000


def test_selection_goes_by_fee_per_byte_and_keeps_every_accounts_order() -> None:
    made = pool()
    cheap_then_dear = [transaction(sender=1, nonce=0, fee=10), transaction(sender=1, nonce=1, fee=9000)]
    middling = transaction(sender=2, fee=500)
    small = transaction(sender=3, fee=400, size=100)
    for item in (*cheap_then_dear, middling, small):
        made.add(item, 0)
    chosen = made.select(bytes_max=10_000, count_max=10)
    assert chosen == (small, middling, *cheap_then_dear)


def test_selection_keeps_its_limits_and_skips_what_is_not_next() -> None:
    made = pool()
    for sender in range(10):
        made.add(transaction(sender=sender, fee=1000 + sender), 0)
    made.add(transaction(sender=20, nonce=3, fee=10**6), 0)
    assert len(made.select(bytes_max=10_000, count_max=4)) == 4
    chosen = made.select(bytes_max=650, count_max=99)
    assert [item.fee_rao for item in chosen] == [1009, 1008, 1007]


def test_payment_cannot_keep_evidence_out_of_a_full_pool_or_out_of_a_block() -> None:
    made = full_pool(10**9)
    evidence = report(1)
    outcome = made.add(evidence, 0)
    assert [gone.lane for gone in outcome.evicted] == [Lane.PAID]
    assert len(made) == MEMPOOL_TRANSACTIONS_MAX
    with pytest.raises(PoolFull):
        made.add(transaction(sender=20_000, fee=10**9), 0)
    for sender in range(20_000, 20_100):
        made.add(transaction(sender=sender, fee=10**12), 0)
    assert evidence.hash in made
    assert made.select(bytes_max=2000, count_max=10)[0] == evidence


def test_fee_free_transactions_come_first_up_to_their_share_of_a_block_and_evidence_before_the_others() -> None:
    made, count = pool(), 10 * MEMPOOL_FREE_SHARE_OF_BLOCK
    for sender in range(count):
        made.add(transaction(sender=sender), 0)
    frees = [free(1000 + sender) for sender in range(20)]
    for each in frees:
        made.add(each, 0)
    evidence = report(2000)
    made.add(evidence, 0)
    chosen = made.select(bytes_max=10**6, count_max=count)
    assert chosen[:10] == (evidence, *frees[:9])
    assert all(each.lane is Lane.PAID for each in chosen[10:])


def test_what_a_block_does_not_fill_with_paid_ones_is_for_fee_free_ones() -> None:
    made = pool()
    frees = [free(1000 + sender) for sender in range(20)]
    for each in (*frees, transaction(sender=1)):
        made.add(each, 0)
    chosen = made.select(bytes_max=10**6, count_max=16)
    assert chosen == (*frees[:2], transaction(sender=1), *frees[2:15])


def test_a_senders_order_holds_across_lanes() -> None:
    made = pool()
    items = [transaction(nonce=0), free(1, 1), transaction(nonce=2)]
    for each in (*items, transaction(sender=2, fee=10)):
        made.add(each, 0)
    assert made.select(bytes_max=10**6, count_max=100) == (*items, transaction(sender=2, fee=10))


def test_fee_free_transactions_keep_to_their_lane_and_only_evidence_takes_a_place_in_it() -> None:
    made = pool()
    for sender in range(MEMPOOL_FREE_TRANSACTIONS_MAX):
        made.add(free(10 + sender), 0)
    with pytest.raises(LaneFull):
        made.add(free(1), 0)
    made.add(transaction(sender=1), 0)
    made.add(report(2), 0)
    assert free(9 + MEMPOOL_FREE_TRANSACTIONS_MAX).hash not in made  # the youngest went
    assert len(made) == MEMPOOL_FREE_TRANSACTIONS_MAX + 1


def test_copies_of_one_accusation_cannot_fill_the_lane() -> None:
    made = pool()
    for sender in range(MEMPOOL_REPORTS_PER_OFFENDER_MAX):
        made.add(report(sender, b"liar"), 0)
    with pytest.raises(ReportedEnough):
        made.add(report(100, b"liar"), 0)
    made.add(report(100, b"another"), 0)


def test_eviction_takes_the_last_of_a_senders_paid_ones_so_that_no_gap_opens() -> None:
    made = pool()
    chain = [transaction(sender=1, nonce=nonce, fee=1) for nonce in range(3)]
    for each in chain:
        made.add(each, 0)
    for sender in range(10, 10 + MEMPOOL_TRANSACTIONS_MAX - 3):
        made.add(transaction(sender=sender), 0)
    for number, gone in enumerate(reversed(chain)):
        made.add(transaction(sender=10_000 + number), 0)
        assert gone.hash not in made
    with pytest.raises(PoolFull):
        made.add(transaction(sender=20_000), 0)


def test_what_cannot_be_in_the_next_block_pushes_out_nothing_that_can() -> None:
    """Its fee is a promise that nobody has to keep: the transaction before it may never come."""
    made = full_pool(1000)
    with pytest.raises(PoolFull):
        made.add(transaction(sender=1, nonce=1, fee=10**9), 0)
    assert len(made.select(bytes_max=10**7, count_max=10**5)) == MEMPOOL_TRANSACTIONS_MAX


def test_what_is_held_goes_first_whatever_it_promises() -> None:
    made = pool()
    held = transaction(sender=1, nonce=1, fee=10**9)
    made.add(held, 0)
    for sender in range(10, 9 + MEMPOOL_TRANSACTIONS_MAX):
        made.add(transaction(sender=sender), 0)
    cheap = transaction(sender=2, fee=1)
    assert made.add(cheap, 0) == Added((cheap,), evicted=(held,))


def test_what_was_held_keeps_its_place_once_its_gap_is_filled() -> None:
    made = pool()
    held, first = transaction(sender=1, nonce=1, fee=5000), transaction(sender=1, fee=5000)
    for item in (held, first):
        made.add(item, 0)
    for sender in range(10, 8 + MEMPOOL_TRANSACTIONS_MAX):
        made.add(transaction(sender=sender), 0)
    made.add(transaction(sender=2, fee=2000), 0)
    assert held.hash in made
    assert first.hash in made


def test_a_dear_transaction_behind_a_cheap_one_is_worth_no_more_than_that() -> None:
    made = full_pool(1000)
    with pytest.raises(PoolFull):
        made.add(transaction(sender=1, fee=10), 0)
    made.add(transaction(sender=1, fee=1001), 0)
    with pytest.raises(PoolFull):
        made.add(transaction(sender=1, nonce=2, fee=10**9), 0)
    made.add(transaction(sender=1, nonce=1, fee=10**9), 0)
    made.add(transaction(sender=2, fee=1002), 0)
    better = transaction(sender=3, fee=1003)
    for sender in range(20_000, 20_000 + MEMPOOL_TRANSACTIONS_MAX - 3):
        made.add(transaction(sender=sender, fee=2000), 0)
    [gone] = made.add(better, 0).evicted
    assert (gone.fee_rao, gone.nonce) == (10**9, 1)


def test_what_a_discarded_one_leaves_behind_goes_first() -> None:
    made = pool()
    first, second = transaction(sender=1, fee=9000), transaction(sender=1, nonce=1, fee=9000)
    for item in (first, second):
        made.add(item, 0)
    made.discard(first.hash)
    for sender in range(10, 9 + MEMPOOL_TRANSACTIONS_MAX):
        made.add(transaction(sender=sender), 0)
    assert made.add(transaction(sender=2, fee=1), 0).evicted == (second,)


def test_pruning_drops_what_was_used_or_expired_and_the_rest_stays() -> None:
    made = pool()
    used = [transaction(nonce=nonce) for nonce in (0, 1)]
    stays = transaction(nonce=2)
    expired = transaction(sender=2, expires=7)
    for item in (*used, stays, expired):
        made.add(item, 0)
    assert set(made.prune(Height(7), {stays.sender: 2})) == {*used, expired}
    assert len(made) == 1
    assert made.size_bytes == stays.size_bytes
    assert made.select(bytes_max=9999, count_max=9) == (stays,)


def test_after_a_reorganisation_the_undone_transactions_enter_again() -> None:
    made = pool()
    first, second = transaction(nonce=0), transaction(nonce=1)
    made.add(first, 0)
    made.add(second, 0)
    made.prune(Height(1), {first.sender: 1})
    assert made.add(first, 0) == Added((first, second))


def test_a_discarded_transaction_makes_room_for_another_with_its_nonce() -> None:
    made = pool()
    made.add(transaction(nonce=0), 0)
    made.add(transaction(nonce=1), 0)
    made.discard(transaction(nonce=0).hash)
    assert made.select(bytes_max=9999, count_max=9) == ()
    assert isinstance(made.add(transaction(nonce=0, fee=5), 0), Added)


def test_random_traffic_keeps_every_invariant() -> None:
    chance = random.Random(7)
    made, nonces, height = pool(), dict.fromkeys(range(20), 0), 0
    for _ in range(4000):
        sender = chance.randrange(20)
        item = transaction(
            sender, nonces[sender] + chance.randrange(-1, 20), chance.randrange(3000),
            size=chance.randrange(100, 400), expires=height + chance.randrange(30),
        )  # fmt: skip
        try:
            made.add(item, nonces[sender])
        except MempoolError:
            continue
        if chance.random() < 0.02:
            chosen = made.select(bytes_max=3000, count_max=8)
            assert sum(taken.size_bytes for taken in chosen) <= 3000
            for taken in chosen:
                number = int.from_bytes(taken.sender, "big")
                assert taken.nonce == nonces[number]
                assert taken.expires_height > height
                nonces[number] += 1
            height += 1
            made.prune(Height(height), {AccountId(who.to_bytes(32, "big")): nonce for who, nonce in nonces.items()})
            kept = list(made._by_hash.values())
            assert all(left.nonce >= nonces[int.from_bytes(left.sender, "big")] for left in kept)
            assert made.size_bytes == sum(left.size_bytes for left in kept)
            assert len(kept) == sum(len(own) for own in made._by_sender.values()) == len(made._ranks)
    assert height > 20


def test_what_has_left_the_pool_is_not_held_in_memory() -> None:
    """Hours of transactions pass through a pool that is never full, from which alone nothing would ever be evicted."""
    made = pool()
    alive = [transaction(sender=2, nonce=nonce) for nonce in range(3)]
    for item in alive:
        made.add(item, 0)
    passed = [transaction(nonce=nonce, fee=1000 + nonce) for nonce in range(2000)]
    for item in passed:
        made.add(item, item.nonce)
        made.discard(item.hash)
    strangers = [transaction(sender=3, nonce=nonce) for nonce in range(2)]
    [unheld] = {sys.getrefcount(item) for item in strangers}
    assert sum(sys.getrefcount(item) > unheld for item in passed) < 300
    assert made.next_nonce(alive[0].sender, 0) == 3
