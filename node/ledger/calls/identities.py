"""Who somebody says it is, which hotkeys are its own, and where its earnings go. See `node.ledger.calls`."""

from typing import Annotated, Final

import msgspec

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, HOTKEY, NETUID, Account, CallSpec, NetUidField
from node.primitives.codec import Wire
from node.primitives.limits import IDENTITY_TEXT_BYTES_MAX

_Text = Annotated[str, msgspec.Meta(max_length=IDENTITY_TEXT_BYTES_MAX)]


class SetIdentity(Wire, frozen=True, tag=64):
    """Publish who the sender says it is, for display only; an empty name withdraws it."""

    name: _Text
    url: _Text
    github_repo: _Text
    image: _Text
    discord: _Text
    description: _Text
    additional: _Text


class SetColdkeyAutoStakeHotkey(Wire, frozen=True, tag=65):
    """Stake what the sender's miners earn on a subnet behind this hotkey instead of each miner's own."""

    netuid: NetUidField
    hotkey: Account


class TryAssociateHotkey(Wire, frozen=True, tag=66):
    """Make an unknown hotkey the sender's own."""

    hotkey: Account


IdentitiesCall = SetIdentity | SetColdkeyAutoStakeHotkey | TryAssociateHotkey

SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        64,
        "set_identity",
        SetIdentity,
        COLD,
        BY_SIZE,
        (
            ("name", "text, at most 256 bytes"), ("url", "text, at most 256 bytes"),
            ("github_repo", "text, at most 256 bytes"), ("image", "text, at most 1024 bytes"),
            ("discord", "text, at most 256 bytes"), ("description", "text, at most 1024 bytes"),
            ("additional", "text, at most 1024 bytes"),
        ),
        (e.HotKeyNotRegisteredInNetwork, e.InvalidIdentity),
    ),
    CallSpec(
        65,
        "set_coldkey_auto_stake_hotkey",
        SetColdkeyAutoStakeHotkey,
        COLD,
        BY_SIZE,
        (NETUID, HOTKEY),
        (e.SubnetNotExists, e.HotKeyNotRegisteredInSubNet, e.SameAutoStakeHotkeyAlreadySet),
    ),
    CallSpec(66, "try_associate_hotkey", TryAssociateHotkey, COLD, BY_SIZE, (HOTKEY,), (e.NonAssociatedColdKey,)),
)  # fmt: skip
