"""Tools that the proxy runs itself, for models whose backend has none: one file each."""
