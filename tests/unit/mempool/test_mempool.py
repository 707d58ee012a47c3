"""The pool keeps its bounds, its order and every account's nonces, whatever is thrown at it."""

import random

import pytest

from node.mempool import (
    Added,
    AlreadyPooled,
    Expired,
    Held,
    Mempool,
    MempoolError,
    NonceGap,
    Oversized,
    PoolFull,
    PoolTransaction,
    Replaced,
    SenderFull,
    StaleNonce,
    UnderpricedReplacement,
)
from node.primitives.crypto import digest
from node.primitives.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_NONCE_GAP_MAX,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
)
from node.primitives.types import AccountId, Height, Rao


def transaction(
    sender: int = 1, nonce: int = 0, fee: int = 1000, *, size: int = 200, expires: int = 100
) -> PoolTransaction:
    raw = b"%d/%d/%d/%d" % (sender, nonce, fee, size)
    account = AccountId(sender.to_bytes(32, "big"))
    return PoolTransaction(digest("test", raw), account, nonce, Rao(fee), size, Height(expires), raw)


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


def full_pool(fee: int) -> Mempool:
    made = pool()
    for sender in range(10, 10 + MEMPOOL_TRANSACTIONS_MAX):
        made.add(transaction(sender=sender, fee=fee), 0)
    return made


def test_a_full_pool_takes_only_what_pays_more_and_gives_up_the_cheapest() -> None:
    made = full_pool(1000)
    with pytest.raises(PoolFull):
        made.add(transaction(sender=1, fee=1000), 0)
    assert isinstance(made.add(transaction(sender=1, fee=1001), 0), Added)
    assert len(made) == MEMPOOL_TRANSACTIONS_MAX
    assert transaction(sender=9 + MEMPOOL_TRANSACTIONS_MAX, fee=1000).hash not in made  # the youngest of equals


def test_the_pool_keeps_its_weight() -> None:
    made = pool()
    for sender in range(2000):
        try:
            made.add(transaction(sender=sender, size=16_000, fee=16_000 * (1 + sender)), 0)
        except PoolFull:
            pytest.fail("each pays more than all before")
        assert made.size_bytes <= MEMPOOL_BYTES_MAX
    assert made.size_bytes > MEMPOOL_BYTES_MAX - 16_000


def nothing_used(_: AccountId) -> int:
    return 0


def test_selection_goes_by_fee_per_byte_and_keeps_every_accounts_order() -> None:
    made = pool()
    cheap_then_dear = [transaction(sender=1, nonce=0, fee=10), transaction(sender=1, nonce=1, fee=9000)]
    middling = transaction(sender=2, fee=500)
    small = transaction(sender=3, fee=400, size=100)
    for item in (*cheap_then_dear, middling, small):
        made.add(item, 0)
    chosen = made.select(bytes_max=10_000, count_max=10, next_nonce=nothing_used)
    assert chosen == (small, middling, *cheap_then_dear)


def test_selection_keeps_its_limits_and_skips_what_is_not_next() -> None:
    made = pool()
    for sender in range(10):
        made.add(transaction(sender=sender, fee=1000 + sender), 0)
    made.add(transaction(sender=20, nonce=3, fee=10**6), 0)
    assert len(made.select(bytes_max=10_000, count_max=4, next_nonce=nothing_used)) == 4
    chosen = made.select(bytes_max=650, count_max=99, next_nonce=nothing_used)
    assert [item.fee_rao for item in chosen] == [1009, 1008, 1007]


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
    assert made.select(bytes_max=9999, count_max=9, next_nonce=lambda _: 2) == (stays,)


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
    assert made.select(bytes_max=9999, count_max=9, next_nonce=nothing_used) == ()
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
            chosen = made.select(bytes_max=3000, count_max=8, next_nonce=lambda who: nonces[int.from_bytes(who, "big")])
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
            assert len(kept) == sum(len(own) for own in made._by_sender.values()) == len(made._arrival)
    assert height > 20
