"""Opens the libp2p host behind the `Network` protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from p2p.api import HostConfig, Network


@asynccontextmanager
async def open_host(config: HostConfig) -> AsyncIterator[Network]:
    """Run a host for the length of the block. Raises IdentityError, ListenError, HostFailedError."""
    raise NotImplementedError
    yield
