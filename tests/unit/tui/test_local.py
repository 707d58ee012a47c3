"""The port to this machine: what fails for a known reason is a sentence, keys sign in this process."""

from pathlib import Path

import pytest

from node.control.paths import devnet_path, log_path, wallets_path
from node.control.role_actions import RoleDraft
from node.control.schema import RolePlan
from node.wallet import WalletStore
from node.wallet.container import INTERACTIVE
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakeApi
from tui.local import LocalPort
from tui.port import PortError

PASSWORD = "correct horse battery"


def test_an_empty_home_has_no_node_and_no_network(tmp_path: Path) -> None:
    port = LocalPort(tmp_path / "home")
    assert port.find() is None
    assert port.network() is None


def test_a_home_that_ran_before_can_be_started_again(tmp_path: Path) -> None:
    log_path(tmp_path).touch()
    assert LocalPort(tmp_path).network() == "the node of this home"


def test_a_devnet_below_the_home_can_be_started_again(tmp_path: Path) -> None:
    node = devnet_path(tmp_path) / "node-1"
    node.mkdir(parents=True)
    log_path(node).touch()
    assert LocalPort(tmp_path).network() == "the devnet of this home"
    assert LocalPort(tmp_path).find() is None


def test_a_key_that_is_not_here_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="neurond wallet restore"):
        LocalPort(tmp_path).needs_password(tmp_path, recorded.COLDKEY)


async def test_a_wrong_password_is_recognised_and_the_right_one_signs(tmp_path: Path) -> None:
    store = WalletStore(wallets_path(tmp_path), cost=INTERACTIVE)
    wallet, _words = store.create("default", PASSWORD)
    port, api = LocalPort(tmp_path), FakeApi()
    from node.ledger.calls import BurnedRegister
    from node.primitives.address import from_ss58
    from node.primitives.codec import encode

    api.plan_call = encode(BurnedRegister(netuid=1, hotkey=from_ss58(recorded.HOTKEYS[2])))
    draft = await port.prepare_role(api, "miner", wallet.address)
    assert port.needs_password(tmp_path, wallet.address)
    with pytest.raises(PortError) as wrong:
        port.sign_role(tmp_path, wallet.address, "wrong", draft)
    assert wrong.value.code == "wrong_password"
    (raw,) = port.sign_role(tmp_path, wallet.address, PASSWORD, draft)
    assert len(raw) > 64


def test_a_plan_that_is_short_is_never_signed(tmp_path: Path) -> None:
    plan: RolePlan = recorded.role_plan("validator", None)
    with pytest.raises(PortError, match="cannot be taken"):
        LocalPort(tmp_path).sign_role(tmp_path, None, None, RoleDraft("validator", plan, ()))
