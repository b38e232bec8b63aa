"""A process that serves nothing itself and keeps the right number of workers alive."""
