#!/usr/bin/env python3
"""Does cost grow as it should? Stores of several sizes and shapes, and what a question costs in each.

    Tools/dev bench growth [--sizes 0.5,5,20] [--work DIR]

  * sizes: the month of run.py with 0.5, 5 and 20 million records, in 1,000-row commits;
  * singles: a million records, each a commit of its own from one of 64 connections;
  * shuffled: a year in 1,000-row commits that come in a random order;
  * wide: 1,000 columns and 300,000 records.

After each the server is stopped in peace and started again. Said are: records a second while they were
appended, bytes a record, files, the time from the start of the process to its first answer, anonymous
memory then, and the median time of a question about one hour of one number over HTTP, its count checked.
"""

import argparse
import glob
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

from stores import Assaylog, anonymous_mebibytes, byte_count, forget_pages, fresh
from workload import DAY, HOUR, INPUT, INPUT_COUNT, OUTPUT, PIPELINES, START, Month, edges_of

ARROW = "application/vnd.apache.arrow.stream"
CONNECTIONS = 64


class Shape:
    """A store that grows, and what is said of it at the end."""

    def __init__(self, name, options):
        self.name = name
        self.path = os.path.join(options.work, "growth")
        fresh(self.path)
        self.store = Assaylog(self.path)
        self.store.create()
        self.count, self.seconds = 0, 0.0
        self.most = 0.0

    def append(self, pipeline, body, count, kind=ARROW):
        start = time.perf_counter()
        self.store.post(f"/v1/logs/topic/{self.store.topics[pipeline]}/partition/bench", body, kind)
        self.seconds += time.perf_counter() - start
        self.count += count
        self.most = max(self.most, anonymous_mebibytes(self.store.process))

    def report(self, path, questions, width=HOUR):
        """`questions`: (pipeline, start, right count)."""
        self.store.close()
        size = byte_count(self.path)
        files = len(glob.glob(os.path.join(self.path, "*")))
        forget_pages(self.path)
        start = time.perf_counter()
        self.store.start()
        opened = time.perf_counter() - start
        memory = anonymous_mebibytes(self.store.process)
        self.store.path_of = lambda _: path
        taken, wrong = [], 0
        for _ in range(5):
            for pipeline, moment, right in questions:
                start = time.perf_counter()
                found = self.store.window(pipeline, "", moment, moment + width, [0.0, 1, 2, 3, 4, 5])
                taken.append((time.perf_counter() - start) * 1000)
                wrong += found["count"] != right
        self.store.close()
        fresh(self.path)
        if wrong:
            print(f"{self.name}: the last answer counts {found['count']}, right is {right}", flush=True)
        print(f"| {self.name} | {self.count:,} | {self.count / self.seconds:,.0f} | "
              f"{size / self.count:.1f} | {files} | {1000 * opened:.0f} | {memory:.0f} | {self.most:.0f} | "
              f"{statistics.median(taken):.2f} |" + (f" {wrong} WRONG" if wrong else ""), flush=True)
        return not wrong


def counted(moments, start, width=HOUR):
    return int(np.diff(np.searchsorted(moments, [start, start + width]))[0])


def month(options, millions):
    count = int(millions * 1_000_000)
    fleet = Month(count)
    shape = Shape(f"month, {millions:g} M", options)
    for pipeline, part in fleet.batches(1000):
        shape.append(*shape.store.prepare(pipeline, part), len(part))
    random = np.random.default_rng(5)
    questions = []
    for number in range(20):
        moment = START + int(random.integers(DAY, 28 * DAY))
        moments, _ = fleet.column(number % len(PIPELINES), "output")
        questions.append((number % len(PIPELINES), moment, counted(moments, moment)))
    return shape.report(f"output {OUTPUT} 0", questions)


