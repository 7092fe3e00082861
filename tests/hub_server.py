"""A server on loopback that answers as the Hugging Face Hub does, of what it is given."""

import base64
import http.server
import json
import threading
import urllib.parse
from pathlib import Path

import pytest

from vatt.files import places


class _Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urllib.parse.unquote(self.path.partition("?")[0]).strip("/")
        self.server.asked.append((path, self.headers.get("Range"), self.headers.get("Authorization")))
        repository = self.server.repository
        kind = "" if repository.startswith("datasets/") else "models/"
        api = f"api/{kind}{repository}"
        if path == api:
            self.answer(
                200, json.dumps({"id": repository.removeprefix("datasets/"), "sha": "1" * 40}).encode()
            )
        elif path.startswith(f"{api}/tree/main"):
            self.tree(path.removeprefix(f"{api}/tree/main").strip("/"))
        elif path.startswith(f"{repository}/resolve/main/"):
            self.file(path.removeprefix(f"{repository}/resolve/main/"))
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def do_POST(self):
        """A repository that is made, and a commit of small files."""
        path = self.path.strip("/")
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        api = f"api/models/{self.server.repository}"
        if path == "api/repos/create":
            self.answer(200, json.dumps({"url": f"{self.server.repository}"}).encode())
        elif path == "api/validate-yaml":  # the head of README.md
            self.answer(200, b'{"errors": [], "warnings": []}')
        elif path.startswith(f"{api}/preupload/"):
            files = [each["path"] for each in json.loads(sent)["files"]]
            modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in files]
            self.answer(200, json.dumps({"files": modes}).encode())
        elif path.startswith(f"{api}/commit/"):
            for line in map(json.loads, sent.splitlines()):
                if line["key"] == "file":
                    place = self.server.folder / line["value"]["path"]
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(base64.b64decode(line["value"]["content"]))
            url = f"http://127.0.0.1/{self.server.repository}/commit/{'2' * 40}"
            made = {"success": True, "commitOid": "2" * 40, "commitUrl": url, "hookOutput": ""}
            self.answer(200, json.dumps(made).encode())
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def facts(self, path):
        status = path.stat()
        kind, size = ("directory", 0) if path.is_dir() else ("file", status.st_size)
        name = path.relative_to(self.server.folder).as_posix()
        return {"type": kind, "size": size, "path": name, "oid": f"{status.st_mtime_ns:040x}"}

    def tree(self, under):
        folder = self.server.folder
        if not (folder / under).is_dir():
            return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        is_deep = "recursive=true" in self.path.lower()
        found = sorted((folder / under).rglob("*") if is_deep else (folder / under).iterdir())
        return self.answer(200, json.dumps([self.facts(path) for path in found]).encode())

    def file(self, name):
        if not (self.server.folder / name).is_file():
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        content, size = (self.server.folder / name).read_bytes(), (self.server.folder / name).stat().st_size
        if not (wanted := self.headers.get("Range")):
            return self.answer(200, content)
        first, last = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
        last = min(last, size - 1)
        self.server.bytes_read += last + 1 - first
        return self.answer(206, content[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{size}"})

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture
def hub(monkeypatch):
    """hub("USER/MODEL") -> a server of a new repository, whose files are those of its `folder`."""
    pytest.importorskip("huggingface_hub")
    running = []

    def serve(repository, folder: Path):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
        server.repository, server.folder, server.asked, server.bytes_read = repository, folder, [], 0
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        places._opened.cache_clear()
        return server

    yield serve
    places._opened.cache_clear()
    for server in running:
        server.shutdown()
        server.server_close()
