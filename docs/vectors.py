"""The long worked examples, on a page of their own: blocks, proposals, evidence, every message of gossip and sync.

Each is a list of (name, value) lines, made here with the program; a test makes them again without it. Runs of zero
bytes are written as their number, so that a page of hex stays readable.
"""

import re
from functools import cache

import msgspec

from docs.examples import ALICE, BIRTH, BOB, GENESIS, PARENT, Lines
from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, build_certificate, build_lock_proof
from node.consensus.evidence import (
    ConflictingCertificates,
    DoubleHeader,
    DoubleProposal,
    DoubleVote,
    Evidence,
    encode_evidence,
)
from node.consensus.messages import Proposal, proposal_message
from node.consensus.votes import BlockRef, Step, Vote, vote_message
from node.ledger import merkle
from node.ledger.calls import Transfer
from node.ledger.evidence import read_evidence
from node.ledger.genesis import genesis_state, parse_genesis
from node.ledger.header import Authority, Block, Header, header_hash, seal_message, set_hash
from node.ledger.rota import rota
from node.ledger.transaction import sign_transaction
from node.light.chain import Checkpoint
from node.light.proofs import ProvenRow
from node.light.readings import AuthoritiesOf, BalanceOf, MetagraphOf, NeuronOf, StakesOf, SubnetOf
from node.light.steps import LightStep
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid, Rao, SetId, Slot, Uid
from node.service.gossip import BlockNews, HeaderNews
from node.service.invite import InviteBody, SignedInvite, message_of, text_of
from node.service.light_home import format_checkpoint
from node.sync import messages
from node.sync.snapshot import Chunk, Manifest, branches_over
from p2p.wellknown import ExchangeAnswer, ExchangeRequest

AUTHORITIES = AuthoritySet.of(SetId(0), [Authority(ALICE.public, 3), Authority(BOB.public, 1)])
_ZEROS = re.compile(r"(?:00){100,}")
_ROWS = tuple(sorted((Hash(bytes([first, *[0] * 31])), bytes([first])) for first in (0x20, 0x21, 0x60, 0xE0)))
_TREE = merkle.build(_ROWS)
_PEER = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
_ADDRESS = f"/ip4/192.0.2.1/tcp/30333/p2p/{_PEER}"


def shown(raw: bytes) -> str:
    """Hex, in which 100 zero bytes or more are written as [number]."""
    text = raw.hex()
    pieces, at = [], 0
    for found in _ZEROS.finditer(text):
        start = found.start() + found.start() % 2
        end = found.end() - (found.end() - start) % 2
        pieces += [text[at:start], f"[{(end - start) // 2}]"]
        at = end
    return "".join([*pieces, text[at:]])


# --- the parts --------------------------------------------------------------------------------------------------------


def _sealed(slot: int = 205, state_root: Hash | None = None, transactions: tuple[bytes, ...] = ()) -> Header:
    unsigned = Header(
        1, Height(101), Slot(slot), PARENT, ALICE.public, merkle.list_root(transactions),
        state_root or merkle.root_hash(_TREE), SetId(0), AUTHORITIES.hash, (), bytes(64),
    )  # fmt: skip
    return msgspec.structs.replace(unsigned, signature=ALICE.sign(seal_message(GENESIS, unsigned)))


@cache
def _block() -> Block:
    call = Transfer(BOB.public, Rao(1_500_000_000))
    sent = [
        sign_transaction(
            ALICE, call, nonce=nonce, birth_height=Height(100), birth_hash=BIRTH, genesis_hash=GENESIS, tip_rao=Rao(5)
        )
        for nonce in (7, 8)
    ]
    return Block(_sealed(transactions=tuple(sent)), tuple(sent))


def _vote(step: Step, block: BlockRef, round_number: int = 0, instance: int = 42) -> Vote:
    message = vote_message(GENESIS, SetId(0), instance, round_number, step, block)
    return Vote(SetId(0), instance, round_number, step, block.height, block.hash, ALICE.public, ALICE.sign(message))


def _reference(header: Header) -> BlockRef:
    return BlockRef(header_hash(header), header.height)


