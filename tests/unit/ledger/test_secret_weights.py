"""Weights committed first and revealed in one later epoch: what counts when, and everything that is refused."""

from typing import Final

import pytest
from msgspec.structs import replace

from node.economics.clock import epoch_index, first_block_of_epoch
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochOutput
from node.ledger import queries
from node.ledger.calls import (
    BatchCommitWeights,
    BatchRevealWeights,
    BatchSetWeights,
    BurnedRegister,
    CommitWeights,
    RevealWeights,
    SetWeights,
)
from node.ledger.commit_hash import commit_hash
from node.ledger.events import BatchWeightItemFailed, WeightsCommitted, WeightsRevealed, WeightsSet
from node.ledger.pallets import epoch, secret_weights, subnets
from node.primitives.limits import WEIGHT_COMMITS_MAX
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid, Uid
from tests.unit.ledger.refusals import refused
from tests.unit.ledger.world import SUBNET, World, hyper, small_genesis, who

TEMPO: Final = 10
SALT: Final = (7, 65_535, 0)
ROW: Final = ((Uid(0), Uid(2)), (1, 3))


def _world(**changes: int | bool) -> World:
    return World(small_genesis(subnet=hyper(**{"commit_reveal": True, "weights_rate_limit_blocks": 0, **changes})))


def _hash(by: str, *, salt: tuple[int, ...] = SALT, version: int = 0) -> Hash:
    return commit_hash(who(by), SUBNET, *ROW, salt, version)


def _commit(by: str = "va", *, salt: tuple[int, ...] = SALT) -> CommitWeights:
    return CommitWeights(SUBNET, _hash(by, salt=salt))


def _reveal(*, salt: tuple[int, ...] = SALT, version: int = 0) -> RevealWeights:
    return RevealWeights(SUBNET, *ROW, salt, version)


def _epoch(world: World) -> int:
    """The subnet's epoch that the head's transactions belonged to."""
    return epoch_index(world.state.height, SUBNET, TEMPO)


def _before_epoch(world: World, number: int) -> None:
    """Make the next block the first one of an epoch."""
    world.run_to(first_block_of_epoch(number, SUBNET, TEMPO) - 1)


def _commits(world: World, by: str = "va") -> list[Hash]:
    return [commit.hash for commit in secret_weights.COMMITS.get(world.state.view, (SUBNET, who(by)))]


def test_the_hash_is_blake2b_of_the_scale_encoding() -> None:
    hotkey = AccountId(bytes(range(32)))
    assert commit_hash(hotkey, NetUid(258), (1, 2), (3, 65_535), (), 2**40).hex() == (
        "73b6b6b1da0e833b69696e3fd1a789e9f47f8229d59ba662001a70f82990194b"
    )
    long = tuple(range(64))
    assert commit_hash(hotkey, SUBNET, long, long, (), 0) != commit_hash(hotkey, SUBNET, long[:63], long[:63], (), 0)


def test_committed_weights_are_revealed_in_the_epoch_after_and_only_then() -> None:
    world = _world()
    executed = world.block(world.sign("va", _commit()))
    assert WeightsCommitted(who("va"), SUBNET, _hash("va")) in executed.events
    committed_at, number = world.state.height, _epoch(world)
    assert refused(world, "va", _reveal()) == "RevealTooEarly"
    world.run_to(first_block_of_epoch(number + 1, SUBNET, TEMPO) - 2)
    assert refused(world, "va", _reveal()) == "RevealTooEarly", "the epoch begins one block later"
    _before_epoch(world, number + 1)
    executed = world.block(world.sign("va", _reveal()))
    assert _epoch(world) == number + 1
    assert [type(event) for event in executed.events[-2:]] == [WeightsSet, WeightsRevealed]
    assert queries.weights_of(world.state.view, SUBNET, Uid(1)) == ((0, 21_845), (2, 65_535))
    assert _commits(world) == []
    row = queries.metagraph(world.state.view, SUBNET).rows[1]
    assert row.last_update == committed_at, "weights are as old as their commit"


