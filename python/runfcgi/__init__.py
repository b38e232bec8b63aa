"""runfcgi: a FastCGI server for WSGI applications, and for Django projects first of all.

``python -m runfcgi KEY=VALUE…`` serves any WSGI callable or Django project;
``manage.py runfcgi KEY=VALUE…`` does once ``runfcgi`` is in INSTALLED_APPS.

The rooms, from the wire upwards:

fastcgi     records in and out of one connection; knows nothing of WSGI
wsgi        one request to an environ, one response to records (PEP 3333)
serving     the loop that accepts and serves, in one thread or several; one process
parent      a process that keeps the right number of serving processes alive
fork_server a process that forks serving processes when a supervisor asks
launch      words to options, the application, the socket, the pidfile, the daemon
management  Django's door to ``launch``
"""

__version__ = "0.1.0"
