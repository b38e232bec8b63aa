"""The KEY=VALUE words: those of Django's own ``runfcgi`` (1.0 to 1.8), and a few more.

One table holds the name, default, reader and meaning of each; ``help`` prints it.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional


class Word(NamedTuple):
    """``read`` turns the text after ``=`` into the value, or raises ValueError saying what the
    text should have been. ``is_flag``: the word may stand without ``=``."""

    name: str
    default: Any
    read: Callable[[str], Any]
    meaning: str
    is_flag: bool = False


def _text(raw: str) -> str:
    if not raw:
        raise ValueError("is empty")
    return raw


def _protocol(raw: str) -> str:
    if raw.lower() != "fcgi":
        raise ValueError("only fcgi is spoken here; scgi and ajp were flup's")
    return "fcgi"


def _method(raw: str) -> str:
    try:
        return _METHODS[raw.lower()]
    except KeyError:
        raise ValueError("must be prefork (or fork) or threaded (or thread)") from None


def _measure(raw: str) -> str:
    if raw.lower() not in ("rss", "pss"):
        raise ValueError("must be rss or pss")
    return raw.lower()


def _boolean(raw: str) -> bool:
    lowered = raw.lower()
    if lowered in ("true", "yes", "t", "y", "on", "1"):
        return True
    if lowered in ("false", "no", "f", "n", "off", "0"):
        return False
    raise ValueError("must be true or false")


def _integer(lowest: int, highest: Optional[int] = None) -> Callable[[str], int]:
    limits = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"

    def read(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit()):
            raise ValueError(f"must be a whole number {limits}")
        number = int(raw)
        if number < lowest or (highest is not None and number > highest):
            raise ValueError(f"must be a whole number {limits}")
        return number

    return read


def _octal(raw: str) -> int:
    digits = raw[2:] if raw.lower().startswith("0o") else raw
    if not digits or not set(digits) <= set("01234567") or int(digits, 8) > 0o777:
        raise ValueError("must be octal, such as 022")
    return int(digits, 8)


def _seconds(raw: str) -> float:
    try:
        seconds = float(raw[:-1] if raw.endswith("s") else raw)
    except ValueError:
        raise ValueError("must be a number of seconds") from None
    if not 0 <= seconds <= 86400:
        raise ValueError("must be from 0 to 86400 seconds")
    return seconds


_METHODS = {"prefork": "prefork", "fork": "prefork", "threaded": "threaded", "thread": "threaded"}
ALIASES = {"module": "application"}

WORDS = (
    Word("application", None, _text, "WSGI callable, module:name (name: application); or module="),
    Word("project", None, _text, "Django project directory (the one with manage.py)"),
    Word("settings", None, _text, "Django settings module; default $DJANGO_SETTINGS_MODULE"),
    Word("directory", None, _text, "where application= is imported from; default: here"),
    Word("protocol", "fcgi", _protocol, "fcgi, nothing else"),
    Word("host", None, _text, "address to listen on, with port="),
    Word("port", None, _integer(0, 65535), "port to listen on, with host="),
    Word("socket", None, _text, "Unix socket to listen on; none of the three: descriptor 0"),
    Word("method", "prefork", _method, "prefork (processes) or threaded; default prefork"),
    Word("maxrequests", 0, _integer(0), "requests after which a worker is replaced; 0: never"),
    Word("maxspare", 5, _integer(1), "prefork: processes at rest; default 5"),
    Word("minspare", 2, _integer(1), "prefork: more are started below this many idle; default 2"),
    Word("maxchildren", 50, _integer(1), "prefork: most processes; threaded: threads; default 50"),
    Word("threads", 8, _integer(1), "threaded: number of threads; default 8"),
    Word("touch_reload", None, _text, "descriptor 0: file that, touched, ends the process"),
    Word("daemonize", None, _boolean, "go to the background; default: with an address yes", True),
    Word("pidfile", None, _text, "file to write the process id to"),
    Word("workdir", "/", _text, "daemon: directory to change to; default /"),
    Word("outlog", None, _text, "file for standard output; daemon's default: nowhere"),
    Word("errlog", None, _text, "file for standard error; daemon's default: nowhere"),
    Word("umask", None, _octal, "octal, also decides the socket's mode; daemon's default 022"),
    Word("graceful_timeout", 30.0, _seconds, "seconds a stop waits for requests; default 30"),
    Word("max_memory", 0, _integer(0), "bytes above which a worker is replaced; 0: any"),
    Word("memory_measure", "rss", _measure, "memory counted by max_memory: rss (default) or pss"),
    Word("request_timeout", 0.0, _seconds, "with a supervisor: seconds a request may take; 0: any"),
    Word("debug", False, _boolean, "show the traceback in the page of an error", True),
)
