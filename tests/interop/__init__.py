"""Other implementations of libp2p against real nodes of ours."""
