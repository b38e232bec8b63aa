"""What Django leaves for the first page that needs it, built before workers are forked: they share
it, and the first visitor of each does not wait for it.

Nothing of the application's own is called: no view, no middleware, no receiver of a signal.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any, Callable, Iterator, List

# Middleware of Django's that looks at nothing but the request, the response and the settings, as
# long as a request has no session.
_HARMLESS = frozenset(
    f"django.{name}"
    for name in (
        "middleware.security.SecurityMiddleware",
        "middleware.http.ConditionalGetMiddleware",
        "middleware.common.CommonMiddleware",
        "middleware.csrf.CsrfViewMiddleware",
        "middleware.clickjacking.XFrameOptionsMiddleware",
        "contrib.sessions.middleware.SessionMiddleware",
        "contrib.auth.middleware.AuthenticationMiddleware",
        "contrib.messages.middleware.MessageMiddleware",
    )
)
# Where these come from Django, too.
_BACKENDS = {
    "SESSION_ENGINE": "django.contrib.sessions.",
    "MESSAGE_STORAGE": "django.contrib.messages.",
}


def build_for_first_page() -> None:
    """What cannot be built shows when a page needs it."""
    from django.template import engines
    from django.urls import get_resolver

    def resolve_names() -> None:
        get_resolver().reverse_dict

    for build in (engines.all, resolve_names, _compile_patterns, _import_messages, rehearse_page):
        with contextlib.suppress(Exception):
            build()


def rehearse_page() -> None:
    """A request and a response as Django makes them, through the harmless part of its middleware.
    May raise anything."""
    from django.core.cache import close_caches
    from django.core.handlers.wsgi import WSGIRequest
    from django.db import close_old_connections, reset_queries
    from django.urls import clear_script_prefix, set_script_prefix, set_urlconf

    set_script_prefix("/")
    reset_queries()
    set_urlconf(None)
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "a=b",
            "CONTENT_TYPE": "",
            "HTTP_HOST": _host(),
            "HTTP_COOKIE": "rehearsed=yes",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
        }
    )
    for name in ("GET", "COOKIES", "POST", "headers"):
        getattr(request, name)
    handle = _answer
    for layer in reversed(_layers()):
        handle = layer(handle)
    # One may refuse the host.
    with contextlib.suppress(Exception):
        handle(request)
    clear_script_prefix()
    close_old_connections()
    close_caches()


def _layers() -> List[Callable[[Any], Any]]:
    from django.conf import settings
    from django.utils.module_loading import import_string

    is_known = all(getattr(settings, name).startswith(where) for name, where in _BACKENDS.items())
    names = [name for name in settings.MIDDLEWARE if name in _HARMLESS]
    return [import_string(name) for name in names if is_known or ".contrib." not in name]


def _host() -> str:
    """One that the settings allow."""
    from django.conf import settings

    names = (name.lstrip(".") for name in settings.ALLOWED_HOSTS)
    return next((name for name in names if name != "*"), "localhost")


def _answer(request: Any) -> Any:
    from django.http import HttpResponse, JsonResponse
    from django.urls import get_resolver
    from django.urls.exceptions import Resolver404

    with contextlib.suppress(Resolver404):
        get_resolver().resolve(request.path_info)
    HttpResponse("text").set_cookie("a", "b")
    response = JsonResponse({"a": "b"})
    response["Cache-Control"] = "no-cache"
    list(response.items())
    return response


def _compile_patterns() -> None:
    """Django compiles the regular expressions of its modules when they are used."""
    for pattern in _lazy_patterns():
        pattern.pattern


def _lazy_patterns() -> Iterator[Any]:
    from django.utils import regex_helper
    from django.utils.functional import SimpleLazyObject

    for name, module in list(sys.modules.items()):
        if name.startswith("django."):
            for value in list(vars(module).values()):
                if type(value) is SimpleLazyObject:
                    setup = object.__getattribute__(value, "__dict__").get("_setupfunc")
                    if getattr(setup, "__module__", None) == regex_helper.__name__:
                        yield value


def _import_messages() -> None:
    """The middleware of ``django.contrib.messages`` looks for its storage at each request."""
    from django.apps import apps
    from django.conf import settings
    from django.utils.module_loading import import_string

    if apps.is_installed("django.contrib.messages"):
        import_string(settings.MESSAGE_STORAGE)
