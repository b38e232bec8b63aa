"""One process that accepts connections and serves them, in one thread or in several."""
