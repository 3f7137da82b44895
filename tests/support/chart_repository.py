"""Chart repositories on loopback, under the names that Chart.lock gives or as a mirror."""

import ssl
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from urllib.parse import urlsplit

import trustme
from support.servers import served


class Repository(SimpleHTTPRequestHandler):
    """A folder of charts with its index, at any path; it notes what was asked for."""

    def __init__(self, *arguments, asked, **options):
        self.asked = asked
        super().__init__(*arguments, **options)

    def translate_path(self, path):
        """Leave out the folders: the repositories of Chart.lock have one, a mirror has none."""
        return super().translate_path("/" + path.rpartition("/")[2])

    def do_GET(self):
        """Note what was asked for."""
        self.asked.append(f"{self.headers['Host']} {urlsplit(self.path).path}")
        super().do_GET()

    def log_message(self, *_):
        """Log nothing."""


class Tunnel(Repository):
    """A proxy that answers for every host itself, over TLS."""

    def __init__(self, *arguments, tls, **options):
        self.tls = tls
        super().__init__(*arguments, **options)

    def do_CONNECT(self):
        """Begin TLS; what follows on the connection are requests to the repository."""
        self.send_response(200)
        self.end_headers()
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def finish(self):
        """Close the connection, which the server knows only without its TLS."""
        super().finish()
        self.connection.close()


@contextmanager
def mirror(folder):
    """Serve the folder of charts; yield its address and what is asked for."""
    asked = []
    with served(partial(Repository, asked=asked, directory=str(folder))) as address:
        yield f"http://{address}", asked


@contextmanager
def internet(folder, hosts, authority_file):
    """Serve the folder as each of the hosts; yield the environment to use and what is asked for."""
    authority, asked = trustme.CA(), []
    authority.cert_pem.write_to_path(str(authority_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(tls)
    with served(partial(Tunnel, tls=tls, asked=asked, directory=str(folder))) as address:
        yield {"HTTPS_PROXY": f"http://{address}", "SSL_CERT_FILE": str(authority_file)}, asked
