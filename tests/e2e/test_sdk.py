"""The SDK against real nodes: reads agree with proofs, a transfer becomes final, a session is recorded and told."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import neurond
from neurond import tao
from node.control.options import DevnetStatus

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
NEUROND = Path(sys.executable).with_name("neurond")


def test_a_program_reads_proves_pays_and_is_held_to_its_policy(net: DevnetStatus, tmp_path: Path) -> None:
    home = Path(net.nodes[0].home)
    shutil.copytree(home / "wallets", tmp_path / "wallets")
    with neurond.Subtensor(home, policy=neurond.Policy(per_transaction=tao(2), keep=tao(1))) as sub:
        sub.blocks.wait(3, timeout_s=60)
        wallet = neurond.Wallet(path=tmp_path / "wallets")
        receiver = neurond.Wallet("receiver", path=tmp_path / "others")
        receiver.create(None)
        assert sub.metagraph(1).n == sub.subnets.get(1).neurons
        assert sub.neurons.weights(1).shape == (sub.metagraph(1).n,) * 2
        refused = sub.transfer(wallet, receiver.address, tao(3))
        assert refused.error is not None
        assert refused.error.code == "policy_refused"
        paid = sub.transfer(wallet, receiver.address, tao("1.5")).check()
        assert paid.state == "final"
        assert sub.balances.get(receiver.address) == tao("1.5")
        proven = sub.balances.get_proven(receiver.address)
        assert proven.proof.block_hash
        assert proven.balance in (tao("1.5"), tao(0)), "the newest certified block may lie before the payment"
        assert sub.neurons.metagraph_proven(1).hotkeys == sub.metagraph(1).hotkeys
        assert sub.transactions.status(paid.transaction_hash or "").height == paid.block_height


def test_a_session_of_a_real_node_is_recorded_scrubbed_and_told(net: DevnetStatus, tmp_path: Path) -> None:
    file = tmp_path / "session.nrec"
    made = subprocess.run(
        [NEUROND, "record", file, "--for", "4s", "--scrub", "--home", net.nodes[0].home],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    told = subprocess.run([NEUROND, "replay", file, "--json"], capture_output=True, text=True, timeout=60, check=True)
    shown = json.loads(told.stdout)
    assert shown["scrubbed"]
    assert shown["events"] > 5
    assert {"subnets", "metagraph", "peers", "account"} <= set(shown["reads"])
