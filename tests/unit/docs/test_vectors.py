"""The page of vectors, made again and read by the second implementation; nothing of the node is imported here."""

import json
import re
from collections.abc import Callable

import pytest

from docs.generate import ROOT, blocks
from tests.reference.follower import sync
from tests.reference.follower.genesis import found
from tests.reference.follower.invites import Invite, invite_in
from tests.reference.follower.light import checkpoint_in
from tests.reference.follower.sets import (
    AuthoritySet,
    check_certificate,
    check_lock_proof,
    check_proposal,
    check_vote,
    convict,
    members_hash,
)
from tests.reference.follower.shapes import (
    Authority,
    Block,
    Branches,
    Certificate,
    Chunk,
    Header,
    LightStep,
    LockProof,
    Manifest,
    Pair,
    Proof,
    Proposal,
    ProvenRow,
    Vote,
    block_in,
    evidence_in,
    finality_message_in,
    header_in,
)
from tests.reference.follower.transactions import Era, Transaction, transaction_in
from tests.reference.follower.trees import (
    bit,
    check_branches,
    check_manifest,
    check_row,
    join,
    leaf,
    list_root,
    merkle,
    tree_root,
)
from tests.reference.follower.wire import (
    UNSIGNED,
    ZEROS,
    Refused,
    Value,
    account_of,
    h,
    pack,
    plain,
    signed,
    unpack,
)
from tests.unit.docs.pages import defaults, text_of
from tests.unit.docs.test_examples import lines, public, sign

VECTORS = ROOT / "docs" / "vectors.md"
ALICE_SEED, BOB_SEED = b"\x01" * 32, b"\x02" * 32
ALICE, BOB = public(ALICE_SEED), public(BOB_SEED)
GENESIS, BIRTH, PARENT = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
NOW_MS = 1_600_000_000_000
MEMBERS = AuthoritySet(0, tuple(sorted((Authority(ALICE, 3, 0), Authority(BOB, 1, 0)), key=lambda each: each.account)))
ROWS: tuple[Pair, ...] = tuple((bytes([first, *[0] * 31]), bytes([first])) for first in (0x20, 0x21, 0x60, 0xE0))
_FEW = re.compile(r"\[(\d+)\]")


def vector(name: str) -> dict[str, str]:
    """The lines of a vector as the page shows them."""
    return lines(dict(blocks(text_of(VECTORS)))[f"vector {name}"])


def raw(name: str, label: str) -> bytes:
    return bytes.fromhex(_FEW.sub(lambda found: "00" * int(found[1]), vector(name)[label]))


# --- the same, made again ---------------------------------------------------------------------------------------------


def sealed(
    transactions: tuple[bytes, ...] = (), *, state_root: bytes | None = None, next_set: tuple[Authority, ...] = ()
) -> Header:
    following = members_hash(next_set) if next_set else MEMBERS.hash
    root = state_root or tree_root(ROWS)
    fields = (1, 101, 205, PARENT, ALICE, list_root(transactions), root, 0, following, next_set)
    return Header(*fields, sign(ALICE_SEED, Header(*fields, UNSIGNED).seal_message(GENESIS)))


def transfer(nonce: int) -> bytes:
    call: Value = [1, BOB, 1_500_000_000]
    fields = (1, ALICE, nonce, Era(100, 64), 5, call, 0)
    return Transaction(*fields, sign(ALICE_SEED, Transaction(*fields, UNSIGNED).message(GENESIS, BIRTH))).raw()


def vote(step: int, height: int, block_hash: bytes) -> Vote:
    fields = (0, 42, 0, step, height, block_hash, ALICE)
    return Vote(*fields, sign(ALICE_SEED, Vote(*fields, UNSIGNED).message(GENESIS)))


def certificate(header: Header) -> Certificate:
    seat = [member.account for member in MEMBERS.members].index(ALICE)
    precommit = vote(2, header.height, header.hash)
    return Certificate(0, 42, 0, header.height, header.hash, bytes([1 << seat]), (precommit.signature,))


def proposal(header: Header, round_number: int, proof: tuple[LockProof, ...] = ()) -> Proposal:
    fields = (0, 42, round_number, header.height, header.hash, proof, ALICE)
    return Proposal(*fields, sign(ALICE_SEED, Proposal(*fields, UNSIGNED).message(GENESIS)))


def whole_block() -> Block:
    transactions = (transfer(7), transfer(8))
    return Block(sealed(transactions), transactions)


