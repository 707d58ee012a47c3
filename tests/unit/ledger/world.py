"""A small chain for tests: named keys, a genesis to play on, and blocks that are built, executed and checked."""

from msgspec.structs import replace

from node.ledger import invariants
from node.ledger.calls import Call
from node.ledger.genesis import Balance, GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet, genesis_state
from node.ledger.header import Block
from node.ledger.merkle import root_hash, update
from node.ledger.parameters import Hyperparameters, Parameters
from node.ledger.state import Overlay
from node.ledger.transaction import sign_transaction
from node.ledger.transition import Executed, build_block, execute_block
from node.primitives.crypto import Ed25519Signer, digest, verify
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid, Rao, Slot

TAO = 10**9
SUBNET = NetUid(1)
ROOT = NetUid(0)
TEST_SUBNET = Hyperparameters(
    tempo_blocks=10, weights_rate_limit_blocks=3, serving_rate_limit_blocks=5, burn_start_rao=TAO, immunity_blocks=20,
    commit_reveal=False,
)  # fmt: skip
TEST_PARAMETERS = Parameters(stake_threshold_rao=100 * TAO, commitment_rate_limit_blocks=4, take_rate_limit_blocks=10)


def key(name: str) -> Ed25519Signer:
    """The key that always belongs to this name."""
    return Ed25519Signer(digest("test-key", name.encode()))


def who(name: str) -> AccountId:
    """The account of a name."""
    return key(name).public


def small_genesis(
    *, subnet: Hyperparameters = TEST_SUBNET, parameters: Parameters = TEST_PARAMETERS, root_rao: int = 0
) -> GenesisSpec:
    """Two authorities; one subnet at price 1 owned by "owner"; validators va and vb of coldkey "val"; rich "alice"."""
    funded = ("alice", "bob", "val", "owner", "mallory")
    stakes = [
        GenesisStake(who("val"), who("va"), SUBNET, Alpha(600 * TAO)),
        GenesisStake(who("val"), who("vb"), SUBNET, Alpha(400 * TAO)),
    ]
    if root_rao:
        stakes.append(GenesisStake(who("bob"), who("va"), ROOT, Alpha(root_rao)))
    return GenesisSpec(
        name="test",
        start_ms=0,
        slot_ms=1000,
        authorities=(who("authority0"), who("authority1")),
        balances=tuple(Balance(who(name), Rao(10_000 * TAO)) for name in funded),
        parameters=parameters,
        subnets=(
            GenesisSubnet(
                SUBNET,
                "text",
                who("owner-hot"),
                who("owner"),
                Rao(10_000 * TAO),
                Alpha(10_000 * TAO),
                hyperparameters=subnet,
                neurons=(
                    GenesisNeuron(who("va"), who("val"), validator_permit=True),
                    GenesisNeuron(who("vb"), who("val"), validator_permit=True),
                ),
            ),
        ),
        stakes=tuple(stakes),
    )


class World:
    """A chain of one branch; every block is executed apart from its builder and its invariants are checked."""

    def __init__(self, spec: GenesisSpec | None = None) -> None:
        header, state, rows = genesis_state(spec or small_genesis())
        self.genesis_header, self.genesis_hash, self.genesis_rows = header, state.hash, rows
        self.state = state
        self.blocks: list[Block] = []
        self.fees_rao: list[int] = []
        self._nonces: dict[str, int] = {}

    def sign(
        self, by: str, call: Call, *, nonce: int | None = None, tip_rao: int = 0, period_blocks: int = 64
    ) -> bytes:
        """A transaction of the named account on the head; nonces count up by themselves."""
        if nonce is None:
            nonce = self._nonces.get(by, 0)
            self._nonces[by] = nonce + 1
        return sign_transaction(
            key(by),
            call,
            nonce=nonce,
            birth_height=self.state.height,
            birth_hash=self.state.hash,
            genesis_hash=self.genesis_hash,
            tip_rao=Rao(tip_rao),
            period_blocks=period_blocks,
        )

    def block(self, *raws: bytes, slots: int = 1, may_skip: bool = False, enact: bool = True) -> Executed:
        """Build, execute and adopt a block of these transactions; all must get in unless `may_skip`.

        With `enact` the producer takes the announcement of every set for final.
        """
        slot = Slot(self.state.slot + slots)
        proposer = who(f"authority{slot % 2}")
        draft = build_block(self.state, slot, proposer, raws, self.genesis_hash, verify=verify, enact=enact)
        assert may_skip or draft.skipped == (), draft.skipped
        block, built = draft.seal(bytes(64))
        executed = execute_block(self.state, block, self.genesis_hash, verify=verify)
        assert executed.changes == built.changes
        assert executed.receipts == built.receipts
        assert executed.events == built.events
        assert executed.state.hash == built.state.hash
        invariants.check(executed.state.view)
        assert root_hash(update(executed.state.tree, executed.undo)) == self.state.state_root
        self.state = executed.state
        self.blocks.append(block)
        self.fees_rao += [receipt.fee_rao for receipt in executed.receipts]
        return executed

    def do(self, by: str, call: Call) -> str:
        """Put one call into the next block; its error code, "" if it succeeded."""
        return self.block(self.sign(by, call)).receipts[0].error_code

    def run_to(self, height: int) -> list[Executed]:
        """Empty blocks until the head has this height."""
        return [self.block() for _ in range(height - self.state.height)]

    def overlay(self) -> Overlay:
        """A scratch overlay on the head."""
        return Overlay(self.state.view)


def hyper(**changes: int | bool) -> Hyperparameters:
    """The test subnet's numbers with some changed."""
    return replace(TEST_SUBNET, **changes)


def height_of(world: World) -> Height:
    """The head's height."""
    return world.state.height


def hash_of(world: World) -> Hash:
    """The head's hash."""
    return world.state.hash
