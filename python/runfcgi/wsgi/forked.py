"""Processes that the application forks, and that come back out of it into our code.

Such a copy of a worker has the worker's connection, socket and place on the scoreboard. It would
answer the request a second time, and then accept connections that nobody knows it has. What a
forked process does within the application is its own affair.
"""

from __future__ import annotations

import os
import sys
import traceback

_STATUS = 1

is_copy = False
"""Is this a process that was forked after :func:`watch`? To be looked at when it comes back."""


def watch() -> None:
    """To be called in the process that serves, which forks nothing by itself."""
    os.register_at_fork(after_in_child=_note)


def end(request: str) -> None:
    """Ends this copy, with nothing run that the worker will run, or has in its buffers."""
    error = sys.exc_info()[1]
    is_unforeseen = error is not None and not isinstance(error, SystemExit)
    text = traceback.format_exc() if is_unforeseen else ""
    text += (
        f"runfcgi: {request}: process {os.getpid()}, forked by the application, came back from it"
        " and is ended; the worker answers. What forks in a request ends the new process itself,"
        " with os._exit()\n"
    )
    try:
        # Not through sys.stderr: another thread may have held its lock when the fork happened.
        os.write(2, text.encode("utf-8", "backslashreplace"))
    finally:
        os._exit(_STATUS)


def _note() -> None:
    global is_copy
    is_copy = True
