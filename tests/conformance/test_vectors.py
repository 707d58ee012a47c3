"""Every case of every vector file, exactly where its tolerance is 0."""

import pytest

from tests.conformance.cases import Case
from tests.conformance.runner import MalformedCase, Mismatch, NotInThisBuild, Tally, run


def test_the_node_computes_what_the_vector_expects(vector: Case | MalformedCase, tallies: dict[str, Tally]) -> None:
    if isinstance(vector, MalformedCase):
        tallies[str(vector).split(".json")[0] + ".json"].failed += 1
        pytest.fail(f"malformed: {vector}", pytrace=False)
    tally = tallies[vector.file]
    if fault := outcome(vector, tally):
        tally.failed += 1
        pytest.fail(f"{vector.id}: {fault}", pytrace=False)
    tally.passed += 1
    tally.notes.extend(vector.notes)


def outcome(case: Case, tally: Tally) -> str:
    """What is wrong with a case or with the node; nothing if it passes. Skips what is not in this build."""
    try:
        run(case)
    except NotInThisBuild as reason:
        tally.skipped[case.kind, str(reason)] += 1
        pytest.skip(f"{case.kind}: {reason}")
    except MalformedCase as error:
        return f"malformed: {error}"
    except Mismatch as error:
        return str(error)
    except Exception as error:
        return f"unexpected {type(error).__name__}: {error}"
    return ""
