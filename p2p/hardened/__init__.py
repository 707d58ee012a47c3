"""libp2p 0.8.1, made safe: a module for each hazard, by subclass where the library lets us, else by one constant.

Stock 0.8.1 ends the process on one malformed gossip frame, serves 250 inbound connections in its life, breaks
connections on cancelled writes and buffers without bound. Everything outside this folder sees none of it.

Importing this folder applies the replaced constants once and fails unless exactly that release is installed.
"""

import logging

from p2p.hardened import version as version  # must stay first: refuses any other release


def quiet_library() -> None:
    """The library logs what peers do at the level of errors, so any peer could fill our log; we count instead."""
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)


quiet_library()
