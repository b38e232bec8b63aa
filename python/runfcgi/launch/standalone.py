"""Without a supervisor: an own socket or descriptor 0, a parent and its workers."""

from __future__ import annotations

import os
import traceback
from typing import Optional

from runfcgi.errors import OptionError, RunfcgiError, describe
from runfcgi.parent.prefork import Birth, Prefork
from runfcgi.serving.listener import Listener, allowed_peers_from, take_descriptor_0
from runfcgi.serving.worker import Notices, Worker, WorkerSettings
from runfcgi.wsgi.error_stream import write_stderr

from . import daemon
from .address import Address, open_tcp, open_unix
from .lone import serve_lone
from .options import Loader, Options
from .pidfile import Pidfile


def serve_standalone(options: Options, load: Loader) -> int:
    """The exit status, in the launcher, the daemon or the foreground, and in each worker.

    Raises RunfcgiError before anything is served, but not in a daemon: there the launcher
    prints it and exits with its status.
    """
    if options.request_timeout:
        raise OptionError(
            "request_timeout= needs a supervisor that watches the requests, such as runfcgid"
        )
    paths = _Paths(options)
    if not options.wants_daemon:
        if options.umask is not None:
            os.umask(options.umask)
        daemon.redirect(paths.outlog, paths.errlog, default=None)
        return _serve(options, paths, load, report=None)
    report = daemon.detach()
    if report is None:
        return 0
    try:
        daemon.close_standard_input()
        daemon.redirect(paths.outlog, paths.errlog, default=os.devnull)
        daemon.settle(options.workdir, options.umask)
        return _serve(options, paths, load, report)
    except RunfcgiError as error:
        report.failed(error.exit_status, describe(error))
        write_stderr(describe(error))
        return error.exit_status
    except Exception:
        report.failed(70, traceback.format_exc())
        raise


class _Paths:
    """Made absolute before a daemon changes its directory."""

    def __init__(self, options: Options) -> None:
        self.socket = _absolute(options.socket)
        self.pidfile = _absolute(options.pidfile)
        self.outlog = _absolute(options.outlog)
        self.errlog = _absolute(options.errlog)
        options.touch_reload = _absolute(options.touch_reload)
        options.directory = _absolute(options.directory or os.curdir)
        options.project = _absolute(options.project)


def _serve(
    options: Options, paths: _Paths, load: Loader, report: Optional[daemon.Report]
) -> int:
    pidfile = Pidfile(paths.pidfile) if paths.pidfile else None
    if pidfile is not None:
        pidfile.lock()
    address: Optional[Address] = None
    try:
        loaded = load(options)
        if options.has_own_address:
            address = _open_address(options, paths)
        if pidfile is not None:
            pidfile.write()
        listener = Listener(
            address.socket if address else take_descriptor_0(), allowed_peers_from(os.environ)
        )

        if options.touch_reload is not None:
            return serve_lone(options, listener, loaded.application)

        def work(birth: Birth) -> int:
            if pidfile is not None:
                pidfile.release_in_child()
            if report is not None:
                report.close()
            return _work(options, listener, loaded.application, birth)

        def on_ready() -> None:
            where = address.name if address else "descriptor 0"
            write_stderr(f"runfcgi: serving on {where}, pid {os.getpid()}\n")
            if report is not None:
                report.ready()

        parent = Prefork(
            options.spare, options.maxrequests, options.graceful_timeout, loaded.before_fork
        )
        return parent.run(work, on_ready, on_stop=lambda: _take_away(address))
    finally:
        _take_away(address)
        if pidfile is not None:
            pidfile.remove()


def _open_address(options: Options, paths: _Paths) -> Address:
    if paths.socket is not None:
        return open_unix(paths.socket)
    return open_tcp(options.host or "", options.port or 0)


def _work(options: Options, listener: Listener, application, birth: Birth) -> int:
    threads = options.thread_count
    settings = WorkerSettings(
        threads=threads,
        graceful_timeout=options.graceful_timeout,
        max_requests=birth.max_requests,
        debug=options.debug,
        capacity=options.spare.max_workers * threads,
        max_memory=options.max_memory,
        memory_measure=options.memory_measure,
    )
    seat = birth.seat
    worker = Worker(
        application,
        settings,
        slots=[seat] * threads,
        notices=Notices(worn=lambda reason, detail: seat.wear_out()),
        lifeline=birth.lifeline,
    )
    return worker.run(listener)


def _take_away(address: Optional[Address]) -> None:
    if address is not None:
        address.remove()


def _absolute(path: Optional[str]) -> Optional[str]:
    return None if path is None else os.path.abspath(path)
