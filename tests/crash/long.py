"""The long kill -9 run: `python -m tests.crash.long --cycles 5000 [--seed N] [--folder DIR]`.

Each cycle forks a process that writes without end, kills it at a random moment, opens what is left and checks it. Three
kinds take turns: the chain (blocks, certificates, state, pruning), the signing record, and snapshots being staged and
adopted.
Prints the cycles, what was acknowledged and every violation; exits 1 on the first one, with the files left in place.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storage import Adoption, ChainStore, HeaderRow, SignGuard, SignRefused
from tests.crash.checks import HOST, Model, check_chain
from tests.crash.writer import block_hash, commits, key

LIFE_S_MAX = 0.06  # from the first acknowledged write to the kill
PRUNE_EVERY = 7  # blocks between two steps of pruning
KEPT = 12  # blocks that keep their bodies
ROUND_HEIGHTS = 1000  # between two adopted snapshots
PARTS = 16
WORD_BYTES = 40  # of an acknowledgement: a number and a digest


@dataclass
class Tally:
    """What the run has seen."""

    cycles: int = 0
    acknowledged: int = 0
    opened_after: dict[str, int] = field(default_factory=dict)


Ack = Callable[[int, bytes], None]


def write_chain(path: Path, _seed: int, ack: Ack) -> None:
    """Commit blocks and prune old ones without end; acknowledges heights."""
    with ChainStore.open(path) as store:
        tip = store.tip()
        height = 0 if tip is None else tip.height + 1
        while True:
            for commit in commits(height):
                store.commit(commit)
            ack(height, b"")
            if height % PRUNE_EVERY == 0 and height > KEPT:
                store.pruning.prune_bodies(height - KEPT, [])
                store.pruning.prune_headers(height - 2 * KEPT)
            height += 1


def write_signing(path: Path, seed: int, ack: Ack) -> None:
    """Sign without end, after each restart something else than before; acknowledges what a signature was given for."""
    with SignGuard.open(path, host=HOST) as guard:
        last = guard.position("votes")
        chance = random.Random(seed)
        height = 0 if last is None else max(0, last[0] - 2)  # as a node that lost its memory of what it signed
        while True:
            digest = hashlib.blake2b(b"%d %d" % (height, seed), digest_size=32).digest()
            try:
                guard.advance("votes", (height, 0), digest)
            except SignRefused:
                height += 1
                continue
            ack(height, digest)
            height += chance.randrange(0, 3)


def write_snapshots(path: Path, _seed: int, ack: Ack) -> None:
    """Stage and adopt one snapshot after another; acknowledges adopted rounds."""
    with ChainStore.open(path) as store:
        tip = store.tip()
        number = 1 if tip is None else tip.height // ROUND_HEIGHTS + 1
        ack(number - 1, b"")
        while True:
            take_snapshot(store, number)
            ack(number, b"")
            number += 1


def take_snapshot(store: ChainStore, number: int) -> None:
    """Stage what is missing of round `number`, and adopt it."""
    store.staging.begin(b"round %d" % number)
    for part in range(PARTS):
        if bytes([part]) not in store.staging.done():
            store.staging.put(bytes([part]), part_rows(number, part))
    height = number * ROUND_HEIGHTS
    row = HeaderRow(block_hash(height), block_hash(height - 1), height, height, b"header")
    store.staging.adopt(Adoption(row, b"certificate"))


def part_rows(number: int, part: int) -> list[tuple[bytes, bytes]]:
    """The rows of one part of round `number`."""
    chance = random.Random(number * PARTS + part)
    rows = {bytes([part]) + chance.randbytes(31): chance.randbytes(chance.randrange(1, 200)) for _ in range(20)}
    return sorted(rows.items())


class Chain:
    """The chain's store and what must be in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._model = Model()
        self._before = -1

    def check(self, acks: list[tuple[int, bytes]]) -> None:
        """Check the store after a kill."""
        acknowledged = max([self._before, *(number for number, _ in acks)])
        self._before = check_chain(self._path, self._model, acknowledged)
        with ChainStore.open(self._path) as store:
            horizon = store.pruning.horizon()
            assert horizon.headers_from <= horizon.bodies_from <= max(0, self._before - KEPT + 1)
            bodies = [row.height for row in store.blocks_from(max(1, horizon.bodies_from), 1024)]
            assert bodies == list(range(max(1, horizon.bodies_from), self._before + 1))
            assert not store.events_at(horizon.bodies_from - 1) or horizon.bodies_from <= 1


