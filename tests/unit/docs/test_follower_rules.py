"""What the second implementation refuses although every signature holds: wrong leaders, sets and quorums.

The chains here are forged with known keys and without a node, after docs/protocol.md alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from docs.generate import ROOT
from tests.reference.follower import gossip, invites, shapes, sync, transactions
from tests.reference.follower.chain import Follower, Network
from tests.reference.follower.sets import ROTA, AuthoritySet, Turns, check_certificate, members_hash
from tests.reference.follower.shapes import (
    Authority,
    Block,
    Certificate,
    Header,
    Vote,
    evidence_in,
)
from tests.reference.follower.transactions import Era, Transaction, transaction_in
from tests.reference.follower.trees import list_root
from tests.reference.follower.wire import UNSIGNED, ZEROS, Refused, Value, pack, plain
from tests.unit.docs.pages import cells, text_of
from tests.unit.docs.test_examples import public, sign

EPOCH = 12
SEEDS = {public(bytes([number] * 32)): bytes([number] * 32) for number in range(1, 9)}
KEYS = sorted(SEEDS)
STAKE = 10**12


def members_of(weights: Sequence[int], stakes: Sequence[int] = ()) -> tuple[Authority, ...]:
    """Members by ascending key; the stakes belong to the last keys."""
    found: dict[bytes, tuple[int, int]] = {KEYS[at]: (weight, 0) for at, weight in enumerate(weights)}
    for at, stake in enumerate(stakes):
        found[KEYS[-1 - at]] = found.get(KEYS[-1 - at], (0, 0))[0], stake
    return tuple(Authority(key, *found[key]) for key in sorted(found))


@dataclass
class Forge:
    """A chain and its follower, at genesis with four authorities."""

    genesis: Header = field(init=False)
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        members = members_of([1, 1, 1, 1])
        self.genesis = Header(1, 0, 0, ZEROS, ZEROS, ZEROS, b"\x01" * 32, 0, members_hash(members), (), UNSIGNED)
        network = Network(self.genesis.hash, EPOCH)
        self.follower = Follower.at_genesis(network, self.genesis, [member.account for member in members])

    def stand(self, members: AuthoritySet, turns: Turns | None = None) -> None:
        """Put another set in force, as if it had been enacted."""
        head = replace(self.follower.head, members=members, turns=turns or self.follower.head.turns)
        self.follower.head = self.follower.base = head
        self.follower.sets[members.set_id] = members

    def block(self, slot: int, *body: bytes, by: bytes | None = None, **changes: Any) -> Block:
        """The next block of a slot's leader, its header changed as asked."""
        head = self.follower.head
        leader = by or head.members.leader(slot, head.turns.off(slot))
        following = head.following or head.members.members
        made = Header(
            1, head.header.height + 1, slot, head.header.hash, leader, list_root(body), b"\x02" * 32,
            head.members.set_id, members_hash(following), (), UNSIGNED,
        )  # fmt: skip
        made = replace(made, **changes)
        seal = sign(SEEDS[made.proposer], made.seal_message(self.genesis.hash))
        return Block(replace(made, signature=seal), body)

    def listing(self, slot: int, members: tuple[Authority, ...]) -> Block:
        return self.block(slot, next_set=members, next_set_hash=members_hash(members))

    def certify(self, header: Header, members: AuthoritySet, signers: Sequence[bytes], instance: int) -> Certificate:
        seats = [at for at, member in enumerate(members.members) if member.account in signers]
        bitmap = bytearray(-(-len(members.members) // 8))
        for seat in seats:
            bitmap[seat // 8] |= 1 << seat % 8
        unsigned = Certificate(members.set_id, instance, 0, header.height, header.hash, bytes(bitmap), ())
        message = unsigned.message(self.genesis.hash)
        signatures = tuple(sign(SEEDS[members.members[seat].account], message) for seat in seats)
        return replace(unsigned, signatures=signatures)


@pytest.fixture
def forge() -> Forge:
    return Forge()


def test_the_forged_chain_is_one_that_is_followed(forge: Forge) -> None:
    for slot in (1, 2, 5):
        forge.follower.extend(forge.block(slot))
    head = forge.follower.head.header
    forge.follower.finalise(forge.certify(head, forge.follower.deciding, KEYS[:3], 1))
    assert forge.follower.final == head


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"height": 3}, "not the next block"),
        ({"parent": b"\x09" * 32}, "not the next block"),
        ({"set_id": 1}, "another set"),
        ({"next_set_hash": b"\x09" * 32}, "nobody announced"),
        ({"transactions_root": b"\x09" * 32}, "not the transactions"),
    ],
)
def test_a_sealed_header_that_does_not_follow_is_refused(forge: Forge, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        forge.follower.extend(forge.block(1, **changes))
    forge.follower.extend(forge.block(3))
    for over in (2, 3):
        with pytest.raises(Refused, match="a slot that is over"):
            forge.follower.extend(forge.block(over))


def test_a_member_out_of_turn_and_a_stranger_lead_nothing(forge: Forge) -> None:
    leader = forge.follower.head.members.leader(1, ())
    other = next(key for key in KEYS[:4] if key != leader)
    with pytest.raises(Refused, match="not the leader"):
        forge.follower.extend(forge.block(1, by=other))
    with pytest.raises(Refused, match="no member"):
        forge.follower.extend(forge.block(1, by=KEYS[5]))
    stolen = replace(forge.block(1), header=replace(forge.block(1).header, signature=forge.block(2).header.signature))
    with pytest.raises(Refused, match="seal"):
        forge.follower.extend(stolen)


# --- sets -------------------------------------------------------------------------------------------------------------


def test_a_set_is_announced_by_the_first_block_of_an_epoch_and_enacted_in_a_later_one(forge: Forge) -> None:
    follower, following = forge.follower, members_of([1, 1, 1])
    follower.extend(forge.block(1))
    with pytest.raises(Refused, match="first block of an epoch"):
        follower.extend(forge.listing(2, following))
    follower.extend(forge.listing(EPOCH, following))
    assert follower.head.members.set_id == 0
    with pytest.raises(Refused, match="second set"):
        follower.extend(forge.listing(EPOCH + 1, following))
    with pytest.raises(Refused, match="second set"):
        follower.extend(forge.listing(2 * EPOCH, members_of([1, 1])))
    follower.extend(forge.block(EPOCH + 1))
    enacting = forge.listing(2 * EPOCH + 3, following)
    follower.extend(enacting)
    assert (follower.head.members.set_id, follower.head.members.members) == (1, following)
    assert follower.deciding.set_id == 0, "the enacting block belongs to the set before it"
    with pytest.raises(Refused, match="of set 1"):
        follower.finalise(forge.certify(enacting.header, follower.head.members, KEYS[:3], 1))
    follower.extend(forge.block(2 * EPOCH + 4))
    follower.finalise(forge.certify(follower.head.header, follower.deciding, KEYS[:3], 1))
    assert follower.deciding.set_id == 1


def test_an_announced_set_may_be_taken_back(forge: Forge) -> None:
    follower, following = forge.follower, members_of([1, 1, 1, 1], [STAKE])
    follower.extend(forge.listing(EPOCH, following))
    follower.extend(forge.block(EPOCH + 1, next_set_hash=follower.head.members.hash))
    assert follower.head.following == ()
    with pytest.raises(Refused, match="first block of an epoch"):
        follower.extend(forge.listing(EPOCH + 2, following))


def test_a_listed_set_is_the_one_that_its_hash_names(forge: Forge) -> None:
    block = forge.block(EPOCH, next_set=members_of([1, 1]), next_set_hash=members_hash(members_of([1, 2])))
    with pytest.raises(Refused, match="another hash"):
        forge.follower.extend(block)


@pytest.mark.parametrize("members", [members_of([1, 1])[::-1], members_of([1, 1]) * 2])
def test_a_listed_set_is_in_order_and_names_each_once(forge: Forge, members: tuple[Authority, ...]) -> None:
    with pytest.raises(Refused, match="each once"):
        forge.follower.extend(forge.listing(EPOCH, members))


# --- quorums ----------------------------------------------------------------------------------------------------------

JOINT = AuthoritySet(3, members_of([1, 1, 1, 1], [STAKE, STAKE, STAKE]))
AUTHORITIES, VALIDATORS = KEYS[:4], KEYS[-3:]


def test_a_joint_set_needs_a_quorum_of_both_kinds(forge: Forge) -> None:
    forge.stand(JOINT)
    forge.follower.extend(forge.block(1))
    header = forge.follower.head.header
    for signers in ([*AUTHORITIES], [*VALIDATORS], [*AUTHORITIES, *VALIDATORS[:2]], [*AUTHORITIES[:2], *VALIDATORS]):
        with pytest.raises(Refused, match="no quorum"):
            forge.follower.finalise(forge.certify(header, JOINT, signers, 1))
    forge.follower.finalise(forge.certify(header, JOINT, [*AUTHORITIES[:3], *VALIDATORS], 1))


def test_an_abort_block_is_certified_by_authorities_alone_and_nothing_else_is(forge: Forge) -> None:
    forge.stand(JOINT)
    back = members_of([1, 1, 1, 1])
    abort = forge.listing(1, back)
    forge.follower.extend(abort)
    assert forge.follower.head.members == AuthoritySet(4, back)
    forge.follower.extend(forge.block(2))
    child = forge.follower.head.header
    with pytest.raises(Refused, match="no quorum"):
        forge.follower.finalise(forge.certify(child, JOINT, AUTHORITIES, 1))
    for few in (AUTHORITIES[:2], VALIDATORS):
        with pytest.raises(Refused, match="no quorum"):
            forge.follower.finalise(forge.certify(abort.header, JOINT, few, 1))
    forge.follower.finalise(forge.certify(abort.header, JOINT, AUTHORITIES[:3], 1))
    assert forge.follower.deciding == AuthoritySet(4, back)


def test_two_thirds_exactly_are_no_quorum(forge: Forge) -> None:
    forge.follower.extend(forge.block(1))
    header = forge.follower.head.header
    for weights, signers, holds in (([1, 1, 1], 2, False), ([1, 1, 1], 3, True), ([3, 1], 1, True), ([2, 1], 1, False)):
        members = AuthoritySet(0, members_of(weights))
        certificate = forge.certify(header, members, KEYS[:signers], 1)
        if holds:
            check_certificate(certificate, header, members, forge.genesis.hash)
        else:
            with pytest.raises(Refused, match="no quorum"):
                check_certificate(certificate, header, members, forge.genesis.hash)


def test_an_instance_is_decided_once(forge: Forge) -> None:
    for slot in (1, 2):
        forge.follower.extend(forge.block(slot))
    first, second = (head.header for head in forge.follower.waiting)
    forge.follower.finalise(forge.certify(first, forge.follower.deciding, KEYS[:4], 5))
    for instance in (4, 5):
        with pytest.raises(Refused, match="decided before"):
            forge.follower.finalise(forge.certify(second, forge.follower.deciding, KEYS[:4], instance))
    forge.follower.finalise(forge.certify(second, forge.follower.deciding, KEYS[:4], 6))


# --- turns ------------------------------------------------------------------------------------------------------------


def test_eight_missed_slots_cost_the_turns_of_the_next_epoch_and_no_longer() -> None:
    members = AuthoritySet(0, members_of([1, 1]))
    epoch = 20
    turns, parent = Turns(), 0
    for slot in range(2, epoch, 2):  # the leader of every odd slot is silent
        turns, parent = turns.after(members, parent, slot, epoch), slot
    silent = members.leader(1, ())
    assert dict(turns.missed) == {silent: 8}
    turns = turns.after(members, parent, epoch, epoch)
    assert turns == Turns(idle=frozenset({silent}), idle_until=2 * epoch, epoch=1)
    assert members.leader(epoch + 1, turns.off(epoch + 1)) != silent
    assert members.leader(2 * epoch + 1, turns.off(2 * epoch + 1)) == silent
    later = turns.after(members, epoch, 2 * epoch, epoch)
    assert later.idle == {members.members[1 - members.members.index(Authority(silent, 1, 0))].account}


def test_seven_missed_slots_cost_nothing_and_a_long_gap_is_counted_at_its_beginning_only() -> None:
    members = AuthoritySet(0, members_of([1, 1]))
    seven = Turns(missed=((KEYS[0], 7),)).after(members, 19, 20, 20)
    assert (seven.idle, seven.idle_until) == (frozenset(), 0)
    lone = AuthoritySet(0, members_of([1]))
    gap = Turns().after(lone, 0, 10**12, 20)
    assert gap.idle == {KEYS[0]}
    assert lone.leader(10**12, gap.off(10**12)) == KEYS[0], "nobody is left, so all lead"


def transaction(forge: Forge, call: Value, height: int) -> bytes:
    fields = (1, KEYS[0], 0, Era(height - 1, 64), 0, call, 0)
    message = Transaction(*fields, UNSIGNED).message(forge.genesis.hash, forge.follower.hashes[height - 1])
    return Transaction(*fields, sign(SEEDS[KEYS[0]], message)).raw()


def double_vote(forge: Forge, voter: bytes) -> bytes:
    fields = [(0, 1, 0, 1, 1, bytes([mark] * 32), voter) for mark in (1, 2)]
    votes = [Vote(*each, sign(SEEDS[voter], Vote(*each, UNSIGNED).message(forge.genesis.hash))) for each in fields]
    return pack(plain([2, *votes]))


def test_a_reported_authority_leads_nothing_more(forge: Forge) -> None:
    guilty = forge.follower.head.members.leader(2, ())
    report = transaction(forge, [87, double_vote(forge, guilty)], 1)
    forge.follower.extend(forge.block(1, report))
    assert forge.follower.head.turns.convicted == {guilty}
    with pytest.raises(Refused, match="not the leader"):
        forge.follower.extend(forge.block(2, by=guilty))
    forge.follower.extend(forge.block(2))


def test_a_report_that_proves_nothing_makes_its_block_invalid(forge: Forge) -> None:
    sound = double_vote(forge, KEYS[1])
    for evidence in (sound[:-1] + bytes([sound[-1] ^ 1]), double_vote(forge, KEYS[5]), b"\x90"):
        block = forge.block(1, transaction(forge, [87, evidence], 1))
        with pytest.raises(Refused):
            forge.follower.extend(block)
    assert evidence_in(sound).kind == 2


def test_after_a_report_by_proxy_any_member_is_taken_as_leader(forge: Forge) -> None:
    call: Value = [59, KEYS[2], [87, double_vote(forge, KEYS[1])]]
    forge.follower.extend(forge.block(1, transaction(forge, call, 1)))
    assert forge.follower.head.doubtful
    leader = forge.follower.head.members.leader(2, ())
    other = next(key for key in KEYS[:4] if key != leader)
    forge.follower.extend(forge.block(2, by=other))
    with pytest.raises(Refused, match="no member"):
        forge.follower.extend(forge.block(3, by=KEYS[5]))


def test_transactions_are_held_to_their_era_and_their_signature(forge: Forge) -> None:
    sound = transaction(forge, [1, KEYS[1], 5], 1)
    unborn = transaction_in(sound)
    unborn = replace(unborn, era=replace(unborn.era, birth_height=1))
    other = transaction_in(sound)
    for wrong in (sound[:-1] + bytes([sound[-1] ^ 1]), replace(other, nonce=1).raw(), unborn.raw(), sound[:20], b""):
        with pytest.raises(Refused):
            forge.follower.extend(forge.block(1, wrong))
    for slot in range(1, 66):
        forge.follower.extend(forge.block(slot))
    with pytest.raises(Refused, match="outside of its era"):
        forge.follower.extend(forge.block(66, sound))


# --- bounds -----------------------------------------------------------------------------------------------------------

BOUNDS = {
    "HEADER_BYTES_MAX": shapes.HEADER_BYTES,
    "BLOCK_BYTES_MAX": shapes.BLOCK_BYTES,
    "TRANSACTION_BYTES_MAX": shapes.TRANSACTION_BYTES,
    "TRANSACTIONS_PER_BLOCK_MAX": shapes.TRANSACTIONS,
    "AUTHORITIES_MAX": shapes.AUTHORITIES,
    "STATE_VALUE_BYTES_MAX": shapes.VALUE_BYTES,
    "MERKLE_DEPTH_MAX": shapes.SIBLINGS,
    "HEIGHT_MAX": shapes.HEIGHT,
    "INSTANCE_MAX": shapes.INSTANCE,
    "ROUND_MAX": shapes.ROUND,
    "MESSAGE_BYTES_MAX": shapes.MESSAGE_BYTES,
    "EVIDENCE_BYTES_MAX": shapes.EVIDENCE_BYTES,
    "EVIDENCE_CALL_BYTES_MAX": transactions.EVIDENCE_BYTES,
    "ERA_PERIOD_BLOCKS_MAX": transactions.PERIOD_MAX,
    "SNAPSHOT_ROWS_MAX": shapes.ROWS,
    "CHUNK_PREFIX_BYTES_MAX": shapes.PREFIX_BYTES,
    "SYNC_BLOCKS_PER_REQUEST_MAX": sync.BLOCKS,
    "STEPS_PER_REQUEST_MAX": sync.STEPS,
    "HEADERS_PER_REQUEST_MAX": sync.HEADERS,
    "PROOF_ROWS_MAX": sync.ROWS,
    "REQUEST_BYTES_MAX": sync.REQUEST_BYTES,
    "SYNC_RESPONSE_BYTES_MAX": sync.ANSWER_BYTES,
    "NETWORK_NAME_CHARS_MAX": invites.NAME_CHARS,
    "ROTA_SLOTS": ROTA,
}


def test_every_bound_of_the_follower_is_one_of_the_page_of_bounds() -> None:
    page = text_of(ROOT / "docs" / "limits.md")
    listed: dict[str, set[str]] = {}
    for package in ("primitives", "consensus", "sync", "light"):
        for name, value, *_ in cells(f"limits node.{package}.limits", page):
            listed.setdefault(name.strip("`"), set()).add(value.replace(",", ""))
    assert {name: str(value) for name, value in BOUNDS.items()} == {name: "".join(listed[name]) for name in BOUNDS}
    assert gossip.BATCH_BYTES == gossip.BATCH * shapes.TRANSACTION_BYTES
