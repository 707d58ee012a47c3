"""The chain as the work market sees it: the best head, the metagraph kept per head, and a way to submit."""

import trio

from node.ledger import key_queries, network_queries, queries
from node.ledger.calls import Call
from node.ledger.errors import SubnetNotExists
from node.ledger.key_queries import CommitInfo
from node.ledger.pallets.neurons import Commitment
from node.ledger.pallets.roots import ReceiptRoot
from node.ledger.queries import Metagraph
from node.ledger.transaction import sign_transaction
from node.market.chain import Head
from node.market.limits import HEADS_QUEUED_MAX
from node.mempool.errors import MempoolError
from node.primitives.crypto import Signer
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.service.birth import birth_of
from node.service.chain import Chain, HeadView
from node.service.errors import NotPooled


class Reader:
    """Implements `node.market.chain.ChainReader` over the running chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._metagraphs: dict[NetUid, tuple[Hash, Metagraph | None]] = {}
        self._signing = trio.Lock()  # two at once would sign one nonce twice

    @property
    def genesis_hash(self) -> Hash:
        return self._chain.genesis_hash

    def height(self) -> Height:
        """Return the height of the best head."""
        return self._chain.head.height

    def block_hash(self, height: Height) -> Hash | None:
        """Return the hash of a recent block of the best chain."""
        head = self._chain.head
        return head.hash if height == head.height else queries.block_hash(head.executed.state.view, height)

    def metagraph(self, netuid: NetUid) -> Metagraph | None:
        """Return the subnet as of the best head; computed once a head."""
        head = self._chain.head
        known = self._metagraphs.get(netuid)
        if known is None or known[0] != head.hash:
            try:
                graph: Metagraph | None = queries.metagraph(head.executed.state.view, netuid)
            except SubnetNotExists:
                graph = None
            known = self._metagraphs[netuid] = (head.hash, graph)
        return known[1]

    def weight_commits(self, netuid: NetUid, hotkey: AccountId) -> tuple[CommitInfo, ...]:
        """Return the hotkey's commits to weights as of the best head."""
        try:
            return key_queries.weight_commits(self._chain.head.executed.state.view, netuid, hotkey)
        except SubnetNotExists:
            return ()

    def commitment(self, netuid: NetUid, hotkey: AccountId) -> Commitment | None:
        """Return what the hotkey has published for the subnet as of the best head."""
        return key_queries.commitment_of(self._chain.head.executed.state.view, netuid, hotkey)

    def receipt_roots(self, netuid: NetUid, hotkey: AccountId) -> tuple[ReceiptRoot, ...]:
        """Return the newest roots over the hotkey's records as of the best head, oldest first."""
        return network_queries.receipt_roots(self._chain.head.executed.state.view, netuid, hotkey)

    def heads(self) -> trio.MemoryReceiveChannel[Head]:
        """Return a channel of new best heads; a slow reader loses some."""
        send, receive = trio.open_memory_channel[Head](HEADS_QUEUED_MAX)

        def tell(head: HeadView) -> None:
            try:
                send.send_nowait(Head(head.height, head.hash))
            except trio.WouldBlock:
                return
            except trio.BrokenResourceError:  # the reader closed its end
                end()

        end = self._chain.on_head(tell)
        return receive

    async def submit(self, call: Call, signer: Signer) -> Hash:
        """Sign `call` with a nonce of this moment and send it. Raises LedgerError."""
        async with self._signing:
            return await self._submit(call, signer)

    async def _submit(self, call: Call, signer: Signer) -> Hash:
        height, block_hash = birth_of(self._chain)
        raw = sign_transaction(
            signer,
            call,
            nonce=self._chain.transactions.next_nonce(signer.public),
            birth_height=height,
            birth_hash=block_hash,
            genesis_hash=self._chain.genesis_hash,
        )
        try:
            return await self._chain.transactions.submit(raw)
        except MempoolError as error:
            raise NotPooled(error.message, remedy=error.hint) from error
