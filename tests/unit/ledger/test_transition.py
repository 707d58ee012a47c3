"""Blocks: what is built is accepted, what is tampered with is refused by name, and nothing else leaves the door."""

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from node.ledger import errors, merkle, queries, transition
from node.ledger.calls import AddStake, BurnedRegister, ServeAxon, SetWeights, Transfer
from node.ledger.events import Transferred
from node.ledger.header import Authority, Block, Header, decode_block, header_hash, seal_message
from node.ledger.merkle import list_root
from node.ledger.pallets import system
from node.ledger.state import DictView, EmptyView, Overlay
from node.ledger.transaction import sign_transaction
from node.ledger.transition import (
    build_block,
    check_stateless,
    check_transaction,
    execute_block,
    preview_call,
    restore_state,
)
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.errors import LedgerError
from node.primitives.limits import BLOCK_BYTES_MAX, HEADER_BYTES_MAX, TRANSACTIONS_PER_BLOCK_MAX
from node.primitives.types import AccountId, Hash, Height, Rao, SetId, Slot, Uid
from tests.unit.ledger.world import SUBNET, TAO, World, hyper, key, small_genesis, who

ZERO = Hash(bytes(32))


def _transfer(amount: int = 1) -> Transfer:
    return Transfer(who("bob"), Rao(amount * TAO))


