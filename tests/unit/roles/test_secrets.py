"""A validator of a subnet that wants weights committed first: commits in time, reveals in time, survives restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio

from node.ledger import key_queries, queries
from node.ledger.calls import Call, CommitWeights, RevealWeights, SetWeights
from node.ledger.commit_hash import commit_hash
from node.ledger.key_queries import CommitInfo
from node.market.weights import WeightVector
from node.primitives.crypto import Signer
from node.primitives.errors import LedgerError
from node.primitives.types import AccountId, Hash, Height, NetUid, Uid
from node.service.roles.journal import RoleJournal
from node.service.roles.miner import MinerRole
from node.service.roles.secrets import KEPT_BLOCKS_MIN, RETRY_BLOCKS, WeightSecrets
from node.service.roles.validator import ValidatorRole
from storage import MarketStore, SecretRow
from tests.unit.ledger.world import SUBNET, hyper, key, small_genesis, who
from tests.unit.ledger.world import World as Ledger
from tests.unit.market.support import NETUID, Doubling, FakeChain, NoModels, World, until_drawing

VECTOR = WeightVector((Uid(0), Uid(1)), (65_535, 7))


@asynccontextmanager
async def _validator(store: MarketStore | None = None) -> AsyncIterator[tuple[World, ValidatorRole]]:
    """A validator and one honest miner at work."""
    world = World()
    world.chain.commit_reveal = True
    context = world.join("validator", permit=True)
    role = ValidatorRole(context, Doubling(), NoModels(), now_ms=lambda: 1, store=store)
    async with trio.open_nursery() as nursery:
        miner = MinerRole(world.join("good"), Doubling(), NoModels(), now_ms=lambda: 1)
        await nursery.start(miner.run)
        await nursery.start(role.run)
        await until_drawing(world.chain)
        yield world, role
        nursery.cancel_scope.cancel()


async def sealed(secrets: WeightSecrets, vector: WeightVector, version_key: int) -> CommitWeights:
    """A commit whose secret is kept."""
    call, row = secrets.seal(vector, version_key)
    await secrets.keep(row)
    return call


async def _blocks(world: World, count: int) -> None:
    for _ in range(count):
        world.chain.advance()
        await trio.sleep(12)


def _calls(world: World, kind: type) -> list[tuple[Height, object]]:
    return [(height, call) for height, _, call in world.chain.submitted if isinstance(call, kind)]


async def test_weights_are_committed_in_time_and_revealed_in_the_next_epoch(autojump_clock: object) -> None:
    async with _validator() as (world, role):
        await _blocks(world, 36)
        commits, reveals = _calls(world, CommitWeights), _calls(world, RevealWeights)
        assert _calls(world, SetWeights) == []
        assert len(commits) == 3
        assert len(reveals) == 3
        period = world.chain.tempo_blocks + 1
        opened = set()
        for (height, reveal), (committed_at, commit) in zip(reveals, commits, strict=True):
            assert isinstance(reveal, RevealWeights)
            assert isinstance(commit, CommitWeights)
            assert (height + 1) // period == (committed_at + 1) // period + 1
            opened.add((reveal.salt, reveal.uids, reveal.values))
            own = world.chain.rows[0].hotkey
            digest = commit_hash(own, NETUID, reveal.uids, reveal.values, reveal.salt, reveal.version_key)
            assert digest == commit.commit_hash
        assert len({salt for salt, _, _ in opened}) == 3, "every commit has its own salt"
        assert role.weights.last_error == ""
        assert role.weights.last_set_height is not None


async def test_a_commit_made_before_a_restart_is_revealed_after_it(tmp_path: Path) -> None:
    world = World()
    context = world.join("validator", permit=True)
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        before = WeightSecrets(context, RoleJournal(NETUID, store))
        await before.load()
        await context.chain.submit(await sealed(before, VECTOR, 3), context.signer)
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        journal = RoleJournal(NETUID, store)
        after = WeightSecrets(context, journal)
        await after.load()
        due = world.chain.commits[context.hotkey][0]
        await after.tick(Height(due.reveal_from - 2))
        assert _calls(world, RevealWeights) == [], "one block too early"
        await after.tick(Height(due.reveal_from - 1))
        [(_, reveal)] = _calls(world, RevealWeights)
        assert isinstance(reveal, RevealWeights)
        assert (reveal.uids, reveal.values, reveal.version_key) == (VECTOR.uids, VECTOR.values, 3)
        assert world.chain.commits[context.hotkey] == (), "the chain took it"
        await after.tick(Height(due.reveal_from + KEPT_BLOCKS_MIN))
        await journal.flush()
        assert store.secrets(NETUID) == [], "what is over is forgotten"


async def test_a_reveal_that_is_refused_or_lost_is_tried_again_until_its_epoch_is_over() -> None:
    world = World()
    context = world.join("validator", permit=True)
    secrets = WeightSecrets(context, RoleJournal(NETUID, None))
    await context.chain.submit(await sealed(secrets, VECTOR, 0), context.signer)
    due = world.chain.commits[context.hotkey][0]
    world.chain.refuse = LedgerError("pool is full")
    await secrets.tick(due.reveal_from)
    assert "pool is full" in secrets.last_error
    world.chain.refuse = None
    world.chain.apply_calls = False
    for height in range(due.reveal_from + 1, due.reveal_until + 3):
        await secrets.tick(Height(height))
    assert secrets.last_error == ""
    sent = len(_calls(world, RevealWeights))
    assert sent == (due.reveal_until - 1 - due.reveal_from) // RETRY_BLOCKS


async def test_a_secret_that_cannot_be_read_is_dropped(tmp_path: Path) -> None:
    world = World()
    context = world.join("validator", permit=True)
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        journal = RoleJournal(NETUID, store)
        secrets = WeightSecrets(context, journal)
        commit = await sealed(secrets, VECTOR, 0)
        await context.chain.submit(commit, context.signer)
        row = store.secrets(NETUID)[0]
        store.drop_secrets(NETUID, [row.digest])
        store.keep_secret(NETUID, SecretRow(row.digest, row.height, b"\xff"))
        await secrets.load()
        await secrets.tick(world.chain.commits[context.hotkey][0].reveal_from)
        await journal.flush()
        assert store.secrets(NETUID) == []
        assert _calls(world, RevealWeights) == []


class _LedgerChain(FakeChain):
    """The real ledger behind the chain's protocol: what is submitted is in the next block, or refused."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.genesis_hash)
        self.ledger = ledger

    def height(self) -> Height:
        return self.ledger.state.height

    def weight_commits(self, netuid: NetUid, hotkey: AccountId) -> tuple[CommitInfo, ...]:
        return key_queries.weight_commits(self.ledger.state.view, SUBNET, hotkey)

    async def submit(self, call: Call, signer: Signer) -> Hash:
        raw = self.ledger.sign("va", call, nonce=queries.nonce(self.ledger.state.view, signer.public))
        self.ledger.block(raw)
        return self.ledger.genesis_hash


async def test_the_ledger_takes_the_commit_and_the_reveal_in_its_first_and_its_last_block() -> None:
    for wait_for_last in (False, True):
        ledger = Ledger(small_genesis(subnet=hyper(commit_reveal=True)))
        chain = _LedgerChain(ledger)
        context = replace(World().join("validator", chain=chain), netuid=SUBNET, signer=key("va"))
        secrets = WeightSecrets(context, RoleJournal(SUBNET, None))
        ledger.run_to(12)
        await chain.submit(await sealed(secrets, VECTOR, 0), key("va"))
        [commit] = chain.weight_commits(SUBNET, who("va"))
        if wait_for_last:
            ledger.run_to(commit.reveal_until - 1)
        while chain.weight_commits(SUBNET, who("va")):
            await secrets.tick(chain.height())
            assert secrets.last_error == ""
            if chain.weight_commits(SUBNET, who("va")):
                ledger.block()
        assert ledger.state.height == (commit.reveal_until if wait_for_last else commit.reveal_from)
        assert queries.weights_of(ledger.state.view, SUBNET, Uid(1)) == ((0, 65_535), (1, 7))
