"""Read models: they answer for what is there, for what is not, and agree with what calls do."""

import pytest

from node.ledger import errors, queries
from node.ledger.calls import AddStake
from node.ledger.events import StakeAdded
from node.primitives.types import Alpha, Height, NetUid, Rao, Uid
from tests.unit.ledger.world import ROOT, SUBNET, TAO, World, small_genesis, who


def test_an_unknown_account_has_nothing() -> None:
    view = World().state.view
    nobody = who("nobody")
    assert (queries.balance(view, nobody), queries.nonce(view, nobody)) == (0, 0)
    assert queries.hotkey(view, nobody) is None
    assert queries.stakes_of(view, nobody) == ()
    assert queries.uid_of(view, SUBNET, nobody) is None
    assert queries.commitment(view, SUBNET, nobody) == b""
    assert queries.weights_of(view, SUBNET, Uid(99)) == ()
    assert queries.block_hash(view, Height(0)) is None


def test_an_unknown_subnet_is_an_error_everywhere() -> None:
    view = World().state.view
    with pytest.raises(errors.SubnetNotExists):
        queries.subnet(view, NetUid(9))
    with pytest.raises(errors.SubnetNotExists):
        queries.metagraph(view, ROOT)
    with pytest.raises(errors.SubnetNotExists):
        queries.quote_stake(view, NetUid(9), Rao(TAO))


def test_the_chain_says_where_it_is() -> None:
    world = World()
    world.block(slots=3)
    info = queries.chain_info(world.state.view)
    assert (info.name, info.slot_ms, info.height, info.slot) == ("test", 1000, 1, 3)
    assert info.producer == who("authority1")
    assert info.block_emission_rao == TAO
    assert info.total_issuance_rao == queries.total_issuance(world.state.view)


def test_positions_and_nominators_are_two_sides_of_one_list() -> None:
    world = World(small_genesis(root_rao=7 * TAO))
    positions = queries.stakes_of(world.state.view, who("val"))
    assert {(p.hotkey, p.alpha, p.value_rao) for p in positions} == {
        (who("va"), 600 * TAO, 600 * TAO), (who("vb"), 400 * TAO, 400 * TAO),
    }  # fmt: skip
    [nominator] = queries.nominators_of(world.state.view, who("va"), SUBNET)
    assert nominator == positions[0]
    [root] = queries.nominators_of(world.state.view, who("va"), ROOT)
    assert (root.coldkey, root.alpha) == (who("bob"), 7 * TAO)


def test_a_quote_on_the_state_of_a_call_is_what_the_call_gives() -> None:
    world = World()
    world.block()
    executed = world.block(world.sign("alice", AddStake(who("va"), SUBNET, Rao(TAO * 50))))
    [added] = [event for event in executed.events if isinstance(event, StakeAdded)]
    info = queries.subnet(world.state.view, SUBNET)
    quote = queries.quote_stake(world.state.view, SUBNET, Rao(TAO * 50))
    assert quote.price_before_rao == info.price_rao < quote.price_after_rao
    assert 0 < added.alpha - quote.amount_out < added.alpha // 50, "the same amount again buys a little less"
    assert quote.fee_rao == added.fee_rao == 50 * TAO * 33 // 65535
    assert 4000 < quote.price_impact_ppm < 7000, "half a per cent and the fee"


def test_a_quote_on_root_costs_nothing() -> None:
    view = World(small_genesis(root_rao=TAO)).state.view
    for quote in (queries.quote_stake(view, ROOT, Rao(TAO)), queries.quote_unstake(view, ROOT, Alpha(TAO))):
        assert (quote.amount_out, quote.fee_rao, quote.price_impact_ppm) == (TAO, 0, 0)
        assert quote.price_before_rao == quote.price_after_rao == TAO


def test_an_unstake_quote_mirrors_a_stake_quote() -> None:
    view = World().state.view
    quote = queries.quote_unstake(view, SUBNET, Alpha(100 * TAO))
    assert quote.price_after_rao < quote.price_before_rao == TAO
    assert 98 * TAO < quote.amount_out < 99 * TAO + TAO // 20
    with pytest.raises(errors.SwapInputTooLarge):
        queries.quote_unstake(view, SUBNET, Alpha(20_000_000 * TAO))


def test_the_metagraph_shows_stake_as_an_epoch_weighs_it() -> None:
    view = World(small_genesis(root_rao=100 * TAO)).state.view
    row = queries.metagraph(view, SUBNET).rows[1]
    assert (row.alpha_stake, row.root_stake_rao) == (600 * TAO, 100 * TAO)
    assert abs(row.stake_weight_rao - 618 * TAO) <= 30, "root counts 0.18"
    assert (row.peer_id, row.addresses, row.active) == ("", (), True)


def test_one_neuron_is_its_row_of_the_metagraph() -> None:
    view = World(small_genesis(root_rao=100 * TAO)).state.view
    rows = queries.metagraph(view, SUBNET).rows
    assert tuple(queries.neuron(view, SUBNET, row.uid) for row in rows) == rows
    assert queries.neuron(view, SUBNET, Uid(len(rows))) is None
    with pytest.raises(errors.SubnetNotExists):
        queries.neuron(view, NetUid(9), Uid(0))
