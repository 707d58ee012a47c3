"""Which nodes, of whatever network, say on the local network that they are there: asked once, before one is joined.

As in `p2p.mdns` a record proves nothing and names candidates to dial alone. Announces nothing itself and dials nobody.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from p2p import limits
from p2p.mdns import SERVICE, addresses_of, is_private

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

_TAG: Final = re.compile(rb"[0-9a-f]{16}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """One node that announces itself: the network it claims to be of, and where it can be dialled."""

    tag: str
    peer_id: str
    addresses: tuple[str, ...]


def listen_on_lan(
    interfaces: Sequence[str], listen_s: float, *, may_dial: Callable[[str], bool] = is_private
) -> tuple[Heard, ...]:
    """Return who announces itself on `interfaces` within `listen_s` seconds. Blocks: call it from a worker thread.

    Raises:
        OSError, RuntimeError, ValueError: multicast does not work here.
    """
    if not interfaces:
        return ()
    from zeroconf import Error, IPVersion, ServiceBrowser, Zeroconf

    names = _Names()
    zeroconf = Zeroconf(interfaces=list(interfaces), ip_version=IPVersion.V4Only)
    try:
        ServiceBrowser(zeroconf, SERVICE, handlers=[names])
        give_up_s = time.monotonic() + listen_s
        time.sleep(listen_s / 2)  # most have answered by then; the rest of the time is for asking them more
        heard = []
        for name in names.so_far():
            left_s = min(limits.MDNS_RESOLVE_S, give_up_s - time.monotonic() + limits.MDNS_RESOLVE_S)
            if left_s > 0 and (info := _resolve(zeroconf, name, left_s)) is not None:
                heard.append(heard_in(info, may_dial))
        return tuple({each.peer_id: each for each in heard if each is not None}.values())
    except Error as error:
        raise RuntimeError(str(error) or type(error).__name__) from error
    finally:
        zeroconf.close()


def heard_in(info: "ServiceInfo", may_dial: Callable[[str], bool]) -> Heard | None:
    """Return the node that a record tells of, None when the record is nonsense or leads nowhere fit to dial."""
    tag = info.properties.get(b"net") or b""
    if not _TAG.fullmatch(tag):
        return None
    found = addresses_of(info, "", tag.decode("ascii"), may_dial)
    if not found or found[0].peer_id is None:
        return None
    return Heard(tag.decode("ascii"), found[0].peer_id, tuple(str(each) for each in found))


def _resolve(zeroconf: "Zeroconf", name: str, timeout_s: float) -> "ServiceInfo | None":
    from zeroconf import Error

    try:
        return zeroconf.get_service_info(SERVICE, name, timeout=int(timeout_s * 1000))
    except (Error, OSError, RuntimeError, ValueError) as error:
        _log.debug("%s cannot be resolved: %s", name[:64], error)
        return None


class _Names:
    """Collects names; called in the library's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, None] = {}

    def __call__(self, zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange") -> None:
        with self._lock:
            if state_change.name != "Removed" and len(self._names) < limits.MDNS_WAITING_MAX:
                self._names[name] = None

    def so_far(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._names)
