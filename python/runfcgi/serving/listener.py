"""The listening socket as a worker sees it: shared with workers it knows nothing of."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import FrozenSet, Optional

from runfcgi.errors import ListenError

# struct timeval of SO_RCVTIMEO, socket(7): seconds, microseconds. The longest that accept(2) waits.
_PATIENCE = struct.pack("@ll", 0, 20_000)
_Socket, _default_timeout = socket.SocketType, socket.getdefaulttimeout
_OUT_OF_DESCRIPTORS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class ListenerClosed(Exception):
    """Nobody can connect any more: whoever owns the socket shut it down."""


class OutOfDescriptors(Exception):
    """A connection waits, but this process may not open another file."""


class Listener:
    """Accepts without ever being stuck in accept(2).

    A process that has nothing else to attend to waits in accept itself, for a moment: of all that
    do the kernel wakes one for a connection, where epoll wakes everybody and all but one find
    nothing. A process that has must not wait there, deaf to the rest; it sets the socket
    non-blocking. That mode is shared by all holders, of which any may set it otherwise (Node does
    at each spawn); so it is set before each sleep, and SO_RCVTIMEO bounds every accept.
    """

    def __init__(self, sock: socket.socket, allowed_peers: FrozenSet[str] = frozenset()) -> None:
        self._socket = sock
        self._allowed_peers = allowed_peers
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
        self._is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6)
        self._kind = (int(sock.family), int(sock.type), sock.proto)
        if self._is_tcp:
            # Inherited by what is accepted (Linux): responses are sent in whole pieces.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.set_waiting(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def set_waiting(self, may_wait: bool) -> None:
        """May :meth:`accept` wait a moment for a connection?"""
        self._socket.setblocking(may_wait)

    def refuse(self) -> None:
        """Nobody can connect any more, to whichever process holds the socket."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # it was not listening any more

    def accept(self) -> Optional[socket.SocketType]:
        """The next connection, None when there is none.

        It is a socket of the C type below ``socket.socket``, which costs a third of what
        ``socket.accept`` wraps around it. Raises ListenerClosed, OutOfDescriptors.
        """
        try:
            descriptor, address = self._socket._accept()
        except (BlockingIOError, ConnectionError):
            return None
        except OSError as error:
            if error.errno in _OUT_OF_DESCRIPTORS:
                raise OutOfDescriptors(error.strerror) from None
            if error.errno in (errno.EINVAL, errno.EBADF, errno.ENOTSOCK):
                raise ListenerClosed from None
            return None  # accept(2): network errors of the new connection; try again
        family, kind, protocol = self._kind
        connection = _Socket(family, kind, protocol, descriptor)
        if _default_timeout() is not None:
            connection.settimeout(None)  # the application's default is not meant for this one
        if self._allowed_peers and self._is_tcp and address[0] not in self._allowed_peers:
            connection.close()
            return None
        return connection


def allowed_peers_from(environ) -> FrozenSet[str]:
    """FCGI_WEB_SERVER_ADDRS: the only TCP peers that may connect (specification, section 3.2).

    Unix peers have no such address; the socket file's mode decides for them.
    """
    value = environ.get("FCGI_WEB_SERVER_ADDRS", "")
    return frozenset(address.strip() for address in value.split(",") if address.strip())


def take_descriptor_0() -> socket.socket:
    """The listening socket that this process was started with (FCGI_LISTENSOCK_FILENO).

    It is moved away and /dev/null put in its place: what the application starts must not
    inherit it as its standard input. Raises ListenError.
    """
    if not is_listening(0):
        raise ListenError(
            "descriptor 0 is not a listening socket: give socket=PATH or host= and port=,"
            " or start this program from a FastCGI process manager"
        )
    sock = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return sock


def is_listening(descriptor: int) -> bool:
    """Is it a socket on which somebody has called listen(2)?"""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False
    finally:
        sock.detach()
