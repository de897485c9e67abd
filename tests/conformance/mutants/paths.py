"""Assets in wrong places: DAG-005 and DAG-006."""

from __future__ import annotations

from . import mutant
from .surgery import MANAGERS, Seen, around, asset_paths


@mutant("DAG-005")
def the_partition_is_joined_with_a_dash(patch):
    asset_paths(patch, lambda parts: parts.joined("-"))


@mutant("DAG-005")
def the_partition_is_named_as_in_hive(patch):
    asset_paths(patch, lambda parts: parts.joined("/partition="))


@mutant("DAG-005")
def the_partition_is_forgotten(patch):
    asset_paths(patch, lambda parts: "/".join(parts.segments) + parts.rest)


@mutant("DAG-005")
def the_path_has_no_extension(patch):
    asset_paths(patch, lambda parts: parts.joined("/").removesuffix(parts.rest))


@mutant("DAG-005")
def every_asset_is_put_below_a_folder_for_assets(patch):
    asset_paths(patch, lambda parts: "assets/" + parts.joined("/"))


@mutant("DAG-005")
def keys_are_percent_encoded_though_they_are_safe(patch):
    asset_paths(patch, lambda parts: parts.joined("/").replace("=", "%3D").replace("ü", "%C3%BC"))


@mutant("DAG-005")
def the_metadata_has_the_root_path_in_the_path(patch):
    def wrong(_self, original, context, obj):
        seen = Seen(context)
        seen.add_output_metadata = lambda metadata: context.add_output_metadata(
            {**metadata, "path": f"team/x/{metadata['path']}"}
        )
        return original(seen, obj)

    around(patch, MANAGERS[0], "handle_output", wrong)


@mutant("DAG-006")
def segments_are_joined_with_dots(patch):
    asset_paths(patch, lambda parts: ".".join(parts.segments) + parts.rest)


@mutant("DAG-006")
def segments_are_joined_with_underscores(patch):
    asset_paths(patch, lambda parts: "_".join(parts.segments) + parts.rest)


@mutant("DAG-006")
def only_the_last_segment_counts(patch):
    asset_paths(patch, lambda parts: parts.segments[-1] + parts.rest)


@mutant("DAG-006")
def only_the_first_segments_are_levels(patch):
    def rewrite(parts):
        deep = "_".join(parts.segments[2:])
        return "/".join([*parts.segments[:2], *([deep] if deep else [])]) + parts.rest

    asset_paths(patch, rewrite)
