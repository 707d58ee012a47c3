"""Four processes go from authorities over the joint phase to stake by a proposal, typed as people type it.

Payments continue all the while, and at the end every node holds the same state.
"""

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from node.commands.wallet import WalletView
from node.control import launcher
from node.control.options import DevnetNode, DevnetOptions, DevnetStatus
from node.control.schema import AuthorityBoard
from node.service import devnet
from tests.e2e.test_devnet import final, neurond, wait

V = TypeVar("V")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SCHEDULE = {
    "call": "schedule_pos", "joint_epochs": 2, "validators_min": 4, "bonded_min_ppm": 1000, "weight_max_ppm": 400_000,
    "participation_min_ppm": 800_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Iterator[DevnetStatus]:
    """Three authorities and a miner; authority epochs of three seconds."""
    home = tmp_path_factory.mktemp("handover")
    options = DevnetOptions(home, nodes=4, authorities=3, slot_ms=500, epoch_slots=6, tempo=12, model=tiny_model)
    try:
        yield devnet.up(options, lambda step: None)
    finally:
        devnet.down(home, lambda step: None)


def told(node: DevnetNode, kind: type[V], *arguments: str) -> V:
    """What a command answers as JSON; it must succeed."""
    done = neurond(*arguments, "--home", node.home, "--json")
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=kind)


def send(node: DevnetNode, *arguments: str) -> None:
    done = neurond(*arguments, "--yes", "--home", node.home)
    assert done.returncode == 0, done.stderr


def address(node: DevnetNode, *, hotkey: bool) -> str:
    wallet = told(node, WalletView, "wallet", "show")
    return wallet.hotkeys[0].address if hotkey else wallet.address


class Payments(threading.Thread):
    """One payment after the other from a node's wallet until told to stop."""

    def __init__(self, payer: DevnetNode, payee: str) -> None:
        super().__init__()
        self.payer, self.payee = payer, payee
        self.enough = threading.Event()
        self.blocks: list[int] = []
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.enough.is_set():
            paid = neurond("wallet", "transfer", self.payee, "1", "--yes", "--home", self.payer.home, "--json")
            if paid.returncode:
                self.failures.append(paid.stderr)
            else:
                self.blocks.append(json.loads(paid.stdout)["height"])


def test_a_devnet_moves_to_proof_of_stake_by_a_proposal_while_payments_continue(four: DevnetStatus) -> None:
    first, second, payer, miner = four.nodes
    for node in four.nodes:
        send(node, "tx", "send", "bond_authority", f"hotkey={address(node, hotkey=True)}", "amount_rao=200")
    payments = Payments(payer, address(miner, hotkey=False))
    payments.start()
    try:
        epoch = told(first, AuthorityBoard, "authorities").epoch
        proposed = json.dumps({**SCHEDULE, "activation_epoch": epoch + 6})
        send(first, "tx", "send", "propose", f"call={proposed}", "duration_blocks=60")
        send(first, "proposals", "vote", "0", "yes")
        send(second, "proposals", "vote", "0", "yes")
        send(miner, "proposals", "close", "0")
        for phase in ("joint", "stake"):
            wait(partial(decided_by, miner, phase), f"{phase} never decides", 90)
        stake_began = max(final(node) for node in four.nodes)
        wait(lambda: bool(payments.blocks) and payments.blocks[-1] > stake_began + 2, "payments stop under stake")
    finally:
        payments.enough.set()
        payments.join()
    assert payments.failures == []
    wait(lambda: min(final(node) for node in four.nodes) > stake_began + 6, "finality stops under stake")
    members = told(miner, AuthorityBoard, "authorities").members
    assert {member.hotkey for member in members} == {address(node, hotkey=True) for node in four.nodes}
    assert neurond("db", "check", "--home", stopped(miner)).returncode == 0


def decided_by(node: DevnetNode, phase: str) -> bool:
    return told(node, AuthorityBoard, "authorities").phase == phase


def stopped(node: DevnetNode) -> str:
    """Stop a node of this process and return its home."""
    launcher.stop(Path(node.home), lambda step: None)
    return node.home
