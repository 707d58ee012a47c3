"""What each epoch paid to this node's hotkey, read from the events of finalised blocks."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Final, cast

from node.consensus.events import Finalised
from node.control.schema import Earnings, EpochEarning
from node.economics.clock import epoch_due
from node.ledger import queries
from node.ledger.events import Event, MinerPaid, ValidatorPaid
from node.ledger.transition import Executed
from node.primitives.address import to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.types import AccountId, NetUid
from node.service.chain import Chain

EPOCHS_SHOWN_MAX: Final = 100
EVENT_BYTES_MAX: Final = 4096
_RAO: Final = 10**9


class EarningsBook:
    """Follows one hotkey in all subnets; the past is read once from the store, the rest as it becomes final."""

    def __init__(self, chain: Chain, hotkey: AccountId) -> None:
        self._chain = chain
        self._hotkey = hotkey
        self._epochs: deque[EpochEarning] = deque(maxlen=EPOCHS_SHOWN_MAX)
        self._read_past()
        chain.on_final(self._follow)

    def view(self, netuid: NetUid) -> Earnings:
        """Return the latest epochs of all subnets, their value, and rank and α in one of them."""
        graph = queries.metagraph(self._chain.head.executed.state.view, netuid)
        own = next((row for row in graph.rows if row.hotkey == self._hotkey), None)
        rank = None
        if own is not None and own.incentive_u16:
            rank = 1 + sum(row.incentive_u16 > own.incentive_u16 for row in graph.rows)
        here = [each for each in self._epochs if each.netuid == netuid]
        return Earnings(
            hotkey=to_ss58(self._hotkey),
            total_alpha=sum(each.incentive_alpha + each.dividends_alpha for each in here),
            total_value_rao=sum(each.value_rao for each in self._epochs),
            epochs=tuple(self._epochs),
            rank=rank,
            neurons=len(graph.rows),
            incentive_u16=None if own is None else own.incentive_u16,
        )

    def _follow(self, final: Finalised[Executed]) -> None:
        for block, executed in zip(final.blocks, final.states, strict=True):
            if executed.events:
                prices = {each.netuid: each.price_rao for each in queries.subnets(executed.state.view)}
                self._take(block.header.height, executed.events, prices)

    def _read_past(self) -> None:
        infos = queries.subnets(self._chain.head.executed.state.view)
        prices = {each.netuid: each.price_rao for each in infos}
        tip = self._chain.final.header.height
        longest = max((each.tempo_blocks + 1 for each in infos), default=1)
        for height in range(max(0, tip - EPOCHS_SHOWN_MAX * longest), tip + 1):
            if any(epoch_due(height, each.netuid, each.tempo_blocks) for each in infos):
                stored = self._chain.store.events_at(height)
                events = [decode_canonical(_EVENT, raw, max_bytes=EVENT_BYTES_MAX) for raw in stored]
                self._take(height, events, prices)

    def _take(self, height: int, events: Iterable[Event], prices: Mapping[NetUid, int]) -> None:
        incentive: dict[NetUid, int] = defaultdict(int)
        dividends: dict[NetUid, int] = defaultdict(int)
        for event in events:
            match event:
                case MinerPaid(netuid, hotkey, alpha) if hotkey == self._hotkey:
                    incentive[netuid] += alpha
                case ValidatorPaid(netuid, hotkey, take, shared) if hotkey == self._hotkey:
                    dividends[netuid] += take + shared
                case _:
                    continue
        for netuid in sorted({*incentive, *dividends}):
            total = incentive[netuid] + dividends[netuid]
            if total:
                value = total * prices.get(netuid, 0) // _RAO
                self._epochs.append(EpochEarning(netuid, height, incentive[netuid], dividends[netuid], value))


_EVENT = cast("type[Event]", Event)
