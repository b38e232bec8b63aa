"""Each web server with a site at / and the same site at /app, over HTTP and HTTPS.

The parts for the site are what docs/operations.md tells people to write.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from typing import Dict, NamedTuple

from ..engine import DEADLINE, PYTHON_DIRECTORY, SITES, wait_for
from ..free_port import free_port

# Whoever starts the tests as root gets workers of this user from Apache.
_APACHE_USER = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""

# A user "visitor" with the password "secret".
USERS = "visitor:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"

_NGINX = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/web.log info;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0; large_client_header_buffers 8 32k;
  client_body_temp_path {directory}/body; fastcgi_temp_path {directory}/fastcgi;
  proxy_temp_path {directory}/p; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/c;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {directory}/certificate.pem; ssl_certificate_key {directory}/certificate.pem;

    location / {{
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $fastcgi_script_name;
      fastcgi_pass unix:{socket};
    }}
    location ~ ^/app(/|$) {{
      fastcgi_split_path_info ^(/app)(.*)$;
      include /etc/nginx/fastcgi_params;
      fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_pass unix:{socket};
    }}
    location /private {{
      auth_basic "site"; auth_basic_user_file {directory}/users;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $fastcgi_script_name;
      fastcgi_pass unix:{socket};
    }}
  }}
}}
"""

_LIGHTTPD = """
server.modules = ("mod_auth", "mod_authn_file", "mod_openssl", "mod_fastcgi")
server.document-root = "{directory}"
server.upload-dirs = ("{directory}")
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{directory}/web.log"
server.max-request-field-size = 32768
server.stream-response-body = 1
$SERVER["socket"] == "127.0.0.1:{tls_port}" {{
  ssl.engine = "enable"
  ssl.pemfile = "{directory}/certificate.pem"
}}
auth.backend = "htpasswd"
auth.backend.htpasswd.userfile = "{directory}/users"
auth.require = ("/private" => ("method" => "basic", "realm" => "site", "require" => "valid-user"))

$HTTP["url"] =~ "^/app(/|$)" {{
  fastcgi.server = ("/app" => ((
    "socket" => "{socket}",
    "check-local" => "disable",
  )))
}} else {{
  fastcgi.server = ("/" => ((
    "socket" => "{socket}",
    "check-local" => "disable",
    "fix-root-scriptname" => "enable",
  )))
}}
"""

_APACHE = """
ServerRoot {directory}
DefaultRuntimeDir {directory}
PidFile {directory}/apache.pid
ErrorLog {directory}/web.log
ServerName localhost
LimitRequestFieldSize 32768
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authn_file_module {modules}/mod_authn_file.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_basic_module {modules}/mod_auth_basic.so
LoadModule ssl_module {modules}/mod_ssl.so
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
<VirtualHost 127.0.0.1:{port}>
  Include {directory}/site.conf
</VirtualHost>
<VirtualHost 127.0.0.1:{tls_port}>
  SSLEngine on
  SSLCertificateFile {directory}/certificate.pem
  Include {directory}/site.conf
</VirtualHost>
<Location /private>
  AuthType Basic
  AuthName site
  AuthUserFile {directory}/users
  Require valid-user
</Location>
"""

_APACHE_PROXY = """
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule env_module {modules}/mod_env.so
LoadModule proxy_fcgi_module {modules}/mod_proxy_fcgi.so
"""
_APACHE_PROXY_SITE = """
AllowEncodedSlashes On
SetEnv proxy-sendcl 1
ProxyPass "/app" "unix:{socket}|fcgi://localhost"
ProxyPass "/" "unix:{socket}|fcgi://localhost/"
"""

_APACHE_FCGID = """
LoadModule alias_module {modules}/mod_alias.so
LoadModule fcgid_module {modules}/mod_fcgid.so
FcgidIPCDir {directory}/ipc
FcgidProcessTableFile {directory}/table
FcgidSpawnScoreUpLimit 1000
FcgidZombieScanInterval 1
FcgidErrorScanInterval 1
FcgidInitialEnv PYTHONPATH {directory}/python
"""
_APACHE_FCGID_SITE = """
AllowEncodedSlashes On
ScriptAlias "/app" "{directory}/site.fcgi"
ScriptAlias "/" "{directory}/site.fcgi/"
FcgidMaxRequestLen 1073741824
<Directory "{directory}">
  SetHandler fcgid-script
  Options +ExecCGI
  Require all granted
</Directory>
"""

