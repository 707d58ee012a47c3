"""What a node does with money in the market: its till and its payer, one of each a hotkey, shared by its subnets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.market.payer import Payer
from node.market.vouchers import Till
from node.primitives.types import AccountId


def _keep_all(_: Mapping[AccountId, int]) -> None:
    """For a node that pays nobody a part."""


@dataclass(frozen=True, slots=True)
class Money:
    """Where vouchers are taken, what signs them, and who is told what of an income belongs to others, in rao."""

    till: Till
    payer: Payer
    owe: Callable[[Mapping[AccountId, int]], None] = _keep_all
