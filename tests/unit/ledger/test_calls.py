"""Every call: what it changes, what it costs and how it fails. The table of calls is complete and true."""

from dataclasses import replace
from typing import get_args

import pytest

from node.ledger import errors, queries
from node.ledger.calls import (
    CALLS,
    AddStake,
    AddStakeLimit,
    BurnedRegister,
    Call,
    DecreaseTake,
    IncreaseTake,
    RemoveStake,
    RemoveStakeLimit,
    ServeAxon,
    SetCommitment,
    SetWeights,
    SignerKind,
    Transfer,
    is_free,
)
from node.ledger.events import DelegateAdded, StakeAdded, StakeRemoved, Transferred
from node.ledger.genesis import GenesisStake, GenesisSubnet
from node.ledger.pallets import neurons, subnets
from node.ledger.transition import build_block, check_transaction
from node.primitives.crypto import verify
from node.primitives.types import MAX_SUPPLY_RAO, Alpha, NetUid, Rao, Slot, Uid
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, hyper, key, small_genesis, who

EVERYTHING = Rao(MAX_SUPPLY_RAO)
PRICE_ONE = 10**9


def _weights(*pairs: tuple[int, int], version: int = 0) -> SetWeights:
    return SetWeights(SUBNET, tuple(Uid(uid) for uid, _ in pairs), tuple(value for _, value in pairs), version)


def _free(world: World, name: str) -> int:
    return queries.balance(world.state.view, who(name))


def _stake(world: World, coldkey: str, hotkey: str, netuid: NetUid = SUBNET) -> int:
    positions = queries.stakes_of(world.state.view, who(coldkey))
    return sum(p.alpha for p in positions if p.hotkey == who(hotkey) and p.netuid == netuid)


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_lists_every_call_once_under_its_number() -> None:
    numbers = [spec.number for spec in CALLS]
    assert numbers == sorted(set(numbers))
    assert numbers[:11] == list(range(1, 12))
    assert len({spec.name for spec in CALLS}) == len(CALLS)
    assert {spec.kind for spec in CALLS} == set(get_args(Call))
    for spec in CALLS:
        assert spec.kind.__struct_config__.tag == spec.number
        assert [name for name, _ in spec.arguments] == list(spec.kind.__struct_fields__)


def test_calls_of_hotkeys_are_free_and_calls_of_coldkeys_are_not() -> None:
    assert all((spec.signer is SignerKind.HOTKEY) == (spec.fee.name == "FREE") for spec in CALLS)


# --- transfer ---------------------------------------------------------------------------------------------------------


def test_a_transfer_moves_the_amount_and_pays_the_producer() -> None:
    world = World()
    executed = world.block(world.sign("alice", Transfer(who("new"), Rao(5 * TAO)), tip_rao=7))
    fee_rao = executed.receipts[0].fee_rao
    assert fee_rao == queries.fee_of(world.state.view, len(world.blocks[-1].transactions[0])) + 7
    assert _free(world, "new") == 5 * TAO
    assert _free(world, "alice") == 10_000 * TAO - 5 * TAO - fee_rao
    assert _free(world, "authority1") == fee_rao
    assert Transferred(who("alice"), who("new"), Rao(5 * TAO)) in executed.events


def test_a_failed_call_pays_its_fee_and_changes_nothing_else() -> None:
    world = World()
    receipt = world.block(world.sign("alice", Transfer(who("bob"), EVERYTHING))).receipts[0]
    assert (receipt.ok, receipt.error_code) == (False, "InsufficientBalance")
    assert _free(world, "alice") == 10_000 * TAO - receipt.fee_rao
    assert _free(world, "bob") == 10_000 * TAO
    assert queries.nonce(world.state.view, who("alice")) == 1


# --- staking ----------------------------------------------------------------------------------------------------------


