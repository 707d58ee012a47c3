"""New keys in place of old ones. See `node.ledger.calls`."""

from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, HOTKEY, NETUID, ROOT, Account, CallSpec, HashField, NetUidField
from node.primitives.codec import Wire


class SwapHotkey(Wire, frozen=True, tag=48):
    """Put a new hotkey in the place of an old one everywhere; `keep_stake` leaves all stake behind the old one."""

    hotkey: Account
    new_hotkey: Account
    keep_stake: bool


class SwapHotkeyOnSubnet(Wire, frozen=True, tag=49):
    """Put a new hotkey in the place of an old one on one subnet only."""

    hotkey: Account
    new_hotkey: Account
    netuid: NetUidField
    keep_stake: bool


class AnnounceColdkeySwap(Wire, frozen=True, tag=50):
    """Announce that the sender will hand everything to a new coldkey, by its hash; the sender can do nothing else."""

    new_coldkey_hash: HashField


class SwapColdkeyAnnounced(Wire, frozen=True, tag=51):
    """Hand everything to the announced coldkey; sent again until all has moved."""

    new_coldkey: Account


class DisputeColdkeySwap(Wire, frozen=True, tag=52):
    """Freeze the sender's account: the announcement is not its owner's. Only the network can thaw it."""


class ClearColdkeySwapAnnouncement(Wire, frozen=True, tag=53):
    """Take an announcement back some time after it could have been carried out."""


class ResetColdkeySwap(Wire, frozen=True, tag=54):
    """Drop the announcement and the dispute of an account."""

    coldkey: Account


class SwapColdkey(Wire, frozen=True, tag=55):
    """Hand everything of one coldkey to another at once."""

    old_coldkey: Account
    new_coldkey: Account


HotkeySwapCall = SwapHotkey | SwapHotkeyOnSubnet
ColdkeySwapCall = (
    AnnounceColdkeySwap
    | SwapColdkeyAnnounced
    | DisputeColdkeySwap
    | ClearColdkeySwapAnnouncement
    | ResetColdkeySwap
    | SwapColdkey
)
SwapsCall = HotkeySwapCall | ColdkeySwapCall

_NEW = ("new_hotkey", "account, 32 bytes")
_KEEP = ("keep_stake", "leave the stake behind the old hotkey")
_NEW_COLD = ("new_coldkey", "account, 32 bytes")
_HOT = (
    e.HotKeyAccountNotExists, e.NonAssociatedColdKey, e.NewHotKeyIsSameWithOld, e.HotKeyAlreadyRegisteredInSubNet,
    e.HotKeySetTxRateLimitExceeded, e.NotEnoughBalanceToPaySwapHotKey, e.NewHotKeyNotCleanForRootSwap,
    e.ChildParentInconsistency, e.SwapTooLarge,
)  # fmt: skip
_TARGET = (e.ColdKeyAlreadyAssociated, e.NewColdKeyIsHotkey)
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(48, "swap_hotkey", SwapHotkey, COLD, BY_SIZE, (HOTKEY, _NEW, _KEEP), (*_HOT, e.AuthorityIsBonded)),
    CallSpec(
        49,
        "swap_hotkey_on_subnet",
        SwapHotkeyOnSubnet,
        COLD,
        BY_SIZE,
        (HOTKEY, _NEW, NETUID, _KEEP),
        (e.SubnetNotExists, *_HOT, e.HotKeySwapOnSubnetIntervalNotPassed),
    ),
    CallSpec(
        50,
        "announce_coldkey_swap",
        AnnounceColdkeySwap,
        COLD,
        BY_SIZE,
        (("new_coldkey_hash", "blake2b-256 of the new coldkey's 32 bytes"),),
        (e.ColdkeySwapDisputed, e.ColdkeySwapReannouncedTooEarly, e.NotEnoughBalanceToPaySwapColdKey),
    ),
    CallSpec(
        51,
        "swap_coldkey_announced",
        SwapColdkeyAnnounced,
        COLD,
        BY_SIZE,
        (_NEW_COLD,),
        (
            e.ColdkeySwapAnnouncementNotFound, e.ColdkeySwapDisputed, e.AnnouncedColdkeyHashDoesNotMatch,
            e.ColdkeySwapTooEarly, *_TARGET,
        ),
    ),
    CallSpec(
        52,
        "dispute_coldkey_swap",
        DisputeColdkeySwap,
        COLD,
        BY_SIZE,
        (),
        (e.ColdkeySwapAnnouncementNotFound, e.ColdkeySwapAlreadyDisputed),
    ),
    CallSpec(
        53,
        "clear_coldkey_swap_announcement",
        ClearColdkeySwapAnnouncement,
        COLD,
        BY_SIZE,
        (),
        (e.ColdkeySwapAnnouncementNotFound, e.ColdkeySwapDisputed, e.ColdkeySwapClearTooEarly),
    ),
    CallSpec(
        54,
        "reset_coldkey_swap",
        ResetColdkeySwap,
        ROOT,
        BY_SIZE,
        (("coldkey", "account, 32 bytes"),),
        (e.BadOrigin, e.ColdkeySwapAnnouncementNotFound),
    ),
    CallSpec(
        55,
        "swap_coldkey",
        SwapColdkey,
        ROOT,
        BY_SIZE,
        (("old_coldkey", "account, 32 bytes"), _NEW_COLD),
        (e.BadOrigin, *_TARGET),
    ),
)  # fmt: skip
