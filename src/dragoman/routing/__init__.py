"""Floor 2: which model, which backend, and what is known of it. Live state is here, keyed by backend, never in a Snapshot."""
