"""A network that is cut in two and healed, in short; `python -m tests.netns.partition` cuts for a minute."""

from pathlib import Path

import pytest

from tests.netns.lab import why_not
from tests.netns.partition import NOTICED_S_MAX, prepared

MISSING = why_not()
CUT_S = NOTICED_S_MAX + 1


@pytest.mark.e2e
@pytest.mark.timeout(180)
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.parametrize("split", [(2, 2), (3, 1)], ids=["no side has a quorum", "one side has a quorum"])
def test_a_cut_network_is_one_again_soon_after_and_finalises_nothing_twice(
    tmp_path: Path, split: tuple[int, int]
) -> None:
    with prepared(tmp_path, split, slot_ms=1000) as partition:
        outcome = partition.run(CUT_S, lambda line: None)
    assert outcome.wrong == ()
    assert outcome.healed_slots is not None
    assert outcome.rejoined_s is not None
