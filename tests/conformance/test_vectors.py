"""Every case of every vector file, exactly where its tolerance is 0."""

import pytest

from tests.conformance.cases import Case
from tests.conformance.runner import MalformedCase, Mismatch, NotInThisBuild, Tally, run


def test_the_node_computes_what_the_vector_expects(vector: Case | MalformedCase, tallies: dict[str, Tally]) -> None:
    if isinstance(vector, MalformedCase):
        tallies[str(vector).split(".json")[0] + ".json"].failed += 1
        pytest.fail(f"malformed: {vector}", pytrace=False)
    tally = tallies[vector.file]
    try:
        run(vector)
    except NotInThisBuild as reason:
        tally.skipped[vector.kind, str(reason)] += 1
        pytest.skip(f"{vector.kind}: {reason}")
    except MalformedCase as error:
        tally.failed += 1
        pytest.fail(f"{vector.id}: malformed: {error}", pytrace=False)
    except Mismatch as error:
        tally.failed += 1
        pytest.fail(f"{vector.id}: {error}", pytrace=False)
    except Exception:
        tally.failed += 1
        raise
    tally.passed += 1
    tally.notes.extend(vector.notes)
