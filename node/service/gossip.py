"""Blocks, finality messages and transactions between the gossip topics and the chain.

Topic names hold the genesis hash, so networks never mix. The checks run on the event loop before a message is passed
on: form, size and signature, so that garbage costs its sender score and goes no further. Large blocks travel as their
header alone and the body is fetched by stream. Transactions cost too much to check there: the topic passes none on,
each node gossips what it has taken into its pool, and so answers for what it sends. Blocks and finality go first and
have budgets of their own; a neighbour that missed a decision is told of it. What gossip loses, sync repairs.
"""

from contextlib import suppress
from functools import partial
from typing import Annotated, Final, cast

import msgspec
import trio

from node.consensus.certificate import Certificate, check_certificate
from node.consensus.errors import WrongSet
from node.consensus.events import BlockReceived, CertificateReceived, MessageReceived, NeedBlocks
from node.consensus.messages import (
    FinalityMessage,
    Proposal,
    check_proposal,
    decode_message,
    encode_message,
)
from node.consensus.seals import check_member_seal, check_seal
from node.consensus.votes import Vote, check_vote
from node.ledger.header import Block, Header, check_header_shape, header_hash
from node.ledger.merkle import list_root
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.errors import ConsensusError, DecodeError, LedgerError
from node.primitives.limits import BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTIONS_PER_BLOCK_MAX
from node.primitives.types import Hash
from node.service.chain import Chain, now_ms
from node.service.helping import Helper
from node.service.logbook import logger
from p2p import Message, Network, Priority, Verdict

INLINE_BLOCK_BYTES_MAX: Final = 64 * 1024  # gossip sends several copies; a larger body is fetched once, by stream
BATCH_TRANSACTIONS_MAX: Final = 64  # one message a batch: its price is per message, not per byte
POINTS_BAD_TRANSACTION: Final = 10.0  # once a batch
BATCH_DELAY_S: Final = 0.1  # how long a transaction waits for company
OUTBOX_MAX: Final = 4096  # own transactions waiting; the pool still has what does not fit
BATCHES_WAITING_MAX: Final = 256  # of others, until their signatures are checked: two seconds of a full topic
FINALITY_WAITING_MAX: Final = 1024  # votes a busy chain may fall behind: seconds of what a node judges
_BATCH_BYTES_MAX: Final = BATCH_TRANSACTIONS_MAX * TRANSACTION_BYTES_MAX
_NEWS_BYTES_MAX: Final = INLINE_BLOCK_BYTES_MAX + 16

log = logger("gossip")


class BlockNews(Wire, frozen=True, tag=1):
    """A new block, whole."""

    block: Block


class HeaderNews(Wire, frozen=True, tag=2):
    """A new block too large for gossip; fetch it from whoever tells."""

    header: Header


News = BlockNews | HeaderNews
Batch = Annotated[tuple[bytes, ...], msgspec.Meta(max_length=BATCH_TRANSACTIONS_MAX)]