def _certificate(header: Header) -> Certificate:
    return build_certificate([_vote(Step.PRECOMMIT, _reference(header))], AUTHORITIES)


def _proposal(block: BlockRef, round_number: int, *, locked: bool = False) -> Proposal:
    proof = (build_lock_proof([_vote(Step.PREVOTE, block)], AUTHORITIES),) if locked else ()
    unsigned = Proposal(SetId(0), 42, round_number, block.height, block.hash, proof, ALICE.public, bytes(64))
    return msgspec.structs.replace(unsigned, signature=ALICE.sign(proposal_message(unsigned, GENESIS)))


def _path(first: int) -> Hash:
    return Hash(bytes([first, *[0] * 31]))


def _row(path: Hash) -> ProvenRow:
    value = dict(_ROWS).get(path)
    return ProvenRow(path, () if value is None else (value,), merkle.prove(_TREE, path))


# --- blocks and finality ----------------------------------------------------------------------------------------------


def block() -> Lines:
    """A block of two transactions."""
    made = _block()
    return [
        ("producer and sender seed", "01" * 32),
        ("set hash", AUTHORITIES.hash.hex()),
        ("state root", made.header.state_root.hex()),
        ("first transaction", made.transactions[0].hex()),
        ("second transaction", made.transactions[1].hex()),
        ("transactions root", made.header.transactions_root.hex()),
        ("header", encode(made.header).hex()),
        ("block", encode(made).hex()),
        ("block hash", header_hash(made.header).hex()),
    ]


def announcement() -> Lines:
    """A header that lists the set that follows, of two kinds of members."""
    following = (Authority(BOB.public, 1, 0), Authority(ALICE.public, 0, 5 * 10**12))
    members = AuthoritySet.of(SetId(1), following).members
    unsigned = msgspec.structs.replace(_sealed(), next_set_hash=set_hash(members), next_set=members)
    made = msgspec.structs.replace(unsigned, signature=ALICE.sign(seal_message(GENESIS, unsigned)))
    return [
        ("authority", BOB.public.hex()),
        ("validator", ALICE.public.hex()),
        ("stake", str(5 * 10**12)),
        ("set hash", set_hash(members).hex()),
        ("header", encode(made).hex()),
        ("block hash", header_hash(made).hex()),
    ]


def proposal() -> Lines:
    """A fresh proposal, and one that brings the proof that its block may be locked."""
    reference = _reference(_sealed())
    fresh, locked = _proposal(reference, 0), _proposal(reference, 1, locked=True)
    return [
        ("block hash", reference.hash.hex()),
        ("message", proposal_message(fresh, GENESIS).hex()),
        ("proposal", encode(fresh).hex()),
        ("lock proof", encode(locked.proof[0]).hex()),
        ("message of round 1", proposal_message(locked, GENESIS).hex()),
        ("proposal of round 1", encode(locked).hex()),
        ("prevote for nil", encode(_vote(Step.PREVOTE, BlockRef(ZERO_HASH, Height(0)))).hex()),
    ]


def evidence() -> Lines:
    """Alice signed two things for one place, in each of the ways there are."""
    first, second = _sealed(), _sealed(state_root=Hash(bytes([0x44] * 32)))
    blocks = _reference(first), _reference(second)
    made: dict[str, Evidence] = {
        "headers": DoubleHeader(first, second),
        "votes": DoubleVote(*(_vote(Step.PREVOTE, each) for each in blocks)),
        "proposals": DoubleProposal(*(_proposal(each, 0) for each in blocks)),
    }
    lines: Lines = []
    for name, each in made.items():
        lines.append((name, encode_evidence(each).hex()))
        lines.append((f"identity of two {name}", read_evidence(encode_evidence(each), GENESIS).identity.hex()))
    forks = ConflictingCertificates(_certificate(first), _certificate(second))
    return [*lines, ("certificates", encode_evidence(forks).hex())]


