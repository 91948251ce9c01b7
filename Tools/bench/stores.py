"""The stores that are compared, each behind the same few calls.

An append returns when its records are durable: assaylog by its answer, DuckDB by its write-ahead log's
sync at each commit, Parquet by a sync of the file and its directory. What an append is given (`prepare`)
is made before the clock starts: an Arrow batch, or for assaylog the bytes that a client would send.

Invariants:
  * A question is answered from the store alone, nothing kept from one to the next by this side.
  * A server is started and ended as client.py does it.
"""

import datetime
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from client import JSON_TYPE, RECORDS_TYPE, Connection, Failed, Server, must  # noqa: E402: the path above must come first
from workload import (DAY, DAYS, ENGINES, END, HOUR, INPUT, INPUT_COUNT, MODELS, OUTPUT, PIPELINES,
                      START, VERSIONS, bin_counts, rows_of, summary)

INPUTS = [f"in_{number}" for number in range(INPUT_COUNT)]
COLUMNS = INPUTS + ["out_0"]


def column_name(name):
    return "out_0" if name == "output" else f"in_{name}"


def byte_count(path):
    """What a store keeps: without assaylog's RESERVE, 2 MiB without contents whatever is in the log."""
    return sum(os.path.getsize(os.path.join(root, name))
               for root, _, names in os.walk(path) for name in names if name != "RESERVE")


def anonymous_mebibytes(process="self"):
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