def test_a_block_is_its_header_and_the_bytes_of_its_transactions() -> None:
    made = whole_block()
    assert raw("block", "set hash") == MEMBERS.hash
    assert raw("block", "state root") == made.header.state_root
    assert [raw("block", f"{which} transaction") for which in ("first", "second")] == list(made.transactions)
    assert raw("block", "transactions root") == made.header.transactions_root
    assert raw("block", "header") == made.header.raw()
    assert raw("block", "block") == made.raw()
    assert raw("block", "block hash") == made.header.hash
    assert block_in(made.raw()) == made
    for each in made.transactions:
        transaction_in(each).check(101, GENESIS, BIRTH)


def test_a_header_lists_the_set_that_follows() -> None:
    name = "announcement"
    stake = int(vector(name)["stake"])
    listed = (Authority(raw(name, "authority"), 1, 0), Authority(raw(name, "validator"), 0, stake))
    made = sealed(next_set=tuple(sorted(listed, key=lambda each: each.account)))
    assert raw(name, "set hash") == members_hash(made.next_set)
    assert raw(name, "header") == made.raw()
    assert raw(name, "block hash") == made.hash
    assert header_in(made.raw()) == made
    assert signed(ALICE, made.seal_message(GENESIS), made.signature)


# --- finality ---------------------------------------------------------------------------------------------------------


def test_proposals_with_and_without_a_lock_proof() -> None:
    header, seat = sealed(), MEMBERS.members.index(Authority(ALICE, 3, 0))
    prevote = vote(1, header.height, header.hash)
    proof = LockProof(0, 42, 0, header.height, header.hash, bytes([1 << seat]), (prevote.signature,))
    fresh, again = proposal(header, 0), proposal(header, 1, (proof,))
    assert raw("proposal", "block hash") == header.hash
    assert raw("proposal", "message") == fresh.message(GENESIS)
    assert raw("proposal", "proposal") == fresh.raw()
    assert raw("proposal", "lock proof") == proof.raw()
    assert raw("proposal", "message of round 1") == again.message(GENESIS)
    assert raw("proposal", "proposal of round 1") == again.raw()
    assert raw("proposal", "prevote for nil") == vote(1, 0, ZEROS).raw()
    check_lock_proof(proof, MEMBERS, GENESIS)
    for label in ("proposal", "proposal of round 1", "prevote for nil"):
        message = finality_message_in(raw("proposal", label))
        assert message.raw() == raw("proposal", label)
        if isinstance(message, Proposal):
            off = {MEMBERS.proposer(42, message.round, ())} - {ALICE}
            check_proposal(message, MEMBERS, GENESIS, off)


@pytest.mark.parametrize("kind", ["headers", "votes", "proposals"])
def test_evidence_convicts_and_names_its_offence(kind: str) -> None:
    other = sealed(state_root=b"\x44" * 32)
    statements: dict[str, Callable[[Header], object]] = {
        "headers": lambda header: header,
        "votes": lambda header: vote(1, header.height, header.hash),
        "proposals": lambda header: proposal(header, 0),
    }
    place = {"headers": [205], "votes": [0, 42, 0, 1], "proposals": [0, 42, 0]}[kind]
    number = ["headers", "votes", "proposals"].index(kind) + 1
    made = pack(plain([number, statements[kind](sealed()), statements[kind](other)]))
    assert raw("evidence", kind) == made
    offence = convict(evidence_in(made), GENESIS)
    assert (offence.offender, offence.set_id, offence.height) == (ALICE, 0, 101)
    assert raw("evidence", f"identity of two {kind}") == offence.identity == h("offence", pack([number, ALICE, place]))
    twice = pack(plain([number, statements[kind](other), statements[kind](other)]))
    with pytest.raises(Refused):
        convict(evidence_in(twice), GENESIS)


def test_two_certificates_of_one_instance_are_evidence_of_a_fork() -> None:
    headers = sealed(), sealed(state_root=b"\x44" * 32)
    assert raw("evidence", "certificates") == pack(plain([4, *(certificate(header) for header in headers)]))
    each = evidence_in(raw("evidence", "certificates"))
    for told, header in zip((each.first, each.second), headers, strict=True):
        assert isinstance(told, Certificate)
        check_certificate(told, header, MEMBERS, GENESIS)
    with pytest.raises(Refused):
        convict(each, GENESIS)


def test_leaders_by_stake() -> None:
    stakes = [int(stake) for stake in vector("leaders")["stakes of 0101…, 0202…, 0303…"].split(", ")]
    validators = AuthoritySet(7, tuple(Authority(bytes([at + 1] * 32), 0, stake) for at, stake in enumerate(stakes)))
    for name, off in (("all", ()), ("without the first", (b"\x01" * 32,))):
        leaders = [validators.leader(slot, off)[0] for slot in (*range(18), 1_024_000_017)]
        assert vector("leaders")[f"first 18 leaders, {name}"] == ", ".join(map(str, leaders[:18]))
        assert vector("leaders")[f"leader of slot 1024000017, {name}"] == str(leaders[18])


