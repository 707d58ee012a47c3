"""What a node does for the network: mine, validate. Each role is a trio service that can be started and drained."""
