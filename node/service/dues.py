"""Pays out what of this node's earnings belongs to others, such as the creators of chutes, from the hotkey's account.

It never pays more than callers have paid this node, keeps enough for fees, and writes a transfer down before it sends
it. Whether one arrived is read from final blocks, so neither a crash nor a reorganisation pays twice.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, cast

import trio

from node.ledger import queries
from node.ledger.calls import Transfer
from node.ledger.events import Event, Transferred
from node.ledger.transaction import ERA_PERIOD_DEFAULT_BLOCKS
from node.primitives.codec import decode_canonical
from node.primitives.crypto import Signer
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Rao
from node.service.birth import birth_of
from node.service.chain import Chain
from node.service.logbook import logger
from node.service.reader import Reader
from storage import StorageError
from storage.dues import DueRow, DueStore
from storage.limits import EVENT_BYTES_MAX

DUE_RAO: Final = 10_000_000  # a hundredth of a τ: less is not worth a transaction
FEES_WORTH: Final = 20  # nor is less than twenty fees
KEPT_RAO: Final = 100_000_000  # a tenth of a τ stays with the hotkey, for what it must send
TRANSFER_BYTES: Final = 240  # of a signed transfer, for its fee
SEARCHES_MAX: Final = 64  # pages of events in one look for a transfer; it lives 64 blocks
_PAGE: Final = 200
_EVENT: Final = cast("type[Any]", Event)

log = logger("money")


class Dues:
    """Of one hotkey. `owe` may be called at any time; `tick` at every new best block does the rest."""

    def __init__(self, chain: Chain, reader: Reader, hotkey: Signer, store: DueStore) -> None:
        self._chain = chain
        self._reader = reader
        self._hotkey = hotkey
        self._store = store
        self._new: Counter[AccountId] = Counter()
        self._rows: list[DueRow] = store.rows()
        self.last_error = ""

    def owe(self, shares: Mapping[AccountId, int]) -> None:
        """Note shares of an income, in rao; written down at the next block. Shares of this node's own are no dues."""
        self._new.update({who: rao for who, rao in shares.items() if rao > 0 and who != self._hotkey.public})

    def rows(self) -> tuple[DueRow, ...]:
        """What is owed, paid and under way, as of the last block."""
        return tuple(self._rows)

    async def tick(self) -> None:
        """Write down what is new, see what arrived, send what is due. Never raises NodeError or StorageError."""
        await self.flush()
        if not self._rows:
            return
        try:
            for row in self._rows:
                await (self._look_for(row) if row.sent_rao else self._send(row))
            self._rows = await trio.to_thread.run_sync(self._store.rows)
            self.last_error = ""
        except (NodeError, StorageError) as error:
            self.last_error = str(error)
            log.warning("a share of this node's earnings could not be paid out: %s", error)

    async def flush(self) -> None:
        """Write down what is new; a failing disk is logged and tried again."""
        new, self._new = self._new, Counter()
        try:
            while new:
                who, rao = next(iter(new.items()))
                await trio.to_thread.run_sync(self._store.owe, who, rao)
                del new[who]
                self._rows = await trio.to_thread.run_sync(self._store.rows)
        except StorageError as error:
            log.warning("a share of this node's earnings could not be written down: %s", error)
        finally:
            self._new.update(new)  # what is left, also when this was cancelled

    async def _send(self, row: DueRow) -> None:
        chain, amount = self._chain, row.owed_rao - row.paid_rao
        view = chain.head.executed.state.view
        fee = queries.fee_of(view, TRANSFER_BYTES)
        spare = queries.balance(view, self._hotkey.public) - fee - KEPT_RAO
        if amount < max(DUE_RAO, FEES_WORTH * fee) or spare < amount:
            return
        sent_until = max(birth_of(chain)[0], chain.head.height) + ERA_PERIOD_DEFAULT_BLOCKS
        first = chain.final.header.height + 1
        await trio.to_thread.run_sync(self._store.begin, row.account, amount, first, sent_until)
        log.info("paying out a share of this node's earnings")
        await self._reader.submit(Transfer(AccountId(row.account), Rao(amount)), self._hotkey)

    async def _look_for(self, row: DueRow) -> None:
        arrived = await trio.to_thread.run_sync(self._arrived, row)
        if arrived or self._chain.final.header.height > row.sent_until:
            await trio.to_thread.run_sync(lambda: self._store.end(row.account, arrived=arrived))

    def _arrived(self, row: DueRow) -> bool:
        """Whether a final block has the transfer. Where not all events can be seen it counts as paid: never twice."""
        history, wanted = self._chain.store.history, Transferred(
            self._hotkey.public, AccountId(row.account), Rao(row.sent_rao)
        )  # fmt: skip
        final, kept = self._chain.final.header.height, history.oldest()
        if final > row.sent_until and kept is not None and kept > row.sent_from:
            return True
        below = (final + 1, 0)
        for _ in range(SEARCHES_MAX):
            found = history.naming(row.account, below, _PAGE)
            for each in found.rows:
                if each.height < row.sent_from:
                    return False
                if decode_canonical(_EVENT, each.event, max_bytes=EVENT_BYTES_MAX) == wanted:
                    return True
            if found.searched_from < row.sent_from:
                return False
            whole = len(found.rows) < _PAGE
            below = (found.searched_from, 0) if whole else (found.rows[-1].height, found.rows[-1].position)
        return final > row.sent_until
