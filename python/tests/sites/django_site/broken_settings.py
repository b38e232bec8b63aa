SECRET_KEY = undefined_name  # noqa: F821