def test_the_last_block_of_the_epoch_still_takes_a_reveal_and_the_next_one_does_not() -> None:
    world = _world()
    world.do("va", _commit())
    number = _epoch(world)
    _before_epoch(world, number + 2)
    assert refused(world, "va", _reveal()) == "ExpiredWeightCommit"
    world = _world()
    world.do("va", _commit())
    world.run_to(first_block_of_epoch(number + 2, SUBNET, TEMPO) - 2)
    assert world.do("va", _reveal()) == ""


def test_a_reveal_does_not_wait_for_the_rate_limit() -> None:
    world = _world(weights_rate_limit_blocks=30)
    world.run_to(29)
    assert world.do("va", _commit()) == ""
    _before_epoch(world, _epoch(world) + 1)
    assert world.do("va", _reveal()) == ""


def test_commits_that_a_new_tempo_moves_out_of_their_epoch_are_expired() -> None:
    world = _world()
    world.do("va", _commit())
    overlay = world.overlay()
    assert secret_weights.oldest_commits(overlay, SUBNET, world.state.height, [who("va")]) == (world.state.height,)
    for tempo, height in ((2, 300), (300, 400)):
        numbers = replace(subnets.HYPERPARAMETERS.get(world.state.view, SUBNET), tempo_blocks=tempo)
        late = _world()
        late.run_to(50)
        late.do("va", _commit())
        overlay = late.overlay()
        subnets.HYPERPARAMETERS.put(overlay, SUBNET, numbers)
        assert secret_weights.oldest_commits(overlay, SUBNET, Height(height), [who("va")]) == (None,), tempo


def test_a_longer_period_moves_the_reveal() -> None:
    world = _world(reveal_period_epochs=3)
    world.do("va", _commit())
    number = _epoch(world)
    _before_epoch(world, number + 1)
    assert refused(world, "va", _reveal()) == "RevealTooEarly"
    _before_epoch(world, number + 3)
    assert world.do("va", _reveal()) == ""


def test_revealing_voids_all_earlier_commits_and_keeps_later_ones() -> None:
    world = _world()
    for salt in ((1,), (2,), (3,)):
        assert world.do("va", _commit(salt=salt)) == ""
    _before_epoch(world, _epoch(world) + 1)
    assert world.do("va", _reveal(salt=(2,))) == ""
    assert _commits(world) == [_hash("va", salt=(3,))]
    assert refused(world, "va", _reveal(salt=(1,))) == "InvalidRevealCommitHashNotMatch"


def test_a_reveal_needs_exactly_what_was_committed() -> None:
    world = _world(weights_version_key=0)
    assert refused(world, "va", _reveal()) == "NoWeightsCommitFound"
    world.do("va", _commit())
    _before_epoch(world, _epoch(world) + 1)
    for wrong in (_reveal(salt=(8,)), _reveal(version=1), RevealWeights(SUBNET, ROW[0], (1, 4), SALT, 0)):
        assert refused(world, "va", wrong) == "InvalidRevealCommitHashNotMatch"
    assert world.do("va", _reveal()) == ""


def test_a_copied_hash_cannot_be_revealed_by_the_copier() -> None:
    world = _world()
    world.block(world.sign("va", _commit("va")), world.sign("vb", _commit("va")))
    _before_epoch(world, _epoch(world) + 1)
    assert refused(world, "vb", _reveal()) == "InvalidRevealCommitHashNotMatch"
    assert world.do("va", _reveal()) == ""