def sync_directory(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def forget_pages(path):
    """Lets the page cache go of a store's files, so that the next question is cold."""
    os.sync()
    for root, _, names in os.walk(path):
        for name in names:
            descriptor = os.open(os.path.join(root, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def dictionary(choices, numbers):
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(choices))


def flat_batch(pipeline, part, wide=False):
    """One column a number, as the other stores want it; `wide` keeps the decimals as float64."""
    number = np.float64 if wide else np.float32
    versions = part.versions
    engines = [name for names in ENGINES[pipeline] for name in names]
    count = len(part)
    return pa.table(
        [pa.array([PIPELINES[pipeline]] * count), pa.array(part.times)]
        + [pa.array(np.ascontiguousarray(part.inputs[:, j].astype(number))) for j in range(INPUT_COUNT)]
        + [pa.array(part.outputs), pa.array(part.elapsed[:, 0]), pa.array(part.elapsed[:, 1]),
           dictionary(MODELS[pipeline], versions).dictionary_decode(),
           dictionary(VERSIONS[pipeline], versions).dictionary_decode(),
           dictionary(engines, versions * 4 + part.engines).dictionary_decode()],
        names=["pipeline", "time"] + COLUMNS
        + ["elapsed_0", "elapsed_1", "last_model", "pipeline_version", "engine"])


class Store:
    """What every store answers. `name` is the column in the tables."""

    #: Whether memory is that of another process.
    process = "self"

    def __init__(self, path):
        self.path = path

    def load(self):
        """Loads the store's engine, which no question is to pay for."""

    def settle(self):
        """Work that the store does after the records are in, to answer well."""

    def bytes(self):
        return byte_count(self.path)

    def window(self, pipeline, name, start, end, edges):
        """The summary of one window."""
        return summary(self.values(pipeline, name, start, end)[1], edges)

    def replay(self, pipeline, name, step, edges):
        """(bin counts, [min, max, mean, median, std]) of every window of the month."""
        moments, values = self.values(pipeline, name, START, END)
        cuts = np.searchsorted(moments, np.arange(START, END + 1, step))
        windows = len(cuts) - 1
        counts, numbers = np.zeros((windows, len(edges) + 1), int), np.zeros((windows, 5))
        for window in range(windows):
            found = summary(values[cuts[window]:cuts[window + 1]], edges)
            if found["count"]:
                counts[window] = found["bins"]
                numbers[window] = [found[key] for key in ("min", "max", "mean", "median", "std")]
        return counts, numbers


class DuckDB(Store):
    name = "DuckDB"

    def load(self):
        import duckdb  # noqa: F401

    def connect(self, **options):
        import duckdb
        self.connection = duckdb.connect(os.path.join(self.path, "log.duckdb"), **options)

    def create(self, wide=False):
        os.makedirs(self.path)
        self.connect()
        kind = "DOUBLE" if wide else "FLOAT"
        self.connection.execute(
            "CREATE TABLE log(pipeline VARCHAR, time BIGINT, "
            + ", ".join(f"{name} {kind}" for name in INPUTS)
            + ", out_0 FLOAT, elapsed_0 BIGINT, elapsed_1 BIGINT, last_model VARCHAR, "
              "pipeline_version VARCHAR, engine VARCHAR)")

    def open(self):
        self.connect(read_only=True)

    def close(self):
        self.connection.close()

    def prepare(self, pipeline, part, wide=False):
        return flat_batch(pipeline, part, wide)

    def append(self, batch):
        self.connection.register("batch", batch)
        self.connection.execute("INSERT INTO log SELECT * FROM batch")

    def prepare_json(self, pipeline, part):
        return json.dumps(rows_of(pipeline, part), separators=(",", ":")).encode(), PIPELINES[pipeline]

    def append_json(self, prepared):
        body, pipeline = prepared
        path = f"/dev/shm/assaylog-bench-{os.getpid()}.json"
        with open(path, "wb") as file:
            file.write(body)
        inputs = ", ".join(f'"in.{INPUT}"[{j + 1}]' for j in range(INPUT_COUNT))
        self.connection.execute(
            f"""INSERT INTO log SELECT '{pipeline}', time, {inputs}, "out.{OUTPUT}"[1],
            "metadata.elapsed"[1], "metadata.elapsed"[2], "metadata.last_model",
            "metadata.pipeline_version", "metadata.partition" FROM read_json('{path}', format='array',
            columns={{'time': 'BIGINT', 'in.{INPUT}': 'FLOAT[]', 'out.{OUTPUT}': 'FLOAT[]',
            'metadata.elapsed': 'BIGINT[]', 'metadata.last_model': 'VARCHAR',
            'metadata.pipeline_version': 'VARCHAR', 'metadata.partition': 'VARCHAR'}})""")
        os.unlink(path)

    def settle(self):
        """Sorted by pipeline and time, in a file of its own size."""
        self.connection.execute("CREATE TABLE ordered AS SELECT * FROM log ORDER BY pipeline, time")
        self.connection.execute("DROP TABLE log")
        self.connection.execute("ALTER TABLE ordered RENAME TO log")
        self.connection.execute("CHECKPOINT")
        self.connection.close()
        import duckdb
        old, new = os.path.join(self.path, "log.duckdb"), os.path.join(self.path, "new.duckdb")
        copy = duckdb.connect()
        copy.execute(f"ATTACH '{old}' AS a (READ_ONLY); ATTACH '{new}' AS b; COPY FROM DATABASE a TO b;"
                     "DETACH b; DETACH a")
        copy.close()
        os.replace(new, old)
        self.connect()

    def _where(self, pipeline, start, end):
        return (f"FROM log WHERE pipeline = '{PIPELINES[pipeline]}' AND time >= {start} "
                f"AND time < {end}")

    def _summary(self, name, edges):
        column = column_name(name)
        below = ", ".join(f"count(*) FILTER ({column} <= {edge!r})" for edge in edges)
        return (f"count(*), min({column}), max({column}), avg({column}), "
                f"median({column}::DOUBLE), stddev_pop({column}), "
                f"count(*) FILTER ({column} < {edges[0]!r}), {below}")

    def _unpacked(self, row):
        if not row[0]:
            return {"count": 0}
        below = [row[6]] + list(row[8:]) + [row[0]]
        return {"count": row[0], "min": row[1], "max": row[2], "mean": row[3], "median": row[4],
                "std": row[5] or 0.0, "bins": [below[0]] + list(np.diff(below))}

    def values(self, pipeline, name, start, end):
        found = self.connection.execute(
            f"SELECT time, {column_name(name)} {self._where(pipeline, start, end)}").fetchnumpy()
        return np.asarray(found["time"]), np.asarray(found[column_name(name)])

    def window_in_sql(self, pipeline, name, start, end, edges):
        return self._unpacked(self.connection.execute(
            f"SELECT {self._summary(name, edges)} {self._where(pipeline, start, end)}").fetchone())

    def replay_in_sql(self, pipeline, name, step, edges):
        rows = self.connection.execute(
            f"SELECT (time - {START}) // {step} AS number, {self._summary(name, edges)} "
            f"{self._where(pipeline, START, END)} GROUP BY number").fetchall()
        windows = (END - START) // step
        counts, numbers = np.zeros((windows, len(edges) + 1), int), np.zeros((windows, 5))
        for row in rows:
            found = self._unpacked(row[1:])
            counts[row[0]] = found["bins"]
            numbers[row[0]] = [found[key] for key in ("min", "max", "mean", "median", "std")]
        return counts, numbers

    def records(self, pipeline, start, end, limit):
        found = self.connection.execute(
            f"SELECT * {self._where(pipeline, start, end)} ORDER BY time LIMIT {limit}")
        return as_json(found.to_arrow_table())


class Polars(Store):
    """Parquet files, one a commit, then sorted files of a day; read by Polars."""

    name = "Parquet+Polars"

    def create(self, wide=False):
        os.makedirs(self.path)
        self.count = 0

    def load(self):
        import polars  # noqa: F401

    def open(self):
        self.count = 0

    def close(self):
        pass

    def prepare(self, pipeline, part, wide=False):
        return flat_batch(pipeline, part, wide), PIPELINES[pipeline]

    def append(self, prepared):
        import polars
        batch, pipeline = prepared
        self._write(polars.from_arrow(batch), pipeline)

    def _write(self, frame, pipeline):
        folder = os.path.join(self.path, pipeline)
        if not os.path.isdir(folder):
            os.makedirs(folder)
            sync_directory(self.path)
        with open(os.path.join(folder, f"commit-{self.count:08d}.parquet"), "wb") as file:
            frame.write_parquet(file, compression="zstd", compression_level=1)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(folder)
        self.count += 1

    def prepare_json(self, pipeline, part):
        return ("\n".join(json.dumps(row, separators=(",", ":")) for row in rows_of(pipeline, part))
                .encode(), PIPELINES[pipeline])

    def append_json(self, prepared):
        import polars
        body, pipeline = prepared
        number, text, whole = polars.List(polars.Float32), polars.String, polars.Int64
        frame = polars.read_ndjson(body, schema={
            "time": whole, f"in.{INPUT}": number, f"out.{OUTPUT}": number,
            "check_failures": polars.List(text), "metadata.last_model": text,
            "metadata.pipeline_version": text, "metadata.elapsed": polars.List(whole),
            "metadata.dropped": polars.List(text), "metadata.partition": text})
        inputs = polars.col(f"in.{INPUT}").list
        elapsed = polars.col("metadata.elapsed").list
        self._write(frame.select(
            [polars.lit(pipeline).alias("pipeline"), polars.col("time")]
            + [inputs.get(j).alias(f"in_{j}") for j in range(INPUT_COUNT)]
            + [polars.col(f"out.{OUTPUT}").list.get(0).alias("out_0"),
               elapsed.get(0).alias("elapsed_0"), elapsed.get(1).alias("elapsed_1"),
               polars.col("metadata.last_model").alias("last_model"),
               polars.col("metadata.pipeline_version").alias("pipeline_version"),
               polars.col("metadata.partition").alias("engine")]), pipeline)

    def settle(self):
        import pyarrow.parquet as parquet
        for folder in glob.glob(os.path.join(self.path, "*")):
            names = sorted(glob.glob(folder + "/commit-*.parquet"))
            table = pa.concat_tables([parquet.read_table(name) for name in names])
            moments = table.column("time").to_numpy()
            cuts = np.searchsorted(moments, START + DAY * np.arange(DAYS + 1))
            for day in range(DAYS):
                part = table.slice(cuts[day], cuts[day + 1] - cuts[day])
                if part.num_rows:
                    parquet.write_table(
                        part, os.path.join(folder, f"day-{day:02d}.parquet"), row_group_size=16384,
                        compression="zstd", compression_level=1,
                        use_dictionary=["pipeline", "last_model", "pipeline_version", "engine"],
                        use_byte_stream_split=COLUMNS)
            for name in names:
                os.unlink(name)

    def _scan(self, pipeline, start, end):
        import polars
        days = range((start - START) // DAY, (end - 1 - START) // DAY + 1)
        names = [os.path.join(self.path, PIPELINES[pipeline], f"day-{day:02d}.parquet") for day in days]
        return polars.scan_parquet([name for name in names if os.path.exists(name)], cache=False).filter(
            (polars.col("time") >= start) & (polars.col("time") < end))

    def values(self, pipeline, name, start, end):
        found = self._scan(pipeline, start, end).select("time", column_name(name)).collect()
        return found["time"].to_numpy(), found[column_name(name)].to_numpy()

    def records(self, pipeline, start, end, limit):
        return as_json(self._scan(pipeline, start, end).head(limit).collect().to_arrow())


def as_json(table):
    """Whole records of the flat stores as the JSON that clients read."""
    import orjson
    column = {name: table.column(name).to_pylist() for name in table.column_names}
    inputs = zip(*(column[name] for name in INPUTS))
    return orjson.dumps([
        {"time": moment, f"in.{INPUT}": values, f"out.{OUTPUT}": [output], "check_failures": [],
         "metadata.last_model": model, "metadata.pipeline_version": version,
         "metadata.elapsed": [first, second], "metadata.dropped": [], "metadata.partition": engine}
        for moment, values, output, model, version, first, second, engine in zip(
            column["time"], inputs, column["out_0"], column["last_model"], column["pipeline_version"],
            column["elapsed_0"], column["elapsed_1"], column["engine"])])


def moment_text(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc).isoformat()


SUMMARIZER = {"type": "UnivariateContinuous", "bin_mode": "Quantile", "aggregation": "Density",
              "metric": "PSI", "num_bins": 5, "bin_weights": None, "provided_edges": None}


class Assaylog(Store):
    """The store of this repository, over loopback HTTP: its figures hold the requests as well."""

    name = "assaylog"
    executable = None

    def start(self):
        self.server = Server(self.executable, self.path, self.path + ".output")
        self.process = self.server.process_id
        self.connection = self.connect()
        self.server.wait_until_healthy(self.connection)

    def connect(self, timeout=600):
        return Connection(self.server.port, timeout)

    def post(self, path, body, kind=JSON_TYPE, connection=None):
        answer = (connection or self.connection).send("POST", path, body, kind)
        if answer.status != 200:
            raise Failed(f"{path}: {answer.status} {answer.problem}")
        return answer.body

    def ask(self, path, body):
        import orjson
        return orjson.loads(self.post("/v1/api/" + path, body))

    def create(self, wide=False):
        os.makedirs(self.path)
        self.start()
        self.workspace = self.ask("workspaces/create", {"workspace_name": "bench"})["workspace_id"]
        self.numbers, self.topics = [], []
        for name in PIPELINES:
            number = self.ask("pipelines/create", {
                "pipeline_id": name, "workspace_id": self.workspace, "definition": {}})["pipeline_pk_id"]
            self.numbers.append(number)
            self.topics.append(
                self.ask("plateau/get_topic_name", {"pipeline_pk_id": number})["topic_name"])
        with open(self.path + ".ids", "w", encoding="ascii") as file:
            json.dump([self.workspace, self.numbers, self.topics], file)

    def open(self):
        with open(self.path + ".ids", encoding="ascii") as file:
            self.workspace, self.numbers, self.topics = json.load(file)
        self.start()

    def close(self):
        self.connection.close()
        must(self.server.stop() == 0, "the server did not stop in peace")

    def prepare(self, pipeline, part, wide=False):
        number = pa.float64() if wide else pa.float32()
        inputs = pa.array(part.inputs.astype(np.float64 if wide else np.float32).ravel())
        engines = [name for names in ENGINES[pipeline] for name in names]
        empty = pa.ListArray.from_arrays(np.zeros(len(part) + 1, np.int32), pa.array([], pa.string()))
        batch = pa.record_batch(
            [pa.array(part.times), pa.FixedSizeListArray.from_arrays(inputs.cast(number), INPUT_COUNT),
             pa.FixedSizeListArray.from_arrays(pa.array(part.outputs), 1), empty,
             dictionary(MODELS[pipeline], part.versions),
             dictionary(VERSIONS[pipeline], part.versions),
             pa.FixedSizeListArray.from_arrays(pa.array(part.elapsed.ravel()), 2), empty,
             dictionary(engines, part.versions * 4 + part.engines)],
            names=["time", f"in.{INPUT}", f"out.{OUTPUT}", "check_failures", "metadata.last_model",
                   "metadata.pipeline_version", "metadata.elapsed", "metadata.dropped",
                   "metadata.partition"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return pipeline, sink.getvalue().to_pybytes()

    def append(self, prepared, connection=None):
        pipeline, body = prepared
        self.post(f"/v1/logs/topic/{self.topics[pipeline]}/partition/bench", body,
                  "application/vnd.apache.arrow.stream", connection)

    def prepare_json(self, pipeline, part):
        return pipeline, json.dumps(rows_of(pipeline, part), separators=(",", ":")).encode()

    def append_json(self, prepared, connection=None):
        pipeline, body = prepared
        self.post(f"/v1/logs/topic/{self.topics[pipeline]}/partition/bench", body,
                  RECORDS_TYPE, connection)

    def settle(self):
        """Old segments are regrouped; the server does it in the background, here it is waited for."""
        self.close()
        subprocess.run([self.executable, "compact", "--data", self.path], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start()

    def path_of(self, name):
        return f"output {OUTPUT} 0" if name == "output" else f"input {INPUT} {name}"

    def question(self, pipeline, name, start, end, step, edges):
        baseline = {
            "count": 5, "min": edges[0], "max": edges[-1], "mean": 0.0, "median": 0.0, "std": 0.0,
            "edges": edges + [None], "edge_names": ["left_outlier", "q_20", "q_40", "q_60", "q_80",
                                                    "q_100", "right_outlier"],
            "aggregated_values": [0.0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.0], "aggregation": "Density",
            "start": None, "end": None}
        window = {"pipeline_name": PIPELINES[pipeline], "workspace_id": self.workspace,
                  "path": self.path_of(name), "start": moment_text(start), "width": f"{step} ms",
                  "interval": f"{step} ms", "model_name": None, "locations": None}
        return {"name": "bench", "pipeline_id": self.numbers[pipeline], "active": True,
                "pipeline_name": PIPELINES[pipeline], "status": "created",
                "workspace_id": self.workspace, "baseline": {"static": baseline}, "window": window,
                "summarizer": SUMMARIZER, "alert_threshold": 0.25, "warning_threshold": None,
                "run_until": moment_text(end)}

    def window(self, pipeline, name, start, end, edges):
        results = self.ask("assays/run_interactive",
                           self.question(pipeline, name, start, end, end - start, edges))
        if not results:
            return {"count": 0}
        found = results[0]["window_summary"]
        found["bins"] = [round(share * found["count"]) for share in found["aggregated_values"]]
        return found

    def replay(self, pipeline, name, step, edges):
        results = self.ask("assays/run_interactive",
                           self.question(pipeline, name, START, END, step, edges))
        windows = (END - START) // step
        counts, numbers = np.zeros((windows, len(edges) + 1), int), np.zeros((windows, 5))
        for result in results:
            moment = datetime.datetime.fromisoformat(result["window_start"].replace("Z", "+00:00"))
            number = round((moment.timestamp() * 1000 - START) / step)
            found = result["window_summary"]
            counts[number] = [round(share * found["count"]) for share in found["aggregated_values"]]
            numbers[number] = [found[key] for key in ("min", "max", "mean", "median", "std")]
        return counts, numbers

    def replay_of(self, names, pipeline, step):
        """The lines of one run of several paths over the month, each against its own first day."""
        body = self.question(pipeline, names[0], START, END, step, [0.0, 1, 2, 3, 4, 5])
        day = {"start": moment_text(START), "width": "24 hours", "interval": "24 hours"}
        return self.post("/v1/api/assays/run_interactive", body | {
            "summarizer": SUMMARIZER, "baseline": {"fixed_window": body["window"] | day},
            "paths": [self.path_of(name) for name in names]}).splitlines()

    def records(self, pipeline, start, end, limit):
        return self.post("/v1/api/assays/get_baseline", {
            "pipeline_name": PIPELINES[pipeline], "workspace_id": self.workspace,
            "start": moment_text(start), "end": moment_text(end), "limit": limit})


STORES = {"assaylog": Assaylog, "duckdb": DuckDB, "polars": Polars}


def fresh(path):
    for name in (path, path + ".ids", path + ".output"):
        if os.path.isdir(name):
            shutil.rmtree(name)
        elif os.path.exists(name):
            os.unlink(name)
