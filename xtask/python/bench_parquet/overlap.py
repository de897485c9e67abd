"""How much of the upload to S3 is hidden behind the encoding: each alone, and both in one call.

    python overlap.py --server PATH --python ours=PATH --python pyarrow=PATH --python pure=PATH

What is hidden is what both take one after the other, less what the one call takes; of all that could
be, which is the shorter of the two. With a line of limited speed the upload waits for the line; with
none it needs the same two cores as the encoding, and little can be hidden.
"""

from __future__ import annotations

from contextlib import ExitStack

from driver import Bench, parser_of
from figures import NAMES, Figures, Result
from side_by_side import spread


def hidden(encode: Figures, upload: Figures, both: Figures) -> float:
    """The part of the shorter one that takes no time of its own."""
    saved = encode.median + upload.median - both.median
    return saved / min(encode.median, upload.median)


def show(encoded: Result, uploaded: Result, written: Result) -> None:
    """Prints what each implementation needed."""
    ours = written.figures.get("ours")
    for name, both in written.figures.items():
        encode, upload = encoded.figures[name], uploaded.figures[name]
        beside = f"; ours is {both.median / ours.median:.2f} x as fast" if ours and name != "ours" else ""
        print(
            f"{NAMES[name]}\n  encode {spread(encode.seconds)}, upload {spread(upload.seconds)}:"
            f" one after the other {encode.median + upload.median:.3f} s\n"
            f"  in one call {spread(both.seconds)}, {both.requests:.0f} requests:"
            f" {hidden(encode, upload, both):.0%} of the shorter hidden{beside}"
        )
        for figures in (encode, upload, both):
            print(f"    {figures.command}")
    print(end="", flush=True)


def main() -> None:
    """Measures each speed of the line."""
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 4_000_000])
    parser.add_argument("--lines", type=int, nargs="+", default=[0, 250, 100], help="megabytes per second")
    options = parser.parse_args()
    for speed in options.lines:
        options.megabytes_per_second = speed
        with ExitStack() as stack:
            bench = Bench(options, stack)
            bench.describe()
            bench.start_s3()
            for rows in options.rows:
                tasks = bench.measure(["encode", "upload", "write"], rows, "s3")
                line = f"a line of {speed} MB/s" if speed else "a line without limit"
                print(f"\n{rows:,} rows to S3, {options.delay_ms} ms, {line}")
                show(*tasks)


if __name__ == "__main__":
    main()
