"""One epoch from input to output: the order of the steps, nothing else."""

from node.economics.yuma.types import EpochInput, EpochOutput


def run_epoch(inputs: EpochInput) -> EpochOutput:
    """Run Yuma Consensus once. Raises `EpochInputError` if the vectors do not fit together."""
    raise NotImplementedError
