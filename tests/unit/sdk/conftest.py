"""A fake node, a wallet without a password, and both clients on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import neurond
from node.control.schema import Account, Stake
from node.control.views.inspect import SeatDetail, SeatWeight
from tests.unit.control.fake import ALICE, BOB, TAO, FakeApi, Served, served


class RichApi(FakeApi):
    """A fake node with an account that has a position worth moving."""

    stake_alpha = 20 * TAO
    hotkey = ""

    async def seat(self, netuid: int, uid: int) -> SeatDetail:
        """Seat 0 gives three quarters to seat 7 and the rest to one that is gone."""
        await self.account(ALICE)
        given = (SeatWeight(7, BOB, 0.75, TAO), SeatWeight(9, BOB, 0.25, TAO))
        return SeatDetail(netuid, uid, ALICE, 120, (), given if uid == 0 else (), (), 0)

    async def account(self, address: str) -> Account:
        found = await super().account(address)
        stake = Stake(1, self.hotkey or found.stakes[0].hotkey, self.stake_alpha, TAO // 4, 5 * TAO)
        return Account(address, found.height, found.balance_rao, found.nonce, (stake,), 5 * TAO)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def node(home: Path) -> Iterator[Served]:
    home.mkdir()
    with served(home, RichApi()) as serving:
        yield serving


@pytest.fixture
def wallet(home: Path) -> neurond.Wallet:
    made = neurond.Wallet(path=home / "wallets")
    made.create(None)
    return made


@pytest.fixture
def sub(node: Served, home: Path) -> Iterator[neurond.Subtensor]:
    with neurond.Subtensor(home) as client:
        yield client
