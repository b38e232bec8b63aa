"""A process that loads the application once and forks a worker whenever its supervisor asks."""