# --- gossip -----------------------------------------------------------------------------------------------------------


def test_gossip() -> None:
    made, prefix = whole_block(), f"/neurond/{GENESIS.hex()[:16]}"
    for topic in ("blocks", "finality", "transactions"):
        assert vector("gossip")[f"topic of {topic}"] == f"{prefix}/{topic}/1"
    assert raw("gossip", "block") == pack([1, made.plain()])
    assert raw("gossip", "header of a large block") == pack([2, made.header.plain()])
    assert raw("gossip", "transactions") == pack(list(made.transactions))
    cast, certified = vote(1, 101, made.header.hash), certificate(made.header)
    assert raw("gossip", "vote") == cast.raw()
    assert raw("gossip", "certificate") == certified.raw()
    assert finality_message_in(cast.raw()) == cast
    assert finality_message_in(certified.raw()) == certified
    check_vote(cast, MEMBERS, GENESIS)
    check_certificate(certified, made.header, MEMBERS, GENESIS)


def test_peer_exchange_is_json() -> None:
    address = vector("invite")["address"]
    assert json.loads(vector("peers")["question"]) == {"addresses": [address], "wanted": 8}
    assert json.loads(vector("peers")["answer"]) == {"addresses": [address]}


# --- sync -------------------------------------------------------------------------------------------------------------


def path(first: int) -> bytes:
    return bytes([first, *[0] * 31])


def test_questions() -> None:
    tip = sealed().hash
    asked = {
        "GetStatus": sync.get_status(),
        "GetBlocks from 101, 128": sync.get_blocks(101, 128),
        "GetBranch, 128": sync.get_branch(tip, 128),
        "GetSteps above 360, 256": sync.get_steps(360, 256),
        "GetHeaders from 0, 512": sync.get_headers(0, 512),
        "GetProof": sync.get_proof(path(0x20), path(0x40)),
        "GetReading of an account": sync.get_reading(1, ALICE),
        "GetReading of a coldkey": sync.get_reading(2, ALICE),
        "GetReading of subnet 1": sync.get_reading(3, 1),
        "GetReading of neuron 7 of subnet 1": sync.get_reading(4, 1, 7),
        "GetReading of all neurons of subnet 1": sync.get_reading(5, 1),
        "GetReading of the authorities": sync.get_reading(6),
        "GetManifest": sync.get_manifest(),
        "GetChunk": sync.get_chunk(tip, b"\x20"),
    }
    shown = vector("requests")
    assert shown.pop("frame of GetStatus") == (b"\x00\x00\x00\x02" + sync.get_status()).hex()
    assert shown.pop("tip") == tip.hex()
    assert shown == {name: request.hex() for name, request in asked.items()}


def branches_of(rows: tuple[Pair, ...], depth: int = 0) -> Branches:
    """The 256 subtrees of rows that are alike in their first `depth` bytes."""
    parts = [tuple(row for row in rows if row[0][depth] == index) for index in range(256)]
    roots = b"".join(tree_root(part, 8 * (depth + 1)) for part in parts)
    singles = tuple((part[0][0], merkle(part[0][1])) for part in parts if len(part) == 1)
    return Branches(roots, tuple(len(part) for part in parts), singles)


def proof_of(wanted: bytes) -> Proof:
    """The proof of a row or of its absence, found by walking down."""
    inside, depth, levels, siblings = list(ROWS), 0, 0, []
    while len(inside) > 1:
        same = [row for row in inside if bit(row[0], depth) == bit(wanted, depth)]
        other = [row for row in inside if row not in same]
        if other:
            levels |= 1 << 255 - depth
            siblings.append(tree_root(other, depth + 1))
        inside, depth = same, depth + 1
    alone = [row for row in inside if row[0] != wanted]
    return Proof(
        levels.to_bytes(32, "big").rstrip(b"\x00"),
        tuple(siblings),
        (alone[0][0], merkle(alone[0][1])) if alone else (),
    )


def proven(first: int) -> ProvenRow:
    return ProvenRow(path(first), tuple(value for at, value in ROWS if at == path(first)), proof_of(path(first)))


