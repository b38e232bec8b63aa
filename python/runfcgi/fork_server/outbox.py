"""Messages on their way to a supervisor that may be slow to read them."""

from __future__ import annotations

import socket

from .messages import encode

_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Outbox:
    """Keeps what the channel does not take yet, in order. ``size`` is that in bytes."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._waiting = bytearray()

    @property
    def size(self) -> int:
        return len(self._waiting)

    def say(self, message: dict) -> None:
        self._waiting += encode(message)

    def flush(self) -> bool:
        """Send what the channel takes. False: nobody is there any more."""
        try:
            while self._waiting:
                del self._waiting[: self._channel.send(self._waiting, _FLAGS)]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True
