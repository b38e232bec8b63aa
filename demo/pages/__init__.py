"""Pages that show what a worker does: its own facts, long answers, large bodies, a failure."""
