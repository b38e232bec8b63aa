"""What can stop runfcgi from serving, each with the exit status that says so (sysexits.h)."""


class RunfcgiError(Exception):
    """Reported to the operator as one line; ``exit_status`` becomes the process's own."""

    exit_status = 70


class OptionError(RunfcgiError):
    """A word on the command line cannot be meant as it stands (EX_CONFIG)."""

    exit_status = 78


class LoadError(RunfcgiError):
    """The application could not be loaded. ``traceback`` is empty where it would say nothing."""

    exit_status = 1

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class ListenError(RunfcgiError):
    """The socket could not be had: taken, forbidden, or not a socket (EX_CANTCREAT)."""

    exit_status = 73


class PidfileError(RunfcgiError):
    """The pidfile is held by another process, or cannot be written (EX_CANTCREAT)."""

    exit_status = 73


def describe(error: RunfcgiError) -> str:
    """For standard error: the traceback of the application's code, then one line."""
    traceback = error.traceback if isinstance(error, LoadError) else ""
    return f"{traceback}runfcgi: {error}\n"
