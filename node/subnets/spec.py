"""The constants of a subnet's rules, and those of the subnets of this program, without the rules themselves.

Kept apart so that a list of them costs nothing: a test holds the list to what the rules say.
"""

from dataclasses import dataclass
from typing import Final

from node.primitives.types import NetUid

SUBNET_GROUP: Final = "neurond.subnets"
"""The entry point under which installed packages name theirs."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The constants of a subnet's rules. Scores of different `version`s are never mixed."""

    name: str
    title: str
    version: int
    home_netuid: NetUid  # the seat it takes on a network that does not say otherwise
    models: tuple[str, ...]  # catalogue names its tasks may ask for
    challenge_blocks: int = 25  # a round every so many blocks
    sample: int = 16  # miners in one round
    timeout_s: float = 10.0  # of a challenge, from publication to the answer's arrival
    alpha: float = 0.1  # weight of a new verdict in the moving average
    power: float = 1.0  # of a score when weights are made
    unit: str = ""  # what `Usage.units` counts and offers price; "" where tokens are all
    opens_files: bool = False  # whether it opens model files beside those of the catalogue


BUILT_IN: Final = (
    Spec(
        "nineteen", "Text generation", 2, NetUid(19), ("smollm2-135m-instruct",), challenge_blocks=10, timeout_s=30.0,
        alpha=0.2, power=4.0,
    ),
    Spec(
        "chutes", "Models on call", 1, NetUid(64), (), challenge_blocks=10, timeout_s=30.0, power=2.0, unit="mmac",
        opens_files=True,
    ),
    Spec(
        "data_universe", "Data Universe", 1, NetUid(13), (), challenge_blocks=10, timeout_s=30.0, alpha=0.15,
        unit="row",
    ),
)  # fmt: skip
"""What `open_subnet` of each says when nothing else is asked for."""
