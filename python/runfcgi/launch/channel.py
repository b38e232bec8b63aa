"""The line to a supervisor: JSON, one event a line, on a descriptor it names.

RUNFCGID_CHANNEL holds the descriptor's number; then this process is exactly one worker, on the
listening socket at descriptor 0, and has no children of its own (or a fork server, which says
other things: ``fork_server/messages.py``). It says

    {"event":"ready"}                                            about to accept
    {"event":"load-failed","message":"…","traceback":"…"}        before it exits
    {"event":"worn","reason":"max_requests","detail":"…"}        once; it goes on serving
    {"event":"timed-out","how":"interrupted"}                    a request exceeded request_timeout
    {"event":"retiring","reason":"request_timeout","detail":"…"} before it leaves by itself

A worn worker (``max_requests``, ``max_memory``) serves until it is stopped, so that there can be
another first; without a supervisor that understands, it serves on. A request that timed out was ``interrupted``, or will be ``left`` behind: other threads finish, and
then the worker leaves, whether it has ended or not.

A line has at most 65,536 bytes; of a longer traceback the beginning is left out.
"""

from __future__ import annotations

import json
import os

LINE_LIMIT = 65536
_MESSAGE_LIMIT = 2000


class Channel:
    """Says things to a supervisor that may have gone; then nobody listens, and work goes on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def ready(self) -> None:
        self._say({"event": "ready"})

    def load_failed(self, message: str, traceback: str) -> None:
        one_line = " ".join(message.split())[:_MESSAGE_LIMIT]
        event = {"event": "load-failed", "message": one_line, "traceback": traceback}
        while len(_encode(event)) > LINE_LIMIT:
            # JSON may need up to six bytes for a character: cut, and look again.
            kept = len(event["traceback"]) * LINE_LIMIT // len(_encode(event)) - 64
            event["traceback"] = "…" + event["traceback"][-max(kept, 1) :]
        self._say(event)

    def worn(self, reason: str, detail: str) -> None:
        self._say({"event": "worn", "reason": reason, "detail": detail})

    def timed_out(self, how: str) -> None:
        """Said before it leaves for that reason."""
        self._say({"event": "timed-out", "how": how})
        self._say({"event": "retiring", "reason": "request_timeout", "detail": how})

    def _say(self, event: dict) -> None:
        line = _encode(event)
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            pass


def _encode(event: dict) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n"
