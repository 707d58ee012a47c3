"""The questions a program asks of a node, one coroutine each; `reads_async` and `reads_sync` give them their names."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.control import schema
from node.control.api import Api
from node.control.catalogue import request_of
from node.control.client_async import AsyncClient
from node.control.errors import BadArgument, RequestTimeout
from node.control.light import LightAt
from node.sdk.balance import TAO_NETUID, Balance, units_of
from node.sdk.errors import SdkError, UnknownRead
from node.sdk.limits import WAIT_POLL_S
from node.sdk.metagraph import Metagraph
from node.sdk.views import (
    Proof,
    ProvenBalance,
    ProvenStakes,
    ProvenSubnet,
    StakePosition,
    Subnet,
    SwapQuote,
    position_of,
    quote_of,
    subnet_of,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from node.service.light_client import LightClient


class Light:
    """The light client behind `proof=True`: opened when it is first needed, in the folder of the home.

    Without `peers` it asks those of its last run, else the node's own addresses: nothing rests on the word of either.
    """

    def __init__(self, home: Path, api: Api, peers: tuple[str, ...], checkpoint: str | None) -> None:
        self._home = home
        self._api = api
        self._peers = peers
        self._checkpoint = checkpoint
        self._client: LightClient | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> "LightClient":
        """Return the client, following to the newest certified block the first time. Raises ServiceError."""
        async with self._opening:
            if self._client is None:
                status = await self._api.status()
                peers = self._peers or status.addresses
                self._client = await asyncio.to_thread(self._start, peers, status.genesis_hash)
            return self._client

    def _start(self, peers: tuple[str, ...], genesis_hash: str) -> "LightClient":
        from node.service.light_client import LightClient
        from node.service.light_home import FOLDER

        return LightClient(self._home / FOLDER, peers, genesis_hash=genesis_hash, checkpoint=self._checkpoint)

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.close)
            self._client = None


class Reading:
    """All questions, over one connection."""

    def __init__(self, api: AsyncClient, light: Light) -> None:
        self.api = api
        self.light = light

    async def read(self, name: str, arguments: dict[str, object]) -> Any:
        """Make read `name` of the catalogue. Raises UnknownRead, RemoteError."""
        try:
            request = request_of(name, arguments)
        except BadArgument as error:
            raise UnknownRead(error.message, remedy=error.hint) from error
        return await self.api.call(request)

    # --- money --------------------------------------------------------------------------------------------------------

    async def balance(self, address: str) -> Balance:
        return Balance((await self.api.account(address)).balance_rao)

    async def balance_proven(self, address: str) -> ProvenBalance:
        client = await self.light.open()
        found = await asyncio.to_thread(client.balance, address)
        return ProvenBalance(Balance(found.balance_rao), _proof(found.at))

    async def balances(self, addresses: tuple[str, ...]) -> dict[str, Balance]:
        return {each: await self.balance(each) for each in addresses}

    async def stakes(self, coldkey: str) -> tuple[StakePosition, ...]:
        return tuple(position_of(each) for each in (await self.api.account(coldkey)).stakes)

    async def stakes_proven(self, coldkey: str) -> ProvenStakes:
        client = await self.light.open()
        found = await asyncio.to_thread(client.stakes, coldkey)
        positions = tuple(
            StakePosition(each.netuid, each.hotkey, Balance(each.amount_alpha, each.netuid), Balance(each.value_rao))
            for each in found.stakes
        )
        return ProvenStakes(positions, _proof(found.at))

    async def stake(self, coldkey: str, hotkey: str, netuid: int) -> Balance:
        positions = await self.stakes(coldkey)
        held = [each.amount for each in positions if each.hotkey == hotkey and each.netuid == netuid]
        return sum(held, Balance(0, netuid))

    async def quote(self, netuid: int, amount: Balance) -> SwapQuote:
        if netuid == TAO_NETUID:
            raise SdkError("Root has no pool: τ staked there stays τ.", remedy="Ask for another subnet.")
        if amount.netuid == TAO_NETUID:
            return quote_of(await self.api.quote_stake(netuid, amount.rao))
        return quote_of(await self.api.quote_unstake(netuid, units_of(amount, netuid, "quote")))

    # --- subnets ------------------------------------------------------------------------------------------------------

    async def subnets(self) -> tuple[Subnet, ...]:
        return tuple(subnet_of(each) for each in await self.api.subnets())

    async def subnet(self, netuid: int) -> Subnet:
        for each in await self.api.subnets():
            if each.netuid == netuid:
                return subnet_of(each)
        raise SdkError(f"There is no subnet {netuid}.", remedy="`subnets.all()` has those there are.")

    async def subnet_proven(self, netuid: int) -> ProvenSubnet:
        client = await self.light.open()
        found = await asyncio.to_thread(client.subnet, netuid)
        return ProvenSubnet(subnet_of(found.subnet), _proof(found.at))

    async def metagraph(self, netuid: int) -> Metagraph:
        return Metagraph(await self.api.metagraph(netuid))

    async def weights(self, netuid: int) -> "npt.NDArray[np.float64]":
        """One question a seat that may set weights; a seat that is given up meanwhile has none."""
        import numpy as np

        graph = await self.metagraph(netuid)
        place = {uid: index for index, uid in enumerate(graph.uids.tolist())}
        found = np.zeros((graph.n, graph.n), dtype=np.float64)
        for each in graph.neurons:
            if each.last_update == 0:
                continue
            for weight in (await self.api.seat(netuid, each.uid)).weights_out:
                if weight.uid in place:
                    found[place[each.uid], place[weight.uid]] = weight.share
        return found

    async def metagraph_proven(self, netuid: int) -> Metagraph:
        client = await self.light.open()
        found = await asyncio.to_thread(client.metagraph, netuid)
        return Metagraph(found.metagraph, proven_at=found.at.block_hash)

    # --- blocks -------------------------------------------------------------------------------------------------------

    async def height(self) -> int:
        return (await self.api.status()).height

    async def final_height(self) -> int:
        return (await self.api.status()).finalized_height

    async def wait_for_height(self, height: int | None, timeout_s: float) -> int:
        """Return the height once it is `height` or more (None: the next block). Raises RequestTimeout."""
        status = await self.api.status()
        wanted = status.height + 1 if height is None else height
        give_up_s = time.monotonic() + timeout_s
        while status.height < wanted:
            if time.monotonic() >= give_up_s:
                raise RequestTimeout(
                    f"Block {wanted:,} did not come within {timeout_s:g} s; the last is {status.height:,}."
                )
            await asyncio.sleep(WAIT_POLL_S)
            status = await self.api.status()
        return status.height

    async def proposal(self, index: int) -> schema.ProposalView:
        for each in await self.api.proposals():
            if each.index == index:
                return each
        raise SdkError(f"There is no open proposal {index}.", remedy="`proposals.all()` has those there are.")


def _proof(at: LightAt) -> Proof:
    return Proof(at.height, at.block_hash, at.state_root, at.age_s, at.full_node)
