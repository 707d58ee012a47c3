"""What a light client answers: plain views, each with the certified block that proves it. Format: experimental."""

from node.control.schema import Metagraph, Neuron, SubnetInfo, View


class LightAt(View, frozen=True):
    """The certified block that an answer is proven under; `age_s` counts from the beginning of its slot."""

    height: int
    block_hash: str
    state_root: str
    age_s: float
    full_node: str
    """The peer that gave the proof; nothing rests on its word."""


class LightStatus(View, frozen=True):
    """How far a light client has followed. `checkpoint` is what it trusts now, for others to begin at."""

    network: str
    genesis_hash: str
    newest: LightAt
    trusted_height: int
    trusted_hash: str
    set_id: int
    set_hash: str
    authorities: int
    full_nodes: int
    checkpoint: str
    warnings: tuple[str, ...]


class LightBalance(View, frozen=True):
    """Free τ and nonce of an account."""

    at: LightAt
    address: str
    balance_rao: int
    nonce: int


class LightStake(View, frozen=True):
    """One position; `value_rao` is its worth at the spot price."""

    netuid: int
    hotkey: str
    amount_alpha: int
    value_rao: int


class LightStakes(View, frozen=True):
    """Every position of a coldkey."""

    at: LightAt
    address: str
    stakes: tuple[LightStake, ...]
    worth_rao: int


class LightSubnet(View, frozen=True):
    """One subnet."""

    at: LightAt
    subnet: SubnetInfo


class LightNeuron(View, frozen=True):
    """One seat of a subnet; `neuron` is None where it is proven that nobody sits there."""

    at: LightAt
    netuid: int
    neuron: Neuron | None


class LightMetagraph(View, frozen=True):
    """All seats of a subnet."""

    at: LightAt
    metagraph: Metagraph
