"""One request through the application, and what becomes of it when something raises."""

from __future__ import annotations

import html
import sys
import traceback
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Optional

from runfcgi.fastcgi import records
from runfcgi.fastcgi.connection import Connection, PeerGone, refusal

from . import forked
from .body import BodyIncomplete, open_body
from .environ import BadRequest, complete, content_length
from .error_stream import ErrorStream, write_stderr
from .response import Response

if TYPE_CHECKING:
    from runfcgi.serving.interruption import Interruption
    from runfcgi.serving.slot import Slot

_SENDING = (Connection.send.__code__, Connection.send_buffers.__code__)

Application = Callable[[Dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Gateway:
    """Calls one application for one process; safe to use from several threads, but for an
    ``interruption``, which is armed while the application runs."""

    def __init__(
        self,
        application: Application,
        constants: Dict[str, Any],
        debug: bool,
        interruption: Optional["Interruption"] = None,
    ) -> None:
        self._application = application
        self._constants = constants
        self._debug = debug
        self._interruption = interruption
        self._run = self._call if interruption is None else self._call_interruptibly

    def serve(self, connection: Connection, slot: "Slot") -> bool:
        """Answer the connection's ready request. False: the connection cannot go on.

        Never raises for what the application or the peer does.
        """
        incoming = connection.incoming
        environ: Dict[str, Any] = incoming.take_params()
        errors = ErrorStream(incoming.request_id, connection.send_buffers)
        try:
            complete(environ, self._constants)
            environ["wsgi.input"] = open_body(connection, content_length(environ))
        except BadRequest as error:
            return _refuse(connection, str(error))
        environ["wsgi.errors"] = errors
        response = Response(connection, errors, environ["REQUEST_METHOD"], slot)
        try:
            self._run(environ, response)
        except PeerGone as gone:
            _end_copy(environ)
            _note_gone(environ, gone)
            return incoming.aborted and _end_aborted(connection)
        except BodyIncomplete as error:
            _end_copy(environ)
            return not response.is_sent and _refuse(connection, str(error))
        except BaseException as error:  # a view's sys.exit() must not stop the worker either
            _end_copy(environ)
            if _is_within_record(error):
                _note_cut(environ, error)
                return False
            self._fail(connection, environ, response, errors)
        finally:
            errors.detach()
        if forked.is_copy:
            forked.end(_request(environ))
        if self._interruption is not None and self._interruption.has_struck:
            return False  # whatever was reading the connection may not have finished
        return response.is_complete

    def _call_interruptibly(self, environ: Dict[str, Any], response: Response) -> None:
        interruption = self._interruption
        interruption.arm()
        try:
            self._call(environ, response)
        finally:
            interruption.disarm()

    def _call(self, environ: Dict[str, Any], response: Response) -> None:
        result = self._application(environ, response.start)
        if forked.is_copy:
            forked.end(_request(environ))
        try:
            response.send(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fail(
        self,
        connection: Connection,
        environ: Dict[str, Any],
        response: Response,
        errors: ErrorStream,
    ) -> None:
        """Tell both logs. With nothing sent yet the answer is 500; otherwise the response is broken
        off, so that the client sees that it is not whole."""
        text = _traceback_text()
        errors.write(f"runfcgi: {_request(environ)}: {_consequence(response)}\n{text}")
        try:
            if not response.is_sent:
                headers = [("Content-Type", "text/html; charset=utf-8")]
                response.start("500 Internal Server Error", headers, sys.exc_info())
                response.send([self._error_page(text)])
            elif not response.is_complete:
                connection.send_buffers([*errors.take(), records.BROKEN_END])
        except PeerGone as gone:
            _note_gone(environ, gone)

    def _error_page(self, text: str) -> bytes:
        detail = f"<pre>{html.escape(text)}</pre>" if self._debug else ""
        return (
            "<!DOCTYPE html><html><head><title>Internal Server Error</title></head>"
            f"<body><h1>Internal Server Error</h1>{detail}</body></html>\n"
        ).encode("utf-8", "backslashreplace")


def _refuse(connection: Connection, reason: str) -> bool:
    request_id = connection.incoming.request_id
    write_stderr(f"runfcgi: request refused: 400 Bad Request: {reason}\n")
    return _try_send(connection, refusal(request_id, "400 Bad Request", reason))


def _end_aborted(connection: Connection) -> bool:
    """The answer to FCGI_ABORT_REQUEST (section 5.4); the connection may carry another."""
    return _try_send(connection, records.success(connection.incoming.request_id))


def _try_send(connection: Connection, data: bytes) -> bool:
    try:
        connection.send(data)
    except PeerGone:
        return False
    return True


def _consequence(response: Response) -> str:
    if response.is_complete:
        return "the application raised after its response was complete"
    if response.is_sent:
        return "the application raised within its response, which is cut"
    return "the application raised; the answer is 500"


def _traceback_text() -> str:
    """The current exception's traceback, from the application's own frames on."""
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(kind, error, trace))


def _is_within_record(error: BaseException) -> bool:
    """It was raised while something was sent, as only an interruption is: whatever is sent next
    would be taken for the rest of a record, and the web server takes nothing anyway."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in _SENDING and not isinstance(error, PeerGone):
            return True
        trace = trace.tb_next
    return False


def _end_copy(environ: Dict[str, Any]) -> None:
    if forked.is_copy:
        forked.end(_request(environ))


def _note_cut(environ: Dict[str, Any], error: BaseException) -> None:
    write_stderr(f"runfcgi: {_request(environ)} is cut while it is sent: {error}\n")


def _note_gone(environ: Dict[str, Any], gone: PeerGone) -> None:
    """A client that left early is everyday life: one line for the operator, no traceback."""
    write_stderr(f"runfcgi: {_request(environ)} was not answered: {gone}\n")


def _request(environ: Dict[str, Any]) -> str:
    return f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}{environ['PATH_INFO']}"
