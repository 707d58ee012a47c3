"""At whose door we knock unasked: dials of peers that only others told us of, bounded by host and in all.

Anybody can tell us that five hundred peers live at the address of somebody they wish ill. So a host at which several
such peers did not answer is left alone for a while, longer each time, and all such dials together have a rate. Peers
that answered once, and those of the configuration, are not counted.
"""

from collections import OrderedDict
from dataclasses import dataclass

from p2p import limits
from p2p.hardened.doors import Rates

_ALL = ""


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    due_s: float = 0.0


class Doorsteps:
    """What became of dials on hearsay; `now_s` is monotonic."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, _Trouble] = OrderedDict()
        self._rate = Rates(limits.HEARSAY_DIALS_PER_S, limits.HEARSAY_DIALS_BURST, 1)

    def may_knock(self, host: str, now_s: float) -> bool:
        """Whether to dial a peer at `host` on hearsay now; charges for it when so."""
        trouble = self._hosts.get(host)
        if trouble is not None and trouble.failures >= limits.HEARSAY_FAILURES_PER_HOST and now_s < trouble.due_s:
            return False
        if not self._rate.take(_ALL, now_s):
            return False
        self._begun(host, now_s)
        return True

    def answered(self, host: str) -> None:
        """The peer that was expected there answered: the host is no stranger's."""
        self._hosts.pop(host, None)

    def _begun(self, host: str, now_s: float) -> None:
        """Count a dial as failed until it is answered: many at once are what this is for."""
        trouble = self._hosts.pop(host, None) or _Trouble()
        trouble.failures += 1
        beyond = trouble.failures - limits.HEARSAY_FAILURES_PER_HOST
        if beyond >= 0:
            trouble.due_s = now_s + min(limits.REDIAL_MAX_S, limits.HEARSAY_PAUSE_S * 2.0 ** min(beyond, 16))
        self._hosts[host] = trouble
        if len(self._hosts) > limits.RATES_REMEMBERED_MAX:
            self._hosts.popitem(last=False)
