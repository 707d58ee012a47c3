"""Topics and what travels on them: docs/protocol.md, "Gossip". Finality messages are read by `shapes`."""

from tests.reference.follower.shapes import Block, Header, read_block, read_header
from tests.reference.follower.transactions import Transaction, transaction_in
from tests.reference.follower.trees import list_root
from tests.reference.follower.wire import Fields, Refused, as_bytes, require, unpack

NEWS_BYTES = 64 * 1_024 + 16
BATCH = 64
BATCH_BYTES = BATCH * 16_384


def topic(genesis_hash: bytes, name: str) -> str:
    return f"/neurond/{genesis_hash.hex()[:16]}/{name}/1"


def news_in(raw: bytes) -> Block | Header:
    """A block whose body is its header's, or the header of a large one. Raises Refused."""
    value = unpack(raw, NEWS_BYTES)
    if not isinstance(value, list) or value[:1] not in ([1], [2]):
        raise Refused("neither a block nor a header")
    if value[0] == 2:
        return Fields(value, 1, 2).one(read_header)
    block = Fields(value, 1, 1).one(read_block)
    require(list_root(block.transactions) == block.header.transactions_root, "the body is another header's")
    return block


def batch_in(raw: bytes) -> tuple[Transaction, ...]:
    """Transactions on their way into a block. Raises Refused."""
    return Fields([unpack(raw, BATCH_BYTES)], 1).each(lambda each: transaction_in(as_bytes(each)), BATCH, 1)
