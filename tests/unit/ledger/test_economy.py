"""A small economy over several tempos: who works is paid, by the split the rules name, and nothing gets lost."""

from dataclasses import replace

import msgspec

from node.economics.emission import block_emission
from node.ledger import invariants, queries
from node.ledger.calls import AddStake, BurnedRegister, RemoveStake, SetWeights
from node.ledger.events import EpochRan, Event, MinerPaid, ValidatorPaid
from node.ledger.pallets import scores
from node.ledger.queries import NeuronRow
from node.primitives.types import AccountId, Alpha, NetUid, Rao, Uid
from tests.unit.ledger.world import ROOT, SUBNET, TAO, TEST_PARAMETERS, World, hyper, small_genesis, who

MINERS = ("m0", "m1", "m2")
WEIGHTS = (60, 30, 10)


def _with_miners(world: World, *, coldkey: str = "alice") -> World:
    world.block(*(world.sign(coldkey, BurnedRegister(SUBNET, who(miner))) for miner in MINERS))
    return world


def _judge(world: World, values: tuple[int, ...] = WEIGHTS, by: tuple[str, ...] = ("va", "vb")) -> None:
    uids = tuple(Uid(3 + index) for index in range(len(values)))
    world.block(*(world.sign(validator, SetWeights(SUBNET, uids, values, 0)) for validator in by))


def _run_to_epoch(world: World) -> list[Event]:
    """Empty blocks up to and including the next epoch's; its events."""
    while True:
        events = list(world.block().events)
        if any(isinstance(event, EpochRan) for event in events):
            return events


def _rows(world: World) -> dict[AccountId, NeuronRow]:
    return {row.hotkey: row for row in queries.metagraph(world.state.view, SUBNET).rows}


def _stake(world: World, coldkey: str, hotkey: str) -> int:
    positions = queries.stakes_of(world.state.view, who(coldkey))
    return sum(p.alpha for p in positions if p.hotkey == who(hotkey) and p.netuid == SUBNET)


def test_an_epoch_runs_at_its_tempo_and_when_the_subnet_says() -> None:
    world = World()
    for _ in range(3):
        due = world.state.height + queries.subnet(world.state.view, SUBNET).blocks_to_epoch
        _run_to_epoch(world)
        assert world.state.height == due
        assert queries.subnet(world.state.view, SUBNET).last_epoch_height == due
    assert queries.subnet(world.state.view, SUBNET).blocks_to_epoch == 11, "a period is the tempo and one block"


