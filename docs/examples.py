"""Worked examples of the protocol document: bytes, digests and signatures that a second implementation can check.

Each example is a list of (name, value) lines, made here with the program; a test makes them again without it.
"""

import numpy as np

from models.sampling import Sampling
from node.consensus.authority import AuthoritySet
from node.consensus.certificate import build_certificate, encode_certificate
from node.consensus.votes import BlockRef, Step, Vote, vote_message
from node.ledger import merkle
from node.ledger.calls import Transfer
from node.ledger.header import Authority, Header, header_hash, seal_message, set_hash
from node.ledger.pallets.accounts import ACCOUNT, ISSUANCE, Account
from node.ledger.pallets.authority import CURRENT
from node.ledger.state import DictView
from node.ledger.transaction import Era, Transaction, sign_transaction, signing_digest, transaction_hash
from node.light.steps import encode_set, encode_step, make_step
from node.market.frames import answer_message, chain_of
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, digest
from node.primitives.types import ZERO_HASH, Hash, Height, Rao, SetId, Slot
from node.subnets.base import Usage
from node.sync.messages import GetSteps, encode_request

Lines = list[tuple[str, str]]

ALICE, BOB = Ed25519Signer(bytes([1] * 32)), Ed25519Signer(bytes([2] * 32))
GENESIS = Hash(bytes([0x11] * 32))
BIRTH = Hash(bytes([0x22] * 32))
PARENT = Hash(bytes([0x33] * 32))


def encoding() -> Lines:
    """Three values and their bytes."""
    return [
        ("[300, 0x6162]", encode((300, b"ab")).hex()),
        ("[true, [], 65536]", encode((True, (), 65_536)).hex()),
        ("32 bytes of 0x07", encode(bytes([7] * 32)).hex()),
    ]


def hashing() -> Lines:
    """A hash with a domain and two parts."""
    return [("domain", "header"), ("parts", "6162 63"), ("digest", digest("header", b"ab", b"c").hex())]


def address() -> Lines:
    """A key and its address."""
    return [("seed", "01" * 32), ("account", ALICE.public.hex()), ("address", to_ss58(ALICE.public))]


def transaction() -> Lines:
    """A transfer from Alice to Bob."""
    call = Transfer(BOB.public, Rao(1_500_000_000))
    raw = sign_transaction(
        ALICE, call, nonce=7, birth_height=Height(100), birth_hash=BIRTH, genesis_hash=GENESIS, tip_rao=Rao(5)
    )
    unsigned = Transaction(1, ALICE.public, 7, Era(Height(100), 64), Rao(5), call, 0, bytes(64))
    return [
        ("sender seed", "01" * 32),
        ("receiver account", BOB.public.hex()),
        ("genesis hash", GENESIS.hex()),
        ("hash of block 100", BIRTH.hex()),
        ("call", encode(call).hex()),
        ("signing digest", signing_digest(GENESIS, BIRTH, unsigned).hex()),
        ("transaction", raw.hex()),
        ("transaction hash", transaction_hash(raw).hex()),
    ]


def header() -> Lines:
    """A header, sealed by Alice."""
    authorities = AuthoritySet.of(SetId(0), [Authority(ALICE.public, 1), Authority(BOB.public, 1)]).members
    unsigned = Header(
        1, Height(101), Slot(205), PARENT, ALICE.public, ZERO_HASH, Hash(bytes([0x44] * 32)), SetId(0),
        set_hash(authorities), (), bytes(64),
    )  # fmt: skip
    message = seal_message(GENESIS, unsigned)
    sealed = Header(*(getattr(unsigned, name) for name in unsigned.__struct_fields__[:-1]), ALICE.sign(message))
    return [
        ("producer seed", "01" * 32),
        ("other authority", BOB.public.hex()),
        ("genesis hash", GENESIS.hex()),
        ("set hash", set_hash(authorities).hex()),
        ("unsigned header", encode(unsigned).hex()),
        ("seal message", message.hex()),
        ("seal", sealed.signature.hex()),
        ("header hash", header_hash(sealed).hex()),
    ]


def vote() -> Lines:
    """A precommit of Alice, and the certificate of a set in which her weight is a quorum."""
    block = BlockRef(Hash(bytes([0x55] * 32)), Height(101))
    message = vote_message(GENESIS, SetId(0), 42, 0, Step.PRECOMMIT, block)
    cast = Vote(SetId(0), 42, 0, Step.PRECOMMIT, block.height, block.hash, ALICE.public, ALICE.sign(message))
    authorities = AuthoritySet.of(SetId(0), [Authority(ALICE.public, 3), Authority(BOB.public, 1)])
    return [
        ("voter seed", "01" * 32),
        ("genesis hash", GENESIS.hex()),
        ("block hash", block.hash.hex()),
        ("vote message", message.hex()),
        ("vote", encode(cast).hex()),
        ("seat of the voter", str(authorities.index_of(ALICE.public))),
        ("certificate", encode_certificate(build_certificate([cast], authorities)).hex()),
    ]


