"""The shell of the node: trio, wiring, roles. The only place where network, store, models and rules meet."""
