"""Settings for `manage.py runserver`: error pages with tracebacks, mail on the terminal."""

from .base import *  # noqa: F403

DEBUG = True
SECRET_KEY = "for development only, known to everybody, never used in production"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