def test_staking_buys_alpha_at_the_pools_price_and_unstaking_sells_it() -> None:
    world = World()
    quote = queries.quote_stake(world.state.view, SUBNET, Rao(100 * TAO))
    executed = world.block(world.sign("alice", AddStake(who("va"), SUBNET, Rao(100 * TAO))))
    [added] = [event for event in executed.events if isinstance(event, StakeAdded)]
    assert (added.tao_rao + added.fee_rao, added.netuid) == (100 * TAO, SUBNET)
    assert _stake(world, "alice", "va") in (added.alpha, added.alpha - 1)
    assert abs(added.alpha - quote.amount_out) * 1000 < quote.amount_out, "one block's emission moves the price little"
    assert 98 * TAO < added.alpha < 100 * TAO
    before_rao = _free(world, "alice")
    held = _stake(world, "alice", "va")
    executed = world.block(world.sign("alice", RemoveStake(who("va"), SUBNET, Alpha(held))))
    [removed] = [event for event in executed.events if isinstance(event, StakeRemoved)]
    assert _stake(world, "alice", "va") == 0
    assert _free(world, "alice") == before_rao + removed.tao_rao - executed.receipts[0].fee_rao
    assert 99 * TAO < removed.tao_rao < 100 * TAO, "a round trip costs two fees"


def test_root_stake_is_tau_for_tau() -> None:
    world = World()
    assert world.do("alice", AddStake(who("va"), ROOT, Rao(50 * TAO))) == ""
    assert _stake(world, "alice", "va", ROOT) == 50 * TAO
    before_rao = _free(world, "alice")
    receipt = world.block(world.sign("alice", RemoveStake(who("va"), ROOT, Alpha(50 * TAO)))).receipts[0]
    assert _free(world, "alice") == before_rao + 50 * TAO - receipt.fee_rao


def test_the_first_stake_of_somebody_else_makes_a_delegate() -> None:
    world = World()
    stake = AddStake(who("va"), SUBNET, Rao(TAO))
    own = world.block(world.sign("val", stake))
    assert not [event for event in own.events if isinstance(event, DelegateAdded)], "one's own stake does not"
    executed = world.block(*(world.sign(name, stake) for name in ("alice", "bob")))
    assert [event for event in executed.events if isinstance(event, DelegateAdded)] == [
        DelegateAdded(who("val"), who("va"), 11_796)
    ]
    info = queries.hotkey(world.state.view, who("va"))
    assert info is not None
    assert info.delegate