def leaders() -> Lines:
    """The rota of three validators, whole and with the largest off duty."""
    accounts = [AccountId(bytes([number] * 32)) for number in (1, 2, 3)]
    members = tuple(Authority(account, 0, stake) for account, stake in zip(accounts, (5, 3, 1), strict=True))
    turns = {"all": rota(members, ()), "without the first": rota(members, (accounts[0],))}
    slot = 1_024_000_017
    lines: Lines = [("stakes of 0101…, 0202…, 0303…", "5, 3, 1")]
    for name, order in turns.items():
        lines.append((f"first 18 leaders, {name}", ", ".join(str(account[0]) for account in order[:18])))
        lines.append((f"leader of slot {slot}, {name}", str(order[slot % len(order)][0])))
    return lines


# --- gossip -----------------------------------------------------------------------------------------------------------


def gossip() -> Lines:
    """One message of each topic; finality messages travel as they are."""
    made, prefix = _block(), f"/neurond/{GENESIS.hex()[:16]}"
    return [
        ("topic of blocks", f"{prefix}/blocks/1"),
        ("block", encode(BlockNews(made)).hex()),
        ("header of a large block", encode(HeaderNews(made.header)).hex()),
        ("topic of finality", f"{prefix}/finality/1"),
        ("vote", encode(_vote(Step.PREVOTE, _reference(made.header))).hex()),
        ("certificate", encode(_certificate(made.header)).hex()),
        ("topic of transactions", f"{prefix}/transactions/1"),
        ("transactions", encode(made.transactions).hex()),
    ]


def peers() -> Lines:
    """Peer exchange."""
    return [
        ("question", msgspec.json.encode(ExchangeRequest((_ADDRESS,), 8)).decode()),
        ("answer", msgspec.json.encode(ExchangeAnswer((_ADDRESS,))).decode()),
    ]


# --- sync -------------------------------------------------------------------------------------------------------------


def requests() -> Lines:
    """Every question, and the frame of the first."""
    tip, paths = header_hash(_sealed()), (_path(0x20), _path(0x40))
    account, netuid = ALICE.public, NetUid(1)
    asked: dict[str, messages.Request] = {
        "GetStatus": messages.GetStatus(),
        "GetBlocks from 101, 128": messages.GetBlocks(Height(101), 128),
        "GetBranch, 128": messages.GetBranch(tip, 128),
        "GetSteps above 360, 256": messages.GetSteps(Height(360), 256),
        "GetHeaders from 0, 512": messages.GetHeaders(Height(0), 512),
        "GetProof": messages.GetProof(paths),
        "GetReading of an account": messages.GetReading(BalanceOf(account)),
        "GetReading of a coldkey": messages.GetReading(StakesOf(account)),
        "GetReading of subnet 1": messages.GetReading(SubnetOf(netuid)),
        "GetReading of neuron 7 of subnet 1": messages.GetReading(NeuronOf(netuid, Uid(7))),
        "GetReading of all neurons of subnet 1": messages.GetReading(MetagraphOf(netuid)),
        "GetReading of the authorities": messages.GetReading(AuthoritiesOf()),
        "GetManifest": messages.GetManifest(),
        "GetChunk": messages.GetChunk(tip, b"\x20"),
    }
    status = messages.encode_request(messages.GetStatus())
    return [
        ("frame of GetStatus", (len(status).to_bytes(4, "big") + status).hex()),
        ("tip", tip.hex()),
        *((name, messages.encode_request(each).hex()) for name, each in asked.items()),
    ]


def answers() -> Lines:
    """Every answer; the headers, blocks and certificates are those above."""
    made = _block()
    certificate = (_certificate(made.header),)
    block_hash = header_hash(made.header)
    rows = tuple(_row(_path(first)) for first in (0x20, 0x30, 0x40))
    status = messages.Status(GENESIS, Height(101), block_hash, Height(103), Hash(bytes([0x77] * 32)), certificate)
    said: dict[str, messages.Answer] = {
        "Status": status,
        "Status at genesis": messages.Status(GENESIS, Height(0), GENESIS, Height(0), GENESIS, ()),
        "Blocks": messages.Blocks((encode(made),), certificate),
        "Headers": messages.Headers((encode(made.header),)),
        "Steps": messages.Steps((LightStep(made.header, certificate[0], ()),)),
        "Proofs": messages.Proofs(made.header, certificate, rows),
        "Offer of nothing": messages.Offer(()),
        "Offer": messages.Offer((_manifest(made.header),)),
        "Piece": messages.Piece((Chunk(b"\x20", (_ROWS[0],)),)),
        "Piece of branches": messages.Piece((Chunk(b"\x20", (), (branches_over(_ROWS[:1], 1),)),)),
    }
    return [(name, shown(messages.encode_answer(each))) for name, each in said.items()]


