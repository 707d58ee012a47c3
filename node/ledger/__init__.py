"""The state transition: what a block may change and how. Pure: no I/O, no clock, no randomness, no floats."""
