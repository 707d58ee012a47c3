"""Loads libp2p whole before `p2p` leaves parts of it out: some tests put our hosts beside stock ones in one process."""

import libp2p  # noqa: F401
