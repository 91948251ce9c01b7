"""A month of a small fleet: the same records on every machine, and the right answers about them.

Eight pipelines over thirty days. Six are fraud-like: 29 standardised inputs, posted with ten decimals,
and a probability. Two are price-like: 18 inputs that are mostly whole numbers, eleven that are always
zero, and a price. Load follows the hour of the day; two records in five come in the millisecond of the
one before, as those of one request do. Each pipeline has three model versions in the month, and four
engines a version. Some inputs drift from the eighteenth day on.

A batch is of one pipeline; batches come round robin, so that times ascend but for a batch's length.

Invariants:
  * A record is a function of pipeline and position alone, whatever the batch size.
  * Answers are worked out with numpy from the same arrays, by the rule of assays: bins closed on the
    right, the first on both sides, sums over the sorted values, the population's deviation.
"""

import functools
import hashlib
import json

import numpy as np

PIPELINES = [f"fraud-{number}" for number in range(6)] + ["price-0", "price-1"]
INPUT_COUNT = 29
PRICE_INPUT_COUNT = 18
INPUT = "dense_input"
OUTPUT = "dense_1"

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DAYS = 30
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
END = START + DAYS * DAY

# Records are made so many at a time, so that a month of any length fits in memory.
PIECE = 20_000
DRIFT_DAY = 18


def _digest(*parts):
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def _uuid(*parts):
    text = _digest(*parts)
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:32]])


VERSIONS = [[_uuid("version", name, number) for number in range(3)] for name in PIPELINES]
MODELS = [[json.dumps({"model_name": name, "model_sha": _digest("model", name, number)},
                      separators=(",", ":")) for number in range(3)] for name in PIPELINES]
ENGINES = [[[f"engine-{_digest('engine', name, version, number)[:10]}" for number in range(4)]
            for version in range(3)] for name in PIPELINES]


@functools.lru_cache(maxsize=16)
def times(pipeline, count):
    """Ascending milliseconds of a pipeline's `count` records."""
    random = np.random.default_rng([11, pipeline, count])
    grid = np.linspace(0, DAYS, DAYS * 24 * 4 + 1)
    load = np.cumsum(np.concatenate([[0], 1 + 0.4 * np.sin(2 * np.pi * (grid[1:] - 0.3))]))
    moments = np.sort(np.interp(random.random(count), load / load[-1], grid))
    moments = (START + moments * DAY).astype(np.int64)
    repeats = random.random(count) < 0.4
    repeats[:1] = False
    return moments[np.maximum.accumulate(np.where(repeats, 0, np.arange(count)))]


class Piece:
    """Columns of up to PIECE neighbouring records of a pipeline: inputs as posted (float64), the rest
    as stored."""

    def __init__(self, pipeline, number, moments):
        count = len(moments)
        random = np.random.default_rng([12, pipeline, number])
        day = (moments - START) / DAY
        self.times = moments
        self.inputs = np.zeros((count, INPUT_COUNT))
        if pipeline < 6:
            scales = np.linspace(1.9, 0.4, INPUT_COUNT)
            self.inputs[:] = np.round(random.standard_normal((count, INPUT_COUNT)) * scales, 10)
            drift = 0.02 * (pipeline + 1) * np.maximum(day - DRIFT_DAY, 0)
            self.inputs[:, 3::7] = np.round(self.inputs[:, 3::7] + drift[:, None], 10)
            self.outputs = np.exp(random.normal(-7.0, 1.2, count)).clip(max=1).astype(np.float32)
        else:
            for position in range(PRICE_INPUT_COUNT):
                if position % 3 == 2:
                    self.inputs[:, position] = np.round(random.normal(47.5, 0.14, count), 4)
                else:
                    self.inputs[:, position] = random.integers(0, 3 + 700 * (position % 2), count)
            self.outputs = (random.lognormal(13.1, 0.5, count)).astype(np.float32)
        self.versions = np.minimum((day / DAYS * 3).astype(int), 2)
        self.engines = random.integers(0, 4, count)
        self.elapsed = np.stack([random.integers(20_000, 90_000, count),
                                 random.integers(100_000, 900_000, count)], axis=1)

    def part(self, first, end):
        part = object.__new__(Piece)
        for name, column in vars(self).items():
            setattr(part, name, column[first:end])
        return part

    def __len__(self):
        return len(self.times)


