from site_settings import *  # noqa: F401,F403

TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates"},
    {"BACKEND": "no_such_package.Templates"},
]