class Gossip:
    """The chain's three topics."""

    def __init__(self, network: Network, genesis_hash: Hash) -> None:
        prefix = f"/neurond/{genesis_hash.hex()[:16]}"
        self._network = network
        self.blocks_topic = f"{prefix}/blocks/1"
        self.finality_topic = f"{prefix}/finality/1"
        self.transactions_topic = f"{prefix}/transactions/1"
        self._outbox, self._to_send = trio.open_memory_channel[bytes](OUTBOX_MAX)
        self._inbox, self._to_check = trio.open_memory_channel[tuple[str, list[bytes]]](BATCHES_WAITING_MAX)

    # --- out --------------------------------------------------------------------------------------------------------

    async def publish(self, message: Block | FinalityMessage) -> None:
        """Gossip what the engine wants published."""
        if isinstance(message, Block):
            data = encode(BlockNews(message))
            if len(data) > _NEWS_BYTES_MAX:
                data = encode(HeaderNews(message.header))
            await self._network.publish(self.blocks_topic, data)
        else:
            await self._network.publish(self.finality_topic, encode_message(message))

    def publish_transaction(self, raw: bytes) -> None:
        """Gossip a transaction, together with others of the same moment."""
        try:
            self._outbox.send_nowait(raw)
        except trio.WouldBlock:
            log.warning("too many transactions at once; one stays here until this node makes a block")

    # --- in ---------------------------------------------------------------------------------------------------------

    async def run(self, chain: Chain, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pass messages on until cancelled."""
        network = self._network
        helper = Helper(chain, network, self.finality_topic)

        def judge(peer_id: str, data: bytes) -> Verdict:
            verdict = check_finality(chain, peer_id, data)
            if verdict is Verdict.IGNORE:
                helper.hear(peer_id, data)
            return verdict

        blocks = network.subscribe(self.blocks_topic, partial(check_news, chain), priority=Priority.HIGH)
        finality = network.subscribe(
            self.finality_topic, judge, capacity=FINALITY_WAITING_MAX, priority=Priority.HIGH, again=helper.hear
        )
        transactions = network.subscribe(
            self.transactions_topic, partial(self.take_batch, chain), priority=Priority.NORMAL
        )
        async with transactions, trio.open_nursery() as nursery:
            nursery.start_soon(_pass_blocks, blocks, chain)
            nursery.start_soon(_pass_finality, finality, chain)
            nursery.start_soon(self._pass_transactions, chain, network)
            nursery.start_soon(self._send_batches)
            nursery.start_soon(helper.run)
            nursery.start_soon(chain.transactions.run)
            task_status.started()

    def take_batch(self, chain: Chain, peer_id: str, data: bytes) -> Verdict:
        """Queue what is new here of a batch of well-formed transactions; the topic itself passes nothing on."""
        try:
            unknown = new_in_batch(chain, data)
        except (DecodeError, LedgerError):
            return Verdict.REJECT
        if unknown:
            try:
                self._inbox.send_nowait((peer_id, unknown))
            except trio.WouldBlock:
                log.debug("too many transactions at once; a batch is dropped, its sender sends it again")
        return Verdict.IGNORE

    async def _pass_transactions(self, chain: Chain, network: Network) -> None:
        async for peer_id, batch in self._to_check:
            for raw in batch:
                if not chain.transactions.knows(raw) and not await chain.transactions.receive(raw):
                    network.report(peer_id, POINTS_BAD_TRANSACTION, "a transaction with a wrong signature")
                    break  # the rest of such a batch is not worth its checks

    async def _send_batches(self) -> None:
        async for first in self._to_send:
            await trio.sleep(BATCH_DELAY_S)
            waiting = [first]
            with suppress(trio.WouldBlock):
                while len(waiting) < OUTBOX_MAX:
                    waiting.append(self._to_send.receive_nowait())
            for begin in range(0, len(waiting), BATCH_TRANSACTIONS_MAX):
                batch = tuple(waiting[begin : begin + BATCH_TRANSACTIONS_MAX])
                await self._network.publish(self.transactions_topic, encode(batch))


# --- checks: on the event loop, before a message is passed on ---------------------------------------------------------


def check_news(chain: Chain, peer_id: str, data: bytes) -> Verdict:
    """Pass on new blocks with a seal that holds."""
    try:
        news = decode_news(data)
        header = header_of(news)
        if header.height <= chain.final.header.height:
            return Verdict.IGNORE
        if chain.clock.start_ms_of(header.slot) > now_ms() + chain.clock.early_ms:
            return Verdict.IGNORE
        _check_seal(chain, header)
        if isinstance(news, BlockNews) and not is_body_of(header, news.block.transactions):
            return Verdict.REJECT
    except WrongSet:
        return Verdict.IGNORE  # of another epoch: whether it holds, sync finds out
    except (DecodeError, ConsensusError):
        return Verdict.REJECT
    return Verdict.ACCEPT


def check_finality(chain: Chain, peer_id: str, data: bytes) -> Verdict:
    """Pass on votes, proposals and certificates that are new and signed by an authority."""
    try:
        message = decode_message(data)
        certificate = chain.final.certificate
        if certificate is not None and message.instance <= certificate.instance:
            return Verdict.IGNORE
        authorities = chain.set_numbered(message.set_id)
        if authorities is None:
            return Verdict.IGNORE
        match message:
            case Vote():
                check_vote(message, authorities, chain.genesis_hash, chain.verify)
            case Proposal():
                check_proposal(message, authorities, chain.genesis_hash, chain.verify)
            case Certificate():
                check_certificate(message, authorities, chain.genesis_hash, chain.verify, header=None)
    except WrongSet:
        return Verdict.IGNORE
    except (DecodeError, ConsensusError):
        return Verdict.REJECT
    return Verdict.ACCEPT


def _check_seal(chain: Chain, header: Header) -> None:
    """Who leads a slot is known above blocks that are here; elsewhere any member's seal will do for the moment."""
    authorities = chain.set_above(header.parent)
    if authorities is not None:
        check_seal(header, authorities, chain.genesis_hash, chain.verify)
        return
    members = chain.set_numbered(header.set_id)
    if members is None:
        raise WrongSet("This block is of another authority set than those known here.")
    check_member_seal(header, members, chain.genesis_hash, chain.verify)


def decode_batch(data: bytes) -> tuple[bytes, ...]:
    """Return the transactions in `data`, nothing about them checked; DecodeError otherwise."""
    batch = decode_canonical(Batch, data, max_bytes=_BATCH_BYTES_MAX)
    if not batch:
        raise DecodeError("A batch without transactions.")
    return batch


def new_in_batch(chain: Chain, data: bytes) -> list[bytes]:
    """Return the well-formed transactions of a batch that are new here. Raises DecodeError or LedgerError."""
    unknown = [raw for raw in dict.fromkeys(decode_batch(data)) if not chain.transactions.knows(raw)]
    for raw in unknown:
        chain.transactions.check_form(raw)
    return unknown


def header_of(news: News) -> Header:
    """Return the header that the news is about."""
    return news.block.header if isinstance(news, BlockNews) else news.header


def is_body_of(header: Header, transactions: tuple[bytes, ...]) -> bool:
    """Tell whether these are the transactions that the header commits to: anybody can put others under it."""
    if len(transactions) > TRANSACTIONS_PER_BLOCK_MAX:
        return False
    return list_root(transactions) == header.transactions_root


def decode_news(data: bytes) -> News:
    """Return the news in `data` with a well-formed header; DecodeError otherwise."""
    news = decode_canonical(cast("type[News]", News), data, max_bytes=min(_NEWS_BYTES_MAX, BLOCK_BYTES_MAX))
    check_header_shape(header_of(news))
    return news


# --- from the topics to the chain -------------------------------------------------------------------------------------


async def _pass_blocks(messages: trio.MemoryReceiveChannel[Message], chain: Chain) -> None:
    async for message in messages:
        match decode_news(message.data):
            case BlockNews(block):
                await chain.feed(BlockReceived(block, message.peer_id, relayed=True))
            case HeaderNews(header):
                if not chain.has(header_hash(header)):
                    chain.want(NeedBlocks(header_hash(header), message.peer_id))


async def _pass_finality(messages: trio.MemoryReceiveChannel[Message], chain: Chain) -> None:
    async for message in messages:
        decoded = decode_message(message.data)
        if isinstance(decoded, Certificate):
            await chain.feed(CertificateReceived(decoded, message.peer_id))
        else:
            await chain.feed(MessageReceived(decoded, message.peer_id))
