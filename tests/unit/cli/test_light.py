"""`neurond light` as people see it: answers with what proves them, warnings apart from data, wrong words refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.control.light import (
    LightAt,
    LightBalance,
    LightMetagraph,
    LightNeuron,
    LightStake,
    LightStakes,
    LightStatus,
    LightSubnet,
)
from node.control.schema import Metagraph
from node.light.errors import BadCheckpoint
from node.primitives.types import Hash
from node.service import light_client
from node.service.errors import BadInvite, NoFullNode
from node.service.invite import write_invite
from node.service.light_home import (
    LightHome,
    LightSettings,
    format_checkpoint,
    join_settings,
    parse_checkpoint,
)
from tests.fuzz.samples import ALICE
from tests.unit.cli.conftest import Run

AT = LightAt(1234, "ab" * 32, "cd" * 32, 5.0, "12D3KooWsomebody")
ADDRESS = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
NODE = "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWsomebody"
MARK = f"360:{'ab' * 32}:{'cd' * 32}"


@dataclass
class Fake:
    """A light client whose answers are written down."""

    home: Path
    peers: tuple[str, ...]
    options: dict[str, Any]

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def warnings(self) -> tuple[str, ...]:
        return ("something old",)

    def status(self) -> LightStatus:
        return LightStatus("test", "ab" * 32, AT, 360, "cd" * 32, 2, "ef" * 32, 21, 3, MARK, self.warnings())

    def balance(self, address: str) -> LightBalance:
        return LightBalance(AT, address, 1_500_000_000, 7)

    def stakes(self, address: str) -> LightStakes:
        return LightStakes(AT, address, (LightStake(1, ADDRESS, 10**9, 2 * 10**9),), 2 * 10**9)

    def neuron(self, netuid: int, uid: int) -> LightNeuron:
        return LightNeuron(AT, netuid, None)

    def metagraph(self, netuid: int) -> LightMetagraph:
        return LightMetagraph(AT, Metagraph(netuid, AT.height, ()))

    def subnet(self, netuid: int) -> LightSubnet:
        raise NoFullNode("Nobody knows.")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    made: list[Fake] = []

    def make(home: Path, peers: tuple[str, ...] = (), **options: Any) -> Fake:
        made.append(Fake(home, peers, options))
        return made[-1]

    monkeypatch.setattr(light_client, "LightClient", make)
    return made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "block 1,234"),
        (("status",), MARK),
        (("checkpoint",), MARK),
        (("balance", ADDRESS), "1.5"),
        (("stakes", ADDRESS), ADDRESS),
        (("neuron", "1", "9"), "Nobody sits on seat 9"),
        (("metagraph", "1"), "Nobody is registered"),
    ],
)
def test_answers_are_shown_with_their_proof_and_warnings_apart(
    words: tuple[str, ...], said: str, run: Run, opened: list[Fake]
) -> None:
    outcome = run("light", *words)
    assert outcome.code == 0
    assert said in outcome.out
    assert "something old" in outcome.err
    assert "something old" not in outcome.out
    if words != ("checkpoint",):
        assert "1,234" in outcome.out
    as_json = run("light", *words, *(("status",) if not words else ()), "--json").json()
    assert as_json == {"checkpoint": MARK} or as_json.get("at", as_json.get("newest"))["height"] == 1234


def test_options_reach_the_client_and_its_folder_is_part_of_the_home(run: Run, opened: list[Fake], home: Path) -> None:
    run(
        "light",
        "balance",
        ADDRESS,
        "--peer",
        NODE,
        "--peer",
        "nd1abc",
        "--checkpoint",
        MARK,
        "--genesis-hash",
        "ab" * 32,
    )
    (made,) = opened
    assert (made.home, made.peers) == (home / "light", (NODE, "nd1abc"))
    assert made.options == {"genesis_hash": "ab" * 32, "checkpoint": MARK}


@pytest.mark.parametrize(
    "words",
    [
        ("--peer", "somewhere"),
        ("balance",),
        ("neuron", "1", "256"),
        ("metagraph", "70000"),
        ("--genesis-hash", "xyz"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], run: Run, opened: list[Fake]) -> None:
    assert run("light", *words).code == 2
    assert opened == []


def test_a_failure_is_one_sentence(run: Run, opened: list[Fake]) -> None:
    outcome = run("light", "subnet", "1")
    assert (outcome.code, len(outcome.err.strip().splitlines())) == (1, 2)
    assert "Nobody knows." in outcome.err


# --- the folder -------------------------------------------------------------------------------------------------------


def test_a_checkpoint_survives_its_text() -> None:
    assert format_checkpoint(parse_checkpoint(MARK)) == MARK


@pytest.mark.parametrize(
    "text", ["", "360", f"-1:{'ab' * 32}:{'cd' * 32}", f"360:{'ab' * 31}:{'cd' * 32}", f"360:{'zz' * 32}:{'cd' * 32}",
             f"{'9' * 40}:{'ab' * 32}:{'cd' * 32}", f"²:{'ab' * 32}:{'cd' * 32}", MARK + ":1"]
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        parse_checkpoint(text)


def test_peers_are_remembered_and_invites_name_the_network(tmp_path: Path) -> None:
    genesis = Hash(b"g" * 32)
    invite = write_invite(ALICE, "test", genesis, ("/ip4/192.0.2.8/tcp/1/p2p/x",), 1000)[0]
    known = join_settings(LightSettings((NODE,)), (invite,), None, 1000)
    assert known == LightSettings(("/ip4/192.0.2.8/tcp/1/p2p/x", NODE), genesis.hex())
    home = LightHome(tmp_path / "light")
    home.create()
    assert home.settings() == LightSettings()
    home.remember(known)
    assert home.settings() == known
    (tmp_path / "light" / "light.json").write_bytes(b"[garbage")
    assert home.settings() == LightSettings()


def test_invites_of_two_networks_are_refused() -> None:
    def make(byte: bytes) -> str:
        return write_invite(ALICE, "t", Hash(byte * 32), ("/ip4/192.0.2.8/tcp/1/p2p/x",), 1000)[0]

    with pytest.raises(BadInvite):
        join_settings(LightSettings(), (make(b"a"), make(b"b")), None, 1000)
    with pytest.raises(BadInvite):
        join_settings(LightSettings((), "ab" * 32), (make(b"a"),), None, 1000)
