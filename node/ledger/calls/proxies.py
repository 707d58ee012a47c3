"""Accounts that may act for others, with limited rights. See `node.ledger.calls`."""

from enum import IntEnum
from typing import Final

from node.ledger import errors as e
from node.ledger.calls.base import BY_SIZE, COLD, U63, Account, CallSpec, HashField
from node.ledger.calls.plain import PlainCall
from node.primitives.codec import Wire


class ProxyKind(IntEnum):
    """What a proxy may do; `node.ledger.proxy_rights` says which calls each kind covers."""

    ANY = 0
    OWNER = 1
    NON_CRITICAL = 2
    NON_TRANSFER = 3
    NON_FUNGIBLE = 4
    GOVERNANCE = 5
    STAKING = 6
    REGISTRATION = 7
    TRANSFER = 8
    SMALL_TRANSFER = 9
    CHILD_KEYS = 10
    SWAP_HOTKEY = 11


class AddProxy(Wire, frozen=True, tag=56):
    """Let another account act for the sender; with a delay only after it has announced each call."""

    delegate: Account
    proxy_kind: ProxyKind
    delay_blocks: U63


class RemoveProxy(Wire, frozen=True, tag=57):
    """Take one proxy's rights away."""

    delegate: Account
    proxy_kind: ProxyKind
    delay_blocks: U63


class RemoveProxies(Wire, frozen=True, tag=58):
    """Take all proxies' rights away."""


class Proxy(Wire, frozen=True, tag=59):
    """Make a call for another account; a delayed proxy has announced it long enough ago."""

    real: Account
    call: PlainCall


class AnnounceProxy(Wire, frozen=True, tag=60):
    """Announce a call that a delayed proxy will make, by the hash of its encoding."""

    real: Account
    call_hash: HashField


class RejectProxyAnnouncement(Wire, frozen=True, tag=61):
    """Refuse a call that a proxy of the sender has announced."""

    delegate: Account
    call_hash: HashField


class RemoveProxyAnnouncement(Wire, frozen=True, tag=62):
    """Take the sender's own announcement back."""

    real: Account
    call_hash: HashField


ProxiesCall = (
    AddProxy | RemoveProxy | RemoveProxies | Proxy | AnnounceProxy | RejectProxyAnnouncement | RemoveProxyAnnouncement
)

_DELEGATE = ("delegate", "account, 32 bytes")
_REAL = ("real", "account the proxy acts for, 32 bytes")
_KIND = ("proxy_kind", "rights: " + ", ".join(f"{kind.value} {kind.name.lower()}" for kind in ProxyKind))
_DELAY = ("delay_blocks", "blocks between announcement and call, 0 for none")
_HASH = ("call_hash", "blake2b-256 of the call's encoding")
SPECS: Final[tuple[CallSpec, ...]] = (
    CallSpec(
        56,
        "add_proxy",
        AddProxy,
        COLD,
        BY_SIZE,
        (_DELEGATE, _KIND, _DELAY),
        (e.NoSelfProxy, e.DuplicateProxy, e.TooManyProxies),
    ),
    CallSpec(57, "remove_proxy", RemoveProxy, COLD, BY_SIZE, (_DELEGATE, _KIND, _DELAY), (e.ProxyNotFound,)),
    CallSpec(58, "remove_proxies", RemoveProxies, COLD, BY_SIZE, (), ()),
    CallSpec(
        59,
        "proxy",
        Proxy,
        COLD,
        BY_SIZE,
        (_REAL, ("call", "any call without another one inside; its errors come beside the proxy's own")),
        (e.NotProxy, e.NoPermission, e.Unannounced),
    ),
    CallSpec(
        60,
        "announce_proxy",
        AnnounceProxy,
        COLD,
        BY_SIZE,
        (_REAL, _HASH),
        (e.NotProxy, e.TooManyAnnouncements),
    ),
    CallSpec(
        61,
        "reject_proxy_announcement",
        RejectProxyAnnouncement,
        COLD,
        BY_SIZE,
        (_DELEGATE, _HASH),
        (e.AnnouncementNotFound,),
    ),
    CallSpec(
        62,
        "remove_proxy_announcement",
        RemoveProxyAnnouncement,
        COLD,
        BY_SIZE,
        (_REAL, _HASH),
        (e.AnnouncementNotFound,),
    ),
)
