"""Logs that are found, deleted or listed wrongly: DAG-027, DAG-029 and DAG-031."""

from __future__ import annotations

from conformance.log_managers import EXTENSIONS

from . import mutant
from .surgery import LOGS, around, through


@mutant("DAG-027")
def a_folder_counts_as_logs(patch):
    def wrong(original, path):
        return original(path) or original(f"{path}/inside.txt")

    through(patch, is_file=wrong)


@mutant("DAG-027")
def partial_logs_count_as_final(patch):
    def wrong(_self, original, log_key, io_type, partial=False):
        return original(log_key, io_type, partial) or original(log_key, io_type, not partial)

    around(patch, LOGS, "cloud_storage_has_logs", wrong)


@mutant("DAG-027")
def local_files_count_as_stored(patch):
    def wrong(self, original, log_key, io_type, partial=False):
        return original(log_key, io_type, partial) or self.has_local_file(log_key, io_type)

    around(patch, LOGS, "cloud_storage_has_logs", wrong)


@mutant("DAG-027")
def an_empty_object_is_no_log(patch):
    def wrong(original, path):
        return original(path) and not path.endswith((".out", ".err", ".partial"))

    through(patch, is_file=wrong)


def deleted(patch, wrong):
    """Let ``wrong(original, self, log_key, prefix)`` delete."""

    def delete(self, original, log_key=None, prefix=None):
        return wrong(original, self, log_key, prefix)

    around(patch, LOGS, "delete_logs", delete)


@mutant("DAG-029")
def partial_objects_are_left(patch):
    through(
        patch,
        delete=lambda original, path, **more: None if path.endswith(".partial") else original(path, **more),
    )


@mutant("DAG-029")
def stderr_is_left(patch):
    through(patch, delete=lambda original, path, **more: None if ".err" in path else original(path, **more))


@mutant("DAG-029")
def local_copies_are_left(patch):
    def wrong(original, self, log_key, prefix):
        local = self.local_manager
        local.delete_logs = lambda **_which: None
        try:
            return original(log_key=log_key, prefix=prefix)
        finally:
            del local.delete_logs

    deleted(patch, wrong)


@mutant("DAG-029")
def stored_copies_are_left(patch):
    deleted(
        patch,
        lambda _original, self, log_key, prefix: self.local_manager.delete_logs(
            log_key=log_key, prefix=prefix
        ),
    )


@mutant("DAG-029")
def a_missing_object_is_an_error(patch):
    through(patch, delete=lambda original, path, **_more: original(path))


@mutant("DAG-029")
def a_missing_folder_is_an_error(patch):
    through(patch, delete_folder=lambda original, path, **_more: original(path, recursive=True))


@mutant("DAG-029")
def a_prefix_is_a_prefix_of_text(patch):
    def wrong(original, path, **more):
        for other in ("run1", "run10"):
            original(path.replace("run1", other), **more)

    through(patch, delete_folder=wrong)


@mutant("DAG-029")
def neither_key_nor_prefix_is_accepted(patch):
    def wrong(original, _self, log_key, prefix):
        return original(log_key=log_key, prefix=prefix) if log_key or prefix else None

    deleted(patch, wrong)


@mutant("DAG-029")
def neither_key_nor_prefix_is_a_value_error(patch):
    def wrong(original, _self, log_key, prefix):
        if not log_key and not prefix:
            raise ValueError("Must pass in either `log_key` or `prefix`")
        return original(log_key=log_key, prefix=prefix)

    deleted(patch, wrong)


def listed(patch, change):
    """Let ``change(keys, self, log_key_prefix, io_type, original)`` be what is listed."""

    def wrong(self, original, log_key_prefix, io_type):
        keys = [list(key) for key in original(log_key_prefix, io_type)]
        return change(keys, self, log_key_prefix, io_type, original)

    around(patch, LOGS, "get_log_keys_for_log_key_prefix", wrong)


@mutant("DAG-031")
def partial_uploads_are_listed(patch):
    class Renamed:
        def __init__(self, info):
            self._info = info
            self.name = info.name.removesuffix(".partial")
            self.path = type(info.path)(str(info.path).removesuffix(".partial"))

        def __getattr__(self, name):
            return getattr(self._info, name)

    through(patch, list_files=lambda original, *args, **more: map(Renamed, original(*args, **more)))


@mutant("DAG-031")
def both_streams_are_listed(patch):
    def change(keys, _self, prefix, io_type, original):
        other = next(each for each in EXTENSIONS if each is not io_type)
        return keys + [list(key) for key in original(prefix, other)]

    listed(patch, change)


@mutant("DAG-031")
def the_prefix_is_missing_in_a_listed_key(patch):
    listed(patch, lambda keys, *_rest: [key[-1:] for key in keys])


@mutant("DAG-031")
def a_listed_name_keeps_its_extension(patch):
    def change(keys, _self, _prefix, io_type, _original):
        return [[*key[:-1], f"{key[-1]}.{EXTENSIONS[io_type]}"] for key in keys]

    listed(patch, change)


@mutant("DAG-031")
def a_listed_name_ends_at_its_first_dot(patch):
    listed(patch, lambda keys, *_rest: [[*key[:-1], key[-1].partition(".")[0]] for key in keys])


@mutant("DAG-031")
def files_in_deeper_folders_are_listed(patch):
    def change(keys, _self, prefix, io_type, original):
        deeper = [key[-1] for key in original([*prefix, "deeper"], io_type)]
        return keys + [[*prefix, name] for name in deeper]

    listed(patch, change)


@mutant("DAG-031")
def a_prefix_without_files_is_an_error(patch):
    def change(keys, _self, prefix, _io_type, _original):
        if not keys:
            raise FileNotFoundError("/".join(prefix))
        return keys

    listed(patch, change)
