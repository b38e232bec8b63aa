"""Going to the background, with a launcher that stays until it knows how that went."""

from __future__ import annotations

import json
import os
import sys
from typing import Optional

from runfcgi.errors import RunfcgiError

_DEFAULT_UMASK = 0o022


class Report:
    """The daemon's one word to its launcher: ready, or what went wrong and how to exit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ready(self) -> None:
        self._send(0, "")

    def failed(self, exit_status: int, text: str) -> None:
        """``text`` is printed by the launcher as it is."""
        self._send(exit_status, text)

    def close(self) -> None:
        """For a forked worker, which has nothing to report."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _send(self, exit_status: int, text: str) -> None:
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        with os.fdopen(descriptor, "w") as pipe:
            pipe.write(json.dumps({"exit_status": exit_status, "text": text}) + "\n")


def detach() -> Optional[Report]:
    """Fork a daemon: a session of its own, no terminal, adopted by init (daemon(7)).

    The daemon gets a Report. The launcher gets None once the daemon has reported that it is
    ready; otherwise it prints the daemon's text and ends with the daemon's exit status.
    """
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(write_end)
        os.waitpid(pid, 0)
        _await_report(read_end)
        return None
    os.close(read_end)
    os.setsid()
    if os.fork():
        os._exit(0)  # the daemon leads no session and can never get a terminal back
    return Report(write_end)


def settle(workdir: str, umask: Optional[int]) -> None:
    """The daemon's surroundings. Raises RunfcgiError when ``workdir`` cannot be entered."""
    try:
        os.chdir(workdir)
    except OSError as error:
        raise RunfcgiError(f'workdir "{workdir}": {error.strerror}') from error
    os.umask(_DEFAULT_UMASK if umask is None else umask)


def redirect(outlog: Optional[str], errlog: Optional[str], default: Optional[str]) -> None:
    """Append standard output and error to files; ``default`` where no file is given, None to
    leave them as they are. Raises RunfcgiError when a file cannot be opened."""
    for descriptor, path in ((1, outlog or default), (2, errlog or default)):
        if path is None:
            continue
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise RunfcgiError(f'log "{path}": {error.strerror}') from error
        os.dup2(file, descriptor)
        os.close(file)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)


def close_standard_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _await_report(descriptor: int) -> None:
    """Ends when the daemon reports or dies; how long it may take to load is its own affair."""
    with os.fdopen(descriptor) as pipe:
        text = pipe.readline()
    if not text:
        sys.stderr.write("runfcgi: the daemon died before it was ready; see errlog=\n")
        raise SystemExit(70)
    report = json.loads(text)
    sys.stderr.write(report["text"])
    if report["exit_status"]:
        raise SystemExit(report["exit_status"])
