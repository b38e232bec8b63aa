"""The loop of one thread: take the next connection with something to say, serve it, again.

A process runs one loop in its main thread, or several in threads of their own. A loop accepts
only when it can serve at once: what no loop can take stays in the socket's backlog, where
another process may find it.
"""

from __future__ import annotations

import select
import time
from typing import Optional

from runfcgi.fastcgi.connection import Connection, PeerGone, refusal
from runfcgi.fastcgi.incoming import BODY, PARAMS, Incoming, ProtocolError, RequestRefused
from runfcgi.fastcgi.patience import Patience
from runfcgi.wsgi.error_stream import write_stderr

from .deadlines import draining_deadline, serving_deadline
from .listener import ListenerClosed, OutOfDescriptors
from .shared import Shared
from .slot import Slot

# Pieces of a request's head read in one go, before other connections get their turn.
_MAX_RECEIVES = 64
# Another thread may empty the parking while this one waits for it.
_DRAIN_CHECK = 0.1
_DESCRIPTOR_PAUSE = 0.2
# Connections accepted one after the other, before everything else at the door is looked at.
_MAX_IN_A_ROW = 64


class Loop:
    """One per thread. ``slot`` shows to the outside whether it is busy."""

    def __init__(self, shared: Shared, slot: Slot) -> None:
        self._shared = shared
        self._listener = shared.listener
        self._parking = shared.parking
        self._stop = shared.stop
        self._limits = shared.limits
        self._slot = slot
        self._door = shared.door
        self._is_parked_turn = True
        self._in_a_row = 0
        self._patience = Patience()

    def run(self) -> None:
        """Serve until told to stop and everything accepted is finished, or overdue."""
        self._slot.idle()
        try:
            while not self._stop.is_set:
                connection = self._next_connection()
                if connection is not None:
                    self._attend(connection)
        except ListenerClosed:
            self._stop.set()
        self._drain()

    def _next_connection(self) -> Optional[Connection]:
        """A connection to attend to; None when it is time to look at the world again."""
        if not self._parking and self._in_a_row < _MAX_IN_A_ROW:
            connection = self._accept()
            if connection is not None:
                self._in_a_row += 1
                return connection
        self._in_a_row = 0
        self._listener.set_waiting(self._shared.is_alone and not self._parking)
        ready = {descriptor for descriptor, _ in self._door.poll(self._seconds_to_deadline())}
        self._close_overdue()
        for descriptor in ready & self._shared.interrupts.keys():
            self._shared.interrupts[descriptor]()
        if self._stop.is_set:
            return None
        return self._take_turns(ready)

    def _take_turns(self, ready: set) -> Optional[Connection]:
        """Neither kept connections nor new ones may starve the others."""
        has_parked = self._parking.fileno() in ready
        has_new = self._listener.fileno() in ready
        if has_parked and (self._is_parked_turn or not has_new):
            self._is_parked_turn = False
            return self._parking.take_ready()
        self._is_parked_turn = True
        return self._accept() if has_new else None

    def _seconds_to_deadline(self) -> Optional[float]:
        if not self._parking:
            return None
        deadline = self._parking.next_deadline()
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _accept(self) -> Optional[Connection]:
        try:
            sock = self._listener.accept()
        except OutOfDescriptors as error:
            self._make_room(str(error))
            return None
        if sock is None:
            return None
        incoming = Incoming(self._limits, self._shared.capacity)
        return Connection(sock, incoming, self._limits.io_timeout)

    def _make_room(self, reason: str) -> None:
        """Give up an idle connection, and time for others to close theirs."""
        write_stderr(f"runfcgi: cannot accept: {reason}; closing an idle connection\n")
        idlest = self._parking.take_idlest()
        if idlest is not None:
            self._parking.close(idlest)
        else:
            select.select([self._stop], [], [], _DESCRIPTOR_PAUSE)

    def _attend(self, connection: Connection) -> None:
        """Serve all that the connection has to say; then park it, let it linger, or close it."""
        if connection.is_lingering:
            self._linger_on(connection)
            return
        try:
            if not self._receive_head(connection):
                self._parking.close(connection)
                return
            while connection.incoming.state is BODY:
                if not self._serve(connection):
                    return
                connection.finish_request()
        except ProtocolError as error:
            write_stderr(f"runfcgi: malformed FastCGI: {error}; the connection is closed\n")
            self._linger(connection)
        except RequestRefused as error:
            self._refuse(connection, error.status, str(error))
        except PeerGone:
            self._parking.close(connection)
        else:
            if connection.incoming.close_wanted:
                self._linger(connection)
            else:
                self._park(connection)

    def _receive_head(self, connection: Connection) -> bool:
        """Read until a request is ready or nothing more is there. False: the peer has closed."""
        is_new = not (connection.served or connection.deadline)
        incoming = connection.incoming
        for _ in range(_MAX_RECEIVES):
            try:
                if not (connection.receive_first(self._patience) if is_new else connection.receive()):
                    return False
            except BlockingIOError:
                return True
            if incoming.state is BODY:
                return True
            is_new = False
        return True

    def _serve(self, connection: Connection) -> bool:
        """One request. False: the connection carries no other."""
        incoming = connection.incoming
        self._slot.busy(incoming.params)
        is_complete = self._shared.gateway.serve(connection, self._slot)
        self._slot.idle()
        keep = is_complete and incoming.keep_connection
        if not keep:
            if is_complete and incoming.is_clean:
                self._parking.close(connection)
            else:
                self._linger(connection)
        self._shared.on_served()
        return keep

    def _refuse(self, connection: Connection, status: str, reason: str) -> None:
        request_id = connection.incoming.request_id
        write_stderr(f"runfcgi: request refused: {status}: {reason}\n")
        try:
            connection.send(refusal(request_id, status, reason))
        except PeerGone:
            self._parking.close(connection)
        else:
            self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        """Close once the web server has: closing with unread data resets the connection, and
        the reset can overtake the response (RFC 9112, section 9.6)."""
        connection.end_sending()
        connection.is_lingering = True
        connection.deadline = None
        self._linger_on(connection)

    def _linger_on(self, connection: Connection) -> None:
        if connection.discard():
            self._park(connection)
        else:
            self._parking.close(connection)

    def _park(self, connection: Connection) -> None:
        connection.deadline = self._deadline(connection)
        self._parking.add(connection)
        if len(self._parking) > self._limits.open_connections:
            idlest = self._parking.take_idlest()
            if idlest is not None:
                self._parking.close(idlest)

    def _deadline(self, connection: Connection) -> Optional[float]:
        now = time.monotonic()
        if self._stop.is_set:
            return draining_deadline(connection, self._stop.deadline or now, now)
        return serving_deadline(connection, self._limits, now)

    def _close_overdue(self) -> None:
        if not self._parking:
            return
        for connection in self._parking.take_overdue(time.monotonic()):
            if connection.incoming.state is PARAMS and not self._stop.is_set:
                limit = f"its parameters did not arrive within {self._limits.head_timeout:g} s"
                self._refuse(connection, "408 Request Timeout", limit)
            else:
                self._parking.close(connection)

    def _drain(self) -> None:
        self._parking.set_deadlines(self._deadline)
        while self._parking:
            self._close_overdue()
            connection = self._parking.take_ready(_DRAIN_CHECK)
            if connection is not None:
                self._attend(connection)