_SITE_SCRIPT = """#!{python}
import sys
from runfcgi.launch.main import main
sys.exit(main(["application=echo_site", "touch_reload={directory}/site.fcgi", "daemonize=false"]))
"""

_MODULES = "/usr/lib/apache2/modules"


class Kind(NamedTuple):
    """``needs``: files without which it is not installed. ``starts_site``: itself, by a script.
    ``takes_the_end_for_whole``: when a worker is killed, and the length is not known."""

    name: str
    needs: List[str]
    command: List[str]
    files: Dict[str, str]
    starts_site: bool = False
    takes_the_end_for_whole: bool = False


NGINX = Kind(
    "nginx",
    ["/usr/sbin/nginx"],
    ["nginx", "-c", "main.conf"],
    {"main.conf": _NGINX},
    takes_the_end_for_whole=True,
)
NGINX_KEEP_CONN = NGINX._replace(
    name="nginx with fastcgi_keep_conn",
    files={"main.conf": _NGINX.replace("fastcgi_pass ", "fastcgi_keep_conn on; fastcgi_pass ")},
    takes_the_end_for_whole=False,
)
LIGHTTPD = Kind(
    "lighttpd",
    ["/usr/sbin/lighttpd", "/usr/lib/lighttpd/mod_openssl.so"],
    ["lighttpd", "-D", "-f", "main.conf"],
    {"main.conf": _LIGHTTPD},
)
APACHE_PROXY = Kind(
    "Apache mod_proxy_fcgi",
    ["/usr/sbin/apache2", f"{_MODULES}/mod_proxy_fcgi.so"],
    ["apache2", "-D", "FOREGROUND", "-f", "main.conf"],
    {"main.conf": _APACHE_PROXY + _APACHE, "site.conf": _APACHE_PROXY_SITE},
)
APACHE_FCGID = Kind(
    "Apache mod_fcgid",
    ["/usr/sbin/apache2", f"{_MODULES}/mod_fcgid.so"],
    ["apache2", "-D", "FOREGROUND", "-f", "main.conf"],
    {
        "main.conf": _APACHE_FCGID + _APACHE,
        "site.conf": _APACHE_FCGID_SITE,
        "site.fcgi": _SITE_SCRIPT,
    },
    starts_site=True,
)


class WebServer:
    """A started one, in a directory of its own. ``url``-less: ask ``port`` and ``tls_port``."""

    def __init__(self, kind: Kind, directory: str, site_socket: str) -> None:
        self.kind = kind
        self.directory = directory
        self.port, self.tls_port = free_port(), free_port()
        values = {
            "directory": directory,
            "socket": site_socket,
            "port": self.port,
            "tls_port": self.tls_port,
            "modules": _MODULES,
            "user": _APACHE_USER,
            "python": _python_for_all(),
        }
        for name, text in kind.files.items():
            _write(os.path.join(directory, name), text.format(**values))
        _write(os.path.join(directory, "users"), USERS)
        _make_certificate(os.path.join(directory, "certificate.pem"))
        if kind.starts_site:
            self._bring_site()
        program, *words = kind.command
        words = [os.path.join(directory, word) if "." in word else word for word in words]
        self._process = subprocess.Popen([f"/usr/sbin/{program}", *words], cwd=directory)
        wait_for(f"{kind.name} listens", self._is_listening)

    @property
    def log(self) -> str:
        with open(os.path.join(self.directory, "web.log"), errors="replace") as file:
            return file.read()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE)

    def _bring_site(self) -> None:
        """Where whoever Apache runs the script as can read it."""
        python = os.path.join(self.directory, "python")
        shutil.copytree(os.path.join(PYTHON_DIRECTORY, "runfcgi"), os.path.join(python, "runfcgi"))
        shutil.copy(os.path.join(SITES, "echo_site.py"), python)
        os.chmod(os.path.join(self.directory, "site.fcgi"), 0o755)

    def _is_listening(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"{self.kind.name} has ended: {self.log}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.tls_port)) == 0


def _python_for_all() -> str:
    """An interpreter that other users may run: not one in root's home."""
    folder = os.path.dirname(os.path.realpath(sys.executable))
    while folder != "/":
        if not os.stat(folder).st_mode & stat.S_IXOTH:
            return "/usr/bin/python3"
        folder = os.path.dirname(folder)
    return sys.executable


def _make_certificate(path: str) -> None:
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        ["openssl", *words, "-keyout", path, "-out", path + ".part"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with open(path + ".part") as part, open(path, "a") as whole:
        whole.write(part.read())


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
