"""Bounds of the workbench, each with its reason. Units last in the names."""

from typing import Final

ROUNDS_MAX: Final = 10_000  # a trial of the example takes 2 ms a round
MIX_BYTES_MAX: Final = 64 * 1024  # a file with hundreds of groups
GROUPS_MAX: Final = 64  # rows of one table
SEATS_MAX: Final = 256  # of a subnet
EPOCHS_MAX: Final = 1_000  # minutes of work
TEMPO_BLOCKS_MAX: Final = 5_000
STAKE_TAO_MAX: Final = 1_000_000
NAME_CHARS_MAX: Final = 40
EVIDENCE_KEPT: Final = 3  # different pieces of evidence shown of one miner
