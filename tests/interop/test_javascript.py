"""A js-libp2p peer written from docs/protocol.md alone beside real nodes: it follows them, offends them, is dialled."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from node.control.options import DevnetNode, DevnetStatus
from node.ledger.header import decode_header, header_hash
from node.service import devnet
from tests.interop.javascript import running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
NEUROND = Path(sys.executable).with_name("neurond")
FOLLOWED = 3


def neurond(node: DevnetNode, *arguments: str) -> Any:
    """What a command says of a node, as JSON."""
    done = subprocess.run(
        [str(NEUROND), *arguments, "--home", node.home, "--json"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def address_of(net: DevnetStatus, number: int) -> str:
    entry = devnet.open_devnet(Path(net.home)).file.nodes[number]
    return f"/ip4/127.0.0.1/tcp/{entry.port}/p2p/{entry.peer_id}"


def wait(condition: Callable[[], bool], what: str, within_s: float = 40) -> None:
    give_up_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.1)


def goes_on(node: DevnetNode) -> None:
    """The same process as at the start finalises further blocks, and nothing in its log looks like a defect."""
    before = devnet.ask_status(Path(node.home))
    assert before is not None
    assert before.pid == node.pid

    def further() -> bool:
        now = devnet.ask_status(Path(node.home))
        return now is not None and now.finalized_height >= before.finalized_height + 3

    wait(further, f"{node.name} finalises nothing more")
    assert "Traceback" not in (Path(node.home) / "daemon.log").read_text()


def stored(node: DevnetNode) -> dict[int, str]:
    """Hashes of the finalised blocks in a node's database, worked out from their headers, by height."""
    with sqlite3.connect(f"file:{node.home}/chain.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT header FROM blocks WHERE finalised = 1").fetchall()
    headers = [decode_header(raw) for (raw,) in rows]
    return {header.height: header_hash(header).hex() for header in headers}


def peers(node: DevnetNode) -> dict[str, dict[str, Any]]:
    return {peer["peer_id"]: peer for peer in neurond(node, "peers", "list")}


def test_it_connects_identifies_pings_follows_headers_and_fetches_blocks(net: DevnetStatus, scripts: Path) -> None:
    paid = neurond(net.nodes[0], "wallet", "transfer", some_address(net.nodes[1]), "1.5", "--yes")["height"]
    with running(scripts, "follow", address_of(net, 1), net.genesis_hash, str(FOLLOWED), str(paid)) as follower:
        follower.finish()
    met = follower.until("met")
    assert met["agent"].startswith("neurond/")
    assert (met["security"], met["muxer"]) == ("/noise", "/yamux/1.0.0")
    assert {"/meshsub/1.2.0", "/ipfs/ping/1.0.0", "/neurond/sync/1"} <= set(met["protocols"])
    assert met["addresses"] == [address_of(net, 1).partition("/p2p/")[0]]
    assert 0 <= follower.until("pinged")["ms"] < 5000
    learned = follower.until("learned")
    assert (learned["network"], learned["authorities"]) == ("devnet", 2)

    heard, final, chain = follower.all("heard"), follower.all("final"), stored(net.nodes[0])
    assert len(heard) >= FOLLOWED
    assert all(one["hash"] == other["parent"] for one, other in pairwise(heard))
    assert heard[0]["height"] > learned["height"], "headers told while it listened, not fetched"
    assert all(chain[each["height"]] == each["hash"] for each in (*heard, *final))
    fetched = next(each for each in final if each["height"] == paid)
    assert fetched["transactions"] > 0, "the block of a transfer, and its root was compared"
    assert follower.until("done")["refused"] == 0


