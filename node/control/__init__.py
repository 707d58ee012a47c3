"""One typed API over the running node: what the terminal UI, the command line and scripts see of it.

`schema` and `api` say what can be asked and answered, `server` answers inside the daemon, `client_async` and
`client_sync` ask from other processes, `launcher` starts and stops daemons, `actions` prepares and signs transactions
in the client's own process. Nothing here knows how a node works; `node.service` implements `api.Api`.
"""
