"""Joins the second implementation to a running network: questions go out as bytes, answers come back as bytes."""

from collections.abc import Callable

from p2p import Network
from tests.reference.follower import sync
from tests.reference.follower.chain import Follower
from tests.reference.follower.chain import Network as Rules
from tests.reference.follower.light import Assembly, LightClient
from tests.reference.follower.wire import Refused

Twist = Callable[[bytes, bytes], bytes]


def honest(request: bytes, answer: bytes) -> bytes:
    return answer


class Asker:
    """A stream to one node; `twist` may put another answer in the place of its own."""

    def __init__(self, network: Network, peer_id: str, twist: Twist = honest) -> None:
        self._network, self._peer_id, self._twist = network, peer_id, twist

    async def ask(self, request: bytes) -> bytes:
        if len(request) > sync.REQUEST_BYTES:
            raise Refused("a request has at most 4 096 bytes")
        network = self._network
        answer = await network.request(self._peer_id, sync.PROTOCOL, request, max_bytes=sync.ANSWER_BYTES)
        return self._twist(request, answer)

    async def begin(self, rules: Rules, authorities: list[bytes]) -> Follower:
        """A follower at block 0, whose header the node gives and the genesis hash vouches for."""
        headers = sync.headers_in(await self.ask(sync.get_headers(0, 1)))
        if len(headers) != 1:
            raise Refused("no header of block 0")
        return Follower.at_genesis(rules, headers[0], authorities)

    async def follow(self, follower: Follower, height: int = 0) -> None:
        """Take blocks until `height`, or what the node says it has finalised, is final here. Raises Refused."""
        status = sync.status_in(await self.ask(sync.get_status()))
        if status.genesis_hash != follower.network.genesis_hash:
            raise Refused("a node of another network")
        target = height or status.finalised_height
        while follower.final.height < target:
            above = follower.head.header.height + 1
            blocks, certificates = sync.blocks_in(await self.ask(sync.get_blocks(above)))
            if not blocks:
                raise Refused("the node has no more blocks")
            try:
                for block in blocks:
                    follower.extend(block)
                for certificate in certificates:
                    follower.finalise(certificate)
            except Refused:
                follower.rewind()
                raise

    async def step(self, client: LightClient, *, below: int | None = None) -> int:
        """Take light steps until there is none, or none below a height; how many there were. Raises Refused."""
        taken = 0
        while steps := sync.steps_in(await self.ask(sync.get_steps(client.header.height))):
            for each in steps:
                if below is not None and each.header.height >= below:
                    return taken
                client.advance(each)
                taken += 1
        return taken

    async def snapshot(self, client: LightClient) -> Assembly | None:
        """The whole state of the node's snapshot, None where it has none. Raises Refused."""
        for manifest in sync.offer_in(await self.ask(sync.get_manifest())):
            await self.step(client, below=manifest.header.height)
            taken = Assembly(manifest, client.genesis_hash, client.members)
            while taken.missing:
                prefix = min(taken.missing)
                for chunk in sync.piece_in(await self.ask(sync.get_chunk(manifest.header.hash, prefix))):
                    taken.take(chunk)
            return taken
        return None
