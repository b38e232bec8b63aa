"""Ending a request that takes longer than it may, where one thread serves everything.

The supervisor sees the request's age and sends SIGUSR1. Whether it still runs, and is old enough,
is decided here and now: a signal that comes late must never hit the request that follows.
"""

from __future__ import annotations

from .slot import Slot


class RequestTimeout(BaseException):
    """Raised within the application's code, wherever it is. Not an Exception: code that carries on
    after any error of its own must not carry on after this."""


class Interruption:
    """Armed while the application runs; strikes once. ``timeout`` in seconds."""

    __slots__ = ("has_struck", "_slot", "_timeout", "_is_armed")

    def __init__(self, slot: Slot, timeout: float) -> None:
        self._slot = slot
        self._timeout = timeout
        self._is_armed = False
        self.has_struck = False

    def arm(self) -> None:
        self._is_armed = True

    def disarm(self) -> None:
        self._is_armed = False

    def look(self) -> None:
        """Runs in the signal handler. Raises RequestTimeout when the request is overdue."""
        if self._is_armed and self._slot.is_overdue(self._timeout):
            # Before it is raised: nothing may be raised into those who handle it.
            self._is_armed = False
            self.has_struck = True
            raise RequestTimeout(f"the request has run for more than {self._timeout:g} s")
