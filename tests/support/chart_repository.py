"""Chart repositories on loopback, under the names that Chart.lock gives or as a mirror."""

import hashlib
import json
import ssl
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import trustme
from support.servers import served

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


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


class Registry(Tunnel):
    """The same charts in an OCI registry."""

    parts: ClassVar[dict[str, bytes]] = {}

    def do_GET(self):
        """Answer with a manifest, or with a part that it names by its digest."""
        self.asked.append(f"{self.headers['Host']} {self.path}")
        folder, kind, reference = self.path.rsplit("/", 2)
        if reference in self.parts:
            body = self.parts[reference]
        else:
            name = folder.rpartition("/")[2]
            body = self._manifest(Path(self.directory, f"{name}-{reference}.tgz").read_bytes())
        self._send(body, MANIFEST if kind == "manifests" else "application/octet-stream")

    do_HEAD = do_GET

    def _manifest(self, archive):
        kinds = {"config.v1+json": b"{}", "chart.content.v1.tar+gzip": archive}
        config, layer = (
            {
                "mediaType": f"application/vnd.cncf.helm.{kind}",
                "digest": self._keep(part),
                "size": len(part),
            }
            for kind, part in kinds.items()
        )
        described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        return json.dumps(described).encode()

    def _keep(self, part):
        digest = f"sha256:{hashlib.sha256(part).hexdigest()}"
        self.parts[digest] = part
        return digest

    def _send(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", self._keep(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def mirror(folder):
    """Serve the folder of charts; yield its address and what is asked for."""
    asked = []
    with served(partial(Repository, asked=asked, directory=str(folder))) as address:
        yield f"http://{address}", asked


@contextmanager
def internet(folder, hosts, authority_file, handler=Tunnel):
    """Serve the folder as each of the hosts; yield the environment to use and what is asked for."""
    authority, asked = trustme.CA(), []
    authority.cert_pem.write_to_path(str(authority_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(tls)
    with served(partial(handler, tls=tls, asked=asked, directory=str(folder))) as address:
        yield {"HTTPS_PROXY": f"http://{address}", "SSL_CERT_FILE": str(authority_file)}, asked
