"""The plain site with the standard library's checker of PEP 3333 around it."""

from wsgiref.validate import validator

import plain_site

application = validator(plain_site.application)
