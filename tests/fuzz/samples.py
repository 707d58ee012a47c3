"""Sound encodings of everything that comes from outside, for the fuzzers to bend."""

import base58
from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import build_certificate, build_lock_proof
from node.consensus.evidence import ConflictingCertificates, DoubleHeader, DoubleProposal, DoubleVote
from node.consensus.messages import Proposal
from node.consensus.votes import Step, Vote
from node.control.protocol import encode_answer as encode_control_answer
from node.control.protocol import encode_call, encode_cancel, encode_failure, encode_part
from node.control.schema import ErrorView
from node.ledger import merkle
from node.ledger.calls import AddStake, Call, SetWeights, Transfer
from node.ledger.genesis import GenesisSpec, format_genesis, genesis_state
from node.ledger.header import UNSIGNED, Authority, Block
from node.ledger.pallets import authority
from node.ledger.transaction import sign_transaction
from node.ledger.transition import ChainState, build_block
from node.ledger.vouchers import Voucher
from node.light.chain import LightState
from node.light.proofs import prove_rows
from node.light.readings import AuthoritiesOf, BalanceOf, MetagraphOf, NeuronOf, StakesOf, SubnetOf
from node.light.steps import LightStep, ProvenSet, encode_set
from node.market.frames import (
    CallRequest,
    Challenge,
    ChallengeAnswer,
    ChallengeHead,
    FinalFrame,
    FrameKind,
    Payment,
    Receipt,
    ReceiptBody,
    RefusalFrame,
    body_digest,
    frame,
    refusal_frame,
    sign_call,
    sign_challenge,
    sign_challenge_answer,
)
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.types import Hash, Height, NetUid, Rao, SetId, Slot, Uid
from node.service.founding import Founder, devnet_genesis
from node.service.gossip import BlockNews, HeaderNews
from node.service.invite import PREFIX, write_invite
from node.subnets.base import Code, Usage
from node.subnets.nineteen.messages import ChatPiece, ChatTask, Turn
from node.sync.messages import (
    Blocks,
    GetBlocks,
    GetBranch,
    GetChunk,
    GetHeaders,
    GetManifest,
    GetProof,
    GetReading,
    GetStatus,
    GetSteps,
    Headers,
    Offer,
    Piece,
    Proofs,
    Status,
    Steps,
)
from node.sync.snapshot import Chunk, Manifest, branches_over
from tests.unit.control.examples import EVENTS, REQUESTS

KEYS = tuple(Ed25519Signer(bytes([seed]) * 32) for seed in (1, 2, 3))
ALICE, BOB, CAROL = KEYS
SPEC: GenesisSpec = devnet_genesis(
    "fuzz", [Founder(ALICE.public, BOB.public)], [Founder(BOB.public, CAROL.public)], start_ms=1, slot_ms=1000, tempo=10
)
GENESIS_HEADER, GENESIS_STATE, _ = genesis_state(SPEC)
GENESIS = GENESIS_STATE.hash
H32 = Hash(b"h" * 32)


def transaction(call: Call, nonce: int = 0) -> bytes:
    return sign_transaction(
        ALICE, call, nonce=nonce, birth_height=Height(0), birth_hash=GENESIS, genesis_hash=GENESIS
    )  # fmt: skip


def _block(state: ChainState) -> Block:
    draft = build_block(state, Slot(1), BOB.public, TRANSACTIONS, GENESIS, verify=verify, enact=True)
    return draft.seal(bytes(64))[0]


TRANSACTIONS = (
    transaction(Transfer(CAROL.public, Rao(10**9))),
    transaction(AddStake(BOB.public, NetUid(1), Rao(10**9)), 1),
    transaction(SetWeights(NetUid(1), (Uid(0), Uid(1)), (1, 65_535), 0), 2),
)
BLOCK = _block(GENESIS_STATE)
HEADER = BLOCK.header
SET = AuthoritySet.of(SetId(0), [Authority(key.public, 1) for key in KEYS])
ANNOUNCING = replace(HEADER, next_set=SET.members)


def vote(key: Ed25519Signer, step: Step, block: Hash = H32) -> Vote:
    return Vote(SetId(0), 1, 0, step, Height(5), block, key.public, UNSIGNED)


CERTIFICATE = build_certificate([vote(key, Step.PRECOMMIT) for key in KEYS], SET)
LOCK = build_lock_proof([vote(key, Step.PREVOTE) for key in KEYS], SET)
PROPOSAL = Proposal(SetId(0), 1, 1, Height(5), H32, (LOCK,), ALICE.public, UNSIGNED)

