"""The assets: flights by day, delays by month, a summary and a chart of the year."""

from typing import Any

import dagster as dg
import pandas as pd
from matplotlib.figure import Figure

from pictures import draw_delays
from source import read_flights

DAYS = dg.DailyPartitionsDefinition(start_date="2013-01-01", end_date="2014-01-01")
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2013-01-01", end_date="2014-01-01")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def flights(context: dg.AssetExecutionContext) -> Any:
    """Every flight that left New York City, one Parquet object for each day.

    One run may cover many days: it returns one value for each, by partition key.
    """
    everything = read_flights()
    days = {str(day): rows for day, rows in everything.groupby(everything["time_scheduled"].dt.date)}
    chosen = {key: days[key].reset_index(drop=True) for key in context.partition_keys}
    count = sum(len(rows) for rows in chosen.values())
    print(f"{count:,} flights on {len(chosen)} days")  # noqa: T201 - kept by the compute log manager
    return chosen if len(chosen) > 1 else chosen[context.partition_key]


@dg.asset(partitions_def=MONTHS)
def monthly_delays(context: dg.AssetExecutionContext, flights: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Flights, cancellations and delays of a month by airline: loads all its days at once."""
    month = pd.concat(flights.values(), ignore_index=True)
    print(f"{context.partition_key[:7]}: {len(month):,} flights from {len(flights)} days")  # noqa: T201
    return (
        month.assign(cancelled=month["dep_time"].isna())
        .groupby("carrier", as_index=False)
        .agg(
            flights=("flight", "size"),
            cancelled=("cancelled", "sum"),
            delay_minutes=("dep_delay", "sum"),
            departed=("dep_delay", "count"),
        )
    )


@dg.asset(io_manager_key="json_io_manager")
def year_summary(
    context: dg.AssetExecutionContext, monthly_delays: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """The year in numbers, as JSON."""
    year = pd.concat(monthly_delays.values()).groupby("carrier").sum()
    mean_delay = year["delay_minutes"] / year["departed"]
    summary = {
        "flights": int(year["flights"].sum()),
        "cancelled": int(year["cancelled"].sum()),
        "mean_departure_delay_minutes": round(float(year["delay_minutes"].sum() / year["departed"].sum()), 2),
        "busiest_airline": str(year["flights"].idxmax()),
        "most_delayed_airline": str(mean_delay.idxmax()),
        "flights_by_month": {key[:7]: int(month["flights"].sum()) for key, month in monthly_delays.items()},
    }
    print(f"{len(year)} airlines in {len(monthly_delays)} months")  # noqa: T201
    context.log.info("%s flights, %s cancelled", f"{summary['flights']:,}", f"{summary['cancelled']:,}")
    return summary


@dg.asset(io_manager_key="png_io_manager")
def delay_chart(monthly_delays: dict[str, pd.DataFrame]) -> Figure:
    """Mean departure delay and cancellations by month, as a picture."""
    totals = pd.DataFrame(
        {key[:7]: month.drop(columns="carrier").sum() for key, month in monthly_delays.items()}
    )
    print(f"drawing {totals.shape[1]} months")  # noqa: T201
    return draw_delays(totals.T)