def singles(options):
    shape = Shape("single-record commits", options)
    script = os.path.join(options.work, "single.lua")
    row = (f'[{{"in.{INPUT}":{[round(0.37 * j - 3.1234567891, 10) for j in range(INPUT_COUNT)]},'
           f'"out.{OUTPUT}":[0.25]}}]')
    with open(script, "w", encoding="ascii") as file:
        file.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                   f"wrk.body = [==[{row}]==]\n")
    topic = shape.store.topics[0]
    address = f"{shape.store.server.url}/v1/logs/topic/{topic}"
    began = int(time.time() * 1000)
    while shape.count < options.singles:
        start = time.perf_counter()
        subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", "-d10s", "-s", script,
                        address + "/partition/bench"], check=True, capture_output=True)
        shape.seconds += time.perf_counter() - start
        # What was under way when the load generator left is stored a moment later.
        time.sleep(0.5)
        answer = shape.store.connection.send("GET", f"/v1/logs/topic/{topic}").json()
        shape.count = answer["partitions"]["bench"]["end"]
        shape.most = max(shape.most, anonymous_mebibytes(shape.store.process))
    # All of it was a moment ago: one window holds every record.
    return shape.report(f"output {OUTPUT} 0", [(0, began - 1000, shape.count)])


def shuffled(options):
    shape = Shape("year, out of order", options)
    commits = options.shuffled // 1000
    random = np.random.default_rng(6)
    moments = np.sort(random.integers(START, START + 365 * DAY, commits * 1000))
    for commit in random.permutation(commits):
        part = moments[commit * 1000:(commit + 1) * 1000]
        values = np.random.default_rng([7, commit]).standard_normal((1000, INPUT_COUNT)).astype(np.float32)
        shape.append(0, batch_bytes(part, values), 1000)
    questions = [(0, start, counted(moments, start)) for start in (
        START + int(random.integers(0, 364 * DAY)) for _ in range(20))]
    return shape.report(f"input {INPUT} 3", questions)


def wide(options):
    shape = Shape("1,000 columns", options)
    rows, columns = 300_000, 1000
    moments = np.sort(np.random.default_rng(8).integers(START, START + 30 * DAY, rows))
    size = 2000
    for first in range(0, rows, size):
        values = np.random.default_rng([9, first]).standard_normal((size, columns)).astype(np.float32)
        schema = ["time"] + [f"in.c{j}" for j in range(columns)]
        batch = pa.record_batch([pa.array(moments[first:first + size])]
                                + [pa.array(np.ascontiguousarray(values[:, j])) for j in range(columns)],
                                names=schema)
        shape.append(0, stream_bytes(batch), size)
    questions = [(0, start, counted(moments, start)) for start in range(
        START + DAY, START + 21 * DAY, DAY)]
    return shape.report("input c500", questions)


def batch_bytes(moments, inputs):
    return stream_bytes(pa.record_batch(
        [pa.array(moments), pa.FixedSizeListArray.from_arrays(pa.array(inputs.ravel()), inputs.shape[1])],
        names=["time", f"in.{INPUT}"]))


def stream_bytes(batch):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="0.5,5,20", help="millions of records")
    parser.add_argument("--singles", type=int, default=1_000_000)
    parser.add_argument("--shuffled", type=int, default=2_000_000)
    parser.add_argument("--shapes", default="sizes,singles,shuffled,wide")
    parser.add_argument("--work", default=".build-tools/bench")
    parser.add_argument("--executable", default=".build/release/assaylog")
    options = parser.parse_args()
    options.work = os.path.abspath(options.work)
    os.makedirs(options.work, exist_ok=True)
    Assaylog.executable = os.path.abspath(options.executable)
    print("| shape | records | rows/s | bytes a record | files | open, ms | memory, MiB | most while "
          "appending, MiB | window 1 h, ms |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    good = True
    for shape in options.shapes.split(","):
        if shape == "sizes":
            for millions in options.sizes.split(","):
                good = month(options, float(millions)) and good
        else:
            good = {"singles": singles, "shuffled": shuffled, "wide": wide}[shape](options) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
