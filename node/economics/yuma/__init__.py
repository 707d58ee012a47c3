"""Yuma Consensus: from stake and weights to incentive, dividends and bonds, once an epoch per subnet.

`types` holds input and output, `epoch` runs the steps; the rest is one step a file. Exact I32F32 arithmetic in the
sparse form: a cell that is absent and a cell that is zero are different things.
"""