class Month:
    """The fleet's month of `count` records in all."""

    def __init__(self, count):
        self.count = count
        self.per_pipeline = count // len(PIPELINES)

    @functools.lru_cache(maxsize=16)
    def piece(self, pipeline, number):
        moments = times(pipeline, self.per_pipeline)
        return Piece(pipeline, number, moments[number * PIECE:(number + 1) * PIECE])

    def batches(self, rows, limit=None):
        """(pipeline, records) in the order of arrival; PIECE is a multiple of `rows`."""
        given = 0
        for number in range((self.per_pipeline + PIECE - 1) // PIECE):
            for first in range(0, PIECE, rows):
                for pipeline in range(len(PIPELINES)):
                    part = self.piece(pipeline, number).part(first, first + rows)
                    if len(part) == 0:
                        continue
                    yield pipeline, part
                    given += len(part)
                    if limit and given >= limit:
                        return

    @functools.lru_cache(maxsize=8)
    def column(self, pipeline, name):
        """(times, float32 values) of "output" or of an input by its number."""
        pieces = [self.piece(pipeline, number)
                  for number in range((self.per_pipeline + PIECE - 1) // PIECE)]
        values = [piece.outputs if name == "output" else piece.inputs[:, name].astype(np.float32)
                  for piece in pieces]
        return np.concatenate([piece.times for piece in pieces]), np.concatenate(values)


def rows_of(pipeline, part):
    """Records as clients post them, inputs with all their decimals."""
    models, versions, engines = MODELS[pipeline], VERSIONS[pipeline], ENGINES[pipeline]
    inputs, outputs = part.inputs.tolist(), [float(str(value)) for value in part.outputs]
    return [
        {"time": moment, f"in.{INPUT}": values, f"out.{OUTPUT}": [output], "check_failures": [],
         "metadata.last_model": models[version], "metadata.pipeline_version": versions[version],
         "metadata.elapsed": elapsed, "metadata.dropped": [],
         "metadata.partition": engines[version][engine]}
        for moment, values, output, version, engine, elapsed in zip(
            part.times.tolist(), inputs, outputs, part.versions.tolist(), part.engines.tolist(),
            part.elapsed.tolist())]


# The right answers.

def edges_of(values):
    """The edges of five quantile bins by the assays' rule: order statistics, nothing interpolated."""
    ordered = np.sort(values.astype(np.float64))
    ranks = [max(1, int(np.floor(len(ordered) * part / 5 + 0.5))) for part in range(1, 6)]
    return [float(ordered[0])] + [float(ordered[rank - 1]) for rank in ranks]


def bin_counts(values, edges):
    found = np.searchsorted(np.asarray(edges), values, side="left")
    found[values == edges[0]] = 1
    return np.bincount(found, minlength=len(edges) + 1)


def summary(values, edges):
    values = np.sort(values.astype(np.float64))
    if not len(values):
        return {"count": 0}
    return {"count": len(values), "min": values[0], "max": values[-1], "mean": values.mean(),
            "median": float(np.median(values)), "std": values.std(),
            "bins": bin_counts(values, edges).tolist()}


def differs(found, right):
    """In a sentence how a summary is wrong; None where it is right but for the last digits."""
    if found["count"] != right["count"]:
        return f"count {found['count']}, not {right['count']}"
    if not right["count"]:
        return None
    for name in ("min", "max", "mean", "median", "std"):
        if abs(found[name] - right[name]) > 1e-5 * max(abs(right[name]), 1e-3):
            return f"{name} {found[name]}, not {right[name]}"
    if list(found["bins"]) != list(right["bins"]):
        return f"bins {found['bins']}, not {right['bins']}"
    return None


def psi(baseline, windows):
    """Scores of windows (counts of bins, one window a row) against a baseline's shares."""
    shares = windows / np.maximum(windows.sum(axis=1, keepdims=True), 1)
    b = np.where(baseline == 0, 0.005, baseline)
    w = np.where(shares == 0, 0.005, shares)
    terms = np.where((shares == 0) & (baseline == 0), 0.0, (w - b) * np.log(w / b))
    return terms.sum(axis=1)
