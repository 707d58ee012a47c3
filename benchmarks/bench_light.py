"""The light client over a year of authority epochs: 7 305 steps at 21 authorities, decoded from the wire and verified.

Every certificate is signed by the fewest that are a quorum, 15 of 21, with real Ed25519. Measured twice: with one set
all year, and with a proven new set in every epoch. The state that the sets are proven in has 100 000 rows; headers have
the usual size and do not come from executed blocks, which the client does not look at. Then one proven read: all rows
of a subnet of 256 neurons beside 100 000 others, made and encoded by a full node, decoded and checked by a client.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from benchmarks.chain import SUBNET, TAO, cold_rows, signer
from benchmarks.measure import at_most, best_cpu_s, grouped, show, title
from node.consensus.authority import AuthoritySet
from node.consensus.certificate import build_certificate
from node.consensus.votes import BlockRef, Step, Vote, message_of_vote
from node.ledger import merkle, queries
from node.ledger.genesis import GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet, genesis_state
from node.ledger.header import Authority, Header, header_hash
from node.ledger.state import DictView
from node.light.chain import LightChain, start_at_genesis
from node.light.limits import STEP_BYTES_MAX
from node.light.proofs import ProvenRow, RecordingView, check_rows
from node.light.readings import MetagraphOf, touch
from node.light.steps import LightStep, ProvenSet, decode_step, encode_set, encode_step, set_path
from node.primitives.codec import decode_canonical, encode
from node.primitives.crypto import Ed25519Signer, verify
from node.primitives.types import AccountId, Alpha, Hash, Height, Rao, SetId, Slot

STEPS = 7_305
EPOCH_SLOTS = 360
MEMBERS = 21
QUORUM = 15
STATE_ROWS = 100_000
NEURONS = 256
CPU_S_MAX = 15
MEGABYTES_MAX = 20
TURNS = 1

KEYS: dict[AccountId, Ed25519Signer] = {key.public: key for key in (signer("light", n) for n in range(MEMBERS + 1))}


def set_of(set_id: int) -> AuthoritySet:
    """All keys but one, another one each time."""
    left_out = list(KEYS)[set_id % len(KEYS)]
    return AuthoritySet.of(SetId(set_id), [Authority(account, 1) for account in KEYS if account != left_out])


def certified(header: Header, decides: AuthoritySet, instance: int, genesis_hash: Hash) -> LightStep:
    """The header with a certificate of the smallest quorum."""
    block, votes = BlockRef(header_hash(header), header.height), []
    for member in decides.members[:QUORUM]:
        unsigned = Vote(
            decides.set_id, instance, 0, Step.PRECOMMIT, block.height, block.hash, member.account, bytes(64)
        )
        signature = KEYS[member.account].sign(message_of_vote(unsigned, genesis_hash))
        votes.append(replace(unsigned, signature=signature))
    return LightStep(header, build_certificate(votes, decides), ())


def header_at(height: int, set_id: int, root: Hash, decides: AuthoritySet) -> Header:
    """A header of the usual size."""
    return Header(
        1, Height(height), Slot(height), Hash(bytes([7]) * 32), decides.members[0].account, Hash(bytes([8]) * 32), root,
        SetId(set_id), decides.hash, (), bytes([9]) * 64,
    )  # fmt: skip


def year(*, changing: bool) -> tuple[LightChain, list[bytes]]:
    """A client at genesis and the encoded steps of a year."""
    tree, decides = merkle.build(sorted(cold_rows(STATE_ROWS).items())), set_of(0)
    tree = merkle.update(tree, {set_path(): encode_set(decides)})
    genesis = header_at(0, 0, merkle.root_hash(tree), decides)
    client = start_at_genesis(header_hash(genesis), genesis, encode_set(decides), verify)
    return client, list(_steps(client.genesis_hash, tree, decides, changing))


def _steps(genesis_hash: Hash, tree: merkle.Node, decides: AuthoritySet, changing: bool) -> Iterator[bytes]:
    for number in range(1, STEPS + 1):
        after = set_of(number) if changing else decides
        value = encode_set(after)
        tree = merkle.update(tree, {set_path(): value, Hash(number.to_bytes(32, "big")): b"row"})
        header = header_at(number * EPOCH_SLOTS, decides.set_id, merkle.root_hash(tree), after)
        step = certified(header, decides, number, genesis_hash)
        proof = (ProvenSet(value, merkle.prove(tree, set_path())),) if changing else ()
        yield encode_step(LightStep(step.header, step.certificate, proof))
        decides = after


def follow(saved: bytes, steps: list[bytes]) -> None:
    """What a light client does with a year of answers, then what it writes down."""
    client = LightChain.restore(saved, None, verify)
    for data in steps:
        client.advance(decode_step(data, max_bytes=STEP_BYTES_MAX))
    if client.trusted.header.height != STEPS * EPOCH_SLOTS or len(client.save()) > 4096:
        raise RuntimeError("the client did not arrive")


def measure(what: str, *, changing: bool) -> None:
    """Follow one year and print."""
    client, steps = year(changing=changing)
    saved = client.save()
    cpu_s = best_cpu_s(lambda: follow(saved, steps), turns=TURNS)
    megabytes = sum(map(len, steps)) / 1e6
    show(f"{what}: verified", f"{cpu_s:.1f} CPU-s", at_most(cpu_s, CPU_S_MAX, " CPU-s"))
    show(f"{what}: on the wire", f"{megabytes:.1f} MB", at_most(megabytes, MEGABYTES_MAX, " MB"))
    show(f"{what}: kept between runs", f"{grouped(len(saved))} B")


def full_subnet() -> tuple[dict[Hash, bytes], merkle.Node]:
    """The rows and the tree of a state with a full subnet."""

    def account(name: str, number: int) -> AccountId:
        return AccountId(signer(name, number).public)

    neurons = tuple(GenesisNeuron(account("hot", number), account("cold", number)) for number in range(NEURONS - 1))
    stakes = tuple(GenesisStake(each.coldkey, each.hotkey, SUBNET, Alpha(TAO)) for each in neurons)
    pool = GenesisSubnet(
        SUBNET, "bench", account("hot", NEURONS), account("cold", NEURONS), Rao(1000 * TAO), Alpha(1000 * TAO),
        neurons=neurons,
    )  # fmt: skip
    spec = GenesisSpec(
        name="bench", start_ms=0, slot_ms=12_000, authorities=(account("hot", 0),), balances=(), subnets=(pool,),
        stakes=stakes,
    )  # fmt: skip
    rows = dict(sorted({**genesis_state(spec)[2], **cold_rows(STATE_ROWS)}.items()))
    return rows, merkle.build(rows.items())


def measure_reading() -> None:
    """Prove a whole metagraph and print."""
    rows, tree = full_subnet()
    reading, root = MetagraphOf(SUBNET), merkle.root_hash(tree)

    def make() -> bytes:
        view = RecordingView(DictView(rows))
        touch(reading, view)
        return encode(view.proven(tree))

    def check(data: bytes) -> None:
        view = check_rows(root, decode_canonical(tuple[ProvenRow, ...], data, max_bytes=len(data)))
        if len(queries.metagraph(view, SUBNET).rows) != NEURONS:
            raise RuntimeError("the metagraph is not whole")

    data = make()
    show(f"metagraph of {NEURONS} neurons: proven", f"{best_cpu_s(make) * 1e3:.0f} ms", f"{len(data) / 1e6:.2f} MB")
    show("the same, decoded, checked and read", f"{best_cpu_s(lambda: check(data)) * 1e3:.0f} ms")


def main() -> None:
    """Measure and print."""
    title(f"Light client: {STEPS} epochs of {EPOCH_SLOTS} slots, {MEMBERS} authorities")
    measure("one set", changing=False)
    measure("a new set every epoch", changing=True)
    measure_reading()


if __name__ == "__main__":
    main()