def _manifest(header: Header) -> Manifest:
    return Manifest(GENESIS, header, _certificate(header), branches_over(_ROWS))


def rows() -> Lines:
    """The state of the examples on this page."""
    return [
        *((f"row {path.hex()[:2]}00…", value.hex()) for path, value in _ROWS),
        ("state root", merkle.root_hash(_TREE).hex()),
        ("branches", shown(encode(branches_over(_ROWS)))),
        *((f"proof of {first:02x}00…", encode(_row(_path(first)).proof).hex()) for first in (0x20, 0x30, 0x40)),
    ]


# --- how a network is told --------------------------------------------------------------------------------------------


def genesis_file() -> bytes:
    """A small network: two authorities, one subnet with two seats, stake on it and on root, a council."""
    alice, bob = to_ss58(ALICE.public), to_ss58(BOB.public)
    carol, dave = (to_ss58(AccountId(bytes([number] * 32))) for number in (0xCC, 0xDD))
    return msgspec.json.encode(
        {
            "name": "example",
            "start_ms": 1_700_000_000_000,
            "slot_ms": 12_000,
            "epoch_slots": 300,
            "authorities": [alice, bob],
            "balances": [{"account": carol, "amount_rao": 5_000_000_000}, {"account": dave, "amount_rao": 7}],
            "parameters": {"base_fee_rao": 1_000, "authority_change_bounded": False},
            "subnets": [
                {
                    "netuid": 1,
                    "name": "first",
                    "owner_hotkey": alice,
                    "owner_coldkey": carol,
                    "pool_tao_rao": 3_000_000_000_000,
                    "pool_alpha": 4_000_000_000_000,
                    "started": True,
                    "hyperparameters": {"tempo_blocks": 99},
                    "neurons": [{"hotkey": bob, "coldkey": dave, "validator_permit": True}],
                }
            ],
            "stakes": [
                {"coldkey": carol, "hotkey": alice, "netuid": 1, "amount": 123_456_789},
                {"coldkey": dave, "hotkey": alice, "netuid": 1, "amount": 1},
                {"coldkey": dave, "hotkey": bob, "netuid": 0, "amount": 2_000_000_000},
            ],
            "triumvirate": [carol, dave],
            "senate": [bob],
        }
    )


def founding() -> Lines:
    """From a genesis file to the genesis hash."""
    header, state, rows_ = genesis_state(parse_genesis(genesis_file()))
    return [
        ("file", genesis_file().decode()),
        ("rows", str(len(rows_))),
        ("state root", header.state_root.hex()),
        ("header", encode(header).hex()),
        ("genesis hash", state.hash.hex()),
    ]


def invite() -> Lines:
    """An invite of Alice."""
    body = InviteBody(1, "example", GENESIS, (_ADDRESS,), 1_700_000_000_000, ALICE.public)
    signed = SignedInvite(body, ALICE.sign(message_of(body)))
    return [
        ("inviter seed", "01" * 32),
        ("address", _ADDRESS),
        ("expires", str(body.expires_ms)),
        ("body", encode(body).hex()),
        ("message", message_of(body).hex()),
        ("invite", text_of(signed)),
    ]


def checkpoint() -> Lines:
    """A checkpoint as people hand it on."""
    found = Checkpoint(Height(101), header_hash(_sealed()), AUTHORITIES.hash)
    return [("checkpoint", format_checkpoint(found))]


VECTORS = {
    each.__name__: each
    for each in (
        block, announcement, proposal, evidence, leaders, gossip, peers, requests, answers, rows, founding, invite,
        checkpoint,
    )
}  # fmt: skip


def render(name: str) -> str:
    """One example as a block of `name: value` lines."""
    return "```text\n" + "\n".join(f"{label}: {value}" for label, value in VECTORS[name]()) + "\n```"
