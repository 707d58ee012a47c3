"""What the tests of a setup find out: about an invite or address, the local network, this machine, the home.

Plain data between the commands that look and the screens that show; a `CheckStep` is one line with a tick or a cross.
"""

from node.control.schema import View


class CheckStep(View, frozen=True):
    """One thing that was tried: a stable word, whether it held (None: not tried, or of no weight), a sentence."""

    name: str
    ok: bool | None
    text: str
    remedy: str = ""


class TargetCheck(View, frozen=True):
    """What joining an invite or address would lead to. `problem` is empty when nothing speaks against it.

    genesis_hash: 64 hex digits, empty when nobody told it. inviter: ss58, empty for an address. version: the agent of
    who answered. latency_ms: a round trip to it. stake_threshold_rao: the stake weight that a validator needs there.
    """

    target: str
    steps: tuple[CheckStep, ...]
    network: str = ""
    genesis_hash: str = ""
    inviter: str = ""
    expires_ms: int | None = None
    addresses: tuple[str, ...] = ()
    version: str = ""
    latency_ms: float | None = None
    stake_threshold_rao: int | None = None
    problem: str = ""
    remedy: str = ""


class LanNetwork(View, frozen=True):
    """A network whose nodes were heard on the local network; `addresses` are those of nodes that answered."""

    network: str
    genesis_hash: str
    peers: int
    addresses: tuple[str, ...]
    latency_ms: float | None = None
    version: str = ""


class LanSurvey(View, frozen=True):
    """Who was heard; `problem` says why nobody could be, in a sentence."""

    networks: tuple[LanNetwork, ...]
    interfaces: tuple[str, ...] = ()
    problem: str = ""


class MachineBench(View, frozen=True):
    """What this machine can do. gflops: multiplying 32-bit matrices, in 10^9 operations a second.

    speed: of `model` in `speed_unit`, None when the model is not here yet; `note` says so.
    """

    cores: int
    memory_bytes: int
    gflops: float
    model: str
    model_bytes: int = 0
    speed: float | None = None
    speed_unit: str = ""
    provider: str = ""
    note: str = ""
