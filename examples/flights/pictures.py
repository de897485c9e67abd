"""A chart, and the serializer that stores a figure as PNG."""

import io
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure


class PngSerializer:
    """Stores a matplotlib figure as a picture; loads it as an array of pixels."""

    extension = ".png"

    def serialize(self, obj: Figure) -> bytes:
        """Draw the figure."""
        buffer = io.BytesIO()
        obj.savefig(buffer, format="png", dpi=120)
        return buffer.getvalue()

    def deserialize(self, data: bytes) -> Any:
        """Read the pixels."""
        return mpl.image.imread(io.BytesIO(data), format="png")


def draw_delays(months: pd.DataFrame) -> Figure:
    """Bars for the mean departure delay, a line for the share of cancelled flights."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    delays = figure.subplots()
    delays.bar(months.index, months["delay_minutes"] / months["departed"], color="#4c72b0")
    delays.set_ylabel("mean departure delay, minutes")
    delays.tick_params(axis="x", rotation=45)
    delays.set_title("Flights from New York City, 2013")
    cancelled = delays.twinx()
    cancelled.plot(months.index, 100 * months["cancelled"] / months["flights"], color="#c44e52", marker="o")
    cancelled.set_ylabel("cancelled, %", color="#c44e52")
    cancelled.set_ylim(bottom=0)
    return figure
