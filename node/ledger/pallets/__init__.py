"""Pallets: each owns some items of the state and the only functions that change them."""