def test_a_price_limit_is_kept_and_a_partial_fill_returns_the_rest() -> None:
    world = World()
    limit = PRICE_ONE * 101 // 100
    assert world.do("alice", AddStakeLimit(who("va"), SUBNET, Rao(5000 * TAO), limit, False)) == "SlippageTooHigh"
    before_rao = _free(world, "alice")
    executed = world.block(world.sign("alice", AddStakeLimit(who("va"), SUBNET, Rao(5000 * TAO), limit, True)))
    [added] = [event for event in executed.events if isinstance(event, StakeAdded)]
    spent_rao = before_rao - _free(world, "alice") - executed.receipts[0].fee_rao
    assert spent_rao == added.tao_rao + added.fee_rao < 100 * TAO
    assert queries.subnet(world.state.view, SUBNET).price_rao <= limit
    too_high = RemoveStakeLimit(who("va"), SUBNET, Alpha(TAO), 2 * PRICE_ONE, True)
    assert world.do("val", too_high) == "PriceLimitExceeded"
    assert world.do("val", RemoveStakeLimit(who("va"), SUBNET, Alpha(TAO), PRICE_ONE // 2, False)) == ""


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("alice", Transfer(who("bob"), Rao(0)), "AmountIsZero"),
        ("alice", Transfer(who("bob"), EVERYTHING), "InsufficientBalance"),
        ("alice", Transfer(who("nobody"), Rao(499)), "ExistentialDeposit"),
        ("alice", AddStake(who("va"), NetUid(9), Rao(TAO)), "SubnetNotExists"),
        ("alice", AddStake(who("stranger"), SUBNET, Rao(TAO)), "HotKeyAccountNotExists"),
        ("alice", AddStake(who("va"), SUBNET, Rao(2_000_000)), "AmountTooLow"),
        ("alice", AddStake(who("va"), SUBNET, Rao(10_001 * TAO)), "NotEnoughBalanceToStake"),
        ("alice", AddStakeLimit(who("va"), SUBNET, Rao(TAO), PRICE_ONE // 2, True), "PriceLimitExceeded"),
        ("alice", AddStakeLimit(who("va"), ROOT, Rao(TAO), PRICE_ONE - 1, True), "SlippageTooHigh"),
        ("alice", RemoveStake(who("va"), SUBNET, Alpha(1)), "NotEnoughStakeToWithdraw"),
        ("alice", RemoveStake(who("va"), SUBNET, Alpha(0)), "AmountTooLow"),
        ("alice", RemoveStake(who("stranger"), SUBNET, Alpha(1)), "HotKeyAccountNotExists"),
        ("alice", RemoveStake(who("va"), NetUid(9), Alpha(1)), "SubnetNotExists"),
        ("val", RemoveStake(who("va"), SUBNET, Alpha(1000)), "AmountTooLow"),
        ("val", RemoveStake(who("va"), SUBNET, Alpha(601 * TAO)), "NotEnoughStakeToWithdraw"),
        ("alice", BurnedRegister(ROOT, who("m")), "RegistrationNotPermittedOnRootSubnet"),
        ("alice", BurnedRegister(NetUid(9), who("m")), "SubnetNotExists"),
        ("alice", BurnedRegister(SUBNET, who("va")), "HotKeyAlreadyRegisteredInSubNet"),
        ("alice", IncreaseTake(who("stranger"), 1), "HotKeyAccountNotExists"),
        ("alice", IncreaseTake(who("va"), 1), "NonAssociatedColdKey"),
        ("val", IncreaseTake(who("va"), 11_796), "DelegateTakeTooLow"),
        ("val", IncreaseTake(who("va"), 11_797), "DelegateTakeTooHigh"),
        ("val", DecreaseTake(who("va"), 11_796), "DelegateTakeTooLow"),
        ("alice", DecreaseTake(who("va"), 1), "NonAssociatedColdKey"),
    ],
)  # fmt: skip
def test_a_paid_call_that_may_not_happen_fails_by_its_name(by: str, call: Call, code: str) -> None:
    world = World()
    assert world.do(by, call) == code
    [spec] = [spec for spec in CALLS if spec.kind is type(call)]
    assert code in {error.code for error in spec.errors}, "the table names every error"


def _with_subnet(subnet: GenesisSubnet) -> World:
    """A chain with this one subnet; nothing is staked at genesis."""
    return World(replace(small_genesis(), subnets=(subnet,), stakes=()))


def test_nothing_can_be_staked_on_a_subnet_that_has_not_started() -> None:
    world = _with_subnet(replace(small_genesis().subnets[0], started=False))
    assert world.do("alice", AddStake(who("va"), SUBNET, Rao(TAO))) == "SubtokenDisabled"
    assert world.do("alice", AddStake(who("va"), ROOT, Rao(TAO))) == ""


def test_a_dust_position_can_be_emptied_and_its_worthless_fee_is_burned() -> None:
    spec = small_genesis()
    dust = GenesisStake(who("bob"), who("va"), SUBNET, Alpha(3000))
    cheap = replace(spec.subnets[0], pool_tao_rao=Rao(5_000 * TAO))
    world = World(replace(spec, subnets=(cheap,), stakes=(*spec.stakes, dust)))
    before = subnets.POOL.get(world.state.view, SUBNET).burned_alpha
    assert world.do("bob", RemoveStake(who("va"), SUBNET, Alpha(2999))) == "AmountTooLow"
    assert world.do("bob", RemoveStake(who("va"), SUBNET, Alpha(3000))) == ""
    assert _stake(world, "bob", "va") == 0
    burned = subnets.POOL.get(world.state.view, SUBNET).burned_alpha - before
    assert burned in range(1, 10), "a fee of one unit, and the dust of two blocks"
    world.block()
    per_block = subnets.POOL.get(world.state.view, SUBNET).burned_alpha - before - burned
    assert burned == 2 * per_block + 1


def test_a_pool_that_is_too_small_refuses_a_swap() -> None:
    shallow = _with_subnet(replace(small_genesis().subnets[0], pool_tao_rao=Rao(1000), pool_alpha=Alpha(1000)))
    assert shallow.do("alice", AddStake(who("va"), SUBNET, Rao(TAO))) == "SwapInputTooLarge"
    lopsided = _with_subnet(replace(small_genesis().subnets[0], pool_alpha=Alpha(1000)))
    assert lopsided.do("alice", AddStake(who("va"), SUBNET, Rao(TAO))) == "InsufficientLiquidity"


# --- takes ------------------------------------------------------------------------------------------------------------


def test_a_take_falls_at_any_time_and_rises_again_only_after_the_pause() -> None:
    world = World()
    assert world.do("val", DecreaseTake(who("va"), 100)) == ""
    assert world.do("val", DecreaseTake(who("va"), 50)) == ""
    assert world.do("val", IncreaseTake(who("va"), 60)) == "DelegateTxRateLimitExceeded"
    world.run_to(world.state.height + 9)
    assert world.do("val", IncreaseTake(who("va"), 60)) == ""
    info = queries.hotkey(world.state.view, who("va"))
    assert info is not None
    assert info.take_u16 == 60


# --- registration -----------------------------------------------------------------------------------------------------


def test_a_registration_costs_the_burn_price_and_raises_it() -> None:
    world = World()
    before, free_rao = queries.subnet(world.state.view, SUBNET), _free(world, "alice")
    executed = world.block(world.sign("alice", BurnedRegister(SUBNET, who("miner"))))
    after = queries.subnet(world.state.view, SUBNET)
    paid_rao = free_rao - _free(world, "alice") - executed.receipts[0].fee_rao
    assert before.burn_rao * 99 // 100 < paid_rao <= before.burn_rao, "one block's decay at most"
    assert after.burn_rao > before.burn_rao * 125 // 100
    assert after.alpha_in_pool + after.alpha_out < before.alpha_in_pool + before.alpha_out + 10**9, "α is destroyed"
    assert queries.uid_of(world.state.view, SUBNET, who("miner")) == 3
    assert queries.metagraph(world.state.view, SUBNET).rows[3].coldkey == who("alice")


def test_the_burn_price_halves_within_its_half_life() -> None:
    world = World(small_genesis(subnet=hyper(burn_half_life_blocks=20)))
    world.do("alice", BurnedRegister(SUBNET, who("miner")))
    start_rao = queries.subnet(world.state.view, SUBNET).burn_rao
    world.run_to(world.state.height + 20)
    assert abs(queries.subnet(world.state.view, SUBNET).burn_rao - start_rao // 2) < start_rao // 1000


def test_registration_fails_by_name_when_closed_poor_foreign_or_full() -> None:
    closed = World(small_genesis(subnet=hyper(registration_allowed=False)))
    assert closed.do("alice", BurnedRegister(SUBNET, who("miner"))) == "SubNetRegistrationDisabled"
    poor = World(small_genesis(subnet=hyper(burn_start_rao=20_000 * TAO, burn_max_rao=20_000 * TAO)))
    assert poor.do("alice", BurnedRegister(SUBNET, who("miner"))) == "NotEnoughBalanceToStake"
    full = World(small_genesis(subnet=hyper(max_uids=4, immunity_blocks=1000)))
    assert full.do("alice", BurnedRegister(SUBNET, who("miner"))) == ""
    assert full.do("alice", BurnedRegister(SUBNET, who("another"))) == "", "the least of the immune makes room"
    lone = World(small_genesis(subnet=hyper(max_uids=3, immune_owner_uids=3, immunity_blocks=0)))
    assert lone.do("alice", BurnedRegister(SUBNET, who("miner"))) == "NoNeuronIdAvailable"
    spec = small_genesis()
    stakes = (*spec.stakes, GenesisStake(who("bob"), who("bobs"), SUBNET, Alpha(TAO)))
    assert (
        World(replace(spec, stakes=stakes)).do("alice", BurnedRegister(SUBNET, who("bobs"))) == "NonAssociatedColdKey"
    )


def test_the_lowest_earner_makes_room_and_leaves_nothing_behind() -> None:
    world = World(small_genesis(subnet=hyper(max_uids=4, immunity_blocks=1000)))
    world.do("alice", BurnedRegister(SUBNET, who("miner")))
    world.block(
        world.sign("va", ServeAxon(SUBNET, b"peer", ())),
        world.sign("va", SetCommitment(SUBNET, b"hash")),
        world.sign("va", _weights((3, 9), (1, 1))),
        world.sign("vb", _weights((3, 9), (1, 1))),
    )
    assert queries.weights_of(world.state.view, SUBNET, Uid(2)) == ((1, 7282), (3, 65535))
    world.do("bob", BurnedRegister(SUBNET, who("next")))
    view = world.state.view
    assert queries.uid_of(view, SUBNET, who("va")) is None, "nobody has earned yet: the oldest but the owner goes"
    assert queries.uid_of(view, SUBNET, who("next")) == 1
    row = queries.metagraph(view, SUBNET).rows[1]
    assert (row.hotkey, row.peer_id, row.validator_permit) == (who("next"), "", False)
    assert row.registered_at == row.last_update == world.state.height
    assert queries.weights_of(view, SUBNET, Uid(1)) == ()
    assert queries.weights_of(view, SUBNET, Uid(2)) == ((1, 0), (3, 65535)), "a weight on the old neuron is void"
    assert neurons.AXON.find(view, (SUBNET, who("va"))) is None
    assert queries.commitment(view, SUBNET, who("va")) == b""
    assert _stake(world, "val", "va") == 600 * TAO, "stake stays"


def test_a_call_that_fails_half_way_leaves_nothing_of_its_first_half() -> None:
    world = World(small_genesis(subnet=hyper(max_uids=3, immune_owner_uids=3, immunity_blocks=0)))
    free_rao = _free(world, "alice")
    receipt = world.block(world.sign("alice", BurnedRegister(SUBNET, who("miner")))).receipts[0]
    assert receipt.error_code == "NoNeuronIdAvailable", "it comes after the burn"
    assert _free(world, "alice") == free_rao - receipt.fee_rao
    assert queries.hotkey(world.state.view, who("miner")) is None


# --- free calls -------------------------------------------------------------------------------------------------------


def _refused(world: World, by: str, call: Call) -> str:
    """The error code inside the refusal of a free call that would fail; it must not enter a block."""
    assert is_free(call)
    raw = world.sign(by, call, nonce=queries.nonce(world.state.view, who(by)))
    with pytest.raises(errors.FreeCallFails) as caught:
        check_transaction(world.state, raw, world.genesis_hash, verify=verify)
    slot = Slot(world.state.slot + 1)
    draft = build_block(world.state, slot, who("authority0"), [raw], world.genesis_hash, verify=verify, enact=True)
    assert draft.transactions == ()
    assert [skipped.error_code for skipped in draft.skipped] == ["FreeCallFails"]
    return caught.value.message.split(":")[0]


def test_weights_are_scaled_sorted_and_stored() -> None:
    world = World()
    assert world.do("va", _weights((2, 50), (0, 100), (1, 0))) == ""
    assert queries.weights_of(world.state.view, SUBNET, Uid(1)) == ((0, 65535), (1, 0), (2, 32768))
    assert queries.metagraph(world.state.view, SUBNET).rows[1].last_update == 1


@pytest.mark.parametrize(
    ("by", "call", "code"),
    [
        ("va", SetWeights(ROOT, (), (), 0), "CanNotSetRootNetworkWeights"),
        ("va", SetWeights(SUBNET, (Uid(0),), (), 0), "WeightVecNotEqualSize"),
        ("va", SetWeights(NetUid(9), (), (), 0), "SubnetNotExists"),
        ("va", _weights((0, 1), (1, 1), (2, 1), (3, 1)), "UidsLengthExceedUidsInSubNet"),
        ("stranger", _weights((0, 1)), "HotKeyNotRegisteredInSubNet"),
        ("va", _weights((0, 1), (0, 1)), "DuplicateUids"),
        ("va", _weights((3, 1)), "UidVecContainInvalidOne"),
        ("va", _weights(), "WeightVecLengthIsLow"),
        ("va", ServeAxon(NetUid(9), b"p", ()), "SubnetNotExists"),
        ("stranger", ServeAxon(SUBNET, b"p", ()), "HotKeyNotRegisteredInNetwork"),
        ("va", ServeAxon(SUBNET, b"p p", ()), "InvalidPeerId"),
        ("va", ServeAxon(SUBNET, b"p", (b"/ip4\xff",)), "InvalidAddress"),
        ("stranger", SetCommitment(SUBNET, b"x"), "HotKeyNotRegisteredInSubNet"),
        ("va", SetCommitment(NetUid(9), b"x"), "SubnetNotExists"),
    ],
)  # fmt: skip
def test_a_free_call_that_would_fail_enters_no_block(by: str, call: Call, code: str) -> None:
    assert _refused(World(), by, call) == code
    [spec] = [spec for spec in CALLS if spec.kind is type(call)]
    assert code in {error.code for error in spec.errors}, "the table names every error"


def test_weights_need_stake_a_permit_patience_and_the_right_version() -> None:
    world = World(small_genesis(subnet=hyper(weights_version_key=5)))
    world.do("alice", BurnedRegister(SUBNET, who("miner")))
    assert _refused(world, "va", _weights((0, 1), version=4)) == "IncorrectWeightVersionKey"
    assert _refused(world, "miner", _weights((0, 1), version=5)) == "NotEnoughStakeToSetWeights"
    assert world.do("alice", AddStake(who("miner"), SUBNET, Rao(200 * TAO))) == ""
    assert _refused(world, "miner", _weights((0, 1), version=5)) == "SettingWeightsTooFast"
    world.block()
    assert _refused(world, "miner", _weights((0, 1), version=5)) == "NeuronNoValidatorPermit"
    assert world.do("miner", _weights((3, 1), version=5)) == "", "a weight on oneself alone needs no permit"
    assert world.do("va", _weights((3, 1), version=5)) == ""
    assert _refused(world, "va", _weights((3, 1), version=5)) == "SettingWeightsTooFast"
    world.run_to(world.state.height + 2)
    assert world.do("va", _weights((3, 1), version=5)) == ""


def test_an_axon_is_published_and_changed_only_after_the_pause() -> None:
    world = World()
    assert world.do("va", ServeAxon(SUBNET, b"12D3Koo", (b"/ip4/10.0.0.1/tcp/1", b"/dns/x/tcp/2"))) == ""
    row = queries.metagraph(world.state.view, SUBNET).rows[1]
    assert (row.peer_id, row.addresses) == ("12D3Koo", ("/ip4/10.0.0.1/tcp/1", "/dns/x/tcp/2"))
    assert _refused(world, "va", ServeAxon(SUBNET, b"other", ())) == "ServingRateLimitExceeded"
    world.run_to(world.state.height + 4)
    assert world.do("va", ServeAxon(SUBNET, b"other", ())) == ""


def test_a_commitment_is_published_withdrawn_and_rate_limited() -> None:
    world = World()
    assert world.do("va", SetCommitment(SUBNET, b"abc")) == ""
    assert queries.commitment(world.state.view, SUBNET, who("va")) == b"abc"
    assert _refused(world, "va", SetCommitment(SUBNET, b"")) == "CommitmentRateLimitExceeded"
    world.run_to(world.state.height + 3)
    assert world.do("va", SetCommitment(SUBNET, b"")) == ""
    assert queries.commitment(world.state.view, SUBNET, who("va")) == b""


def test_a_free_call_uses_a_nonce_and_costs_nothing() -> None:
    world = World()
    assert queries.balance(world.state.view, key("va").public) == 0
    world.do("va", _weights((0, 1)))
    assert queries.nonce(world.state.view, who("va")) == 1
    assert world.blocks[-1].transactions
