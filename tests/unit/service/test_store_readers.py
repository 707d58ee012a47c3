"""What serving reads of a running chain is of one moment, whatever moves meanwhile: it is read from worker threads."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.ledger.header import Block, header_hash
from node.primitives.types import Height
from node.service.chain import Chain, FinalView
from node.service.store_readers import StoreReader
from node.sync.messages import decode_answer, encode_answer
from tests.unit.consensus.helpers import GENESIS_HASH, certificate
from tests.unit.consensus.test_engine import chain, ref

CHAIN = chain(12)


def final(block: Block) -> FinalView:
    return FinalView(block.header, header_hash(block.header), certificate(ref(block)))


def head(block: Block) -> SimpleNamespace:
    return SimpleNamespace(height=Height(block.header.height), hash=header_hash(block.header))


class Moving:
    """A chain whose latest final block is another one at each look."""

    def __init__(self, finals: list[FinalView]) -> None:
        self._finals = iter(finals)
        self.genesis_hash = GENESIS_HASH
        self.head: Any = head(CHAIN[11])

    @property
    def final(self) -> FinalView:
        return next(self._finals)


def test_a_status_is_of_one_final_block_even_while_another_one_becomes_final() -> None:
    status = StoreReader(cast("Chain", Moving([final(block) for block in CHAIN]))).status()
    assert decode_answer(encode_answer(status)) == status
    assert status.finalised_hash == header_hash(CHAIN[0].header)


@pytest.mark.parametrize("behind", [CHAIN[3], CHAIN[7], CHAIN[9]])
def test_a_head_that_has_not_moved_yet_is_never_told_below_the_final_block(behind: Block) -> None:
    made = SimpleNamespace(genesis_hash=GENESIS_HASH, final=final(CHAIN[7]), head=head(behind))
    status = StoreReader(cast("Chain", made)).status()
    assert decode_answer(encode_answer(status)) == status
    best = max(behind, CHAIN[7], key=lambda block: block.header.height)
    assert (status.head_height, status.head_hash) == (best.header.height, header_hash(best.header))
