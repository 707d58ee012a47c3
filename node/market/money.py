"""What a node does with money in the market: its till and its payer, one of each a hotkey, shared by its subnets."""

from dataclasses import dataclass

from node.market.payer import Payer
from node.market.vouchers import Till


@dataclass(frozen=True, slots=True)
class Money:
    """Where vouchers are taken, and what signs them."""

    till: Till
    payer: Payer
