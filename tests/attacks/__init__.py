"""Attacks on the network layer: each against stock libp2p in a process of its own and against a live daemon of ours."""
