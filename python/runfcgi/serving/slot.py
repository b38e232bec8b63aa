"""Where a loop shows whether it is busy."""


class Slot:
    """Shown to nobody: for a process that is one worker of a supervisor of its own."""

    def busy(self) -> None:
        """A request has begun."""

    def idle(self) -> None:
        """The loop is free for the next."""
