"""As much of S3 as log managers use, in this process: told when to fail, and counting what it is asked.

Pages hold a thousand names, as everywhere in S3; signatures are not checked.
"""

from __future__ import annotations

import re
import threading
import urllib.parse
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape, unescape

PAGE = 1000
_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


class SmallS3(ThreadingHTTPServer):
    """The server; ``endpoint`` is where it is, ``objects`` what it holds, under ``bucket/key``."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.requests: list[tuple[str, str]] = []
        self.bytes_down = 0
        self.bytes_up = 0
        self.fails = lambda _method, _path: None
        """Gives the status that a request fails with, or None."""

    def asked(self, method, path=""):
        """How many requests had this method and this in their path or query."""
        return sum(m == method and path in p for m, p in self.requests)

    def forget(self):
        """Begin to count again."""
        self.requests.clear()
        self.bytes_down = 0
        self.bytes_up = 0

    @contextmanager
    def failing(self, status, method="", path=""):
        """Fail requests with this method and this in their path, meanwhile."""
        self.fails = lambda m, p: status if method in m and path in p else None
        try:
            yield
        finally:
            self.fails = lambda _method, _path: None

    @contextmanager
    def serving(self):
        thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join(30)
            self.server_close()

    def page(self, bucket, query):
        """One page of a listing: names, folders, and where to go on."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after") or ""
        entries = {}
        # Copied at once: other requests write and delete meanwhile.
        for path, data in self.objects.copy().items():
            name = path.removeprefix(f"{bucket}/")
            if path == name or not name.startswith(prefix):
                continue
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                entries[prefix + rest.split(delimiter)[0] + delimiter] = None
            else:
                entries[name] = len(data)
        left = sorted(name for name in entries if name > after)
        names = left[: min(PAGE, int(query.get("max-keys") or PAGE))]
        files = [(name, entries[name]) for name in names if entries[name] is not None]
        folders = [name for name in names if entries[name] is None]
        return files, folders, names[-1] if len(left) > len(names) else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path).lstrip("/")
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.requests.append((self.command, self.path))
        self.server.bytes_up += len(body)
        status = self.server.fails(self.command, path)
        if status is not None:
            self._answer(status)
        elif "/" not in path.strip("/"):
            self._bucket(path.strip("/"), body)
        else:
            getattr(self, f"_{self.command.lower()}")(path, body)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server looks for

    def _bucket(self, bucket, body):
        if self.command != "POST":
            files, folders, more = self.server.page(bucket, self.query)
            contents = "".join(
                f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
                f'<ETag>"e"</ETag><Size>{size}</Size></Contents>'
                for name, size in files
            )
            contents += "".join(
                f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders
            )
            if more is not None:
                contents += f"<NextContinuationToken>{escape(more)}</NextContinuationToken>"
            cut = str(more is not None).lower()
            self._xml(f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{contents}</ListBucketResult>")
            return
        names = [unescape(name) for name in re.findall(r"<Key>(.*?)</Key>", body.decode())]
        for name in names:
            self.server.objects.pop(f"{bucket}/{name}", None)
        deleted = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        self._xml(f"<DeleteResult>{deleted}</DeleteResult>")

    def _head(self, path, _):
        data = self.server.objects.get(path)
        self._answer(404) if data is None else self._answer(200, b"", length=len(data))

    def _get(self, path, _):
        data = self.server.objects.get(path)
        given = self.headers.get("range") or ""
        if data and given.startswith("bytes=-"):
            given = f"bytes={max(0, len(data) - int(given.removeprefix('bytes=-')))}-"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", given)
        if data is None:
            self._answer(404)
        elif asked is None:
            self._answer(200, data)
        elif int(asked[1]) >= len(data):
            self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        else:
            first, last = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            head = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            self._answer(206, data[first : last + 1], head)

    def _put(self, path, body):
        if "uploadId" in self.query:
            self.server.uploads[self.query["uploadId"]][int(self.query["partNumber"])] = body
        else:
            self.server.objects[path] = body
        self._answer(200)

    def _post(self, path, _):
        if "uploads" in self.query:
            upload = f"upload{len(self.server.requests)}"
            self.server.uploads[upload] = {}
            self._xml(
                f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
            return
        parts = self.server.uploads.pop(self.query["uploadId"])
        self.server.objects[path] = b"".join(parts[number] for number in sorted(parts))
        self._xml('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')

    def _delete(self, path, _):
        self.server.uploads.pop(self.query.get("uploadId"), None)
        self.server.objects.pop(path, None)
        self._answer(204)

    def _xml(self, text):
        self._answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for name, value in {"ETag": '"e"', "Last-Modified": _DATE, **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.server.bytes_down += len(body)
        self.wfile.write(body)

    def log_message(self, *_):
        pass