def test_the_genesis_and_the_first_blocks_never_change() -> None:
    world = World()
    assert world.genesis_hash.hex() == "ef414bf5b3bc03615e5418161cb3dc358155a930ff1840cfb47c3edf2151803e"
    world.block(world.sign("alice", _transfer()), world.sign("alice", AddStake(who("va"), SUBNET, Rao(TAO))))
    assert world.state.state_root.hex() == "320530517d934e27e001df730a9ffff3bedf6d55bb2e24a2d520f5ca1c20bd2b"
    assert encode(world.blocks[0].header).hex() == (
        "9b010101c420ef414bf5b3bc03615e5418161cb3dc358155a930ff1840cfb47c3edf2151803ec420e3279baedd86078cbf14"
        "69385fda5da56e0a35218702d7ade97a5884e569d472c420a9ac7233cd5e5aa723bc2bba86c239d67494d2e000d85f5bc850"
        "a76a36a09653c420320530517d934e27e001df730a9ffff3bedf6d55bb2e24a2d520f5ca1c20bd2b00c420c5c0a60f5a6cdb"
        "4c5dbd2d05074facab78f1e3a92ce1502bd2b58613510563b890c44000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    )


def test_a_block_survives_its_journey_as_bytes() -> None:
    world = World()
    parent = world.state
    world.block(world.sign("alice", _transfer()))
    block = decode_block(encode(world.blocks[0]))
    assert execute_block(parent, block, world.genesis_hash, verify=verify).state.hash == world.state.hash


def test_the_same_blocks_give_the_same_roots_from_genesis() -> None:
    first, second = World(), World()
    for _ in range(25):
        for world in (first, second):
            world.block(world.sign("alice", _transfer()))
    assert first.state.state_root == second.state.state_root
    assert first.state.hash == second.state.hash


def test_the_seal_covers_everything_but_the_signature() -> None:
    world = World()
    draft = build_block(world.state, Slot(1), who("authority1"), [], world.genesis_hash, verify=verify, enact=True)
    message = seal_message(world.genesis_hash, draft.header)
    block, executed = draft.seal(key("authority1").sign(message))
    assert verify(block.header.proposer, seal_message(world.genesis_hash, block.header), block.header.signature)
    assert executed.state.state_root == block.header.state_root


_TAMPERED: dict[str, tuple[Callable[[Header], Header], type[LedgerError]]] = {
    "parent": (lambda h: replace(h, parent=Hash(b"p" * 32)), errors.WrongParent),
    "height": (lambda h: replace(h, height=Height(7)), errors.WrongHeight),
    "slot": (lambda h: replace(h, slot=Slot(0)), errors.SlotNotAfterParent),
    "set id": (lambda h: replace(h, set_id=SetId(1)), errors.WrongAuthoritySet),
    "next set hash": (lambda h: replace(h, next_set_hash=ZERO), errors.WrongAuthoritySet),
    "next set": (lambda h: replace(h, next_set=(Authority(who("mallory"), 1),)), errors.WrongAuthoritySet),
    "transactions root": (lambda h: replace(h, transactions_root=ZERO), errors.WrongTransactionsRoot),
    "state root": (lambda h: replace(h, state_root=ZERO), errors.WrongStateRoot),
    "proposer": (lambda h: replace(h, proposer=who("mallory")), errors.WrongStateRoot),
}


@pytest.mark.parametrize("part", _TAMPERED)
def test_a_tampered_header_is_refused_by_name(part: str) -> None:
    change, kind = _TAMPERED[part]
    world = World()
    parent = world.state
    world.block(world.sign("alice", _transfer()))
    [block] = world.blocks
    with pytest.raises(kind):
        execute_block(parent, Block(change(block.header), block.transactions), world.genesis_hash, verify=verify)


def _signed(*, birth_hash: Hash, genesis_hash: Hash, birth_height: int = 0) -> bytes:
    """Alice's first transfer, bound to any block and network."""
    return sign_transaction(
        key("alice"),
        _transfer(),
        nonce=0,
        birth_height=Height(birth_height),
        birth_hash=birth_hash,
        genesis_hash=genesis_hash,
    )


def _forced(world: World, *raws: bytes) -> Block:
    """A block that holds these transactions whatever they are; its header commits to them."""
    slot = Slot(world.state.slot + 1)
    draft = build_block(world.state, slot, who("authority0"), [], world.genesis_hash, verify=verify, enact=True)
    return Block(replace(draft.header, transactions_root=list_root(raws)), raws)


def test_a_block_with_a_transaction_that_may_not_enter_is_refused_and_the_reason_named() -> None:
    world = World()
    good = world.sign("alice", _transfer())
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    free_that_fails = world.sign("va", SetWeights(SUBNET, (Uid(9),), (1,), 0))
    cases = {
        flipped: "BadSignature",
        good[:-1]: "TransactionMalformed",
        world.sign("alice", _transfer(), nonce=5): "NonceTooHigh",
        world.sign("pauper", _transfer()): "CannotPayFee",
        free_that_fails: "FreeCallFails",
    }
    for raw, code in cases.items():
        with pytest.raises(errors.InvalidTransactionInBlock, match=f"Transaction 0: {code}"):
            execute_block(world.state, _forced(world, raw), world.genesis_hash, verify=verify)
    with pytest.raises(errors.InvalidTransactionInBlock, match="Transaction 1: NonceTooLow"):
        execute_block(world.state, _forced(world, good, good), world.genesis_hash, verify=verify)


def test_the_first_transaction_that_may_not_enter_is_named_whatever_is_wrong_with_later_ones() -> None:
    world = World()
    good, early = world.sign("alice", _transfer()), world.sign("bob", _transfer(), nonce=5)
    flipped = world.sign("va", _transfer())[:-1] + b"\x00"
    for later in (flipped, flipped[:-1], b""):
        block = _forced(world, good, early, later, good)
        with pytest.raises(errors.InvalidTransactionInBlock, match="Transaction 1: NonceTooHigh"):
            execute_block(world.state, block, world.genesis_hash, verify=verify)
    for wrong, code in ((flipped, "BadSignature"), (b"", "TransactionMalformed")):
        block = _forced(world, good, wrong, early)
        with pytest.raises(errors.InvalidTransactionInBlock, match=f"Transaction 1: {code}"):
            execute_block(world.state, block, world.genesis_hash, verify=verify)


def test_every_signature_of_a_block_is_checked_once() -> None:
    world = World()
    raws = [world.sign(name, _transfer()) for name in ("alice", "bob")]
    draft = build_block(world.state, Slot(1), who("authority0"), raws, world.genesis_hash, verify=verify, enact=True)
    checked: list[bytes] = []

    def counting(public: bytes, message: bytes, signature: bytes) -> bool:
        checked.append(signature)
        return verify(public, message, signature)

    execute_block(world.state, draft.seal(bytes(64))[0], world.genesis_hash, verify=counting)
    assert checked == [raw[-64:] for raw in raws]


def test_a_transaction_of_another_network_is_refused() -> None:
    world = World()
    raw = _signed(birth_hash=world.genesis_hash, genesis_hash=Hash(b"x" * 32))
    with pytest.raises(errors.BadSignature):
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)


