"""The second implementation takes no answer that a peer has bent, and stays as it was: one answer of each kind of a
real node, every byte of it changed in turn, and the lies that keep all signatures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from p2p import MemorySwarm
from tests.reference.follower import sync
from tests.reference.follower.chain import Follower
from tests.reference.follower.chain import Network as Rules
from tests.reference.follower.light import Assembly, LightClient
from tests.reference.follower.sets import AuthoritySet
from tests.reference.follower.shapes import Header
from tests.reference.follower.wire import Fields, Refused, Value, pack, plain, row_path, unpack
from tests.unit.docs.test_follower import asker
from tests.unit.service.network import coldkey, running, spec_of
from tests.unit.service.test_snapshot_sync import put_on_shelf

PATHS = (row_path("accounts", "account", coldkey(0).public), row_path("accounts", "account", bytes(32)))
HEIGHT = 34


@dataclass(frozen=True)
class Recording:
    """What one honest node said."""

    rules: Rules
    authorities: list[bytes]
    genesis: Header
    answers: dict[str, bytes]

    def follower(self) -> Follower:
        return Follower.at_genesis(self.rules, self.genesis, self.authorities)

    def light(self) -> LightClient:
        follower = self.follower()
        return LightClient.at_genesis(self.rules.genesis_hash, self.genesis, follower.deciding)


_KEPT: list[Recording] = []


@pytest.fixture
async def recording(tmp_path: Path) -> Recording:
    """Made once: what it says does not change."""
    if not _KEPT:
        _KEPT.append(await record(tmp_path))
    return _KEPT[0]


async def record(tmp_path: Path) -> Recording:
    spec, swarm = spec_of(2, slot_ms=60, epoch_slots=10), MemorySwarm()
    async with running(tmp_path, spec, 2, swarm) as nodes:
        await nodes[0].finalised(HEIGHT)
        asking, rules = asker(swarm, nodes[0]), Rules(nodes[0].chain.genesis_hash, 10)
        height = put_on_shelf(nodes[0], tmp_path / "shelf")
        manifest = sync.offer_in(await asking.ask(sync.get_manifest()))[0]
        prefix = bytes([next(index for index in range(256) if manifest.branches.rows[index] > 1)])
        requests = {
            "status": sync.get_status(),
            "blocks": sync.get_blocks(1, 8),
            "headers": sync.get_headers(0, 8),
            "steps": sync.get_steps(0),
            "proofs": sync.get_proof(*PATHS),
            "offer": sync.get_manifest(),
            "piece": sync.get_chunk(manifest.header.hash, prefix),
        }
        answers = {name: await asking.ask(request) for name, request in requests.items()}
        follower = await asking.begin(rules, list(spec.authorities))
        assert height >= HEIGHT
        return Recording(rules, list(spec.authorities), follower.final, answers)


# --- what a client does with each answer ------------------------------------------------------------------------------


def take_status(known: Recording, answer: bytes) -> object:
    """What a status says of the final block; head and finality above the known block are hearsay until proven."""
    status = sync.status_in(answer)
    if status.genesis_hash != known.rules.genesis_hash:
        raise Refused("another network")
    client = known.light()
    for certificate in status.certificate:
        header = _header_at(known, certificate.height)
        client.check_tip(header, certificate)
    return status.certificate


def take_blocks(known: Recording, answer: bytes) -> object:
    follower = known.follower()
    blocks, certificates = sync.blocks_in(answer)
    for block in blocks:
        follower.extend(block)
    for certificate in certificates:
        follower.finalise(certificate)
    return follower.final


def take_headers(known: Recording, answer: bytes) -> object:
    """Headers have to end at one that is certified; here the one that the honest answer ends with."""
    headers = sync.headers_in(answer)
    above = known.genesis
    if not headers or headers[0].hash != above.hash:
        raise Refused("not from block 0 on")
    for header in headers[1:]:
        if (header.parent, header.height) != (above.hash, above.height + 1):
            raise Refused("the headers do not link")
        above = header
    if above.hash != sync.headers_in(known.answers["headers"])[-1].hash:
        raise Refused("the last one is not certified")
    return above


def take_steps(known: Recording, answer: bytes) -> object:
    client = known.light()
    for step in sync.steps_in(answer):
        client.advance(step)
    return client.header


def take_proofs(known: Recording, answer: bytes) -> object:
    return known.light().rows(sync.proofs_in(answer), PATHS)


def _assembly(known: Recording) -> Callable[[bytes], Assembly]:
    def made(answer: bytes) -> Assembly:
        manifests = sync.offer_in(answer)
        if not manifests:
            raise Refused("nothing offered")
        return Assembly(manifests[0], known.rules.genesis_hash, known.follower().deciding)

    return made


def take_offer(known: Recording, answer: bytes) -> object:
    return sorted(_assembly(known)(answer).missing.items())


def take_piece(known: Recording, answer: bytes) -> object:
    taking = _assembly(known)(known.answers["offer"])
    before = len(taking.missing)
    for chunk in sync.piece_in(answer):
        taking.take(chunk)
    if len(taking.missing) == before:
        raise Refused("nothing came")
    return taking.rows


TAKE = {
    "status": take_status, "blocks": take_blocks, "headers": take_headers, "steps": take_steps,
    "proofs": take_proofs, "offer": take_offer, "piece": take_piece,
}  # fmt: skip


def _header_at(known: Recording, height: int) -> Header:
    manifest = sync.offer_in(known.answers["offer"])[0]
    proven = sync.proofs_in(known.answers["proofs"]).header
    for header in (manifest.header, proven, *(step.header for step in sync.steps_in(known.answers["steps"]))):
        if header.height == height:
            return header
    raise Refused("a header that nobody sent")


def bent(answer: bytes, step: int) -> Iterator[bytes]:
    """The answer with one bit of one byte changed, of each byte or of every so many."""
    for at in range(0, len(answer), step):
        yield answer[:at] + bytes([answer[at] ^ 1 << at % 8]) + answer[at + 1 :]


async def test_a_bent_byte_is_refused_or_changes_nothing_that_is_believed(recording: Recording) -> None:
    for name, answer in recording.answers.items():
        honest = TAKE[name](recording, answer)
        refused = tried = 0
        for other in bent(answer, max(1, len(answer) // 300)):
            tried += 1
            try:
                found = TAKE[name](recording, other)
            except Refused:
                refused += 1
            else:
                assert found == honest, f"{name}: a bent answer is believed"
        assert tried > 100, name
        assert refused > tried // 2, name


async def test_an_answer_that_ends_early_or_goes_on_is_refused(recording: Recording) -> None:
    for name, answer in recording.answers.items():
        for other in (
            b"",
            answer[:-1],
            answer + b"\x00",
            answer[: len(answer) // 2],
            b"\xdd\xff\xff\xff\xff",
            b"\x91" * 99,
        ):
            with pytest.raises(Refused):
                TAKE[name](recording, other)


# --- lies with honest parts -------------------------------------------------------------------------------------------


async def test_blocks_that_are_swapped_left_out_or_repeated_are_refused(recording: Recording) -> None:
    each = Fields(unpack(recording.answers["blocks"], sync.ANSWER_BYTES), 2, 5)
    blocks, certificates = list(each.each(lambda value: value, 128)), each.any()
    assert len(blocks) > 3
    lies = [[blocks[1], blocks[0], *blocks[2:]], blocks[1:], [blocks[0], *blocks[2:]], [blocks[0], *blocks]]
    for lie in lies:
        with pytest.raises(Refused):
            take_blocks(recording, pack([5, lie, certificates]))
    short: list[Value] = [5, blocks[:-1], certificates]
    with pytest.raises(Refused, match="not here"):
        take_blocks(recording, pack(short))


async def test_a_refused_answer_leaves_the_follower_where_it_was(recording: Recording) -> None:
    follower = recording.follower()
    blocks, certificates = sync.blocks_in(recording.answers["blocks"])
    for block in blocks[:2]:
        follower.extend(block)
    head = follower.head
    for wrong in (blocks[0], blocks[3], replace(blocks[2], transactions=(b"\x90",))):
        with pytest.raises(Refused):
            follower.extend(wrong)
        assert follower.head is head
    for block in blocks[2:]:
        follower.extend(block)
    follower.finalise(certificates[0])
    assert follower.final.hash == blocks[-1].header.hash
    with pytest.raises(Refused, match="not here"):
        follower.finalise(certificates[0])


async def test_fewer_signatures_than_a_quorum_certify_nothing(recording: Recording) -> None:
    blocks, (certificate,) = sync.blocks_in(recording.answers["blocks"])
    follower = recording.follower()
    for block in blocks:
        follower.extend(block)
    one = replace(certificate, bitmap=b"\x01", signatures=certificate.signatures[:1])
    stray = replace(certificate, bitmap=bytes([certificate.bitmap[0] | 4]), signatures=certificate.signatures * 2)
    twice = replace(certificate, signatures=certificate.signatures[::-1])
    long = replace(certificate, bitmap=certificate.bitmap + b"\x00")
    later = replace(certificate, round=certificate.round + 1)
    for lie in (one, replace(stray, signatures=stray.signatures[:3]), twice, long, later):
        with pytest.raises(Refused):
            follower.finalise(lie)
    follower.finalise(certificate)


async def test_a_row_that_is_left_out_or_denied_is_noticed(recording: Recording) -> None:
    proofs = sync.proofs_in(recording.answers["proofs"])
    client = recording.light()
    present, absent = proofs.rows
    assert client.rows(proofs, PATHS)[PATHS[0]] is not None
    assert client.rows(proofs, PATHS)[PATHS[1]] is None
    other = () if absent.proof.other else (present.path, bytes(32))
    lies = [
        (present,),
        (replace(present, value=()), absent),
        (present, replace(absent, value=(b"\x92\x00\x01",))),
        (replace(present, proof=absent.proof), absent),
        (present, replace(absent, proof=present.proof)),
        (present, replace(absent, proof=replace(absent.proof, other=other))),
    ]
    for rows in lies:
        with pytest.raises(Refused):
            client.rows(replace(proofs, rows=rows), PATHS)


async def test_a_step_of_another_set_or_backwards_is_refused(recording: Recording) -> None:
    steps = sync.steps_in(recording.answers["steps"])
    assert len(steps) > 1
    client = recording.light()
    client.advance(steps[1])
    for old in steps[:2]:
        with pytest.raises(Refused):
            client.advance(old)
    client = recording.light()
    members = client.members.members
    client.members = AuthoritySet(0, (members[0], replace(members[1], account=bytes(32))))
    with pytest.raises(Refused):
        client.advance(steps[0])
    for wrong in (recording.authorities[:1], [*recording.authorities, bytes(32)]):
        with pytest.raises(Refused, match="other authorities"):
            Follower.at_genesis(recording.rules, recording.genesis, wrong)


async def test_a_chunk_with_a_row_more_less_or_changed_is_refused(recording: Recording) -> None:
    (chunk,) = sync.piece_in(recording.answers["piece"])
    (path, value), *rest = chunk.rows
    lies = [
        tuple(rest),
        ((path, value + b"\x00"), *rest),
        ((path, value), (path, value), *rest),
        tuple(reversed(chunk.rows)),
        ((path[:1] + bytes(31), b"\x01"), *chunk.rows),
    ]
    for rows in lies:
        with pytest.raises(Refused):
            take_piece(recording, pack(plain([16, [replace(chunk, rows=rows)]])))
    with pytest.raises(Refused):
        take_piece(recording, pack(plain([16, [replace(chunk, prefix=chunk.prefix + path[1:2])]])))
