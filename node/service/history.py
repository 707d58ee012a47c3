"""An account's past on the daemon's side of the control API: events of final blocks, told in the account's own view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import trio

from node.control.views.history import Direction, HistoryItem, HistoryPage
from node.ledger import events
from node.ledger.header import decode_header
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.types import AccountId
from storage.history import EventRow, Stretch
from storage.limits import EVENT_BYTES_MAX

if TYPE_CHECKING:
    from node.service.app import Running
    from node.service.chain import Chain

_EVENT: Final = cast("type[Any]", events.Event)  # a union decodes like a type
_PARTIES: Final = (
    "sender", "to", "coldkey", "origin_coldkey", "destination_coldkey", "hotkey", "origin_hotkey",
    "destination_hotkey", "payer", "payee", "old_coldkey", "new_coldkey", "delegate", "delegator",
    "account", "authority", "owner_coldkey", "owner_hotkey", "old_hotkey", "new_hotkey", "member", "real",
)  # fmt: skip
_TAO: Final = ("amount_rao", "tao_rao", "burned_rao")
_ALPHA: Final = ("alpha", "take_alpha")


class HistoryOfNode:
    """The history method of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def history(
        self, address: str, limit: int = 50, before_height: int | None = None, before_position: int = 0
    ) -> HistoryPage:
        """Return the newest events that name an account. Raises AddressError."""
        account = from_ss58(address)
        chain = self._running().chain
        below = (chain.final.header.height + 1, 0) if before_height is None else (before_height, before_position)
        return await trio.to_thread.run_sync(history_page, chain, account, below, limit)


def history_page(chain: Chain, account: AccountId, below: tuple[int, int], limit: int) -> HistoryPage:
    """Return the events before the place `below` that name `account`; for a worker thread."""
    stretch = chain.store.history.naming(account, below, limit)
    kept = chain.store.history.oldest()
    times: dict[int, int] = {}
    items = [_item(chain, account, row, times) for row in stretch.rows]
    found = tuple(each for each in items if each is not None)
    position = _position_of(stretch, limit)
    more = kept is not None and (stretch.searched_from > kept or position > 0)
    kept_from = chain.final.header.height if kept is None else kept
    return HistoryPage(to_ss58(account), found, stretch.searched_from, position, kept_from, more)


def _position_of(stretch: Stretch, limit: int) -> int:
    """The place in the block `searched_from` up to which everything was looked at."""
    return stretch.rows[-1].position if len(stretch.rows) >= limit else 0


def _item(chain: Chain, account: AccountId, row: EventRow, times: dict[int, int]) -> HistoryItem | None:
    event = decode_canonical(_EVENT, row.event, max_bytes=EVENT_BYTES_MAX)
    named = [value for name in _PARTIES if (value := getattr(event, name, None)) is not None]
    if account not in named:
        return None  # its bytes stand there by chance, or inside a field that is no party
    direction, free_rao = _effect(event, account)
    others = [each for each in named if each != account]
    netuid = getattr(event, "netuid", getattr(event, "destination_netuid", None))
    origin = getattr(event, "origin_netuid", None)
    return HistoryItem(
        row.height, row.position, _time_ms(chain, row.height, times), type(event).__name__, direction,
        to_ss58(others[0]) if others else "", None if netuid is None else int(netuid), free_rao,
        _first(event, _TAO), _first(event, _ALPHA), None if origin is None else int(origin),
    )  # fmt: skip


def _effect(event: Any, account: AccountId) -> tuple[Direction, int]:
    """Where it went, and what it did to the account's free τ in rao."""
    match event:
        case events.Transferred(sender=sender, to=to, amount_rao=amount):
            if sender == to:
                return "self", 0
            return ("out", -amount) if sender == account else ("in", amount)
        case events.StakeAdded(coldkey=coldkey, tao_rao=tao, fee_rao=fee) if coldkey == account:
            return "self", -tao - fee
        case events.StakeRemoved(coldkey=coldkey, tao_rao=tao) if coldkey == account:
            return "self", tao
        case events.StakeMoved(coldkey=coldkey) | events.StakeSwapped(coldkey=coldkey) if coldkey == account:
            return "self", 0
        case events.StakeTransferred(origin_coldkey=origin, destination_coldkey=destination, tao_rao=tao):
            if account in (origin, destination) and origin != destination:
                # from subnet to subnet a sale by one and a purchase by the other stand before it; its τ went between
                passed = tao if event.origin_netuid != event.destination_netuid else 0
                return ("out", -passed) if origin == account else ("in", passed)
            return "about", 0
        case events.MinerPaid() | events.ValidatorPaid():
            return "in", 0
        case (
            events.AlphaBurned(coldkey=coldkey)
            | events.AlphaRecycled(coldkey=coldkey)
            | events.AddStakeBurned(coldkey=coldkey)  # its τ are those of the StakeAdded before it
        ) if coldkey == account:
            return "out", 0
        case _:
            return "about", 0


def _first(event: Any, names: tuple[str, ...]) -> int:
    return next((int(value) for name in names if (value := getattr(event, name, None)) is not None), 0)


def _time_ms(chain: Chain, height: int, times: dict[int, int]) -> int:
    """When a block was due, 0 where its header is no longer kept."""
    if height not in times:
        rows = chain.store.headers_from(height, 1)
        known = bool(rows) and rows[0].height == height
        times[height] = chain.clock.start_ms_of(decode_header(rows[0].header).slot) if known else 0
    return times[height]
