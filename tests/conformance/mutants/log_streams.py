"""Streams that are stored or fetched wrongly: DAG-024 to DAG-026."""

from __future__ import annotations

import io
import re
from pathlib import Path

from conformance.log_managers import EXTENSIONS
from remote_store.ext import dagster as ext

from . import mutant
from .surgery import LOGS, around, paths, through


@mutant("DAG-024")
def an_empty_prefix_leaves_its_slash(patch):
    paths(patch, lambda path: f"/{path}" if path.startswith("storage/") else path)


@mutant("DAG-024")
def an_empty_prefix_becomes_the_default(patch):
    paths(patch, lambda path: f"dagster/{path}" if path.startswith("storage/") else path)


@mutant("DAG-024")
def there_is_no_folder_called_storage(patch):
    paths(patch, lambda path: path.replace("storage/", "", 1))


@mutant("DAG-024")
def partial_stands_before_the_extension(patch):
    paths(patch, lambda path: re.sub(r"\.(out|err)\.partial$", r".partial.\1", path))


@mutant("DAG-024")
def the_extensions_are_the_names_of_the_streams(patch):
    paths(patch, lambda path: re.sub(r"\.(out|err)(\.partial)?$", r".std\1\2", path))


@mutant("DAG-024")
def an_empty_segment_is_kept(patch):
    def wrong(_self, original, data, log_key, *args, **options):
        return original(data, [segment or "_" for segment in log_key], *args, **options)

    around(patch, LOGS, "_upload_file_obj", wrong)


@mutant("DAG-024")
def the_root_path_is_in_the_path(patch):
    through(patch, write=lambda original, path, *args, **more: original(f"team/x/{path}", *args, **more))


def uploaded_even_if_empty(patch, partial_only):
    """Let an empty file be stored where the specification leaves it out."""

    def wrong(_self, original, data, log_key, io_type, partial=False):
        if data.read(1) or partial is not partial_only:
            data.seek(0)
            return original(data, log_key, io_type, partial)
        name = f"{log_key[-1]}.{EXTENSIONS[io_type]}{'.partial' if partial else ''}"
        path = "/".join(["dagster", "storage", *log_key[:-1], name])
        return ext._build_store("memory", {}, "").write(path, b"", overwrite=True)

    around(patch, LOGS, "_upload_file_obj", wrong)


@mutant("DAG-025")
def empty_files_are_uploaded_though_they_should_be_skipped(patch):
    uploaded_even_if_empty(patch, partial_only=False)


@mutant("DAG-025")
def empty_partial_files_are_uploaded(patch):
    uploaded_even_if_empty(patch, partial_only=True)


@mutant("DAG-025")
def empty_final_files_are_never_uploaded(patch):
    def wrong(_self, original, data, log_key, io_type, partial=False):
        if not data.read(1):
            return None
        data.seek(0)
        return original(data, log_key, io_type, partial)

    around(patch, LOGS, "_upload_file_obj", wrong)


def content(data):
    """The bytes of what a store is asked to write."""
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else data.read()


@mutant("DAG-025")
def line_ends_are_changed(patch):
    def wrong(original, path, data, **options):
        return original(path, content(data).replace(b"\r\n", b"\n"), **options)

    through(patch, write=wrong)


@mutant("DAG-025")
def only_text_is_uploaded(patch):
    def wrong(original, path, data, **options):
        return original(path, content(data).decode("utf-8", "replace").encode(), **options)

    through(patch, write=wrong)


@mutant("DAG-025")
def only_the_first_part_of_a_long_file_is_uploaded(patch):
    through(
        patch, write=lambda original, path, data, **options: original(path, content(data)[:65536], **options)
    )


@mutant("DAG-025")
def an_earlier_upload_stays(patch):
    through(patch, write=lambda original, path, data, **_options: original(path, data, overwrite=False))


@mutant("DAG-025")
def stderr_is_uploaded_as_stdout(patch):
    paths(patch, lambda path: path.replace(".err", ".out"))


def downloaded(patch, wrong):
    """Let ``wrong(original, self, log_key, io_type, partial)`` download."""

    def download(self, original, log_key, io_type, partial=False):
        return wrong(original, self, log_key, io_type, partial)

    around(patch, LOGS, "download_from_cloud_storage", download)


@mutant("DAG-026")
def the_partial_object_is_never_downloaded(patch):
    downloaded(patch, lambda original, _self, log_key, io_type, _partial: original(log_key, io_type, False))


@mutant("DAG-026")
def a_download_needs_its_folder(patch):
    def wrong(original, self, log_key, io_type, partial):
        extension = EXTENSIONS[io_type]
        local = self.local_manager.get_captured_local_path(log_key, extension, partial=partial)
        if not Path(local).parent.is_dir():
            raise FileNotFoundError(local)
        return original(log_key, io_type, partial)

    downloaded(patch, wrong)


@mutant("DAG-026")
def an_older_download_is_kept(patch):
    def wrong(original, self, log_key, io_type, partial):
        extension = EXTENSIONS[io_type]
        local = self.local_manager.get_captured_local_path(log_key, extension, partial=partial)
        return None if Path(local).exists() else original(log_key, io_type, partial)

    downloaded(patch, wrong)


@mutant("DAG-026")
def only_the_first_chunk_is_downloaded(patch):
    through(patch, read=lambda original, path: io.BytesIO(original(path).read(65536)))


@mutant("DAG-026")
def a_download_is_text(patch):
    through(
        patch,
        read=lambda original, path: io.BytesIO(original(path).read().decode("utf-8", "replace").encode()),
    )
