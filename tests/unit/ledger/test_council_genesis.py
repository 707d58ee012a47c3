"""Genesis names who decides first: in the file, in the state, and with clear words for mistakes."""

from dataclasses import replace

import pytest

from node.ledger import invariants, queries
from node.ledger import network_queries as network
from node.ledger.errors import GenesisError
from node.ledger.genesis import GenesisSpec, format_genesis, genesis_state, parse_genesis
from node.primitives.limits import SENATE_MAX
from node.service.founding import Founder, devnet_genesis
from tests.unit.ledger.council import council_genesis
from tests.unit.ledger.world import who


def test_the_council_survives_the_file_and_counts_in_the_genesis_hash() -> None:
    spec = council_genesis()
    assert parse_genesis(format_genesis(spec)) == spec
    variants = [spec, replace(spec, triumvirate=spec.triumvirate[:2]), replace(spec, senate=spec.senate[:2])]
    assert len({genesis_state(variant)[1].hash for variant in variants}) == 3


def test_genesis_seats_the_council() -> None:
    view = genesis_state(council_genesis())[1].view
    invariants.check(view)
    assert network.triumvirate(view) == tuple(sorted([who("alice"), who("bob"), who("mallory")]))
    assert network.senate(view) == tuple(sorted([who("va"), who("vb"), who("owner-hot")]))
    seats = network.root_seats(view)
    assert [(seat.uid, seat.hotkey, seat.senator) for seat in seats] == [
        (0, who("va"), True),
        (1, who("vb"), True),
        (2, who("owner-hot"), True),
    ]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (replace(council_genesis(), triumvirate=tuple(who(name) for name in "abcd")), "triumvirate"),
        (replace(council_genesis(), triumvirate=(who("a"), who("a"))), "triumvirate"),
        (replace(council_genesis(), senate=(who("va"), who("va"))), "senate"),
        (replace(council_genesis(), senate=(who("va"), who("nobody"))), "senate[1]"),
        (replace(council_genesis(), senate=tuple(who(f"s{i}") for i in range(SENATE_MAX + 1))), "senate"),
    ],
)
def test_a_wrong_council_is_refused_by_its_field(spec: GenesisSpec, named: str) -> None:
    with pytest.raises(GenesisError) as caught:
        genesis_state(spec)
    assert caught.value.message.startswith(named)


def test_a_file_without_a_council_is_a_network_that_never_changes_its_rules() -> None:
    spec = replace(council_genesis(), triumvirate=(), senate=())
    assert parse_genesis(format_genesis(spec)) == spec
    assert network.senate(genesis_state(spec)[1].view) == ()


@pytest.mark.parametrize("authorities", [1, 2, 13])
def test_the_founders_of_a_devnet_govern_it(authorities: int) -> None:
    founders = [Founder(who(f"cold{index}"), who(f"hot{index}")) for index in range(authorities)]
    spec = devnet_genesis("devnet", founders, [], start_ms=0, slot_ms=1000, tempo=10)
    view = genesis_state(spec)[1].view
    invariants.check(view)
    assert network.triumvirate(view) == tuple(sorted(who(f"cold{index}") for index in range(min(3, authorities))))
    assert len(network.senate(view)) == min(12, authorities)
    parameters = queries.parameters(view)
    assert parameters.proposal_duration_blocks < 100
    assert parameters.unbonding_blocks > parameters.evidence_age_blocks
