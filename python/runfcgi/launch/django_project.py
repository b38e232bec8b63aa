"""Loading a Django project so that what is broken shows now, and not at the first request."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, Callable, Iterable, Optional

from runfcgi.errors import LoadError
from runfcgi.wsgi.gateway import Application

from .application import Loaded, attempt, import_module, put_on_path
from .django_first_page import build_for_first_page, rehearse_page

_SETTINGS = "DJANGO_SETTINGS_MODULE"


def load_project(directory: Optional[str], settings: Optional[str]) -> Loaded:
    """A project by its directory and settings module; nothing in it needs to be edited.

    Raises LoadError.
    """
    where = put_on_path(directory)
    require_django()
    name = settings or os.environ.get(_SETTINGS)
    if not name:
        raise LoadError(
            f"which settings? Give settings=module for the project in {where}, or set {_SETTINGS}"
        )
    os.environ[_SETTINGS] = name
    import_module(name, f'the project directory {where} has no module "{name}"')
    return load_configured()


def load_configured() -> Loaded:
    """The project that DJANGO_SETTINGS_MODULE names, as ``manage.py`` has set it.

    Its apps are loaded and its root URLconf with all it includes. Raises LoadError.
    """
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    application = attempt("loading the Django apps (django.setup)", get_wsgi_application)
    attempt(f'the root URLconf "{settings.ROOT_URLCONF}"', _resolve_urlconf)
    build_for_first_page()
    attempt("closing connections after loading", _close_connections)
    return Loaded(_with_whole_pages(application), _close_connections, rehearse_page)


def require_django() -> None:
    """Raises LoadError when this interpreter has no Django."""
    if importlib.util.find_spec("django") is None:
        raise LoadError(
            f"Django is not installed for this interpreter ({sys.executable});"
            " use the one of the project's virtual environment"
        )


def _resolve_urlconf() -> None:
    from django.urls import get_resolver

    get_resolver().url_patterns


def _close_connections() -> None:
    """Two processes on one connection to a database or cache would read each other's answers."""
    from django.core.cache import caches
    from django.db import connections

    connections.close_all()
    for cache in caches.all():
        cache.close()


class _WholePage(tuple):
    """A sequence of one block, so that the server knows the page's length and end."""

    close: Callable[[], None]


def _with_whole_pages(application: Application) -> Application:
    """Hand over responses that Django holds in memory anyway as one block.

    Django gives an iterator for every response. PEP 3333 forbids to hold a block back until the
    iterator's end is known; with the page as one block it goes out in a single piece, with a
    Content-Length.
    """
    from django.http import HttpResponse

    def serve(environ: dict, start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = application(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response
        page = _WholePage((response.content,))
        page.close = response.close
        return page

    return serve
