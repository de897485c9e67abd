"""The least log manager that Dagster's base class asks for, over S3, as Dagster's own managers are.

What it adds to ``TruncatingCloudStorageComputeLogManager`` is one request for each hook: put, head,
get, list, delete. It has no retry, no paging and no opinion: what goes wrong with it is what the
base class, and the way in which such managers are written, lets go wrong.
"""

from __future__ import annotations

import os
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape, unescape

from dagster import Field, Noneable, StringSource
from dagster._core.storage import cloud_storage_compute_log_manager as cloud
from dagster._core.storage.local_compute_log_manager import IO_TYPE_EXTENSION, LocalComputeLogManager
from dagster._serdes import ConfigurableClass
from dagster._utils import ensure_dir, ensure_file

IS_TRUNCATING = hasattr(cloud, "TruncatingCloudStorageComputeLogManager")


class _OlderBase(cloud.CloudStorageComputeLogManager):
    """Before 1.10.18 each manager uploaded the whole file by itself."""

    def upload_to_cloud_storage(self, log_key, io_type, partial=False):
        path = self.local_manager.get_captured_local_path(log_key, IO_TYPE_EXTENSION[io_type])
        ensure_file(path)
        with open(path, "rb") as data:
            self._upload_file_obj(data, log_key, io_type, partial)


class PlainCloudLogManager(
    getattr(cloud, "TruncatingCloudStorageComputeLogManager", _OlderBase), ConfigurableClass
):
    """Logs in a bucket, through Dagster's base class.

    Args:
        bucket_url: The bucket, with its server.
        local_dir: Where capture goes first.
        prefix: The folder of all logs.
        skip_empty_files: Whether empty streams leave no object.
        upload_interval: Seconds between uploads while a step runs.
    """

    def __init__(
        self, bucket_url, local_dir=None, prefix="dagster", skip_empty_files=False, upload_interval=None,
        inst_data=None,
    ):  # fmt: skip
        super().__init__()
        self._bucket_url = bucket_url
        self._prefix = prefix
        self._skip_empty_files = skip_empty_files
        self._upload_interval = upload_interval
        self._inst_data = inst_data
        self._local_manager = LocalComputeLogManager(local_dir or tempfile.gettempdir())
        self._subscription_manager = cloud.PollingComputeLogSubscriptionManager(self)

    # Configuration

    @property
    def inst_data(self):
        return self._inst_data

    @classmethod
    def config_type(cls):
        return {
            "bucket_url": StringSource,
            "local_dir": StringSource,
            "skip_empty_files": Field(bool, is_required=False, default_value=False),
            "upload_interval": Field(Noneable(int), is_required=False, default_value=None),
        }

    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(inst_data=inst_data, **config_value)

    @property
    def local_manager(self):
        return self._local_manager

    @property
    def upload_interval(self):
        return self._upload_interval or None

    # One request each

    def _key(self, log_key, io_type, partial=False):
        *folders, name = log_key
        ending = f"{IO_TYPE_EXTENSION[io_type]}{'.partial' if partial else ''}"
        return "/".join([self._prefix, "storage", *folders, f"{name}.{ending}"])

    def _ask(self, method, key, data=None, **headers):
        url = f"{self._bucket_url}/{key if key.startswith('?') else urllib.parse.quote(key)}"
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - loopback
        return urllib.request.urlopen(request, timeout=60)  # noqa: S310 - loopback

    def _upload_file_obj(self, data, log_key, io_type, partial=False):
        length = os.fstat(data.fileno()).st_size
        if (self._skip_empty_files or partial) and length == 0:
            return
        headers = {"Content-Length": str(length)}
        self._ask("PUT", self._key(log_key, io_type, partial), data, **headers).close()

    def cloud_storage_has_logs(self, log_key, io_type, partial=False):
        try:
            self._ask("HEAD", self._key(log_key, io_type, partial)).close()
        except urllib.error.HTTPError:
            return False
        return True

    def download_from_cloud_storage(self, log_key, io_type, partial=False):
        extension = IO_TYPE_EXTENSION[io_type]
        path = self._local_manager.get_captured_local_path(log_key, extension, partial=partial)
        ensure_dir(os.path.dirname(path))
        with open(path, "wb") as file, self._ask("GET", self._key(log_key, io_type, partial)) as answer:
            file.write(answer.read())

    def _list(self, prefix):
        with self._ask("GET", "?list-type=2&prefix=" + urllib.parse.quote(prefix)) as answer:
            return [unescape(name) for name in re.findall("<Key>(.*?)</Key>", answer.read().decode())]

    def get_log_keys_for_log_key_prefix(self, log_key_prefix, io_type):
        found = []
        for key in self._list("/".join([self._prefix, "storage", *log_key_prefix])):
            name, extension = key.split("/")[-1].split(".")
            if extension == IO_TYPE_EXTENSION[io_type]:
                found.append([*log_key_prefix, name])
        return found

    def delete_logs(self, log_key=None, prefix=None):
        self._local_manager.delete_logs(log_key=log_key, prefix=prefix)
        if log_key:
            keys = [self._key(log_key, io, partial) for io in IO_TYPE_EXTENSION for partial in (False, True)]
        else:
            keys = self._list("/".join([self._prefix, "storage", *prefix, ""]))
        objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        self._ask("POST", "?delete", f"<Delete>{objects}</Delete>".encode()).close()

    def display_path_for_type(self, log_key, io_type):
        return f"{self._bucket_url}/{self._key(log_key, io_type)}"

    def download_url_for_type(self, log_key, io_type):
        return None

    def on_subscribe(self, subscription):
        self._subscription_manager.add_subscription(subscription)

    def on_unsubscribe(self, subscription):
        self._subscription_manager.remove_subscription(subscription)

    def dispose(self):
        self._subscription_manager.dispose()
        self._local_manager.dispose()