def test_incentive_follows_the_weights_of_the_validators() -> None:
    world = _with_miners(World())
    _judge(world)
    _run_to_epoch(world)
    rows = _rows(world)
    shares = [rows[who(miner)].incentive_u16 for miner in MINERS]
    assert all(abs(share - weight * 65535 // 100) <= 2 for share, weight in zip(shares, WEIGHTS, strict=True))
    assert sum(rows[who(v)].dividends_u16 for v in ("va", "vb")) in range(65530, 65536)
    assert rows[who("va")].validator_trust_u16 >= 65530


def test_a_full_tempo_is_split_18_41_41() -> None:
    world = _with_miners(World())
    _judge(world)
    _run_to_epoch(world)
    before = queries.subnet(world.state.view, SUBNET)
    assert before.pending_alpha == 0
    events = _run_to_epoch(world)
    [epoch] = [event for event in events if isinstance(event, EpochRan)]
    emitted = 11 * block_emission(before.alpha_in_pool + before.alpha_out)
    assert emitted == 11 * TAO
    assert abs(epoch.owner_alpha * 100 - 18 * emitted) < emitted // 100
    assert abs(epoch.miners_alpha * 100 - 41 * emitted) < emitted // 100
    assert abs(epoch.validators_alpha * 100 - 41 * emitted) < emitted // 100
    assert epoch.owner_alpha + epoch.miners_alpha + epoch.validators_alpha <= emitted
    assert epoch.miners_alpha == sum(event.alpha for event in events if isinstance(event, MinerPaid))
    paid = [event for event in events if isinstance(event, ValidatorPaid)]
    assert epoch.validators_alpha == sum(event.take_alpha + event.nominators_alpha for event in paid)


def test_every_reward_arrives_as_stake_of_the_right_coldkey() -> None:
    world = _with_miners(World())
    _judge(world)
    _run_to_epoch(world)
    held = {pair: _stake(world, *pair) for pair in (("alice", "m0"), ("owner", "owner-hot"), ("val", "va"))}
    events = _run_to_epoch(world)
    [epoch] = [event for event in events if isinstance(event, EpochRan)]
    [m0] = [event for event in events if isinstance(event, MinerPaid) and event.hotkey == who("m0")]
    [va] = [event for event in events if isinstance(event, ValidatorPaid) and event.hotkey == who("va")]
    assert _stake(world, "alice", "m0") - held["alice", "m0"] == m0.alpha
    assert _stake(world, "owner", "owner-hot") - held["owner", "owner-hot"] == epoch.owner_alpha
    assert abs(_stake(world, "val", "va") - held["val", "va"] - va.take_alpha - va.nominators_alpha) <= 1


def test_nominators_share_dividends_after_the_take() -> None:
    world = _with_miners(World())
    world.do("bob", AddStake(who("va"), SUBNET, Rao(600 * TAO)))
    _judge(world)
    _run_to_epoch(world)
    bob, val = _stake(world, "bob", "va"), _stake(world, "val", "va")
    events = _run_to_epoch(world)
    [va] = [event for event in events if isinstance(event, ValidatorPaid) and event.hotkey == who("va")]
    gained = _stake(world, "bob", "va") - bob
    total = va.take_alpha + va.nominators_alpha
    assert abs(va.take_alpha * 65535 - 11796 * total) < 2 * 65535
    assert abs(gained * (bob + val) - va.nominators_alpha * bob) < va.nominators_alpha * (bob + val) // 100
    assert gained < va.nominators_alpha


def test_a_miner_nobody_votes_for_earns_nothing() -> None:
    world = _with_miners(World())
    _judge(world, (60, 40, 0))
    _run_to_epoch(world)
    assert _rows(world)[who("m2")].incentive_u16 == 0
    assert _stake(world, "alice", "m2") == 0


def test_a_minority_cannot_pay_its_friend() -> None:
    world = _with_miners(World())
    _judge(world, (50, 50, 0), by=("va",))
    _judge(world, (0, 0, 100), by=("vb",))
    _run_to_epoch(world)
    rows = _rows(world)
    assert rows[who("m2")].incentive_u16 == 0, "40 % of the stake is no consensus"
    assert rows[who("vb")].validator_trust_u16 == 0
    assert rows[who("vb")].dividends_u16 < rows[who("va")].dividends_u16 // 10


def test_the_owners_miners_work_for_nothing_and_lower_the_subnets_share() -> None:
    world = World()
    world.block(
        world.sign("owner", BurnedRegister(SUBNET, who("m0"))), world.sign("alice", BurnedRegister(SUBNET, who("m1")))
    )
    _judge(world, (50, 50))
    events = _run_to_epoch(world)
    [epoch] = [event for event in events if isinstance(event, EpochRan)]
    assert abs(epoch.withheld_alpha - epoch.miners_alpha) <= 2
    assert _stake(world, "owner", "m0") == 0


def test_with_weights_from_nobody_the_miners_half_goes_to_the_stakers() -> None:
    world = _with_miners(World())
    events = _run_to_epoch(world)
    [epoch] = [event for event in events if isinstance(event, EpochRan)]
    assert epoch.miners_alpha == 0
    assert epoch.validators_alpha > 4 * epoch.owner_alpha


def test_tau_emission_goes_into_the_pool_or_is_recycled() -> None:
    world = World()
    before = queries.subnet(world.state.view, SUBNET)
    issued_rao = queries.total_issuance(world.state.view)
    world.run_to(5)
    after = queries.subnet(world.state.view, SUBNET)
    grown_rao = queries.total_issuance(world.state.view) - issued_rao
    assert grown_rao == after.tao_in_pool_rao - before.tao_in_pool_rao
    assert 5 * TAO - 20 < grown_rao <= 5 * TAO
    assert after.tao_emission_rao in range(TAO - 4, TAO + 1)


def test_without_root_stake_emission_buys_alpha_and_with_it_the_price_stays() -> None:
    bare, rooted = World(), World(small_genesis(root_rao=5000 * TAO))
    for world in (bare, rooted):
        world.run_to(8)
    assert queries.subnet(bare.state.view, SUBNET).protocol_alpha > 7 * TAO
    price_rao = queries.subnet(rooted.state.view, SUBNET).price_rao
    assert TAO <= price_rao < queries.subnet(bare.state.view, SUBNET).price_rao


def test_root_stakers_are_paid_in_tau_once_prices_sum_above_one() -> None:
    spec = small_genesis(root_rao=5000 * TAO)
    [first] = spec.subnets
    second = replace(
        first, netuid=NetUid(2), neurons=(), owner_hotkey=who("o2"), hyperparameters=hyper(tempo_blocks=300)
    )
    world = _with_miners(World(replace(spec, subnets=(first, second))))
    _judge(world)
    _run_to_epoch(world)
    positions = {p.hotkey: p.alpha for p in queries.stakes_of(world.state.view, who("bob")) if p.netuid == ROOT}
    events = _run_to_epoch(world)
    [epoch] = [event for event in events if isinstance(event, EpochRan)]
    assert epoch.root_rao > 0
    after = {p.hotkey: p.alpha for p in queries.stakes_of(world.state.view, who("bob")) if p.netuid == ROOT}
    assert positions[who("va")] < after[who("va")] <= positions[who("va")] + epoch.root_rao
    assert _stake(world, "val", "va") > 0


def test_a_subnet_that_has_not_started_emits_nothing() -> None:
    spec = small_genesis()
    world = World(replace(spec, subnets=(replace(spec.subnets[0], started=False),)))
    issued_rao = queries.total_issuance(world.state.view)
    world.run_to(12)
    info = queries.subnet(world.state.view, SUBNET)
    assert queries.total_issuance(world.state.view) == issued_rao
    assert (info.pending_alpha, info.alpha_emission, info.tao_emission_rao) == (0, 0, 0)


def test_a_validator_whose_stake_leaves_loses_its_permit() -> None:
    world = World()
    _run_to_epoch(world)
    assert _rows(world)[who("vb")].validator_permit
    world.do("val", RemoveStake(who("vb"), SUBNET, Alpha(350 * TAO)))
    _run_to_epoch(world)
    assert not _rows(world)[who("vb")].validator_permit
    assert _rows(world)[who("va")].validator_permit


def test_a_neuron_without_a_permit_has_no_say_however_rich() -> None:
    world = _with_miners(World())
    world.do("bob", AddStake(who("m2"), SUBNET, Rao(5000 * TAO)))
    _judge(world)
    world.block()
    world.do("m2", SetWeights(SUBNET, (Uid(5),), (1,), 0))
    _run_to_epoch(world)
    rows = _rows(world)
    assert abs(rows[who("m0")].incentive_u16 - 60 * 65535 // 100) <= 2
    assert rows[who("m2")].validator_permit, "from the next epoch on it may judge"


def test_the_owner_may_judge_without_stake() -> None:
    world = _with_miners(World(replace(small_genesis(), stakes=())))
    world.do("owner", AddStake(who("owner-hot"), SUBNET, Rao(TAO)))
    _judge(world, by=("owner-hot",))
    _run_to_epoch(world)
    assert abs(_rows(world)[who("m0")].incentive_u16 - 60 * 65535 // 100) <= 2


def _two_subnets() -> World:
    """Twice the same subnet; the second one's epochs never run here."""
    spec = small_genesis()
    [first] = spec.subnets
    numbers = hyper(tempo_blocks=300)
    second = replace(first, netuid=NetUid(2), neurons=(), owner_hotkey=who("o2"), hyperparameters=numbers)
    return World(replace(spec, subnets=(first, second)))


def test_a_subnet_whose_owner_pays_itself_gets_less_tau() -> None:
    world = _two_subnets()
    world.block(world.sign("owner", BurnedRegister(SUBNET, who("m0"))))
    _judge(world, (1,))
    _run_to_epoch(world)
    world.block()
    first, second = queries.subnets(world.state.view)
    assert first.tao_emission_rao == 0
    assert second.tao_emission_rao > TAO * 9 // 10


def test_a_subnet_closed_for_registration_emits_nothing() -> None:
    world = World(small_genesis(subnet=hyper(registration_allowed=False)))
    world.run_to(3)
    info = queries.subnet(world.state.view, SUBNET)
    assert (info.pending_alpha, info.tao_emission_rao) == (0, 0)


def test_the_moving_price_follows_the_spot_price_slowly() -> None:
    spec = small_genesis(
        subnet=hyper(price_halving_blocks=0),
        parameters=msgspec.structs.replace(TEST_PARAMETERS, moving_alpha_q32=1 << 30),
    )
    cheap = replace(spec.subnets[0], pool_tao_rao=Rao(2_500 * TAO))
    world = World(replace(spec, subnets=(cheap,)))
    assert queries.subnet(world.state.view, SUBNET).moving_price_rao == TAO // 4
    world.do("alice", AddStake(who("va"), SUBNET, Rao(1000 * TAO)))
    before = queries.subnet(world.state.view, SUBNET)
    world.block()
    after = queries.subnet(world.state.view, SUBNET)
    expected_rao = (3 * before.moving_price_rao + after.price_rao) // 4
    assert abs(after.moving_price_rao - expected_rao) <= 2
    assert before.moving_price_rao < after.moving_price_rao < after.price_rao


def test_a_replaced_seat_keeps_neither_bonds_nor_permit() -> None:
    world = _with_miners(World())
    _judge(world)
    _run_to_epoch(world)
    overlay = world.overlay()
    assert scores.BONDS.get(overlay, (SUBNET, Uid(1))) != ()
    scores.reset_uid(overlay, SUBNET, Uid(1))
    assert scores.BONDS.get(overlay, (SUBNET, Uid(1))) == ()
    assert scores.SCORES.get(overlay, SUBNET).validator_permits[1] is False
    assert scores.SCORES.get(overlay, SUBNET).dividends[1] == 0


def test_a_long_run_stays_consistent() -> None:
    world = _with_miners(World(small_genesis(root_rao=300 * TAO)))
    for tempo in range(6):
        _judge(world, (10 + tempo, 20, 30 - tempo))
        _run_to_epoch(world)
    invariants.check(world.state.view)
    rows = _rows(world)
    assert rows[who("m2")].alpha_stake > rows[who("m1")].alpha_stake > rows[who("m0")].alpha_stake