def test_commits_are_limited_in_number_and_pace() -> None:
    world = _world()
    raws = [world.sign("va", _commit(salt=(n,))) for n in range(WEIGHT_COMMITS_MAX)]
    world.block(*raws)
    assert len(_commits(world)) == WEIGHT_COMMITS_MAX
    assert refused(world, "va", _commit(salt=(99,))) == "TooManyUnrevealedCommits"
    _before_epoch(world, _epoch(world) + 2)
    assert world.do("va", _commit(salt=(99,))) == "", "expired ones make room"
    assert _commits(world) == [_hash("va", salt=(99,))]
    slow = _world(weights_rate_limit_blocks=3)
    assert slow.do("va", _commit()) == ""
    slow.block()
    assert refused(slow, "va", _commit()) == "CommittingWeightsTooFast"
    slow.block()
    assert slow.do("va", _commit()) == ""


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (CommitWeights(NetUid(9), ZERO_HASH), "SubnetNotExists"),
        (RevealWeights(NetUid(9), (), (), (), 0), "SubnetNotExists"),
        (CommitWeights(NetUid(0), ZERO_HASH), "SubnetNotExists"),
    ],
)
def test_commits_name_an_existing_subnet(call: CommitWeights | RevealWeights, code: str) -> None:
    assert refused(_world(), "va", call) == code


def test_open_and_secret_weights_exclude_each_other() -> None:
    opened = SetWeights(SUBNET, *ROW, 0)
    assert refused(_world(), "va", opened) == "CommitRevealEnabled"
    plain = _world(commit_reveal=False)
    assert refused(plain, "va", _commit()) == "CommitRevealDisabled"
    assert refused(plain, "va", _reveal()) == "CommitRevealDisabled"
    assert plain.do("va", opened) == ""


def test_a_commit_needs_a_seat_and_a_reveal_all_rules_of_weights() -> None:
    world = _world(weights_version_key=5)
    assert refused(world, "stranger", _commit("stranger")) == "HotKeyNotRegisteredInSubNet"
    world.do("alice", BurnedRegister(SUBNET, who("miner")))
    world.block(
        world.sign("miner", CommitWeights(SUBNET, commit_hash(who("miner"), SUBNET, *ROW, SALT, 5))),
        world.sign("va", CommitWeights(SUBNET, _hash("va", version=4))),
        world.sign("vb", CommitWeights(SUBNET, commit_hash(who("vb"), SUBNET, (0, 9), (1, 1), (), 5))),
    )
    _before_epoch(world, _epoch(world) + 1)
    assert refused(world, "miner", _reveal(version=5)) == "NotEnoughStakeToSetWeights"
    assert refused(world, "va", _reveal(version=4)) == "IncorrectWeightVersionKey"
    invalid = RevealWeights(SUBNET, (Uid(0), Uid(9)), (1, 1), (), 5)
    assert refused(world, "vb", invalid) == "UidVecContainInvalidOne"
    assert _commits(world, "vb") != [], "a reveal that fails leaves the commit"


def test_a_batch_does_what_it_can_and_names_what_it_cannot() -> None:
    world = _world()
    bad = CommitWeights(NetUid(9), ZERO_HASH)
    executed = world.block(world.sign("va", BatchCommitWeights((bad, _commit(), _commit(salt=(2,))))))
    assert BatchWeightItemFailed(NetUid(9), b"SubnetNotExists") in executed.events
    assert len(_commits(world)) == 2
    assert refused(world, "va", BatchCommitWeights((bad, bad))) == "SubnetNotExists", "nothing done: not free"
    _before_epoch(world, _epoch(world) + 1)
    batch = BatchRevealWeights((_reveal(), _reveal(salt=(3,)), _reveal(salt=(2,))))
    executed = world.block(world.sign("va", batch))
    assert BatchWeightItemFailed(SUBNET, b"InvalidRevealCommitHashNotMatch") in executed.events
    assert sum(isinstance(event, WeightsRevealed) for event in executed.events) == 2
    assert _commits(world) == []
    plain = _world(commit_reveal=False)
    items = (SetWeights(NetUid(0), (), (), 0), SetWeights(SUBNET, *ROW, 0))
    executed = plain.block(plain.sign("va", BatchSetWeights(items)))
    assert BatchWeightItemFailed(NetUid(0), b"CanNotSetRootNetworkWeights") in executed.events
    assert queries.weights_of(plain.state.view, SUBNET, Uid(1)) == ((0, 21_845), (2, 65_535))


