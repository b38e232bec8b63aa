"""Tells a visitor what the process is that answers, and what it was forked from.

FORK_FAILS_WHILE names a file: while it exists, fork(2) fails as in a process that may have no more.
"""

import errno
import gc
import json
import os
import random
import signal
import subprocess
import sys

_fork = os.fork
_modules = set()


def application(environ, start_response):
    modules = sorted(set(sys.modules) - _modules)
    facts = {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "imported since the fork": modules,
        "frozen": gc.get_freeze_count(),
        "random": random.random(),
        "own mark": os.environ["RUNFCGID_WORKER"],
        "supervisor's variables": [name for name in os.environ if name.startswith("RUNFCGID_")],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "SIGCHLD is default": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
        "what a child has": subprocess.check_output(["env"]).decode().split("\n"),
        "what a child has open": subprocess.check_output(["ls", "-l", "/proc/self/fd"]).decode(),
    }
    print("printed by the site", flush=True)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]


def _forked():
    _modules.update(sys.modules)


def _fork_unless_told():
    if os.path.exists(os.environ.get("FORK_FAILS_WHILE", "")):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return _fork()


os.register_at_fork(after_in_child=_forked)
os.fork = _fork_unless_told
sys.stderr.write("the site is loaded\n")
