from site_settings import *  # noqa: F401,F403

ROOT_URLCONF = "broken_urls"
