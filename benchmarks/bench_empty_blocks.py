"""A year of empty blocks in the ledger alone: emission, price decay and epochs, as the number of subnets grows.

Each subnet has its owner and eight neurons; four of them validate and have weights. Blocks are built and their state
root is formed, nothing is stored. A few tempos are measured and extrapolated to a year of 12 s slots.
"""

from dataclasses import replace
from time import process_time

from benchmarks.chain import TAO, signer, trusting
from benchmarks.measure import grouped, show, title
from node.ledger.calls import SetWeights
from node.ledger.genesis import GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet, genesis_state
from node.ledger.parameters import Hyperparameters
from node.ledger.state import DictView
from node.ledger.transaction import sign_transaction
from node.ledger.transition import ChainState, Executed, build_block
from node.primitives.crypto import Ed25519Signer
from node.primitives.types import Alpha, Hash, NetUid, Rao, Slot, Uid

YEAR_BLOCKS = 365 * 24 * 3600 // 12
TEMPO_BLOCKS = 360
SUBNETS = (1, 16, 64)
NEURONS = 8
VALIDATORS = 4


def neuron(netuid: int, number: int) -> Ed25519Signer:
    """The hotkey of a neuron."""
    return signer("neuron", netuid * NEURONS + number)


def genesis(subnets: int) -> tuple[ChainState, dict[Hash, bytes]]:
    """The state with that many subnets, and its rows."""
    owner, authority = signer("owner", 0).public, signer("authority", 0).public
    listed = tuple(
        GenesisSubnet(
            NetUid(netuid), f"subnet {netuid}", signer("owner-hotkey", netuid).public, owner, Rao(10_000 * TAO),
            Alpha(10_000 * TAO), hyperparameters=Hyperparameters(tempo_blocks=TEMPO_BLOCKS, commit_reveal=False),
            neurons=tuple(
                GenesisNeuron(neuron(netuid, number).public, owner, validator_permit=number < VALIDATORS)
                for number in range(NEURONS)
            ),
        )
        for netuid in range(1, subnets + 1)
    )  # fmt: skip
    stakes = tuple(
        GenesisStake(owner, neuron(netuid, number).public, NetUid(netuid), Alpha((2_000 + 100 * number) * TAO))
        for netuid in range(1, subnets + 1)
        for number in range(VALIDATORS)
    )
    spec = GenesisSpec(
        name="bench", start_ms=0, slot_ms=12_000, authorities=(authority,), subnets=listed, stakes=stakes
    )  # fmt: skip
    _, state, rows = genesis_state(spec)
    return state, rows


def weights(state: ChainState, subnets: int, genesis_hash: Hash) -> list[bytes]:
    """Every validator's weights on the neurons that do not validate."""
    uids = tuple(Uid(1 + number) for number in range(VALIDATORS, NEURONS))
    return [
        sign_transaction(
            neuron(netuid, number), SetWeights(NetUid(netuid), uids, tuple(1_000 * (uid + number) for uid in uids), 0),
            nonce=0, birth_height=state.height, birth_hash=state.hash, genesis_hash=genesis_hash,
        )
        for netuid in range(1, subnets + 1)
        for number in range(VALIDATORS)
    ]  # fmt: skip


def next_block(state: ChainState, raws: list[bytes], genesis_hash: Hash) -> Executed:
    """One block on."""
    producer = signer("authority", 0).public
    draft = build_block(state, Slot(state.slot + 1), producer, raws, genesis_hash, verify=trusting, enact=True)
    if draft.skipped:
        raise RuntimeError(f"a benchmark transaction was left out: {draft.skipped[0].error_code}")
    return draft.seal(bytes(64))[1]


def cpu_s_a_block(subnets: int) -> float:
    """CPU seconds of one block on average, with each subnet's epoch once in `TEMPO_BLOCKS`."""
    state, rows = genesis(subnets)
    genesis_hash = state.hash
    first = weights(state, subnets, genesis_hash)
    spent_s = 0.0
    for number in range(TEMPO_BLOCKS + 1):
        begin = process_time()
        executed = next_block(state, first if number == 0 else [], genesis_hash)
        if number:
            spent_s += process_time() - begin
        for path, value in executed.changes.items():  # as when the block is final: the next one reads plain rows
            if value is None:
                rows.pop(path, None)
            else:
                rows[path] = value
        state = replace(executed.state, view=DictView(rows))
    return spent_s / TEMPO_BLOCKS


def main() -> None:
    """Measure and print."""
    title(
        f"Empty blocks: one tempo of {TEMPO_BLOCKS} blocks built, {NEURONS + 1} neurons a subnet, state root included"
    )
    cost_s = {subnets: cpu_s_a_block(subnets) for subnets in SUBNETS}
    for subnets, block_s in cost_s.items():
        year = f"a year of 12 s slots {grouped(block_s * YEAR_BLOCKS)} CPU-s"
        each = f"{block_s / subnets * 1e6:.0f} µs a subnet and block"
        show(f"subnets: {subnets}", f"{block_s * 1e3:.2f} CPU-ms/block", f"{year}, {each}")


if __name__ == "__main__":
    main()
