"""What each epoch paid to this node's hotkey, read from the events of finalised blocks."""

from collections import deque
from collections.abc import Iterable
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
    """Follows one hotkey in one subnet; the past is read once from the store, the rest as it becomes final."""

    def __init__(self, chain: Chain, hotkey: AccountId, netuid: NetUid) -> None:
        self._chain = chain
        self._hotkey = hotkey
        self._netuid = netuid
        self._epochs: deque[EpochEarning] = deque(maxlen=EPOCHS_SHOWN_MAX)
        self._read_past()
        chain.on_final(self._follow)

    def view(self) -> Earnings:
        """Return the latest epochs, their sums and the present rank among those who earn incentive."""
        graph = queries.metagraph(self._chain.head.executed.state.view, self._netuid)
        own = next((row for row in graph.rows if row.hotkey == self._hotkey), None)
        rank = None
        if own is not None and own.incentive_u16:
            rank = 1 + sum(row.incentive_u16 > own.incentive_u16 for row in graph.rows)
        return Earnings(
            hotkey=to_ss58(self._hotkey),
            total_alpha=sum(each.incentive_alpha + each.dividends_alpha for each in self._epochs),
            total_value_rao=sum(each.value_rao for each in self._epochs),
            epochs=tuple(self._epochs),
            rank=rank,
            neurons=len(graph.rows),
            incentive_u16=None if own is None else own.incentive_u16,
        )

    def _follow(self, final: Finalised[Executed]) -> None:
        for block, executed in zip(final.blocks, final.states, strict=True):
            price_rao = queries.subnet(executed.state.view, self._netuid).price_rao if executed.events else 0
            self._take(block.header.height, executed.events, price_rao)

    def _read_past(self) -> None:
        info = queries.subnet(self._chain.head.executed.state.view, self._netuid)
        tip = self._chain.final.header.height
        first = max(0, tip - EPOCHS_SHOWN_MAX * (info.tempo_blocks + 1))
        for height in range(first, tip + 1):
            if epoch_due(height, self._netuid, info.tempo_blocks):
                stored = self._chain.store.events_at(height)
                events = [decode_canonical(_EVENT, raw, max_bytes=EVENT_BYTES_MAX) for raw in stored]
                self._take(height, events, info.price_rao)

    def _take(self, height: int, events: Iterable[Event], price_rao: int) -> None:
        incentive = dividends = 0
        for event in events:
            match event:
                case MinerPaid(netuid, hotkey, alpha) if (netuid, hotkey) == (self._netuid, self._hotkey):
                    incentive += alpha
                case ValidatorPaid(netuid, hotkey, take, shared) if (netuid, hotkey) == (self._netuid, self._hotkey):
                    dividends += take + shared
                case _:
                    continue
        if incentive or dividends:
            value = (incentive + dividends) * price_rao // _RAO
            self._epochs.append(EpochEarning(self._netuid, height, incentive, dividends, value))


_EVENT = cast("type[Event]", Event)
