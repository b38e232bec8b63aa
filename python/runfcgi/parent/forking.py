"""Forking a process that has loaded an application, so that both sides can go on."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
import warnings
from typing import Callable

from runfcgi.serving.stop import STOP_SIGNALS

_BLOCKED = (*STOP_SIGNALS, signal.SIGCHLD)


def freeze() -> None:
    """What is loaded stays shared with the processes forked later: the collector will not write
    to it. To be called once, before the first fork."""
    gc.collect()
    gc.freeze()


def fork(before_fork: Callable[[], None]) -> int:
    """The new process's id; 0 in the new process. Raises OSError.

    ``before_fork`` gives up what the two must not share; what it raises is printed. In the new
    process the stop signals and SIGCHLD stay blocked: the handlers are its parent's until it has
    installed its own (Signals.install unblocks).
    """
    _call(before_fork)
    _flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    pid = -1
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, and is asked to make that an error by some.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    finally:
        if pid != 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
    return pid


def _call(before_fork: Callable[[], None]) -> None:
    try:
        before_fork()
    except Exception:
        traceback.print_exc()


def _flush() -> None:
    """What is still in the buffers would be written by both."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # closed, full, or taken away: write_stderr lives with that too
