"""A small chain for the real engine: keyed-hash signatures, a handful of accounts, a set of authorities that may turn.

Whatever a block carries moves some units between accounts, so that the sum is there to be watched. Signatures, their
checks and executions are remembered for the process: a network of seven would do each of them seven times.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.events import Anchor
from node.ledger.header import HEADER_VERSION, UNSIGNED, Authority, Block, Header, header_hash, seal_message, set_hash
from node.ledger.phases import PosPhase, joined
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import LedgerError
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot

ACCOUNTS: Final = 8
SUPPLY: Final = ACCOUNTS * 1_000
REMEMBERED_MAX: Final = 100_000  # of each kind; then they are forgotten and computed again

_signatures: dict[tuple[bytes, bytes], bytes] = {}
_executed: dict[tuple[Hash, bytes, tuple[bytes, ...]], "State"] = {}
_header_hashes: dict[bytes, Hash] = {}


def key(number: int) -> AccountId:
    """Return the account of authority `number`."""
    return AccountId(hashlib.blake2b(b"authority %d" % number, digest_size=32).digest())


def sign(public: bytes, message: bytes) -> bytes:
    """Sign as `public`: a keyed hash, fast and enough among programs that do not lie about it."""
    found = _signatures.get((public, message))
    if found is None:
        if len(_signatures) >= REMEMBERED_MAX:
            _signatures.clear()
        found = _signatures[public, message] = hashlib.blake2b(message, key=public).digest()
    return found


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a keyed-hash signature."""
    return sign(public, message) == signature


def hash_of(header: Header) -> Hash:
    """Return the hash of a header whose seal was checked; remembered by that seal."""
    found = _header_hashes.get(header.signature)
    if found is None:
        if len(_header_hashes) >= REMEMBERED_MAX:
            _header_hashes.clear()
        found = _header_hashes[header.signature] = header_hash(header)
    return found


# --- sets -------------------------------------------------------------------------------------------------------------

Members = tuple[Authority, ...]


