"""Exhaustive model of finality and of the hand-over from authorities to stake: every state of a small network."""
