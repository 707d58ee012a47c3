"""What a record's lines add up to: rules in force, seats, journal state and the score book, line after line.

The validator itself and whoever audits it run this code on the same lines, so both have the same book and the same
view to draw and weigh from, bit by bit. Pure; it believes every line: whether they are true is `node.market.audit`'s.
"""

from collections.abc import Iterable, Iterator, Mapping

from node.market.book import ScoreBook
from node.market.limits import RECORD_LINE_BYTES_MAX, SEATED_ROWS_MAX
from node.market.record import judged_of, neuron_of, seat_row
from node.market.record_lines import Booked, Decayed, Line, Seated, SeatRow, Started, Stated, Untold, from_bits
from node.market.weights import WeightVector, shares_of, weight_vector
from node.primitives.types import AccountId, Hash, Height, NetUid, Uid
from node.subnets.base import AnySubnet, Neuron, Standing, View


class Recount:
    """Where a record has come to. Begin with the standings of its start, then `apply` each line."""

    def __init__(self, netuid: NetUid, standings: Iterable[tuple[AccountId, Standing]] = ()) -> None:
        self.rules: Started | None = None
        self.book = ScoreBook(0.0)
        self.book.restore(standings)
        self.state: dict[bytes, bytes] = {}
        self.untold = False
        self._netuid = netuid
        self._seats: dict[Uid, Neuron] = {}

    def apply(self, line: Line) -> bool:
        """Take in one line; whether a score moved."""
        match line:
            case Started():
                self.rules = line
                self.book.alpha = from_bits(line.alpha)
            case Seated():
                self._seat(line)
            case Stated():
                for key in line.gone:
                    self.state.pop(key, None)
                self.state.update(line.changed)
            case Untold():
                self.state.clear()
                self.untold = True
            case Booked():
                judged = judged_of(line)
                return self.book.record(line.miner, judged.verdict, line.height, judged)
            case Decayed():
                self.book.decay(line.miners)
                return bool(line.miners)
            case _:
                pass
        return False

    def new_epoch(self) -> None:
        """Forget what every epoch's record tells anew: rules, seats and state."""
        self.rules, self.untold = None, False
        self.state.clear()
        self._seats.clear()

    def view(self, height: Height, block_hash: Hash) -> View:
        """The subnet as the lines so far tell it."""
        return View(self._netuid, height, block_hash, tuple(self._seats.values()), dict(self.state))

    def seats(self) -> Mapping[Uid, Neuron]:
        """The seats as told so far, by uid."""
        return self._seats

    def vector(self, subnet: AnySubnet, view: View) -> tuple[WeightVector | None, str]:
        """The weights that the book gives now, None to abstain, and why when the subnet's program failed."""
        shares, problem = shares_of(subnet, self.book, view)
        return weight_vector(shares, view), problem

    def _seat(self, line: Seated) -> None:
        for uid in line.gone:
            self._seats.pop(uid, None)
        self._seats.update((row.uid, neuron_of(row)) for row in line.changed)
        self._seats = dict(sorted(self._seats.items()))


def seat_lines(told: Mapping[Uid, Neuron], now: Iterable[Neuron], height: Height) -> Iterator[Seated]:
    """The lines that lead from the seats as told to the seats as they are; none when nothing changed."""
    rows = {neuron.uid: neuron for neuron in now}
    gone = tuple(sorted(uid for uid in told if uid not in rows))
    changed = [seat_row(neuron) for uid, neuron in sorted(rows.items()) if told.get(uid) != neuron]
    while changed or gone:
        part: tuple[SeatRow, ...] = tuple(changed[:SEATED_ROWS_MAX])
        yield Seated(height, part, gone[:SEATED_ROWS_MAX])
        changed, gone = changed[SEATED_ROWS_MAX:], gone[SEATED_ROWS_MAX:]


def state_lines(told: Mapping[bytes, bytes], now: Mapping[bytes, bytes]) -> Iterator[Stated]:
    """The lines that lead from the journal state as told to the state as it is; none when nothing changed."""
    gone = tuple(sorted(key for key in told if key not in now))
    part: list[tuple[bytes, bytes]] = []
    room = RECORD_LINE_BYTES_MAX // 2
    for key, value in sorted(now.items()):
        if told.get(key) == value:
            continue
        size = len(key) + len(value) + 16
        if part and size > room:
            yield Stated(tuple(part), gone)
            room, part, gone = RECORD_LINE_BYTES_MAX // 2, [], ()
        part.append((key, value))
        room -= size
    if part or gone:
        yield Stated(tuple(part), gone)
