"""Loading a WSGI application by name, with errors that say which part of the name is wrong."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from types import ModuleType
from typing import Any, Callable, NamedTuple, Optional

from runfcgi.errors import LoadError
from runfcgi.wsgi.gateway import Application

from .callables import describe_callables


def _nothing() -> None:
    """An application that is just a callable hooks into os.register_at_fork by itself."""


class Loaded(NamedTuple):
    """``before_fork`` gives up what this process has opened and a process forked from it must not
    share; it is called before each fork, and may find nothing to do. ``rehearse`` uses what every
    request will use, and nothing that is the application's own."""

    application: Application
    before_fork: Callable[[], None] = _nothing
    rehearse: Callable[[], None] = _nothing


def load_application(target: str, directory: Optional[str]) -> Loaded:
    """The callable that ``module:name`` stands for (name: ``application`` if left out).

    ``name`` may be dotted. Raises LoadError.
    """
    module_name, _, attribute = target.partition(":")
    attribute = attribute or "application"
    where = put_on_path(directory)
    module = import_module(module_name, f'no module "{module_name}" in {where}, or on sys.path')
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            instead = describe_callables(module, attribute)
            raise LoadError(f'module "{module_name}" has no "{attribute}"; {instead}') from None
    if not callable(found):
        what = f'"{target}" is not callable: it is a {type(found).__name__}'
        raise LoadError(f"{what}; {describe_callables(module, attribute)}")
    return Loaded(found)


def put_on_path(directory: Optional[str]) -> str:
    """Make modules in ``directory`` (default: the current one) importable; its absolute path.

    Raises LoadError when there is no such directory.
    """
    absolute = os.path.abspath(directory or os.curdir)
    if not os.path.isdir(absolute):
        raise LoadError(f'there is no directory "{absolute}"')
    if absolute not in sys.path:
        sys.path.insert(0, absolute)
    return absolute


def import_module(name: str, if_missing: str) -> ModuleType:
    """Raises LoadError: with ``if_missing`` when there is no such module, otherwise with what
    the module itself raised."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise LoadError(f"{if_missing} (Python: {sys.executable})") from None
        raise LoadError(*explain(f'importing "{name}"', error)) from error
    except (ValueError, TypeError) as error:
        if not name or name.startswith("."):
            raise LoadError(f'"{name}" is not the name of a module') from None
        raise LoadError(*explain(f'importing "{name}"', error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError(*explain(f'importing "{name}"', error)) from error


def attempt(what: str, action: Callable[[], Any]) -> Any:
    """The result of ``action``; whatever it raises becomes a LoadError that begins with
    ``what``."""
    try:
        return action()
    except (LoadError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise LoadError(*explain(what, error)) from error


def explain(what: str, error: BaseException) -> "tuple[str, str]":
    """A sentence and the traceback of an exception that came out of the application's code."""
    last_line = traceback.format_exception_only(type(error), error)[-1].strip()
    message = f"{what} raised {last_line}{_where(error)}"
    return message, "".join(
        traceback.format_exception(type(error), error, _skip_machinery(error.__traceback__))
    )


def _where(error: BaseException) -> str:
    """The last line of a syntax error's traceback does not say which file has it."""
    if not isinstance(error, SyntaxError) or error.filename is None:
        return ""
    return f" ({error.filename}, line {error.lineno})"


def _skip_machinery(trace):
    """The first frames are ours and importlib's; the operator's begin after them."""
    start = trace
    while start is not None and _is_machinery(start.tb_frame.f_code.co_filename):
        start = start.tb_next
    return start if start is not None else trace


def _is_machinery(filename: str) -> bool:
    return filename == __file__ or filename == importlib.__file__ or "<frozen" in filename
