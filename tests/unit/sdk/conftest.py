"""A fake node, a wallet without a password, and both clients on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import neurond
from node.control.schema import Account, Stake
from tests.unit.control.fake import TAO, FakeApi, Served, served


class RichApi(FakeApi):
    """A fake node with an account that has a position worth moving."""

    stake_alpha = 20 * TAO
    hotkey = ""

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