def test_rows_and_their_proofs() -> None:
    name = "rows"
    root = raw(name, "state root")
    low = join(leaf(ROWS[0][0], merkle(b"\x20")), leaf(ROWS[1][0], merkle(b"\x21")))  # they part at bit 7
    for depth in range(6, 1, -1):
        low = join(ZEROS, low) if bit(path(0x20), depth) else join(low, ZEROS)
    left = join(low, leaf(path(0x60), merkle(b"\x60")))
    assert root == join(left, leaf(path(0xE0), merkle(b"\xe0"))) == tree_root(ROWS)
    for row_path, value in ROWS:
        assert raw(name, f"row {row_path.hex()[:2]}00…") == value
    for first, there in ((0x20, b"\x20"), (0x30, None), (0x40, None)):
        assert raw(name, f"proof of {first:02x}00…") == proven(first).proof.raw()
        assert check_row(root, proven(first)) == there
    assert [len(proven(first).proof.other) for first in (0x20, 0x30, 0x40)] == [0, 0, 2]
    assert raw(name, "branches") == branches_of(ROWS).raw()
    check_branches(branches_of(ROWS), b"", root)


def test_answers() -> None:
    made = whole_block()
    header, final = made.header, certificate(made.header)
    manifest = Manifest(GENESIS, header, final, branches_of(ROWS))
    rows = tuple(proven(first) for first in (0x20, 0x30, 0x40))
    said = {
        "Status": sync.Status(GENESIS, 101, header.hash, 103, b"\x77" * 32, (final,)).raw(),
        "Status at genesis": sync.Status(GENESIS, 0, GENESIS, 0, GENESIS, ()).raw(),
        "Blocks": pack(plain([5, [made.raw()], [final]])),
        "Headers": pack([9, [header.raw()]]),
        "Steps": pack(plain([7, [LightStep(header, final, ())]])),
        "Proofs": sync.Proofs(header, (final,), rows).raw(),
        "Offer of nothing": pack([14, []]),
        "Offer": pack(plain([14, [manifest]])),
        "Piece": pack(plain([16, [Chunk(b"\x20", ROWS[:1], ())]])),
        "Piece of branches": pack(plain([16, [Chunk(b"\x20", (), (branches_of(ROWS[:1], 1),))]])),
    }
    assert list(vector("answers")) == list(said)
    for name, answer in said.items():
        assert raw("answers", name) == answer, name
    assert sync.status_in(said["Status"]).raw() == said["Status"]
    assert sync.blocks_in(said["Blocks"]) == ((made,), (final,))
    assert sync.headers_in(said["Headers"]) == (header,)
    assert sync.steps_in(said["Steps"]) == (LightStep(header, final, ()),)
    assert sync.proofs_in(said["Proofs"]).rows == rows
    assert sync.offer_in(said["Offer"]) == (manifest,)
    check_manifest(manifest, GENESIS)
    assert sync.piece_in(said["Piece"])[0].rows == ROWS[:1]


# --- networks ---------------------------------------------------------------------------------------------------------


def test_a_genesis_file_leads_to_the_genesis_hash() -> None:
    shown = vector("founding")
    made = found(shown["file"].encode(), defaults("parameters"), defaults("hyperparameters"))
    assert len(made.rows) == int(shown["rows"])
    assert made.header.state_root.hex() == shown["state root"]
    assert made.header.raw().hex() == shown["header"]
    assert made.header.hash.hex() == shown["genesis hash"]
    file = json.loads(shown["file"])
    assert {account_of(address) for address in file["authorities"]} == {ALICE, BOB}


def test_an_invite_holds_only_until_it_expires_and_only_as_it_was_signed() -> None:
    name = "invite"
    body = Invite(1, "example", GENESIS, (vector(name)["address"],), int(vector(name)["expires"]), ALICE)
    assert raw(name, "body") == body.raw()
    assert raw(name, "message") == body.message
    text = vector(name)["invite"]
    assert invite_in(text, NOW_MS) == body
    with pytest.raises(Refused):
        invite_in(text, body.expires_ms)
    with pytest.raises(Refused):
        invite_in(text[:-2] + text[-1] + text[-2], NOW_MS)


def test_a_checkpoint_is_height_block_and_set() -> None:
    told = checkpoint_in(vector("checkpoint")["checkpoint"])
    assert (told.height, told.block_hash, told.set_hash) == (101, sealed().hash, MEMBERS.hash)


def test_hex_on_the_page_is_canonical() -> None:
    for name in ("answers", "requests", "gossip"):
        for label, text in vector(name).items():
            if re.fullmatch(r"(?:[0-9a-f]{2}|\[\d+\])+", text) and label not in (
                "frame of GetStatus",
                "tip",
                "state root",
            ):
                assert pack(unpack(raw(name, label), sync.ANSWER_BYTES)) == raw(name, label)