NEWS = (encode(BlockNews(BLOCK)), encode(HeaderNews(HEADER)), encode(HeaderNews(ANNOUNCING)))
BATCHES = (encode(TRANSACTIONS[:1]), encode(TRANSACTIONS))
FINALITY = tuple(
    encode(message) for message in (vote(ALICE, Step.PREVOTE), PROPOSAL, replace(PROPOSAL, proof=()), CERTIFICATE)
)
EVIDENCE = tuple(
    encode(proof)
    for proof in (
        DoubleHeader(HEADER, replace(HEADER, slot=Slot(9))),
        DoubleVote(vote(ALICE, Step.PREVOTE), vote(ALICE, Step.PREVOTE, Hash(b"x" * 32))),
        DoubleProposal(PROPOSAL, replace(PROPOSAL, proof=())),
        ConflictingCertificates(CERTIFICATE, replace(CERTIFICATE, round=3)),
    )
)
READINGS = (
    BalanceOf(ALICE.public), StakesOf(ALICE.public), SubnetOf(NetUid(1)), NeuronOf(NetUid(1), Uid(0)),
    MetagraphOf(NetUid(1)), AuthoritiesOf(),
)  # fmt: skip
SYNC_REQUESTS = tuple(
    encode(each)
    for each in (
        GetStatus(),
        GetBlocks(Height(3), 128),
        GetBranch(H32, 5),
        GetSteps(Height(0), 256),
        GetHeaders(Height(0), 512),
        GetProof((H32, GENESIS)),
        *(GetReading(reading) for reading in READINGS),
        GetManifest(),
        GetChunk(H32, b"\x07"),
    )
)
STEP = LightStep(
    HEADER, CERTIFICATE, (ProvenSet(encode_set(SET), merkle.prove(GENESIS_STATE.tree, authority.CURRENT.path)),)
)
PROVEN = prove_rows(GENESIS_STATE.view, GENESIS_STATE.tree, (authority.CURRENT.path, H32))
STATE_ROWS = tuple((Hash(bytes([first]) + bytes(30) + bytes([last])), b"value") for first in (1, 7) for last in (1, 2))
MANIFEST = Manifest(GENESIS, HEADER, CERTIFICATE, branches_over((*STATE_ROWS, (H32, b"alone"))))
CHUNKS = (Chunk(b"\x01", STATE_ROWS[:2]), Chunk(b"\x07", (), (branches_over(STATE_ROWS[2:], 1),)))
SYNC_ANSWERS = (
    encode(Status(GENESIS, Height(5), H32, Height(7), Hash(b"t" * 32), (CERTIFICATE,))),
    encode(Status(GENESIS, Height(0), GENESIS, Height(0), GENESIS, ())),
    encode(Blocks((encode(BLOCK),), (CERTIFICATE,))),
    encode(Blocks((), ())),
    encode(Steps((STEP, replace(STEP, next_set=())))),
    encode(Headers((encode(HEADER), encode(GENESIS_HEADER)))),
    encode(Proofs(HEADER, (CERTIFICATE,), PROVEN)),
    encode(Proofs(GENESIS_HEADER, (), ())),
    encode(Offer((MANIFEST,))),
    *(encode(Piece((chunk,))) for chunk in CHUNKS),
    encode(Piece(())),
)
LIGHT_STATE = encode(LightState(1, GENESIS, GENESIS_HEADER, 0, encode_set(SET)))
GENESIS_FILE = format_genesis(SPEC)
INVITE = write_invite(ALICE, "fuzz", GENESIS, ("/ip4/127.0.0.1/tcp/4000/p2p/peer",), 1000)[0]
INVITE_BYTES = base58.b58decode(INVITE[len(PREFIX) :])

# --- market -----------------------------------------------------------------------------------------------------------
USAGE = Usage(3, 2)
TASK = ChatTask("tiny", (Turn("user", "hello"),), bytes(32), 16, 900, 950, 0, 1000, ("end",), '{"type": "boolean"}', 3)
PIECES = (ChatPiece(0, False, USAGE, (1, 2), "Hi", "", (5, 6)), ChatPiece(1, True, USAGE, (), "", "stop"))
CALL = sign_call(GENESIS, NetUid(1), Height(7), bytes(16), BOB.public, encode(TASK), ALICE)
CHALLENGE = sign_challenge(
    ChallengeHead(
        GENESIS,
        NetUid(1),
        3,
        Height(7),
        ALICE.public,
        "12D3KooW",
        (BOB.public, CAROL.public),
        body_digest(encode(TASK)),
    ),
    encode(TASK),
    ALICE,
)
CHALLENGE_ANSWER = sign_challenge_answer(H32, tuple(encode(piece) for piece in PIECES), USAGE, BOB)
RECEIPT = Receipt(
    ReceiptBody(1, GENESIS, NetUid(1), 1, ALICE.public, BOB.public, H32, H32, USAGE, 5, 9, int(Code.OK), Height(7)),
    bytes(64),
    bytes(64),
)
FRAMES = {
    CallRequest: CALL,
    Payment: Payment(Voucher(H32, 3, Rao(700), H32), bytes(64), Rao(20)),
    FinalFrame: FinalFrame(2, USAGE, bytes(64)),
    RefusalFrame: RefusalFrame(int(Code.OVERLOADED), "busy"),
    Receipt: RECEIPT,
    Challenge: CHALLENGE,
    ChallengeAnswer: CHALLENGE_ANSWER,
}
CALL_FRAMES = (
    frame(FrameKind.PART, encode(PIECES[0])),
    frame(FrameKind.FINAL, encode(FRAMES[FinalFrame])),
    refusal_frame(Code.OVERLOADED, "busy"),
)

# --- local clients ----------------------------------------------------------------------------------------------------
CONTROL_CALLS = (*(encode_call(1, request) for request in REQUESTS), encode_cancel("a"))  # type: ignore[arg-type]
CONTROL_ANSWERS = (
    encode_control_answer(1, EVENTS[0]),
    encode_part(1, EVENTS[0]),
    encode_failure(1, ErrorView("code", "A sentence.")),
)
CHAT_BODIES = (
    b'{"model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5, "stream": true}',
    b'{"model": "tiny", "messages": [{"role": "system", "content": [{"type": "text", "text": "be"}]}], "stop": ["x"],'
    b' "temperature": 0.5, "top_p": 0.9, "seed": 7, "n": 1, "user": "me", "metadata": {"a": "b"}}',
)
