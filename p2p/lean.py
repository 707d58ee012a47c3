"""Leaves out what libp2p loads and this node never uses: QUIC, websockets, TLS, its own host, stores and name lookup.

`import libp2p` loads all of the library and with it aioquic, dnspython, httpx, requests and rich: 37 MB and a quarter
second in every node. The parts named here are replaced by hollow modules, whose classes nothing is an instance of, so
that the library's own imports hold. Applied when `p2p` is imported; a process that has loaded libp2p before keeps all.

It must never name a part that reads bytes of peers: a hollow parser would fail where the real one refuses.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

UNUSED: Final = (
    "libp2p.host",  # p2p.hardened.host stands in its place
    "libp2p.peer.persistent",  # peers are remembered by p2p.peerbook
    "libp2p.security.tls",  # noise only
    "libp2p.transport.quic",  # TCP only
    "libp2p.transport.websocket",
    "multiaddr.resolvers",  # p2p.hardened.transport asks the system for names
)


class _HollowModule(ModuleType):
    """Has a class of every name that is asked for; an exception, since the library also catches what it imports."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Exception,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Leaver(MetaPathFinder, Loader):
    """Finds the parts that are left out before anybody reads their files."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_unused = any(fullname == name or fullname.startswith(f"{name}.") for name in UNUSED)
        return ModuleSpec(fullname, self, is_package=True) if is_unused else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _HollowModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []


def leave_out() -> None:
    """Load libp2p without the unused parts from now on; does nothing where it is loaded already."""
    if "libp2p" not in sys.modules:
        sys.meta_path.insert(0, _Leaver())