def paths() -> Lines:
    """Two rows of the state."""
    return [
        ("account", ALICE.public.hex()),
        ("key", encode(ALICE.public).hex()),
        ("path of accounts.account", ACCOUNT.path(ALICE.public).hex()),
        ("value with nonce 8 and 2 τ", encode(Account(8, Rao(2_000_000_000))).hex()),
        ("path of accounts.issuance", ISSUANCE.path.hex()),
    ]


def tree() -> Lines:
    """A state of three rows, and a list of three transactions."""
    rows = sorted((Hash(bytes([first] + [0] * 31)), bytes([first])) for first in (0x20, 0x60, 0xE0))
    node = merkle.build(rows)
    items = [b"a", b"b", b"c"]
    lines = [(f"row {path.hex()[:2]}00…", value.hex()) for path, value in rows]
    leaves = [merkle.build([row]) for row in rows]
    lines += [(f"leaf {rows[i][0].hex()[:2]}00…", merkle.root_hash(leaf).hex()) for i, leaf in enumerate(leaves)]
    return [
        *lines,
        ("state root", merkle.root_hash(node).hex()),
        ("list root of a, b, c", merkle.list_root(items).hex()),
    ]


def light() -> Lines:
    """A light step in which Alice, who decides alone, hands over to a set of Alice and Bob; and the request for it."""
    before = AuthoritySet.of(SetId(0), [Authority(ALICE.public, 1)])
    after = AuthoritySet.of(SetId(1), [Authority(ALICE.public, 1), Authority(BOB.public, 1)])
    rows = {CURRENT.path: encode_set(after), Hash(bytes([0x20] + [0] * 31)): b"another row"}
    state = merkle.build(sorted(rows.items()))
    sealed = Header(
        1, Height(360), Slot(364), PARENT, ALICE.public, ZERO_HASH, merkle.root_hash(state), SetId(0), after.hash, (),
        bytes(64),
    )  # fmt: skip
    block = BlockRef(header_hash(sealed), sealed.height)
    message = vote_message(GENESIS, SetId(0), 7, 0, Step.PRECOMMIT, block)
    cast = Vote(SetId(0), 7, 0, Step.PRECOMMIT, block.height, block.hash, ALICE.public, ALICE.sign(message))
    step = make_step(sealed, build_certificate([cast], before), DictView(rows), state)
    return [
        ("authority seed", "01" * 32),
        ("new authority", BOB.public.hex()),
        ("genesis hash", GENESIS.hex()),
        ("request", encode_request(GetSteps(Height(0), 256)).hex()),
        ("path of authority.current", CURRENT.path.hex()),
        ("value", encode_set(after).hex()),
        ("path of the other row", "20" + "00" * 31),
        ("value of the other row", b"another row".hex()),
        ("state root", merkle.root_hash(state).hex()),
        ("proof", encode(step.next_set[0].proof).hex()),
        ("step", encode_step(step).hex()),
    ]


def answer() -> Lines:
    """What a miner signs under an answer of two parts."""
    question = Hash(bytes([0x66] * 32))
    chain = chain_of(question, [b"part one", b"part two"])
    return [
        ("question", question.hex()),
        ("parts", f"{b'part one'.hex()} {b'part two'.hex()}"),
        ("chain digest", chain.digest.hex()),
        ("answer message", answer_message(question, chain, Usage(11, 2)).hex()),
    ]


def noise() -> Lines:
    """Raw words of the sampling noise at answer position 5."""
    sampling = Sampling(seed=bytes(range(32)))
    words = np.frombuffer(sampling.seed, dtype="<u8")
    counter = np.array([0, 5, words[2], words[3]], dtype=np.uint64)
    raw = np.random.Philox(key=words[:2], counter=counter).random_raw(10)
    return [
        ("seed", sampling.seed.hex()),
        ("position", "5"),
        *((f"word of token {token}", f"{int(raw[token]):016x}") for token in (0, 1, 4, 9)),
    ]


EXAMPLES = {
    each.__name__: each
    for each in (encoding, hashing, address, transaction, header, vote, paths, tree, light, answer, noise)
}


def render(name: str) -> str:
    """One example as a block of `name: value` lines."""
    return "```text\n" + "\n".join(f"{label}: {value}" for label, value in EXAMPLES[name]()) + "\n```"