def test_a_failed_item_of_a_batch_leaves_nothing_behind() -> None:
    world = _world(weights_version_key=5)
    world.do("va", CommitWeights(SUBNET, _hash("va", version=4)))
    world.do("va", CommitWeights(SUBNET, _hash("va", version=5)))
    _before_epoch(world, _epoch(world) + 1)
    executed = world.block(world.sign("va", BatchRevealWeights((_reveal(version=4), _reveal(version=5)))))
    assert BatchWeightItemFailed(SUBNET, b"IncorrectWeightVersionKey") in executed.events
    assert sum(isinstance(event, WeightsSet) for event in executed.events) == 1


def test_a_hotkey_that_lost_its_seat_has_no_commits() -> None:
    world = _world(max_uids=3, immunity_blocks=1000)
    world.do("va", _commit())
    assert world.do("bob", BurnedRegister(SUBNET, who("next"))) == ""
    assert queries.uid_of(world.state.view, SUBNET, who("va")) is None
    assert _commits(world) == []


def test_the_epoch_gets_the_oldest_commit_that_can_still_be_revealed() -> None:
    world = _world(reveal_period_epochs=2)
    world.do("va", _commit(salt=(1,)))
    first = world.state.height
    world.run_to(first + 11)
    world.do("va", _commit(salt=(2,)))
    second = world.state.height
    hotkeys = [who("owner-hot"), who("va")]

    def oldest(height: int) -> tuple[int | None, ...]:
        return secret_weights.oldest_commits(world.state.view, SUBNET, Height(height), hotkeys)

    last_of_first = first_block_of_epoch(epoch_index(first, SUBNET, TEMPO) + 3, SUBNET, TEMPO) - 1
    assert oldest(last_of_first) == (None, first)
    assert oldest(last_of_first + 1) == (None, second)
    assert oldest(last_of_first + 12) == (None, None)


def test_weights_committed_before_a_seat_changed_hands_do_not_count_for_its_new_neuron(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int | None, ...]] = []
    run = run_epoch

    def spy(inputs: EpochInput) -> EpochOutput:
        assert inputs.params.commit_reveal
        seen.append(inputs.oldest_commit)
        return run(inputs)

    monkeypatch.setattr(epoch, "run_epoch", spy)
    world = _world()
    world.do("alice", BurnedRegister(SUBNET, who("miner")))
    world.do("va", _commit())
    committed_at = world.state.height
    _before_epoch(world, _epoch(world) + 1)
    world.block()
    assert (None, committed_at, None, None) in seen


def test_incentive_follows_revealed_weights() -> None:
    world = _world()
    world.block(
        world.sign("alice", BurnedRegister(SUBNET, who("m0"))), world.sign("bob", BurnedRegister(SUBNET, who("m1")))
    )
    world.block()
    hash_of_weights = commit_hash(who("va"), SUBNET, (3, 4), (1, 3), (), 0)
    world.do("va", CommitWeights(SUBNET, hash_of_weights))
    _before_epoch(world, _epoch(world) + 1)
    assert world.do("va", RevealWeights(SUBNET, (Uid(3), Uid(4)), (1, 3), (), 0)) == ""
    before = queries.metagraph(world.state.view, SUBNET).rows[4].incentive_u16
    assert before == 0
    _before_epoch(world, _epoch(world) + 1)
    world.block()
    rows = queries.metagraph(world.state.view, SUBNET).rows
    assert rows[4].incentive_u16 == pytest.approx(3 * rows[3].incentive_u16, abs=3)
    assert rows[3].incentive_u16 > 0
