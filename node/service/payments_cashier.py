"""Carries money to and from the chain for a node's hotkey: redeems vouchers in time, opens and fills channels.

Everything it sends is signed by the hotkey and paid from the hotkey's own account; it sends nothing that a budget of
zero forbids. A voucher is redeemed when its channel closes or ends soon, when much is owed, and when the node stops.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import trio

from node.ledger import queries
from node.ledger.calls import OpenChannel, RedeemVoucher, TopUpChannel
from node.market.budget import Limits
from node.market.channels import ChannelInfo, usable
from node.market.limits import CHANNEL_MARGIN_BLOCKS
from node.market.money import Money
from node.market.vouchers import Held
from node.primitives.crypto import Signer
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Hash, Height, Rao
from node.service.chain import Chain, now_ms
from node.service.dues import Dues
from node.service.logbook import logger
from node.service.payments import ChainChannels, PaymentBook, open_payer, open_till
from node.service.reader import Reader
from storage import StorageError

REDEEM_RAO: Final = 100_000_000  # a tenth of a τ: more is not left with a stranger's channel
REDEEM_LEAD_BLOCKS: Final = 2 * CHANNEL_MARGIN_BLOCKS  # before a channel's end: twice what vouchers are taken for
RETRY_BLOCKS: Final = 5  # a transaction that is not in after five blocks is sent again
FEES_WORTH: Final = 10  # a voucher over less than ten fees waits until its channel ends
REDEEM_BYTES: Final = 320  # of a signed redeem_voucher, for its fee
CHANNEL_LIFE_BLOCKS: Final = 216_000  # thirty days of 12 s blocks
OPENINGS_QUEUED_MAX: Final = 16  # miners that a node wants a channel to at one time

log = logger("money")


@dataclass(slots=True)
class _Sent:
    height: Height
    cumulative_rao: int


def reason_to_redeem(held: Held, info: ChannelInfo, height: Height, fee_rao: int, *, stopping: bool = False) -> str:
    """Say why a voucher goes to the chain now; "" while it may wait."""
    owed = held.voucher.cumulative_rao - info.redeemed_rao
    if owed <= 0:
        return ""
    if info.closes is not None:
        return "its payer closes the channel"
    if owed <= fee_rao:
        return ""
    if info.expires <= height + REDEEM_LEAD_BLOCKS:
        return "the channel ends soon"
    if owed >= REDEEM_RAO:
        return "much is owed"
    return "the node stops" if stopping and owed >= FEES_WORTH * fee_rao else ""


class Cashier:
    """Of one hotkey. `money` is what the market works with; `run` it beside the chain."""

    def __init__(self, chain: Chain, reader: Reader, hotkey: Signer, book: PaymentBook) -> None:
        """Reads the whole payment book; call it in a worker thread."""
        self._chain = chain
        self._reader = reader
        self._hotkey = hotkey
        self._book = book
        self._sent: dict[Hash, _Sent] = {}
        self._opened: dict[AccountId, Height] = {}
        self._gone: dict[Hash, Height] = {}
        self.channels = ChainChannels(chain)
        self.dues = Dues(chain, reader, hotkey, book.store.dues)
        self.money = Money(open_till(chain, hotkey, book), open_payer(chain, hotkey, book), self.dues.owe)
        self._wanted, self._wishes = trio.open_memory_channel[AccountId](OPENINGS_QUEUED_MAX)
        self.money.payer.open_channel = self._want
        self.counts: Counter[str] = Counter()
        self.last_error = ""

    @property
    def account(self) -> AccountId:
        """The account that pays and earns."""
        return self._hotkey.public

    async def run(self) -> None:
        """Look after every new best block until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._open_wanted)
                with self._reader.heads() as heads:
                    async for _ in heads:
                        await self._tick()
        finally:
            with trio.CancelScope(shield=True):
                await self.dues.flush()  # of calls that ended since the last block

    async def stop(self) -> None:
        """Redeem what is worth it before the node goes; the transactions are sent, not waited for."""
        await self.redeem_due(stopping=True)
        await self.dues.flush()

    async def set_limits(self, limits: Limits) -> None:
        """Spend within these limits from now on, and after a restart. Raises StorageError: nothing has changed then."""
        await trio.to_thread.run_sync(self._book.keep_limits, limits)
        self.money.payer.budget.limits = limits

    # --- redeeming --------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        await self.redeem_due()
        await self.dues.tick()
        await self._forget()

    async def redeem_due(self, *, stopping: bool = False) -> None:
        """Redeem every voucher there is a reason for. Never raises NodeError; `last_error` says what went wrong."""
        height, fee = self._chain.head.height, self.fee_rao()
        for held in self.money.till.held():
            info = self.channels.channel(held.channel)
            if info is None:
                continue
            reason = reason_to_redeem(held, info, height, fee, stopping=stopping)
            sent = self._sent.get(held.channel)
            if sent is not None and sent.cumulative_rao == held.voucher.cumulative_rao:
                reason = reason if height >= sent.height + RETRY_BLOCKS else ""
            if reason:
                log.info("redeeming a voucher: %s", reason)
                try:
                    await self.redeem(held)
                    self.last_error = ""
                except NodeError as error:
                    self.last_error = str(error)
                    log.warning("a voucher could not be redeemed: %s", error)

    async def redeem(self, held: Held) -> Hash:
        """Bring a voucher to the chain and return the transaction's hash. Raises NodeError."""
        voucher = held.voucher
        self._sent[held.channel] = _Sent(self._chain.head.height, voucher.cumulative_rao)
        call = RedeemVoucher(
            voucher.channel, voucher.sequence, voucher.cumulative_rao, voucher.receipt_digest, held.signature
        )
        name = await self._reader.submit(call, self._hotkey)
        self.counts["money.redeemed"] += 1
        return name

    def fee_rao(self) -> int:
        """What redeeming one voucher costs."""
        return queries.fee_of(self._chain.head.executed.state.view, REDEEM_BYTES)

    async def _forget(self) -> None:
        """Drop what is kept of channels that no final block has had for a while: they are closed for good.

        Not while the chain is fetched anew: its old blocks do not have them yet.
        """
        if self._chain.clock.slot_at(now_ms()) - self._chain.final.header.slot > CHANNEL_MARGIN_BLOCKS:
            return
        height, known = self._chain.head.height, set[Hash]()
        till, payer = self.money.till, self.money.payer
        for channel in (*(each.channel for each in till.held()), *(each.channel for each in payer.given())):
            if self.channels.channel(channel) is not None:
                known.add(channel)
            elif height >= self._gone.setdefault(channel, height) + CHANNEL_MARGIN_BLOCKS:
                till.forget(channel)
                payer.forget(channel)
                await self._drop(channel)
        self._gone = {channel: at for channel, at in self._gone.items() if channel not in known}

    async def _drop(self, channel: Hash) -> None:
        def drop() -> None:
            self._book.store.drop_taken(channel)
            self._book.store.drop_given(channel)

        try:
            await trio.to_thread.run_sync(drop)
        except StorageError as error:
            log.warning("a closed channel could not be forgotten: %s", error)
        self._gone.pop(channel, None)
        self._sent.pop(channel, None)

    # --- opening ----------------------------------------------------------------------------------------------------

    def _want(self, payee: AccountId) -> None:
        if self.money.payer.budget.limits.channel_rao <= 0:
            return
        try:
            self._wanted.send_nowait(payee)
        except trio.WouldBlock:
            self.counts["money.opening_dropped"] += 1

    async def _open_wanted(self) -> None:
        async for payee in self._wishes:
            height = self._chain.head.height
            since = self._opened.get(payee)
            if since is not None and height < since + RETRY_BLOCKS:
                continue
            self._opened = {k: at for k, at in self._opened.items() if height < at + RETRY_BLOCKS} | {payee: height}
            try:
                await self._open(payee)
                self.last_error = ""
            except NodeError as error:
                self.last_error = str(error)
                log.warning("a channel could not be opened: %s", error)

    async def _open(self, payee: AccountId) -> None:
        """Put the budget's sum into the channel to a payee: the open one where there is one, else a new one."""
        amount = Rao(self.money.payer.budget.limits.channel_rao)
        height = self._chain.head.height
        mine = await trio.to_thread.run_sync(self.channels.channels_from, self._hotkey.public)
        channel = next((each for each in mine if usable(each, payee, height)), None)
        call = (
            OpenChannel(payee, amount, self.life_blocks()) if channel is None else TopUpChannel(channel.channel, amount)
        )
        await self._reader.submit(call, self._hotkey)
        self.counts["money.opened" if channel is None else "money.topped_up"] += 1

    def life_blocks(self) -> int:
        """How long a new channel lives: thirty days, or the dispute window where that is longer."""
        dispute = queries.parameters(self._chain.head.executed.state.view).channel_dispute_blocks
        return max(CHANNEL_LIFE_BLOCKS, dispute + REDEEM_LEAD_BLOCKS)
