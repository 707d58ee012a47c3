"""Promises of questions: both clients have the same ones, answers carry units, arrays are made when they are used."""

import asyncio
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import neurond
from neurond import alpha, rao, tao
from node.control.errors import NotRunning, RequestTimeout
from node.sdk import reads_async, reads_sync
from tests.unit.control.fake import ALICE, BOB, HASH, TAO, Served


def public(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(each)
        for name, each in vars(kind).items()
        if not name.startswith("_") and callable(each)
    }


def test_the_blocking_client_has_the_same_questions_as_the_other_one() -> None:
    for name, kind in inspect.getmembers(reads_sync, inspect.isclass):
        if kind.__module__ == reads_sync.__name__:
            assert public(kind) == public(getattr(reads_async, f"Async{name}"))
    one, other = public(neurond.Subtensor), public(neurond.AsyncSubtensor)
    assert set(one) == set(other)
    for name in set(one) - {"ask", "connect"}:
        assert one[name] == other[name], name


def test_answers_carry_their_units(sub: neurond.Subtensor) -> None:
    assert sub.balances.get(ALICE) == tao(100)
    assert sub.get_balance(ALICE) == sub.balances.many([ALICE])[ALICE]
    position = sub.stakes.of(ALICE)[0]
    assert (position.amount, position.value) == (alpha(20, 1), tao(5))
    assert sub.stakes.get(ALICE, BOB, 1) == alpha(20, 1)
    assert sub.stakes.get(ALICE, ALICE, 1) == alpha(0, 1)
    subnet = sub.subnets.get(1)
    assert (subnet.price, subnet.pool_alpha) == (tao("0.25"), alpha(4000, 1))
    assert sub.subnets.hyperparameters(1) == {"immunity_period": "100 blocks"}
    assert sub.subnets.burn_cost(1) == tao("0.5")
    assert sub.subnet_exists(1)
    assert not sub.subnet_exists(9)
    assert sub.transactions.status(HASH).state == "final"
    assert sub.proposals.get(3).call == "abort_pos"


def test_a_quote_says_in_units_what_goes_and_what_comes(sub: neurond.Subtensor) -> None:
    quote = sub.stakes.quote(1, tao(10))
    assert (quote.pays, quote.gets) == (tao(10), rao(39_600_000_000, 1))
    back = sub.stakes.quote(1, alpha(4, 1))
    assert (back.pays, back.gets.unit) == (alpha(4, 1), "τ")
    with pytest.raises(neurond.UnitMismatch):
        sub.stakes.quote(1, alpha(4, 2))
    with pytest.raises(neurond.SdkError, match="no pool"):
        sub.stakes.quote(0, tao(1))


def test_what_does_not_exist_is_an_error_with_a_remedy(sub: neurond.Subtensor) -> None:
    for ask in (
        lambda: sub.subnets.get(9), lambda: sub.proposals.get(99), lambda: sub.neurons.get(1, 200),
        lambda: sub.read("nonsense"), lambda: sub.read("metagraph"), lambda: sub.read("metagraph", netuid=-1),
        lambda: sub.read("shutdown"),
    ):  # fmt: skip
        with pytest.raises(neurond.SdkError) as caught:
            ask()
        assert caught.value.hint


def test_any_read_of_the_catalogue_can_be_made(sub: neurond.Subtensor) -> None:
    assert sub.read("metagraph", netuid=1).netuid == 1
    assert sub.read("status").height == 120


def test_the_metagraph_has_columns_of_arrays_with_exact_rows_behind_them(sub: neurond.Subtensor) -> None:
    graph = sub.metagraph(1)
    assert (graph.n, len(graph), graph.block, graph.netuid, graph.proven_at) == (2, 2, 120, 1, None)
    assert graph.hotkeys == [ALICE, BOB]
    assert graph.uids.tolist() == [0, 7]
    assert graph.S.tolist() == [1000.0, 0.0]
    assert graph.E.dtype == np.float64
    assert graph.I.tolist() == pytest.approx([0, 32768 / 65535])
    assert graph.D.tolist() == [1.0, 0.0]
    assert graph.Tv[0] == pytest.approx(65000 / 65535)
    assert graph.validator_permit.tolist() == [True, False]
    assert graph.last_update.tolist() == [118, 0]
    assert graph.neuron(7).emission == alpha(2, 1)
    assert graph.total_stake == tao(1000)
    assert graph.S is graph.stake, "made once"
    assert all("/p2p/" in address for axon in graph.axons for address in axon)
    with pytest.raises(ValueError, match="read-only"):
        graph.S[0] = 1
    assert sub.get_uid_for_hotkey_on_subnet(BOB, 1) == 7
    assert not sub.is_hotkey_registered(HASH, 1)


def test_weights_are_a_matrix_in_the_metagraphs_order(sub: neurond.Subtensor) -> None:
    assert sub.neurons.weights(1).tolist() == [[0.0, 0.75], [0.0, 0.0]]


def test_a_blocking_client_works_inside_a_running_loop_and_from_other_threads(node: Served, home: Path) -> None:
    async def notebook() -> neurond.Balance:
        with neurond.Subtensor(home) as sub:
            return sub.balances.get(ALICE)

    assert asyncio.run(notebook()) == tao(100)
    with neurond.Subtensor(home) as sub:
        found: list[neurond.Balance] = []
        threads = [threading.Thread(target=lambda: found.append(sub.balances.get(ALICE))) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(20)
    assert found == [tao(100)] * 4
    sub.close()
    with pytest.raises(NotRunning):
        sub.balances.get(ALICE)


def test_waiting_for_a_block_that_does_not_come_ends(sub: neurond.Subtensor) -> None:
    assert sub.wait_for_block(100) == 120
    with pytest.raises(RequestTimeout, match="121"):
        sub.wait_for_block(timeout_s=0.1)


def test_an_answer_comes_in_parts_and_may_be_left_early(node: Served, sub: neurond.Subtensor) -> None:
    assert "".join(part.text for part in sub.ask("What is the capital of France?")) == "The capital of France is Paris."
    parts = sub.ask("What is the capital of France?")
    next(parts)
    parts.close()
    assert sub.blocks.height() == 120


@pytest.mark.parametrize("network", ["finney", "test", "wss://example.org:443", "nowhere-at-all", "local"])
def test_a_network_that_leads_nowhere_is_told(network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROND_HOME", str(tmp_path))
    with pytest.raises(neurond.UnknownNetwork):
        neurond.Subtensor(network)


def test_without_a_node_nothing_hangs_and_no_thread_stays(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(NotRunning):
        neurond.Subtensor(tmp_path)
    assert threading.active_count() == before


def test_the_awaited_client_answers_the_same(node: Served, home: Path) -> None:
    asyncio.run(_answers_the_same(home))


async def _answers_the_same(home: Path) -> None:
    async with neurond.AsyncSubtensor(home) as sub:
        assert await sub.balances.get(ALICE) == tao(100)
        assert (await sub.metagraph(1)).hotkeys == [ALICE, BOB]
        assert (await sub.neurons.get(1, 7)).hotkey == BOB
        assert "".join([part.text async for part in sub.ask("?")]) == "The capital of France is Paris."
        assert await sub.get_current_block() == 120


def test_numpy_is_loaded_for_arrays_alone() -> None:
    code = "import sys, neurond; neurond.Subtensor, neurond.Metagraph, neurond.Wallet; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
    assert TAO == 10**9
