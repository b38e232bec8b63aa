"""Real web servers in front of the engine: how each is configured, started and asked."""
