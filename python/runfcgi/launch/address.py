"""The listening socket that this program opens itself: a Unix path, or host and port."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
from typing import Iterator, Optional, Tuple

from runfcgi.errors import ListenError

# sun_path holds 108 bytes with its final zero (unix(7)).
_LONGEST_PATH = 107
_BACKLOG = 4096  # the kernel lowers it to net.core.somaxconn (listen(2))
_UCRED = struct.Struct("3i")


class Address:
    """A bound, listening socket. ``remove`` takes the path away if it is still ours."""

    def __init__(self, sock: socket.socket, name: str, path: Optional[str]) -> None:
        self.socket = sock
        self.name = name
        self._path = path
        self._owner = os.getpid()
        self._identity = None if path is None else _identity(path)

    def remove(self) -> None:
        """Only by the process that opened it, and only what it opened. Safe to repeat."""
        if self._path is None or os.getpid() != self._owner:
            return
        if self._identity is not None and _identity(self._path) == self._identity:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self._identity = None


def open_unix(path: str) -> Address:
    """Bind an absolute path, with the mode that the umask leaves of 0777.

    A socket nobody listens on any more is replaced; one that is alive, or anything else at the
    path, is refused with ListenError.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ListenError(f'the socket path "{path}" is longer than {_LONGEST_PATH} bytes')
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _directory_locked(path):
            _remove_stale(path)
            sock.bind(path)
            sock.listen(_BACKLOG)
            return Address(sock, f"unix:{path}", path)
    except OSError as error:
        sock.close()
        raise ListenError(f'cannot listen on "{path}": {error.strerror}') from error
    except ListenError:
        sock.close()
        raise


def open_tcp(host: str, port: int) -> Address:
    """Bind the first address that ``host`` (a name, IPv4 or IPv6) stands for.

    Port 0 lets the kernel choose. Raises ListenError.
    """
    bare_host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            bare_host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f'cannot listen on host "{host}": {error.strerror}') from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {_name(where)}: {error.strerror}") from error
    return Address(sock, _name(sock.getsockname()), None)


@contextlib.contextmanager
def _directory_locked(path: str) -> Iterator[None]:
    """Two starters at once: one must find the other's socket, not replace it as stale.

    The lock is on the directory itself (flock(2)), so that nothing is left behind.
    """
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f'"{path}" exists and is not a socket; it is left alone')
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog is life too, and must not hold us up
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            raise ListenError(f'somebody listens on "{path}" already') from None
        raise ListenError(f'process {_peer_pid(probe)} listens on "{path}" already')


def _peer_pid(sock: socket.socket) -> int:
    """Who called listen(2) on the other end (SO_PEERCRED, unix(7))."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return _UCRED.unpack(raw)[0]


def _identity(path: str) -> Optional[Tuple[int, int]]:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _name(where: tuple) -> str:
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
