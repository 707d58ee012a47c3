"""What a person may want to do with money or a vote: plain values that say what, never how.

`node.control.actions` turns them into drafts. Addresses are ss58 text; α amounts are rao on root, netuid 0.
"""

from dataclasses import dataclass
from typing import Final

DEFAULT_TOLERANCE_PPM: Final = 10_000
"""A stake or unstake may move the price by 1 % before it stops."""


@dataclass(frozen=True, slots=True)
class TransferIntent:
    """Send `amount_rao` to the ss58 address `to`."""

    to: str
    amount_rao: int


@dataclass(frozen=True, slots=True)
class StakeIntent:
    """Put `amount_rao` behind `hotkey` (ss58) on a subnet; the price may rise by `tolerance_ppm`."""

    netuid: int
    hotkey: str
    amount_rao: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class UnstakeIntent:
    """Take `amount_alpha` (on root: rao) back from `hotkey`; the price may fall by `tolerance_ppm`."""

    netuid: int
    hotkey: str
    amount_alpha: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class UnstakeAllIntent:
    """Sell every position behind `hotkey`, to the balance, or with `to_root` all but root's to stake on root."""

    hotkey: str
    to_root: bool = False
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM


@dataclass(frozen=True, slots=True)
class MoveIntent:
    """Take stake from one hotkey to another, on its subnet or on the way to `destination_netuid`."""

    origin_hotkey: str
    destination_hotkey: str
    origin_netuid: int
    destination_netuid: int
    amount_alpha: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM


@dataclass(frozen=True, slots=True)
class SwapIntent:
    """Exchange stake on one subnet for stake on another, behind the same hotkey."""

    hotkey: str
    origin_netuid: int
    destination_netuid: int
    amount_alpha: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class TransferStakeIntent:
    """Give stake to the coldkey `to`, behind the same hotkey."""

    to: str
    hotkey: str
    origin_netuid: int
    destination_netuid: int
    amount_alpha: int
    tolerance_ppm: int = DEFAULT_TOLERANCE_PPM


@dataclass(frozen=True, slots=True)
class RegisterIntent:
    """Buy a seat on a subnet for `hotkey` at the burn price."""

    netuid: int
    hotkey: str


@dataclass(frozen=True, slots=True)
class VoteIntent:
    """Vote on proposal `index` (hash as 64 hex digits) for the Senate's seat of `hotkey` (ss58)."""

    index: int
    proposal: str
    hotkey: str
    approve: bool


@dataclass(frozen=True, slots=True)
class CloseIntent:
    """Count proposal `index` (hash as 64 hex digits) and carry it out if it is approved."""

    index: int
    proposal: str


StakeKind = StakeIntent | UnstakeIntent | UnstakeAllIntent | MoveIntent | SwapIntent | TransferStakeIntent
"""Everything that goes into, out of or between positions."""
Intent = TransferIntent | StakeKind | RegisterIntent | VoteIntent | CloseIntent
