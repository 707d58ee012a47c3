"""The same network in process, without sockets: for tests and simulations."""

from p2p.api import Network


class MemorySwarm:
    """A set of nodes joined in one process; `connect` is implied: a joined node dials another by its address."""

    def join(self, name: str, *, bootstrap: tuple[str, ...] = ()) -> Network:
        """Add a node. Its peer id is derived from `name`; its address is /memory/<name>/p2p/<peer id>."""
        raise NotImplementedError
