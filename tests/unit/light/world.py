"""Certified headers with proven set changes, signed with real keys, without executing a chain."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, build_certificate
from node.consensus.votes import BlockRef, Step, Vote, message_of_vote
from node.ledger import merkle
from node.ledger.header import HEADER_VERSION, UNSIGNED, Authority, Header, header_hash
from node.light.chain import LightChain, start_at_genesis
from node.light.steps import LightStep, encode_set, make_step, set_path
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot

EPOCH = 360
KEYS = {key.public: key for key in (Ed25519Signer(bytes([number]) * 32) for number in range(1, 41))}
NOBODY = AccountId(ZERO_HASH)


def make_set(set_id: int, numbers: Sequence[int]) -> AuthoritySet:
    """The set of these keys, weight 1 each."""
    accounts = list(KEYS)
    return AuthoritySet.of(SetId(set_id), [Authority(accounts[number], 1) for number in numbers])


@dataclass
class Rows:
    """The rows of one state; also a view over them."""

    rows: dict[Hash, bytes] = field(default_factory=dict)

    def get(self, path: Hash) -> bytes | None:
        return self.rows.get(path)

    @property
    def tree(self) -> merkle.Node:
        return merkle.build(sorted(self.rows.items()))


FILL = {Hash(bytes([number]) * 32): b"row" for number in range(0, 250, 7)}


def state_with(authorities: AuthoritySet) -> Rows:
    return Rows({**FILL, set_path(): encode_set(authorities)})


def header_of(height: int, slot: int, set_id: int, state: Rows, decides: AuthoritySet, tag: bytes = b"p") -> Header:
    return Header(
        HEADER_VERSION, Height(height), Slot(slot), Hash(tag * 32), NOBODY, ZERO_HASH, merkle.root_hash(state.tree),
        SetId(set_id), decides.hash, (), UNSIGNED,
    )  # fmt: skip


def certify(
    header: Header, decides: AuthoritySet, instance: int, genesis_hash: Hash, seats: Sequence[int] | None = None
) -> Certificate:
    """The certificate of the members on `seats`, of all by default."""
    block = BlockRef(header_hash(header), header.height)
    votes = []
    for seat in range(len(decides)) if seats is None else seats:
        voter = decides.members[seat].account
        vote = Vote(decides.set_id, instance, 0, Step.PRECOMMIT, block.height, block.hash, voter, UNSIGNED)
        signature = KEYS[voter].sign(message_of_vote(vote, genesis_hash))
        votes.append(replace(vote, signature=signature))
    return build_certificate(votes, decides)


class World:
    """A chain of certified blocks, one each call of `step`; `change` hands over to another set."""

    def __init__(self, first: AuthoritySet | None = None) -> None:
        self.decides = first or make_set(0, range(4))
        self.state = state_with(self.decides)
        self.genesis = header_of(0, 0, 0, self.state, self.decides)
        self.genesis_hash = header_hash(self.genesis)
        self.height, self.instance = 0, 0

    def client(self) -> LightChain:
        return start_at_genesis(self.genesis_hash, self.genesis, encode_set(self.decides), verify)

    def step(
        self,
        change: AuthoritySet | None = None,
        *,
        blocks: int = EPOCH,
        seats: Sequence[int] | None = None,
        lists: AuthoritySet | None = None,
    ) -> LightStep:
        """The next certified block, `blocks` on; after it `change` decides. Its header lists `lists`."""
        self.height += blocks
        self.instance += 1
        before = self.decides
        after = change or before
        state = self.state if after is before else state_with(after)
        header = header_of(self.height, self.height + 3, before.set_id, state, after)
        header = replace(header, next_set=() if lists is None else lists.members)
        certificate = certify(header, before, self.instance, self.genesis_hash, seats)
        self.decides, self.state = after, state
        return make_step(header, certificate, state, state.tree)

    def fork(self, height: int, instance: int, *, seats: Sequence[int] | None = None) -> tuple[Header, Certificate]:
        """Another block that the present set certified."""
        header = header_of(height, height + 3, self.decides.set_id, self.state, self.decides, b"f")
        return header, certify(header, self.decides, instance, self.genesis_hash, seats)