def test_a_block_over_the_limits_is_refused() -> None:
    world = World()
    for raws in ((b"",) * (TRANSACTIONS_PER_BLOCK_MAX + 1), (bytes(BLOCK_BYTES_MAX),)):
        block = _forced(world, *raws)
        with pytest.raises(errors.BlockTooLarge):
            execute_block(world.state, block, world.genesis_hash, verify=verify)


def test_a_transaction_lives_exactly_as_long_as_it_says() -> None:
    world = World()
    raw = world.sign("alice", _transfer(), period_blocks=2)
    world.run_to(1)
    assert check_transaction(world.state, raw, world.genesis_hash, verify=verify).expires_height == 2
    world.run_to(2)
    with pytest.raises(errors.EraExpired):
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)
    future = _signed(birth_height=3, birth_hash=ZERO, genesis_hash=world.genesis_hash)
    with pytest.raises(errors.EraNotStarted):
        check_transaction(world.state, future, world.genesis_hash, verify=verify)


def test_a_transaction_born_on_another_branch_is_refused() -> None:
    world = World()
    raw = _signed(birth_hash=Hash(b"f" * 32), genesis_hash=world.genesis_hash)
    with pytest.raises(errors.BadSignature):
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)


def test_the_mempools_check_tells_nonce_gaps_from_replays() -> None:
    world = World()
    gap = check_transaction(world.state, world.sign("alice", _transfer(), nonce=3), world.genesis_hash, verify=verify)
    assert (gap.nonce, gap.next_nonce, gap.sender) == (3, 0, who("alice"))
    first = world.sign("alice", _transfer(), nonce=0)
    world.block(first)
    with pytest.raises(errors.NonceTooLow):
        check_transaction(world.state, first, world.genesis_hash, verify=verify)


def test_the_mempools_check_names_the_fee_and_refuses_who_cannot_pay_it() -> None:
    world = World()
    raw = world.sign("alice", _transfer(), tip_rao=5)
    checked = check_transaction(world.state, raw, world.genesis_hash, verify=verify)
    assert checked.fee_rao == queries.fee_of(world.state.view, len(raw)) + 5
    assert (checked.size_bytes, checked.transaction) == (len(raw), check_stateless(raw))
    with pytest.raises(errors.CannotPayFee):
        check_transaction(world.state, world.sign("pauper", _transfer()), world.genesis_hash, verify=verify)


def test_the_builder_skips_what_may_not_enter_and_takes_the_rest() -> None:
    world = World()
    good = [world.sign("alice", _transfer()) for _ in range(3)]
    bad = [b"garbage", good[0], world.sign("pauper", _transfer()), world.sign("bob", _transfer(), nonce=2)]
    candidates = [bad[0], good[0], bad[1], bad[2], good[1], bad[3], good[2]]
    draft = build_block(
        world.state, Slot(1), who("authority1"), candidates, world.genesis_hash, verify=verify, enact=True
    )
    assert list(draft.transactions) == good
    assert [skipped.error_code for skipped in draft.skipped] == [
        "TransactionMalformed", "NonceTooLow", "CannotPayFee", "NonceTooHigh",
    ]  # fmt: skip
    block, _ = draft.seal(bytes(64))
    execute_block(world.state, block, world.genesis_hash, verify=verify)


