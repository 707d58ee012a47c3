"""Why a light client refuses what it is told; leaves of `ConsensusError`.

ConsensusError
├── BadStep             a header and certificate that do not lead on from the last trusted block
├── BadProof            a value that is not shown to be under the certified state root
├── BadCheckpoint       a first block or authority set other than the one that was named
├── BrokenFinality      two valid certificates that cannot both be: the authorities broke their duty
└── BadLightState       a stored light state that is damaged or of another network
"""

from node.primitives.errors import ConsensusError


class BadStep(ConsensusError):
    """A header and certificate that do not lead on from the last trusted block."""

    code = "light_bad_step"
    remedy = "Nothing is to be done: another node is asked. If every node says the same, update neurond."


class BadProof(ConsensusError):
    """A value that its proof does not show to be part of the certified state."""

    code = "light_bad_proof"
    remedy = "Nothing is to be done: another node is asked. If every node says the same, update neurond."


class BadCheckpoint(ConsensusError):
    """The block or the authority set at a checkpoint is not the one that the checkpoint names."""

    code = "light_bad_checkpoint"
    remedy = "Compare the checkpoint with a source you trust, such as a second person's node."


class BrokenFinality(ConsensusError):
    """Two certificates that both hold and contradict each other; at least a third of the authorities lied."""

    code = "light_broken_finality"
    remedy = "Trust neither side: ask people you know which chain goes on, and start from a checkpoint of theirs."


class BadLightState(ConsensusError):
    """The stored state of a light client is damaged, of a newer version or of another network."""

    code = "light_bad_state"
    remedy = "Move the file light.state aside and start again from the genesis or a checkpoint."
