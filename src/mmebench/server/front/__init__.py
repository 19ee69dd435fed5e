"""The local endpoint's HTTP: server, router, exchange, answers."""
