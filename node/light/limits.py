"""Bounds of the light client, each with its reason; those that the wire shares are in `node.primitives.limits`."""

from typing import Final

from node.primitives.limits import CERTIFICATE_BYTES_MAX, HEADER_BYTES_MAX, STATE_VALUE_BYTES_MAX

PROOF_BYTES_MAX: Final = 9 * 1024  # 256 siblings of 34 bytes and the bitmap; 800 bytes at a million rows
STEP_BYTES_MAX: Final = HEADER_BYTES_MAX + CERTIFICATE_BYTES_MAX + STATE_VALUE_BYTES_MAX + PROOF_BYTES_MAX + 64
LIGHT_STATE_BYTES_MAX: Final = HEADER_BYTES_MAX + STATE_VALUE_BYTES_MAX + 1024  # header, set and a few numbers
PROOF_ROWS_MAX: Final = 4096  # rows of one answer; a subnet of 256 neurons needs about 2 000
WEAK_SUBJECTIVITY_MS: Final = 9 * 24 * 3600 * 1000  # two thirds of the 14 days in which a bond still answers
