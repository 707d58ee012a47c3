"""Accounts that may act for others, with limited rights and, if the account wants it, only after an announcement.

A proxied call is one that carries no other call and manages no proxies, so rights never grow on the way.
"""

from typing import Final

from node.ledger import errors
from node.ledger.calls import (
    AddProxy,
    AnnounceProxy,
    Proxy,
    ProxyKind,
    RejectProxyAnnouncement,
    RemoveProxy,
    RemoveProxyAnnouncement,
)
from node.ledger.context import Context
from node.ledger.events import ProxyAdded, ProxyAnnounced, ProxyRemoved
from node.ledger.proxy_rights import allows, call_hash
from node.ledger.state import Map, Overlay, StateView
from node.primitives.codec import Wire
from node.primitives.limits import PROXIES_MAX, PROXY_ANNOUNCEMENTS_MAX
from node.primitives.types import AccountId, Hash, Height


class ProxyRight(Wire, frozen=True):
    """One right of one delegate."""

    delegate: AccountId
    kind: ProxyKind
    delay_blocks: int


class ProxyAnnouncement(Wire, frozen=True):
    """A call that a delegate will make for `real`."""

    real: AccountId
    call_hash: Hash
    height: Height


PROXIES: Final[Map[AccountId, tuple[ProxyRight, ...]]] = Map(
    "proxies", "proxies", AccountId, tuple[ProxyRight, ...], default=(), about="Who may act for an account"
)
ANNOUNCEMENTS: Final[Map[AccountId, tuple[ProxyAnnouncement, ...]]] = Map(
    "proxies", "announcements", AccountId, tuple[ProxyAnnouncement, ...], default=(), about="What a proxy will do"
)


def add_proxy(context: Context, sender: AccountId, call: AddProxy) -> None:
    """Give an account a right over the sender's."""
    rights = PROXIES.get(context.state, sender)
    right = ProxyRight(call.delegate, call.proxy_kind, call.delay_blocks)
    if call.delegate == sender:
        raise errors.NoSelfProxy
    if right in rights:
        raise errors.DuplicateProxy
    if len(rights) >= PROXIES_MAX:
        raise errors.TooManyProxies
    PROXIES.put(context.state, sender, (*rights, right))
    context.emit(ProxyAdded(sender, call.delegate, call.proxy_kind, call.delay_blocks))


def remove_proxy(context: Context, sender: AccountId, call: RemoveProxy) -> None:
    """Take one right away."""
    rights = PROXIES.get(context.state, sender)
    right = ProxyRight(call.delegate, call.proxy_kind, call.delay_blocks)
    if right not in rights:
        raise errors.ProxyNotFound
    PROXIES.put(context.state, sender, tuple(each for each in rights if each != right))
    context.emit(ProxyRemoved(sender, call.delegate, call.proxy_kind, call.delay_blocks))


def remove_proxies(context: Context, sender: AccountId) -> None:
    """Take all rights away."""
    for right in PROXIES.get(context.state, sender):
        context.emit(ProxyRemoved(sender, right.delegate, right.kind, right.delay_blocks))
    PROXIES.delete(context.state, sender)


def authorise(context: Context, sender: AccountId, call: Proxy) -> None:
    """Raise unless the sender may make this call for the account now; an announcement of it is used up."""
    overlay = context.state
    held = _rights_of(overlay, call.real, sender)
    rights = [right for right in held if allows(right.kind, call.call)]
    if not rights:
        raise errors.NoPermission
    delay_blocks = min(right.delay_blocks for right in rights)
    if delay_blocks == 0:
        return
    identity = call_hash(call.call)
    for announced in ANNOUNCEMENTS.get(overlay, sender):
        due = announced.height + delay_blocks
        if (announced.real, announced.call_hash) == (call.real, identity) and context.height >= due:
            _drop(overlay, sender, call.real, identity)
            return
    raise errors.Unannounced(f"Announce this call first, and make it {delay_blocks} blocks later.")


def announce(context: Context, sender: AccountId, call: AnnounceProxy) -> None:
    """Announce a call; announcing it again starts its delay anew."""
    overlay = context.state
    _rights_of(overlay, call.real, sender)
    announced = ANNOUNCEMENTS.get(overlay, sender)
    others = tuple(each for each in announced if (each.real, each.call_hash) != (call.real, call.call_hash))
    if len(others) >= PROXY_ANNOUNCEMENTS_MAX:
        raise errors.TooManyAnnouncements
    ANNOUNCEMENTS.put(overlay, sender, (*others, ProxyAnnouncement(call.real, call.call_hash, context.height)))
    context.emit(ProxyAnnounced(call.real, sender, call.call_hash))


def reject_announcement(context: Context, sender: AccountId, call: RejectProxyAnnouncement) -> None:
    """Refuse a call that a proxy of the sender has announced."""
    _drop(context.state, call.delegate, sender, call.call_hash)


def remove_announcement(context: Context, sender: AccountId, call: RemoveProxyAnnouncement) -> None:
    """Take the sender's own announcement back."""
    _drop(context.state, sender, call.real, call.call_hash)


def forget(overlay: Overlay, account: AccountId) -> None:
    """An account that was handed over has no proxies."""
    PROXIES.delete(overlay, account)


def _rights_of(view: StateView, real: AccountId, delegate: AccountId) -> list[ProxyRight]:
    rights = [right for right in PROXIES.get(view, real) if right.delegate == delegate]
    if not rights:
        raise errors.NotProxy
    return rights


def _drop(overlay: Overlay, delegate: AccountId, real: AccountId, identity: Hash) -> None:
    announced = ANNOUNCEMENTS.get(overlay, delegate)
    left = tuple(each for each in announced if (each.real, each.call_hash) != (real, identity))
    if len(left) == len(announced):
        raise errors.AnnouncementNotFound
    ANNOUNCEMENTS.put(overlay, delegate, left)
