"""HTTP in: the clients' side of the proxy."""
