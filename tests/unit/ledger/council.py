"""A network that can decide: a Triumvirate, a Senate, and proposals carried through in one block."""

from dataclasses import replace

from msgspec.structs import replace as with_

from node.ledger.calls import Call, CloseProposal, Propose, Vote
from node.ledger.events import Executed
from node.ledger.genesis import GenesisSpec, GenesisStake
from node.ledger.pallets import accounts, council, staking, subnets
from node.ledger.pallets.proposals import proposal_hash
from node.ledger.state import Overlay
from node.ledger.transition import Executed as Block
from node.primitives.codec import encode
from node.primitives.types import ROOT_NETUID, Alpha, Hash
from tests.unit.ledger.world import SUBNET, TAO, TEST_PARAMETERS, World, small_genesis, who

SENATORS = (("val", "va"), ("val", "vb"), ("owner", "owner-hot"))
DURATION = 10
PARAMETERS = with_(
    TEST_PARAMETERS,
    proposal_duration_blocks=DURATION,
    authorities_min=2,
    unbonding_blocks=30,
    evidence_age_blocks=20,
    pos_lead_epochs=3,
    validator_bond_min_rao=10 * TAO,
    channel_dispute_blocks=6,
)


def council_genesis(*, authorities: int = 2, epoch_slots: int = 10, senators: int = 3) -> GenesisSpec:
    """Alice, Bob and Mallory propose; va, vb (of "val") and owner-hot (of "owner") vote; every authority is a hotkey of
    "val" with one α behind it."""
    names = [f"authority{index}" for index in range(authorities)]
    base = small_genesis(parameters=PARAMETERS)
    return replace(
        base,
        authorities=tuple(who(name) for name in names),
        epoch_slots=epoch_slots,
        stakes=(*base.stakes, *(GenesisStake(who("val"), who(name), SUBNET, Alpha(1)) for name in names)),
        triumvirate=(who("alice"), who("bob"), who("mallory")),
        senate=tuple(who(hotkey) for _, hotkey in SENATORS[:senators]),
    )


def identity_of(call: Call) -> Hash:
    """The hash under which a call is proposed."""
    return proposal_hash(encode(call))


def propose(world: World, call: Call, *, by: str = "alice", duration_blocks: int = DURATION) -> str:
    """Propose a call; the error code, "" if it is open now."""
    return world.do(by, Propose(encode(call), duration_blocks))


def vote(world: World, call: Call, senator: int, *, approve: bool = True, index: int = 0) -> str:
    """Have one of SENATORS vote on a proposed call."""
    coldkey, hotkey = SENATORS[senator]
    return world.do(coldkey, Vote(who(hotkey), identity_of(call), index, approve))


def decide(world: World, call: Call) -> Block:
    """Propose, approve and execute a call in one block; the call itself may fail."""
    index = council.COUNT.get(world.state.view)
    ballots = [(by, Vote(who(hotkey), identity_of(call), index, True)) for by, hotkey in SENATORS[:2]]
    block = world.block(
        world.sign("alice", Propose(encode(call), DURATION)),
        *(world.sign(by, ballot) for by, ballot in ballots),
        world.sign("bob", CloseProposal(identity_of(call), index)),
    )
    assert [receipt.error_code for receipt in block.receipts] == [""] * 4
    return block


def outcome(block: Block) -> str:
    """With which error code the approved call of a block ended."""
    [executed] = [event for event in block.events if isinstance(event, Executed)]
    return executed.error_code.decode("ascii")


def stake_on_root(overlay: Overlay, coldkey: str, hotkey: str, amount_rao: int) -> None:
    """New τ staked on root behind a hotkey, which is made if there is none."""
    if staking.HOTKEY.find(overlay, who(hotkey)) is None:
        staking.create_hotkey(overlay, who(hotkey), who(coldkey), 0)
    accounts.mint(overlay, amount_rao)
    subnets.change(overlay, ROOT_NETUID, tao_rao=amount_rao)
    staking.deposit(overlay, who(hotkey), ROOT_NETUID, who(coldkey), amount_rao)
