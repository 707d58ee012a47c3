"""Whole daemons killed at random moments, in short; and that the campaign would notice what it looks for."""

import shutil
from pathlib import Path

import pytest
import trio

from node.consensus.messages import Proposal, encode_message
from node.consensus.votes import Step, Vote
from node.ledger.genesis import genesis_state
from node.ledger.header import Block, Header
from node.primitives.codec import encode
from node.primitives.types import Hash, Height, SetId, Slot
from node.service.anchor import block_row
from node.service.gossip import BlockNews
from storage import ChainStore, Commit
from tests.crash.node_kills import Campaign, Findings, Listener, check_left
from tests.unit.service.network import hotkey, spec_of

CYCLES = 4
HEADER, STATE, ROWS = genesis_state(spec_of(2))
ONE, OTHER = Hash(b"\x01" * 32), Hash(b"\x02" * 32)


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_killed_nodes_lose_no_final_block_and_sign_nothing_twice(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, authorities=2, slot_ms=500, seed=7)
    found = trio.run(campaign.run, CYCLES, lambda line: None)
    assert found.wrong == []
    assert found.cycles >= CYCLES
    assert found.final_height > 0
    assert found.transfers > 0
    assert {str(place[0]) for place in found.signed} == {"block", "vote", "proposal"}


def vote(block: Hash, *, step: Step = Step.PREVOTE, round_number: int = 0) -> bytes:
    return encode_message(
        Vote(SetId(0), 1, round_number, step, Height(1), block, hotkey(0).public, bytes(64))
    )  # fmt: skip


def proposal(block: Hash) -> bytes:
    return encode_message(Proposal(SetId(0), 1, 0, Height(1), block, (), hotkey(0).public, bytes(64)))


def news(root: Hash, slot: int = 5) -> bytes:
    header = Header(
        1, Height(1), Slot(slot), STATE.hash, hotkey(0).public, ONE, root, SetId(0), ONE, (), bytes(64)
    )  # fmt: skip
    return encode(BlockNews(Block(header, ())))


def test_two_votes_proposals_or_headers_at_one_place_are_noticed() -> None:
    findings = Findings()
    listener = Listener(findings)
    for first in (vote(ONE), vote(OTHER, step=Step.PRECOMMIT), vote(OTHER, round_number=1), proposal(ONE)):
        listener.on_finality("peer", first)
        listener.on_finality("another", first)
    listener.on_block("peer", news(ONE))
    listener.on_block("peer", news(OTHER, slot=6))
    assert findings.wrong == []
    listener.on_finality("peer", vote(OTHER))
    listener.on_finality("peer", proposal(OTHER))
    listener.on_block("peer", news(OTHER))
    assert len(findings.wrong) == 3


def test_another_final_block_at_one_height_is_noticed() -> None:
    findings = Findings()
    findings.note_final("a", 3, "aa")
    findings.note_final("b", 3, "aa")
    assert findings.wrong == []
    findings.note_final("b", 3, "bb")
    assert len(findings.wrong) == 1


def left(folder: Path, rows: dict[Hash, bytes]) -> Path:
    with ChainStore.open(folder / "home" / "chain.db") as store:
        genesis = block_row(Block(HEADER, ()))
        store.commit(Commit(blocks=(genesis,), finalised=((0, genesis.hash),), state=dict(rows.items())))
    return folder / "home"


def test_a_lost_or_another_final_block_and_damaged_rows_are_noticed(tmp_path: Path) -> None:
    home, scratch = left(tmp_path / "whole", ROWS), tmp_path / "scratch"
    assert list(check_left(home, scratch, (0, STATE.hash.hex()))) == []
    assert list(check_left(home, scratch, (0, ONE.hex()))) == [
        "the final block at height 0 is another one in the store"
    ]
    assert list(check_left(home, scratch, (1, ONE.hex()))) == ["height 1 was final, the store ends at 0"]
    shutil.rmtree(scratch)
    path = next(iter(ROWS))
    damaged = left(tmp_path / "damaged", {**ROWS, path: ROWS[path] + b"\x00"})
    assert list(check_left(damaged, scratch, (0, STATE.hash.hex()))) == [
        "the rows do not have the state root of height 0"
    ]
