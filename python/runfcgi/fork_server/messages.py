"""What a supervisor and its fork server say to each other: JSON, one message a line, both ways.

    supervisor                                                fork server
        |                                                          |  loads the application
        |  {"event":"ready","version":2}                           |
        | <------------------------------------------------------- |  or load-failed, and exits
        |  {"command":"spawn","id":7,"marker":"…"}                 |
        | -------------------------------------------------------> |  forks a worker
        |  {"command":"prepare","id":8}                            |
        | -------------------------------------------------------> |  forks a reserve
        |  {"event":"spawned","id":7,"pid":4711}                   |
        | <------------------------------------------------------- |  or spawn-failed, with a message
        |  {"event":"exited","pid":4711,"status":9}                |
        | <------------------------------------------------------- |  raw status as of wait(2), or null
        |  {"event":"warning","message":"…"}                       |
        | <------------------------------------------------------- |  whatever should be known
        |  end of file                                             |
        | -------------------------------------------------------> |  exits 0; its workers serve on

The channel is a Unix stream socket (RUNFCGID_CHANNEL names the descriptor, RUNFCGID_ROLE is
``fork-server``). Six descriptors come with the first byte of a ``spawn`` (SCM_RIGHTS, unix(7)):
listening socket, standard output, standard error, and the worker's own channel, scoreboard and
traces. ``marker`` becomes the worker's RUNFCGID_WORKER. A line has at most 65,536 bytes with its
end; unknown fields are ignored. What cannot be understood is answered with ``spawn-failed`` when
its id can be read, with ``warning`` otherwise; the descriptors it came with are closed.

A reserve is a process that has everything of a worker but its mark and its listening socket, and
sleeps. In their stead ``prepare`` comes with one end of another Unix stream socket as the first
of its six descriptors. The reserve writes one byte there when it sleeps. There the supervisor says
itself, without a way by this server, that it is wanted: the marker and a line end, sent in one
piece of at most 4,096 bytes with the listening socket. From then on it is a worker like any other.
When the supervisor closes its end before, the reserve exits 0. The server tells of the end of
either with the same ``exited``.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple, Optional, Sequence, Union

VERSION = 2
LINE_LIMIT = 65536
_EXCERPT = 80


class Outlets(NamedTuple):
    """A worker's descriptors beside its listening socket, in the order in which they are sent."""

    stdout: int
    stderr: int
    channel: int
    scoreboard: int
    traces: int


class Part(NamedTuple):
    """What one worker has and no other: its mark, as the bytes of an environment variable, and the
    descriptor of its listening socket."""

    marker: bytes
    listen: int


class Spawn(NamedTuple):
    """The request for one worker."""

    id: int
    part: Part
    outlets: Outlets


class Prepare(NamedTuple):
    """The request for one reserve, which hears of its part at the descriptor ``launch``."""

    id: int
    launch: int
    outlets: Outlets


Command = Union[Spawn, Prepare]


class NoCommand(Exception):
    """A line cannot be done. ``id`` is that of the process it probably meant."""

    def __init__(self, problem: str, id: Optional[int] = None) -> None:
        super().__init__(problem)
        self.id = id


def read_command(line: bytes, descriptors: Sequence[int]) -> Command:
    """Raises NoCommand; the descriptors are the caller's in either case."""
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NoCommand(f"a line is not JSON: {_excerpt(line)}") from None
    if not isinstance(message, dict):
        raise NoCommand(f"a message is not an object: {_excerpt(line)}")
    id = message.get("id")
    is_id = isinstance(id, int) and not isinstance(id, bool)
    command = message.get("command")
    if command not in ("spawn", "prepare"):
        raise NoCommand(f"the command is not known: {_excerpt(line)}", id if is_id else None)
    if not is_id:
        raise NoCommand(f"the id is not a whole number: {_excerpt(line)}")
    marker = _marker(message.get("marker"), id) if command == "spawn" else b""
    wanted = 1 + len(Outlets._fields)
    if len(descriptors) != wanted:
        raise NoCommand(f"{len(descriptors)} descriptors came with it, not {wanted}", id)
    first, outlets = descriptors[0], Outlets(*descriptors[1:])
    if command == "prepare":
        return Prepare(id, first, outlets)
    return Spawn(id, Part(marker, first), outlets)


def ready() -> dict:
    return {"event": "ready", "version": VERSION}


def spawned(command: Command, pid: int) -> dict:
    return {"event": "spawned", "id": command.id, "pid": pid}


def spawn_failed(id: int, message: str) -> dict:
    return {"event": "spawn-failed", "id": id, "message": message}


def exited(pid: int, status: Optional[int]) -> dict:
    """``status`` is None when nobody knows it."""
    return {"event": "exited", "pid": pid, "status": status}


def warning(message: str) -> dict:
    return {"event": "warning", "message": message}


def refusal(problem: NoCommand) -> dict:
    if problem.id is None:
        return warning(str(problem))
    return spawn_failed(problem.id, str(problem))


def encode(message: dict) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def _marker(value: Any, id: int) -> bytes:
    if isinstance(value, str) and value and "\0" not in value:
        try:
            return os.fsencode(value)
        except UnicodeEncodeError:
            pass
    raise NoCommand("the marker cannot be the value of an environment variable", id)


def _excerpt(line: bytes) -> str:
    text = line[: _EXCERPT + 1].decode("utf-8", "replace")
    return repr(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…")
