"""Money of a running node: the chain's channels as the market reads them, and the payment book behind till and payer.

Must never sign a transaction (`payments_cashier` does) and never open a coldkey: what pays and earns here is the
hotkey's own account.
"""

from pathlib import Path

from node.ledger import network_queries
from node.ledger.network_queries import ChannelInfo
from node.ledger.vouchers import Voucher
from node.market.budget import Budget, Limits, day_of
from node.market.channels import carefully
from node.market.errors import NotKept
from node.market.payer import Given, Payer
from node.market.vouchers import Held, Till
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, Hash, Height, Rao
from node.service.chain import Chain, now_ms
from storage import StorageError
from storage.payments import GivenRow, PaymentStore, TakenRow

_LIMITS = ("per_call_rao", "per_day_rao", "channel_rao")


class ChainChannels:
    """Implements `node.market.channels.ChannelReader` over the running chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def height(self) -> Height:
        """Return the height of the best head."""
        return self._chain.head.height

    def channel(self, identity: Hash) -> ChannelInfo | None:
        """Return an open channel as both the last final block and the best head have it."""
        final, head = self._chain.final_state.state.view, self._chain.head.executed.state.view
        return carefully(network_queries.channel(final, identity), network_queries.channel(head, identity))

    def channels_from(self, payer: AccountId) -> tuple[ChannelInfo, ...]:
        """Return the open channels of a payer."""
        listed = network_queries.channels_of_payer(self._chain.head.executed.state.view, payer)
        return tuple(each for each in (self.channel(info.channel) for info in listed) if each is not None)

    def channels_to(self, payee: AccountId) -> tuple[ChannelInfo, ...]:
        """Return the open channels to a payee."""
        listed = network_queries.channels_of_payee(self._chain.head.executed.state.view, payee)
        return tuple(each for each in (self.channel(info.channel) for info in listed) if each is not None)


class PaymentBook:
    """The payment book of a home in the market's words. Blocks for a disk write; call it in worker threads."""

    def __init__(self, store: PaymentStore) -> None:
        self.store = store

    @classmethod
    def open(cls, path: Path) -> "PaymentBook":
        """Open or create the book. Raises StorageError."""
        return cls(PaymentStore.open(path))

    def close(self) -> None:
        """Close the files."""
        self.store.close()

    def keep_held(self, held: Held) -> None:
        """Keep a voucher that was taken. Raises NotKept."""
        voucher = held.voucher
        row = TakenRow(
            voucher.channel, held.payer, voucher.sequence, voucher.cumulative_rao, voucher.receipt_digest,
            held.signature, held.spent_rao, held.credited_rao,
        )  # fmt: skip
        try:
            self.store.take(row)
        except StorageError as error:
            raise NotKept(f"A voucher could not be kept: {error}") from error

    def held(self) -> list[Held]:
        """Return the best voucher of every channel to this node."""
        return [
            Held(AccountId(row.payer), _voucher(row), row.signature, row.spent_rao, row.credited_rao)
            for row in self.store.taken()
        ]

    def keep_given(self, given: Given, day: int, used_rao: int) -> None:
        """Keep a voucher that is about to be sent, and the day's sum. Raises NotKept."""
        voucher = given.voucher
        row = GivenRow(
            voucher.channel, given.payee, voucher.sequence, voucher.cumulative_rao, voucher.receipt_digest,
            given.signature, given.used_rao,
        )  # fmt: skip
        try:
            self.store.give(row)
            self.store.spend(day, used_rao)
        except StorageError as error:
            raise NotKept(f"A voucher could not be kept: {error}") from error

    def given(self) -> list[Given]:
        """Return the latest voucher of every channel of this node's."""
        return [Given(AccountId(row.payee), _voucher(row), row.signature, row.used_rao) for row in self.store.given()]

    def limits(self) -> Limits:
        """Return what the node may spend; nothing until a person says otherwise."""
        return Limits(*(self.store.setting(name) or 0 for name in _LIMITS))

    def keep_limits(self, limits: Limits) -> None:
        """Keep what the node may spend."""
        for name in _LIMITS:
            self.store.put_setting(name, getattr(limits, name))


def _voucher(row: TakenRow | GivenRow) -> Voucher:
    return Voucher(Hash(row.channel), row.sequence, Rao(row.cumulative_rao), Hash(row.digest))


def open_till(chain: Chain, hotkey: Signer, book: PaymentBook) -> Till:
    """Return the till of a hotkey with all vouchers it holds. Reads the book."""
    return Till(chain.genesis_hash, hotkey.public, ChainChannels(chain), book.keep_held, book.held())


def open_payer(chain: Chain, hotkey: Signer, book: PaymentBook) -> Payer:
    """Return the payer of a hotkey with the vouchers it has signed and what it spent today. Reads the book."""
    day = day_of(now_ms())
    budget = Budget(book.limits(), day, book.store.spent(day))
    return Payer(
        chain.genesis_hash, hotkey, ChainChannels(chain), budget, book.keep_given, book.given(), now_ms=now_ms
    )  # fmt: skip
