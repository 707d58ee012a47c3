"""What the vote book keeps up to date vote by vote is what counting everything anew would find."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.authority import AuthoritySet
from node.consensus.votebook import VoteBook
from node.consensus.votes import NIL, BlockRef, Step
from node.ledger.header import Authority
from node.primitives.types import AccountId, SetId
from tests.simulation.chain import key
from tests.unit.consensus.helpers import A, B, vote

UNEQUAL = AuthoritySet.of(SetId(0), (Authority(key(number), number % 3, 40 * number % 70) for number in range(1, 8)))

Cast = tuple[int, Step, BlockRef, int]
CASTS = st.tuples(st.integers(0, 6), st.sampled_from(Step), st.sampled_from((A, A, A, B, NIL)), st.integers(0, 2))
MOVES = st.lists(st.one_of(CASTS, CASTS, CASTS, st.integers(0, 4)), min_size=20, max_size=60)


@settings(max_examples=150, deadline=None)
@given(MOVES)
def test_powers_and_rounds_reached_are_those_of_a_fresh_count(said: list[Cast | int]) -> None:
    """A number alone moves the focus there, if that is forward."""
    book = VoteBook(UNEQUAL, lambda block: block == A)
    reached: dict[AccountId, tuple[int, int]] = {}
    focus = 0
    for move in said:
        if isinstance(move, int):
            focus = max(focus, move)
            book.focus(focus)
        else:
            _cast(book, reached, move)
        for step in Step:
            at = [who for who, position in reached.items() if position >= (focus, int(step))]
            assert book.power_at(step) == UNEQUAL.power_of_all(at)
        assert book.furthest == max((at for at, _ in reached.values()), default=-1)
        assert book.round_of_honest() == _honest(reached)


def _cast(book: VoteBook, reached: dict[AccountId, tuple[int, int]], move: Cast) -> None:
    seat, step, block, round_number = move
    before, quorums = _quorums(book), book.quorums
    made = vote(seat, step, block, round_number=round_number, members=UNEQUAL)
    book.add_vote(made)
    place = (round_number, int(step))
    reached[made.voter] = max(reached.get(made.voter, place), place)
    assert _quorums(book) == before or book.quorums > quorums  # no quorum goes unsaid


def _honest(reached: dict[AccountId, tuple[int, int]]) -> int:
    rounds = sorted({at for at, _ in reached.values()}, reverse=True)
    there = ([who for who, (at, _) in reached.items() if at >= number] for number in rounds)
    powers = zip(rounds, map(UNEQUAL.power_of_all, there), strict=True)
    return next((number for number, power in powers if UNEQUAL.includes_honest(power)), -1)


def _quorums(book: VoteBook) -> list[BlockRef | None]:
    return [book.quorum(round_number, step) for round_number in range(5) for step in Step]
