"""Opens a libp2p host behind the `Network` protocol and ends it in order, also when the caller is cancelled.

The library is imported here, on opening, because that takes most of a second which commands without a network need
not pay. Must never leave a task, a socket or a nursery behind.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

from p2p import limits
from p2p.addresses import parse_address
from p2p.api import HostConfig, Network
from p2p.errors import HostFailedError, ListenError, P2PError
from p2p.identity import Identity, load_or_create_identity

if TYPE_CHECKING:
    from p2p.hardened.transport import ExclusiveListener


@asynccontextmanager
async def open_host(config: HostConfig) -> AsyncIterator[Network]:
    """Run a host for the length of the block.

    Raises IdentityError, AddressError, ListenError at the start, and HostFailedError at the end when the host stopped
    by itself, in which case the block was cancelled.
    """
    identity = load_or_create_identity(config.identity_path)
    runner = _Runner(config, identity)
    body_error: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        try:
            network = await runner.started()
            if network is not None:
                with runner.body:
                    yield network
        except BaseException as error:  # re-raised below, outside of the nursery, which would wrap it in a group
            body_error = error
        await runner.stop()
    if body_error is not None:
        raise body_error
    if runner.failure is not None:
        raise runner.failure


class _Runner:
    """The life of one host, apart from the caller's cancellation."""

    def __init__(self, config: HostConfig, identity: Identity) -> None:
        self.body = trio.CancelScope()
        self.failure: P2PError | None = None
        self._config = config
        self._identity = identity
        self._life = trio.CancelScope(shield=True)
        self._network: Network | None = None
        self._ready = trio.Event()
        self._stopping = trio.Event()
        self._ended = trio.Event()

    async def started(self) -> Network | None:
        """The network once it runs; None when it could not start (see `failure`)."""
        await self._ready.wait()
        return self._network

    async def stop(self) -> None:
        """End the host within `limits.STOP_S`, whatever is going on."""
        self._stopping.set()
        self._life.deadline = min(self._life.deadline, trio.current_time() + limits.STOP_S)
        with trio.CancelScope(shield=True):
            await self._ended.wait()

    async def run(self) -> None:
        """Start, wait for the stop, end. Never raises."""
        try:
            with self._life:
                await self._live()
        except Exception as error:
            leaf = _leaf(error)
            self.failure = leaf if isinstance(leaf, P2PError) else _host_failed(leaf, error)
        finally:
            self.body.cancel()
            self._ready.set()
            self._ended.set()

    async def _live(self) -> None:
        from p2p.network import Libp2pNetwork
        from p2p.upkeep import Upkeep

        listeners = await _bind(self._config.listen)
        async with AsyncExitStack() as stack:
            for listener in listeners:
                stack.push_async_callback(listener.close)
            async with trio.open_nursery() as nursery:
                network = Libp2pNetwork(self._config, self._identity, nursery)
                network.listeners.extend(listeners)
                upkeep = Upkeep(network)
                upkeep.load()
                async with AsyncExitStack() as services:
                    await network.host.start(services)
                    for listener in listeners:
                        nursery.start_soon(network.host.swarm.serve, listener)
                    upkeep.start()
                    self._network = network
                    self._ready.set()
                    await self._stopping.wait()
                    network.topics.close()
                    await upkeep.save()
                    await network.host.swarm.close_all()
                nursery.cancel_scope.cancel()


async def _bind(addresses: tuple[str, ...]) -> "list[ExclusiveListener]":
    """Take all ports or none. Raises AddressError, ListenError."""
    from p2p.hardened.transport import ExclusiveListener

    listeners: list[ExclusiveListener] = []
    try:
        for text in addresses:
            address = parse_address(text)
            if address.relay_id is not None:
                raise ListenError(f"cannot listen on {text}: relays are found by themselves")
            if address.peer_id is not None:
                raise ListenError(f"cannot listen on {text}: leave out /p2p/{address.peer_id}")
            listeners.append(await ExclusiveListener.bind(address))
    except BaseException:
        for listener in listeners:
            await listener.close()
        raise
    return listeners


def _host_failed(leaf: BaseException, error: Exception) -> HostFailedError:
    failure = HostFailedError(f"the network host stopped by itself ({leaf!r}); open it again")
    failure.__cause__ = error
    return failure


def _leaf(error: BaseException) -> BaseException:
    """The first real error inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
