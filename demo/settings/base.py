"""What development and production have in common."""

import importlib.util
import os
import sys
from pathlib import Path

from .places import data_folder

SITE = Path(__file__).resolve().parent.parent
DATA = data_folder(SITE)

# In a checkout the engine lies beside the demo; an installed one is found first.
ENGINE = SITE.parent / "python"
if ENGINE.is_dir() and str(ENGINE) not in sys.path:
    sys.path.append(str(ENGINE))

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guestbook",
    "pages",
]
if importlib.util.find_spec("runfcgi"):
    INSTALLED_APPS.append("runfcgi")  # brings `manage.py runfcgi`

MIDDLEWARE = [
    "pages.middleware.count_requests",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SITE / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The cookie storage needs neither sessions nor the database.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("MYSITE_DATABASE") or DATA / "mysite.sqlite3",
        # Seconds to wait for another worker that is writing.
        "OPTIONS": {"timeout": 20},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# The web server serves this folder as /static/ directly: nothing to collect.
STATIC_URL = "/static/"
STATICFILES_DIRS = [SITE / "static"]