def test_the_builder_stops_at_the_size_of_a_block() -> None:
    world = World(small_genesis(subnet=hyper(serving_rate_limit_blocks=0)))
    axon = ServeAxon(SUBNET, b"peer", (b"x" * 256,) * 4)
    many = [world.sign("va", axon) for _ in range(BLOCK_BYTES_MAX // 1024)]
    draft = build_block(world.state, Slot(1), who("authority1"), many, world.genesis_hash, verify=verify, enact=True)
    block, _ = draft.seal(bytes(64))
    assert {skipped.error_code for skipped in draft.skipped} == {"BlockTooLarge"}
    assert draft.transactions == tuple(many[: len(draft.transactions)])
    assert BLOCK_BYTES_MAX - HEADER_BYTES_MAX - 2000 < len(encode(block)) <= BLOCK_BYTES_MAX
    assert execute_block(world.state, block, world.genesis_hash, verify=verify).state.hash == header_hash(block.header)


def test_the_builder_stops_at_the_number_of_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transition, "TRANSACTIONS_PER_BLOCK_MAX", 3)
    world = World()
    many = [world.sign("alice", _transfer()) for _ in range(5)]
    draft = build_block(world.state, Slot(1), who("authority1"), many, world.genesis_hash, verify=verify, enact=True)
    assert draft.transactions == tuple(many[:3])


def test_slots_may_be_skipped_but_never_repeated() -> None:
    world = World()
    world.block(slots=5)
    assert (world.state.height, world.state.slot) == (1, 5)
    with pytest.raises(errors.SlotNotAfterParent):
        build_block(world.state, Slot(5), who("authority1"), [], world.genesis_hash, verify=verify, enact=True)


def test_recent_block_hashes_are_known_and_older_ones_forgotten() -> None:
    world = World()
    hashes = [world.genesis_hash, *(world.block().state.hash for _ in range(5))]
    for height in range(5):
        assert queries.block_hash(world.state.view, Height(height)) == hashes[height]
    assert queries.block_hash(world.state.view, Height(5)) is None, "a state does not know its own block's hash"


def test_a_hash_leaves_the_memory_of_recent_blocks_after_4096_blocks() -> None:
    overlay = Overlay(EmptyView())
    for height in range(1, 5001):
        clock = system.Clock(Height(height), Slot(height), who("authority0"))
        system.begin_block(overlay, clock, Hash((height - 1).to_bytes(32, "big")))
    known = {height for height in range(5100) if system.block_hash_at(overlay, height) is not None}
    assert known == set(range(5000 - 4096, 5000))
    assert system.block_hash_at(overlay, 4999) == Hash((4999).to_bytes(32, "big"))
    assert system.block_hash_at(overlay, 904) == Hash((904).to_bytes(32, "big"))


def test_garbage_raises_nothing_but_the_ledgers_errors() -> None:
    world, source = World(), random.Random(5)
    valid = world.sign("alice", BurnedRegister(SUBNET, who("miner")))
    for _ in range(2000):
        data = bytearray(valid)
        for _ in range(source.randrange(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        raw = bytes(data[: source.randrange(len(data) + 1)]) if source.random() < 0.3 else bytes(data)
        if raw == valid:
            continue
        with pytest.raises(errors.TransactionError):
            check_transaction(world.state, raw, world.genesis_hash, verify=verify)


def test_an_unknown_proposer_is_consensus_business_but_its_fees_arrive() -> None:
    world = World()
    stranger, raw = AccountId(b"\x01" * 32), world.sign("alice", _transfer())
    draft = build_block(world.state, Slot(1), stranger, [raw], world.genesis_hash, verify=verify, enact=True)
    _, executed = draft.seal(bytes(64))
    assert queries.balance(executed.state.view, stranger) == executed.receipts[0].fee_rao


def test_a_preview_tells_what_a_call_would_do_and_changes_nothing() -> None:
    world = World()
    root = world.state.state_root
    preview = preview_call(world.state, who("alice"), _transfer())
    assert preview.events == (Transferred(who("alice"), who("bob"), Rao(TAO)),)
    assert preview.free_change_rao == -TAO
    with pytest.raises(errors.InsufficientBalance):
        preview_call(world.state, who("pauper"), _transfer())
    assert world.state.state_root == root


def test_a_stored_state_is_restored_and_built_upon() -> None:
    world = World()
    rows = dict(world.genesis_rows)
    for _ in range(3):
        for path, value in world.block(world.sign("alice", _transfer())).changes.items():
            if value is None:
                rows.pop(path)
            else:
                rows[path] = value
    restored = restore_state(DictView(rows), merkle.build(sorted(rows.items())), world.state.hash)
    assert (restored.height, restored.slot, restored.state_root) == (3, 3, world.state.state_root)
    parent = world.state
    world.block(world.sign("alice", _transfer()))
    executed = execute_block(restored, world.blocks[-1], world.genesis_hash, verify=verify)
    assert executed.state.state_root == world.state.state_root != parent.state_root
