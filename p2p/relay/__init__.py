"""Circuit relay v2: connections between peers of which neither can dial the other, carried by a third one.

Wire-compatible with libp2p's. Both sides of it are here: serving as a relay, and being reached through one.
"""
