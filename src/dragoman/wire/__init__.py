"""Floor 0: frames and bytes, without meaning."""