@dataclass(frozen=True)
class Plan:
    """How the set changes: every `blocks` blocks another one is decided, announced and, once that is final, enacted.

    The authorities are all of `pool` but `benched` of them, who change places with the next. With `handover` the chain
    moves to stake: two sets of authorities, two joint ones, then stake for good. While it is joint, chance (of the
    state root, so each branch has its own) may take it back, and the count begins again; with `abort_from` the blocks
    from that height on do, and no others. `validators` have stake only.
    """

    pool: tuple[AccountId, ...]
    benched: int
    blocks: int
    handover: bool = False
    validators: tuple[AccountId, ...] = ()
    abort_from: int | None = None

    def aborts(self, height: int, root: Hash) -> bool:
        """Tell whether the joint phase is taken back by a block of this height and state."""
        return root[-1] < ABORT_BYTE if self.abort_from is None else height >= self.abort_from

    def authorities(self, number: int) -> dict[AccountId, int]:
        """Return the weights of set `number`."""
        bench = {(number + place) % len(self.pool) for place in range(self.benched)}
        return {account: 1 for place, account in enumerate(self.pool) if place not in bench}

    def stakes(self, number: int) -> dict[AccountId, int]:
        """Return the stakes of set `number`: the validators hold two fifths, so nothing is decided without."""
        stakes = {account: 30 + (number * 7 + place * 3) % 5 for place, account in enumerate(self.pool)}
        own = 2 * sum(stakes.values()) // 3
        return stakes | {account: own // len(self.validators) for account in self.validators}

    def may_fail(self) -> tuple[AccountId, ...]:
        """Return the accounts that count as faulty: as many as a set bears. Twins and liars are among them."""
        return self.pool[: (len(self.pool) - self.benched - 1) // 3]

    def first(self) -> Members:
        """Return the set that the chain begins with."""
        return joined(self.authorities(0), {})

    def following(self, current: AuthoritySet, since_abort: int) -> Members:
        """Return the set that follows `current`, which is number `since_abort` after genesis or the last abort."""
        number = current.set_id + 1
        if not self.handover or since_abort < AUTHORITY_SETS:
            return joined(self.authorities(number), {})
        if since_abort < AUTHORITY_SETS + JOINT_SETS:
            return joined(self.authorities(number), self.stakes(number))
        return joined({}, self.stakes(number))


AUTHORITY_SETS: Final = 2
JOINT_SETS: Final = 2
ABORT_BYTE: Final = 24  # a joint block whose state root ends in a lower byte takes the joint phase back: one in ten
IDLE_BYTE: Final = 64  # a set enacted by a block whose root ends in a lower byte has a member off duty: one in four
IDLE_SLOTS: Final = 6
NOT_YET: Final = Height(0)

# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """The state after a block: a hash over all that happened, the accounts, who decides above it, and who will.

    `waiting` is the set that follows, `announced` the height of the block that listed it (0: none yet), `at_once` tells
    that the next block enacts it. `next_hash` is what headers commit to.
    """

    root: Hash
    authorities: AuthoritySet
    height: int = 0
    balances: tuple[int, ...] = (SUPPLY // ACCOUNTS,) * ACCOUNTS
    plan: Plan | None = None
    waiting: Members = ()
    announced: Height = NOT_YET
    at_once: bool = False
    sets_since_abort: int = 0
    next_hash: Hash = field(default=ZERO_HASH, compare=False)

    def listing(self, *, enact: bool) -> Members:
        """Return what the header of the next block lists; `enact` tells whether it may enact what was announced."""
        return () if self.announced and not enact else self.waiting


def transactions_root(transactions: tuple[bytes, ...]) -> Hash:
    return digest("sim-body", *transactions)


def transfer(balances: tuple[int, ...], transaction: bytes) -> tuple[int, ...]:
    """Any bytes move something: the first byte names the payer, the last the payee, the middle one the sum."""
    left = list(balances)
    moved = min(transaction[len(transaction) // 2], left[transaction[0] % ACCOUNTS])
    left[transaction[0] % ACCOUNTS] -= moved
    left[transaction[-1] % ACCOUNTS] += moved
    return tuple(left)


def after(state: State, transactions: tuple[bytes, ...], listed: Members, slot: int) -> State:
    """Return the state after a block with these transactions whose header lists this set."""
    balances = state.balances
    for transaction in transactions:
        balances = transfer(balances, transaction)
    height = Height(state.height + 1)
    root = digest("sim-state", state.root, encode((height, slot, balances, listed)), *transactions)
    authorities, since = state.authorities, state.sets_since_abort
    waiting, announced, at_once = state.waiting, state.announced, state.at_once
    if listed and (announced or at_once):
        faulty = () if state.plan is None else state.plan.may_fail()
        authorities = enacted(SetId(authorities.set_id + 1), listed, root, slot, faulty)
        since = 0 if at_once else since + 1
        waiting, announced, at_once = (), Height(0), False
    elif listed:
        announced = height
    if state.plan is not None:
        if authorities.phase is PosPhase.JOINT and state.plan.aborts(height, root):
            waiting, announced, at_once = joined(state.plan.authorities(authorities.set_id + 1), {}), Height(0), True
        elif not waiting and height % state.plan.blocks == 0:
            waiting = state.plan.following(authorities, since + 1)
    next_hash = state.next_hash
    if waiting is not state.waiting or authorities is not state.authorities:
        next_hash = set_hash(waiting or authorities.members)
    return State(root, authorities, height, balances, state.plan, waiting, announced, at_once, since, next_hash)


def enacted(set_id: SetId, members: Members, root: Hash, slot: int, faulty: tuple[AccountId, ...]) -> AuthoritySet:
    """Return the new set; chance of the state root takes a member off duty, for a while or, if it is faulty, for good.

    A convicted member votes but never proposes, so what it alone has locked is offered by nobody: it is one of the
    faults that a set bears, and comes out of the same budget.
    """
    if root[-1] >= IDLE_BYTE:
        return AuthoritySet(set_id, members)
    guilty = [member.account for member in members if member.account in faulty]
    if root[1] % 2 and guilty:
        return AuthoritySet(set_id, members, disabled=(guilty[root[0] % len(guilty)],))
    off = members[root[0] % len(members)].account
    return AuthoritySet(set_id, members, idle=(off,), idle_until=Slot(slot + IDLE_SLOTS))


def execute(state: State, block: Block) -> State:
    """Return the state after a block; refuse what does not fit the header. Remembered: seals are checked before."""
    place = (state.root, block.header.signature, block.transactions)
    found = _executed.get(place)
    if found is None:
        if len(_executed) >= REMEMBERED_MAX:
            _executed.clear()
        found = execute_anew(state, block)
        _executed[place] = found
    return found


def execute_anew(state: State, block: Block) -> State:
    """Execute without remembering."""
    header = block.header
    if transactions_root(block.transactions) != header.transactions_root:
        raise LedgerError("The body does not fit the header.")
    if header.next_set != state.listing(enact=bool(header.next_set)) or header.next_set_hash != state.next_hash:
        raise LedgerError("The set that follows is another one.")
    found = after(state, block.transactions, header.next_set, header.slot)
    if found.root != header.state_root:
        raise LedgerError("The state root is wrong.")
    return found


def make_set(count: int) -> AuthoritySet:
    """Return a set of `count` equal authorities."""
    return AuthoritySet.of(SetId(0), (Authority(key(number), 1) for number in range(count)))


def genesis(authorities: AuthoritySet, plan: Plan | None = None) -> Anchor[State]:
    """Return the genesis block of a chain with these authorities; its root names the plan, so that chains differ."""
    header = Header(
        HEADER_VERSION, Height(0), Slot(0), ZERO_HASH, AccountId(bytes(32)), transactions_root(()),
        digest("sim-genesis", repr(plan).encode()), SetId(0), authorities.hash, (), UNSIGNED,
    )  # fmt: skip
    state = State(header.state_root, authorities, plan=plan, next_hash=authorities.hash)
    return Anchor(header, header_hash(header), state, None)


def build(
    genesis_hash: Hash,
    parent: Header,
    state: State,
    slot: Slot,
    proposer: AccountId,
    transactions: tuple[bytes, ...],
    *,
    enact: bool = False,
) -> Block:
    """Return the sealed block of `slot` on `parent`; `enact` tells whether it may enact a set that was announced."""
    listed = state.listing(enact=enact)
    unsigned = Header(
        HEADER_VERSION, Height(parent.height + 1), slot, header_hash(parent), proposer, transactions_root(transactions),
        after(state, transactions, listed, slot).root, state.authorities.set_id, state.next_hash, listed, UNSIGNED,
    )  # fmt: skip
    return seal(genesis_hash, unsigned, transactions)


def seal(genesis_hash: Hash, unsigned: Header, transactions: tuple[bytes, ...]) -> Block:
    """Sign a header as its proposer."""
    signature = sign(unsigned.proposer, seal_message(genesis_hash, unsigned))
    return Block(replace(unsigned, signature=signature), transactions)