def test_ill_treatment_by_it_ends_its_streams_and_bans_it_and_nothing_else(net: DevnetStatus, scripts: Path) -> None:
    victim = net.nodes[1]
    with running(scripts, "misbehave", address_of(net, 1), net.genesis_hash) as offender:
        offender.finish()
    asked = {each["what"]: each["ended"] for each in offender.all("asked")}
    assert len(asked) > 15
    assert set(asked.values()) == {"reset"}, asked
    assert {each["ended"] for each in offender.all("right")} == {"answer"}, (
        "a few wrong questions cost nobody his place"
    )
    junk = {each["protocol"]: each["ended"] for each in offender.all("junk")}
    assert junk.pop("/neurond/answer/2/1") == "answer", "one byte, a code"
    assert junk.pop("/neurond/nothing/1").startswith("refused")
    assert set(junk.values()) == {"reset"}, junk
    assert offender.until("left open")["pinged"]
    bans = {ban["peer_id"]: ban["reason"] for ban in neurond(victim, "peers", "bans")}
    for how, reason in (("wrong messages", "was rejected"), ("broken frames", "malformed gossip frame")):
        judged = offender.until("judged", how=how)
        assert (judged["thrownOut"], judged["back"]) == (True, False), judged
        assert reason in bans[offender.until("offender", how=how)["peer"]]
    assert len(bans) == 2
    assert net.nodes[0].peer_id in peers(victim)
    goes_on(victim)


def test_it_is_dialled_pinged_and_shown_with_its_agent(net: DevnetStatus, scripts: Path) -> None:
    ours = net.nodes[0]
    with running(scripts, "serve", "plain") as other:
        listening = other.until("listening")
        added = neurond(ours, "peers", "add", listening["address"])
        assert added["peer_id"] == listening["peer"]
        assert added["agent"].startswith("js-libp2p/")
        met = other.until("met")
        assert met["peer"] == ours.peer_id
        assert met["agent"].startswith("neurond/")
        assert neurond(ours, "peers", "ping", listening["peer"])[0]["latency_ms"] > 0
        time.sleep(5)  # it is asked for its status every two seconds, and refuses that protocol
        shown = peers(ours)[listening["peer"]]
        assert (shown["direction"], shown["score"]) == ("out", 0.0)
        assert shown["latency_ms"] is not None
        assert other.all("lost") == []
    wait(lambda: listening["peer"] not in peers(ours), "a peer that is gone is still shown", 10)
    goes_on(ours)


def test_a_peer_it_tells_of_is_found_by_the_exchange(net: DevnetStatus, scripts: Path) -> None:
    ours = net.nodes[0]
    with running(scripts, "serve", "exchange") as other:
        neurond(ours, "peers", "add", other.until("listening")["address"])
        assert address_of(net, 0) in other.until("told")["addresses"]
        second = other.until("second")["peer"]
        wait(lambda: second in peers(ours), "the node does not dial whom it was told of")
        assert other.until("met", host="second")["peer"] == ours.peer_id


def test_one_that_answers_with_junk_is_banned(net: DevnetStatus, scripts: Path) -> None:
    ours = net.nodes[0]
    with running(scripts, "serve", "ill") as other:
        listening = other.until("listening")
        neurond(ours, "peers", "add", listening["address"])
        other.until("lost", 40)
        other.until("asked", protocol="/neurond/sync/1")
        bans = {ban["peer_id"]: ban["reason"] for ban in neurond(ours, "peers", "bans")}
        assert "malformed sync answer" in bans[listening["peer"]]
    goes_on(ours)


def some_address(node: DevnetNode) -> str:
    """The account of a node's wallet."""
    return str(neurond(node, "wallet", "list")[0]["address"])


def test_each_finds_peers_through_the_hash_table_of_the_other(net: DevnetStatus, scripts: Path) -> None:
    ours, wanted = net.nodes[0], net.nodes[1]
    with running(scripts, "find", address_of(net, 0), net.genesis_hash, wanted.peer_id) as other:
        second = other.until("ready")["second"]
        found = other.until("found")
        assert found["peer"] == wanted.peer_id
        assert address_of(net, 1).partition("/p2p/")[0] in found["addresses"]
        neurond(ours, "peers", "add", second)
        assert peers(ours)[second]["direction"] == "out", "it dials nobody: the node found it"
    goes_on(ours)
