"""What the market needs to know of payment channels on the chain, and what can be said of one before using it.

The ledger has the rules (`node.ledger.pallets.channels`). Nothing here signs or sends.
"""

from typing import Final, Protocol

from node.ledger.network_queries import ChannelInfo
from node.market.limits import CHANNEL_MARGIN_BLOCKS
from node.primitives.types import AccountId, Hash, Height, Rao

__all__ = ["ChannelInfo", "ChannelReader", "carefully", "problem_of", "usable"]


class ChannelReader(Protocol):
    """Channels as the chain has them for sure; from any thread."""

    def height(self) -> Height:
        """Height of the best head."""
        ...

    def channel(self, identity: Hash) -> ChannelInfo | None:
        """An open channel, with the worse of what the last final block and the best head say; None unless in both."""
        ...

    def channels_from(self, payer: AccountId) -> tuple[ChannelInfo, ...]:
        """The open channels of a payer, each as `channel` gives it."""
        ...


def carefully(final: ChannelInfo | None, head: ChannelInfo | None) -> ChannelInfo | None:
    """What a payee may rely on when two blocks speak of one channel: the lower deposit, the earlier end."""
    if final is None or head is None:
        return None
    closing = [each.closes for each in (final, head) if each.closes is not None]
    return ChannelInfo(
        final.channel,
        final.payer,
        final.payee,
        Rao(min(final.deposit_rao, head.deposit_rao)),
        Rao(max(final.redeemed_rao, head.redeemed_rao)),
        min(final.expires, head.expires),
        min(closing) if closing else None,
    )


def problem_of(info: ChannelInfo | None, payer: AccountId, payee: AccountId, height: Height) -> str:
    """Why vouchers of this channel are worth nothing to its payee now; "" when they are."""
    if info is None:
        return "There is no such channel in a final block."
    if (info.payer, info.payee) != (payer, payee):
        return "This channel is between others."
    if info.closes is not None:
        return "This channel is closing."
    if info.expires < height + CHANNEL_MARGIN_BLOCKS:
        return f"This channel ends at block {info.expires}, too soon to redeem its vouchers in time."
    return ""


_SPARE: Final = 2  # times the margin: a payer leaves a channel before its payee does


def usable(info: ChannelInfo, payee: AccountId, height: Height) -> bool:
    """Whether a payer begins another call through a channel."""
    return info.payee == payee and info.closes is None and info.expires >= height + _SPARE * CHANNEL_MARGIN_BLOCKS
