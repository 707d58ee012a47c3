"""Networks that live for a while under kills and sleep, in short; the modules beside run for as long as one likes."""

from pathlib import Path

import pytest
import trio

from tests.soak.churn import Churn, Options
from tests.soak.suspend import Sleeper

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_a_network_whose_nodes_die_and_return_keeps_one_chain_and_its_transfers(tmp_path: Path) -> None:
    options = Options(minutes=0.3, nodes=5, every_s=6.0, sample_s=2.0, transfers_per_s=4.0)
    report = trio.run(Churn(tmp_path, options).run, lambda line: None)
    assert report.wrong == ()
    assert report.kills >= 1
    assert report.final_height > 0
    assert report.transfers_executed > 0
    assert all(each.tasks for samples in report.samples.values() for each in samples)


def test_a_node_that_was_asleep_is_back_in_seconds_and_signs_nothing_for_its_sleep(tmp_path: Path) -> None:
    outcome = trio.run(lambda: Sleeper(tmp_path, 4, 1000).run(8.0, lambda line: None, awake_s=3.0))
    assert outcome.wrong == ()
    assert outcome.finalised_meanwhile > 0
