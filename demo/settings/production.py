"""Settings for serving: no debugging, a secret key of its own, errors logged and mailed.

Out of the box the site answers on this machine over plain HTTP. The environment
says the rest (README.md): MYSITE_HOSTS, MYSITE_HTTPS, MYSITE_ADMIN and others.
"""

import os

from .base import *  # noqa: F403
from .base import DATA
from .secret_key import secret_key

DEBUG = False
SECRET_KEY = secret_key(DATA / "secret-key")

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS += [host.strip() for host in os.environ.get("MYSITE_HOSTS", "").split(",") if host.strip()]

# Exceptions are mailed, each into a file of this folder; set another backend to send them.
ADMINS = [("Webmaster", os.environ.get("MYSITE_ADMIN") or "webmaster@localhost")]
SERVER_EMAIL = "mysite@localhost"
EMAIL_SUBJECT_PREFIX = "[mysite] "
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = DATA / "mail"

# Django's own configuration logs nothing to stderr when DEBUG is off; the daemon
# reads stderr, so tracebacks belong there as well as in the mail.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "mail": {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR"},
    },
    "loggers": {
        "django": {"handlers": ["stderr", "mail"], "level": "WARNING", "propagate": False},
    },
}

# The form carries its token, so no script needs to read the cookie.
CSRF_COOKIE_HTTPONLY = True

if os.environ.get("MYSITE_HTTPS") == "1":
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 3600
    # Subdomains and preloading are promises for other sites, hard to take back:
    # W005 and W021 ask for them, the owner of the domain decides.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
else:
    # HSTS (W004), the redirect (W008) and the secure cookie (W016) would make a
    # site on http://localhost unreachable or its form unusable.
    SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W016"]