class Signing:
    """The signing record and every signature that ever went out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signed: dict[int, bytes] = {}

    def check(self, acks: list[tuple[int, bytes]]) -> None:
        """Check that no place has two signatures, and that the record covers all of them."""
        for height, digest in acks:
            assert self._signed.setdefault(height, digest) == digest, f"two signatures at {height}"
        newest = max(self._signed, default=-1)
        with SignGuard.open(self._path, host=HOST) as guard:
            recorded = guard.position("votes")
            assert newest < 0 or (recorded is not None and recorded[0] >= newest)
            for height in range(max(0, newest - 5), newest + 1):
                try:
                    guard.advance("votes", (height, 0), key(height))
                except SignRefused:
                    continue
                raise AssertionError(f"a second signature at {height} was allowed")


class Snapshots:
    """A store whose state is one snapshot or the next, never a mixture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = 0

    def check(self, acks: list[tuple[int, bytes]]) -> None:
        """Check state, staging and their notes after a kill."""
        acknowledged = max([self._before, *(number for number, _ in acks)])
        with ChainStore.open(self._path) as store:
            store.integrity_check()
            tip = store.tip()
            number = 0 if tip is None else tip.height // ROUND_HEIGHTS
            assert acknowledged <= number <= acknowledged + 1
            expected = [row for part in range(PARTS) for row in part_rows(number, part)] if number else []
            assert list(store.state_rows()) == expected
            manifest = store.staging.manifest()
            assert manifest in (None, b"round %d" % (number + 1))
            done = sorted(store.staging.done())
            assert list(store.staging.rows()) == [row for (part,) in done for row in part_rows(number + 1, part)]
        self._before = number


KINDS = {
    "chain": (write_chain, Chain),
    "signing": (write_signing, Signing),
    "snapshots": (write_snapshots, Snapshots),
}


def killed(write: Callable[[Path, int, Ack], None], path: Path, chance: random.Random) -> list[tuple[int, bytes]]:
    """Run a writer in a process of its own, kill it, and return what it acknowledged."""
    reading, writing = os.pipe()
    seed = chance.randrange(2**31)
    child = os.fork()
    if child == 0:
        _be_child(write, path, seed, reading, writing)
    os.close(writing)
    data = b""
    with os.fdopen(reading, "rb") as acks:
        try:
            data = acks.read(WORD_BYTES)  # the first one, or nothing if it could not even open
            time.sleep(chance.uniform(0, LIFE_S_MAX))  # the random moment of the kill
        finally:
            os.kill(child, signal.SIGKILL)
        data += acks.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer could not open what the last kill left"
    words = [data[at : at + WORD_BYTES] for at in range(0, len(data) - WORD_BYTES + 1, WORD_BYTES)]
    return [(int.from_bytes(word[:8], "big"), word[8:]) for word in words]


def _be_child(write: Callable[[Path, int, Ack], None], path: Path, seed: int, reading: int, writing: int) -> None:
    os.close(reading)

    def ack(number: int, digest: bytes) -> None:
        os.write(writing, number.to_bytes(8, "big") + digest.ljust(32, b"\0"))

    try:
        write(path, seed, ack)
    except BaseException as error:
        sys.stderr.write(f"the writer failed: {error!r}\n")
    finally:
        os._exit(3)


def run(cycles: int, seed: int, folder: Path, tell: Callable[[str], None]) -> Tally:
    """Run so many cycles. Raises AssertionError at the first violation."""
    chance, tally = random.Random(seed), Tally()
    checkers = {name: kind(folder / f"{name}.db") for name, (_, kind) in KINDS.items()}
    began_s = told_s = time.monotonic()
    for number in range(cycles):
        name = list(KINDS)[number % len(KINDS)]
        acks = killed(KINDS[name][0], folder / f"{name}.db", chance)
        checkers[name].check(acks)
        tally.cycles += 1
        tally.acknowledged += len(acks)
        tally.opened_after[name] = tally.opened_after.get(name, 0) + 1
        now_s = time.monotonic()
        if now_s - told_s > 10:
            told_s = now_s
            left_s = (now_s - began_s) / tally.cycles * (cycles - tally.cycles)
            tell(f"{tally.cycles} of {cycles} cycles, {tally.acknowledged} acknowledged writes, {left_s:.0f} s left")
    return tally


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Where the files are written; kept when given.")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="neurond-kill-"))
    folder.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    try:
        tally = run(options.cycles, options.seed, folder, lambda line: print(line, flush=True))
    except AssertionError as error:
        print(f"VIOLATION with seed {options.seed}: {error}; the files are in {folder}")
        return 1
    kinds = ", ".join(f"{name} {count}" for name, count in tally.opened_after.items())
    print(f"{tally.cycles} kills ({kinds}) in {time.monotonic() - began_s:.0f} s, seed {options.seed}")
    print(f"{tally.acknowledged} acknowledged writes, lost: 0; double signatures: 0; damaged files: 0; wrong states: 0")
    if options.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
