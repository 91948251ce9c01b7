"""One phase of one store, in a process of its own; prints one line of JSON. Called by run.py.

Every answer is checked against numpy's the first time it is asked; the times are those of the later ones.
"""

import argparse
import json
import os
import statistics
import subprocess
import threading
import time

import numpy as np

import workload
from stores import STORES, anonymous_mebibytes, byte_count, forget_pages, fresh
from workload import DAY, DAYS, END, HOUR, MINUTE, PIPELINES, START, Month

WIDTHS = {"1 min": MINUTE, "1 h": HOUR, "24 h": DAY}
QUESTIONS = 20
REPEATS = 3
REPLAYED = (3, 3)  # pipeline and input
CLIENTS = 8
CONNECTIONS = 64
POST_SECONDS = 6
STEADY_SECONDS = 10
STEADY_RATE = 200  # single records a second, by four clients; and a tenth of that in batches of a thousand


class Peak(threading.Thread):
    """The most anonymous memory that a process holds while this runs, in MiB."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.most, self.ends = process, 0.0, threading.Event()

    def run(self):
        while not self.ends.wait(0.01):
            self.most = max(self.most, anonymous_mebibytes(self.process))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


def questions(month, width):
    """(pipeline, column, start) for a kind of window: the same ones for every store."""
    random = np.random.default_rng([13, width])
    columns = ["output", 3, 17]
    return [(number % len(PIPELINES), columns[number % 3],
             START + int(random.integers(DAY, DAYS * DAY - 2 * DAY))) for number in range(QUESTIONS)]


class Phase:
    def __init__(self, options):
        self.month = Month(options.records)
        self.options = options
        self.path = os.path.join(options.work, "store-" + options.store)
        STORES["assaylog"].executable = options.executable
        self.store = STORES[options.store](self.path)
        self.wrong = []

    def edges(self, pipeline, name):
        moments, values = self.month.column(pipeline, name)
        return workload.edges_of(values[:np.searchsorted(moments, START + DAY)])

    def check(self, place, found, right):
        problem = workload.differs(found, right)
        if problem:
            self.wrong.append(f"{place}: {problem}")

    # Appends.

    def append(self):
        """Batches one after another, as one client sends them; all stay for the questions if `keeps`."""
        options = self.options
        fresh(self.path)
        self.store.create(options.wide)
        seconds = count = 0
        with Peak(self.store.process) as memory:
            for pipeline, part in self.month.batches(options.rows, options.limit):
                if options.text:
                    prepared = self.store.prepare_json(pipeline, part)
                else:
                    prepared = self.store.prepare(pipeline, part, options.wide)
                start = time.perf_counter()
                if options.text:
                    self.store.append_json(prepared)
                else:
                    self.store.append(prepared)
                seconds += time.perf_counter() - start
                count += len(part)
        found = {"rows_per_second": count / seconds, "memory_mebibytes": memory.most}
        start = time.perf_counter()
        self.store.settle()
        settled = time.perf_counter() - start
        found["settled_rows_per_second"] = count / (seconds + settled)
        self.store.close()
        found["bytes_per_record"] = self.store.bytes() / count
        self.store.open()
        kept = sum(self.count_of(pipeline) for pipeline in range(len(PIPELINES)))
        if kept != count:
            self.wrong.append(f"{kept} of {count} records are there")
        self.store.close()
        if not options.keeps:
            fresh(self.path)
        return found

    def count_of(self, pipeline):
        moments, _ = self.month.column(pipeline, "output")
        return self.store.window(pipeline, "output", START, END, [0.0, 1, 2, 3, 4, 5])["count"]

    def clients(self):
        """The same batches from CLIENTS clients at once; assaylog alone."""
        fresh(self.path)
        self.store.create()
        prepared = [self.store.prepare(pipeline, part)
                    for pipeline, part in self.month.batches(self.options.rows, self.options.limit)]
        count = sum(len(part) for _, part in self.month.batches(self.options.rows, self.options.limit))
        waiting = iter(prepared)
        lock = threading.Lock()

        def send():
            connection = self.store.connect()
            while True:
                with lock:
                    batch = next(waiting, None)
                if batch is None:
                    connection.close()
                    return
                self.store.append(batch, connection)

        threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
        with Peak(self.store.process) as memory:
            start = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.perf_counter() - start
        self.store.close()
        fresh(self.path)
        return {"rows_per_second": count / seconds, "memory_mebibytes": memory.most}

    def posts(self):
        """Single records, durable when answered, from CONNECTIONS connections; and the same server's
        rate of the simplest answer there is, before and after."""
        fresh(self.path)
        self.store.create()
        row = workload.rows_of(0, self.month.piece(0, 0).part(0, 1))
        script = os.path.join(self.options.work, "post.lua")
        with open(script, "w", encoding="ascii") as file:
            file.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                       f"wrk.body = [==[{json.dumps(row, separators=(',', ':'))}]==]\n")
        address = self.store.server.url

        def rate(path, *extra):
            run = subprocess.run(
                ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{POST_SECONDS}s", *extra, address + path],
                check=True, capture_output=True, text=True)
            if "Non-2xx" in run.stdout:
                self.wrong.append(f"{path} was refused: {run.stdout}")
            return float(run.stdout.split("Requests/sec:")[1].split()[0])

        hello = rate("/healthz")
        path = f"/v1/logs/topic/{self.store.topics[0]}/partition/bench"
        with Peak(self.store.process) as memory:
            posts = rate(path, "-s", script)
        hello = (hello + rate("/healthz")) / 2
        answer = json.loads(self.store.post(path, row))
        written = self.written()
        self.store.close()
        count = answer["span"]["end"]
        return {"posts_per_second": posts, "hello_per_second": hello, "share": posts / hello,
                "written_bytes_per_record": written / count, "records": count,
                "bytes_per_record": byte_count(self.path) / count, "memory_mebibytes": memory.most}

    def latency(self):
        """Appends at a steady rate, timed from the moment at which each was due: with nothing beside them, and
        while topics that lie in the same segments are deleted and those segments made anew."""
        fresh(self.path)
        self.store.create()
        for pipeline, part in self.month.batches(10_000, self.options.limit):
            self.store.append(self.store.prepare(pipeline, part))
        last = len(PIPELINES) - 1
        piece = self.month.piece(last, 0)
        row = last, json.dumps(workload.rows_of(last, piece.part(0, 1))).encode()
        batch = self.store.prepare(last, piece.part(0, min(1000, len(piece))))
        ends = threading.Event()
        times = {"one": [], "batch": []}

        def steady(kind, rate, begin, send):
            connection = self.store.connect(timeout=60)
            number = 0
            while not ends.is_set():
                due = begin + number / rate
                number += 1
                time.sleep(max(0, due - time.perf_counter()))
                send(connection)
                times[kind].append((due, (time.perf_counter() - due) * 1e3))

        begin = time.perf_counter()
        clients = [threading.Thread(target=steady, args=(
            "one", STEADY_RATE / 4, begin + number / STEADY_RATE,
            lambda connection: self.store.append_json(row, connection))) for number in range(4)]
        clients.append(threading.Thread(target=steady, args=(
            "batch", STEADY_RATE / 10, begin, lambda connection: self.store.append(batch, connection))))
        for client in clients:
            client.start()
        time.sleep(STEADY_SECONDS)
        changed = time.perf_counter()
        made = 0
        for topic in self.store.topics[:last]:
            path = f"/v1/logs/topic/{topic}/delete"
            made += json.loads(self.store.post(path, {}))["segments_rewritten"]
            if time.perf_counter() > changed + STEADY_SECONDS:
                break
        done = time.perf_counter()
        ends.set()
        for client in clients:
            client.join()
        self.store.close()
        fresh(self.path)

        def share(kind, first, end, part):
            found = sorted(took for due, took in times[kind] if first <= due < end)
            return found[min(len(found) - 1, int(len(found) * part))]

        return {
            f"{kind} {when}": {"median_ms": share(kind, first, end, 0.5), "p99_ms": share(kind, first, end, 0.99)}
            for kind in times
            for when, first, end in (("alone", begin + 1, changed), ("beside", changed, done))
        } | {"segments": made, "seconds": done - changed}

    def written(self):
        """Bytes that the server has sent to the disk."""
        with open(f"/proc/{self.store.process}/io", encoding="ascii") as file:
            return int(dict(line.split(": ") for line in file.read().splitlines())["write_bytes"])

    # Questions.

    def windows(self):
        self.store.open()
        found = {}
        for width_name, width in WIDTHS.items():
            ways = [name for name in ("window", "window_in_sql") if hasattr(self.store, name)]
            best = None
            for way in ways:
                ask = getattr(self.store, way)
                taken = []
                for repeat in range(REPEATS):
                    for pipeline, name, start in questions(self.month, width):
                        edges = self.edges(pipeline, name)
                        before = time.perf_counter()
                        answer = ask(pipeline, name, start, start + width, edges)
                        after = time.perf_counter()
                        if repeat:
                            taken.append((after - before) * 1000)
                        else:
                            moments, values = self.month.column(pipeline, name)
                            rows = slice(*np.searchsorted(moments, [start, start + width]))
                            self.check(f"{width_name} {way} {pipeline} {name} {start}", answer,
                                       workload.summary(values[rows], edges))
                median = statistics.median(taken)
                if best is None or median < best["median_ms"]:
                    best = {"median_ms": median, "best_ms": min(taken), "way": way}
            found[width_name] = best
        found["memory_mebibytes"] = anonymous_mebibytes(self.store.process)
        self.store.close()
        return found

    def replay(self):
        self.store.open()
        idle = anonymous_mebibytes(self.store.process)
        pipeline, name = REPLAYED
        edges = self.edges(pipeline, name)
        moments, values = self.month.column(pipeline, name)
        cuts = np.searchsorted(moments, np.arange(START, END + 1, HOUR))
        found = None
        baseline = np.array([0, .2, .2, .2, .2, .2, 0])
        for way in [name for name in ("replay", "replay_in_sql") if hasattr(self.store, name)]:
            taken = []
            with Peak(self.store.process) as memory:
                for repeat in range(1 + REPEATS):
                    start = time.perf_counter()
                    counts, numbers = getattr(self.store, way)(pipeline, name, HOUR, edges)
                    workload.psi(baseline, counts)
                    if repeat:
                        taken.append((time.perf_counter() - start) * 1000)
            for window in range(len(cuts) - 1):
                right = workload.summary(values[cuts[window]:cuts[window + 1]], edges)
                answer = {"count": int(counts[window].sum())}
                if answer["count"]:
                    answer |= dict(zip(("min", "max", "mean", "median", "std"), numbers[window]))
                    answer["bins"] = counts[window].tolist()
                self.check(f"replay {way} {window}", answer, right)
            median = statistics.median(taken)
            if found is None or median < found["median_ms"]:
                found = {"median_ms": median, "best_ms": min(taken), "way": way,
                         "memory_mebibytes": memory.most, "idle_mebibytes": idle}
        self.store.close()
        return found

    def paths(self):
        """The month of one path, and of all of them in one call; assaylog alone."""
        self.store.open()
        taken = {1: [], 1 + workload.INPUT_COUNT: []}
        for repeat in range(1 + REPEATS):
            for count, times in taken.items():
                names = ["output", *range(workload.INPUT_COUNT)][:count]
                start = time.perf_counter()
                lines = self.store.replay_of(names, REPLAYED[0], HOUR)
                if repeat:
                    times.append((time.perf_counter() - start) * 1000)
                # A line for each window that has records, and one that ranks the paths.
                windows = {json.loads(line).get("path") for line in lines} - {None}
                if len(windows) != count or len(lines) % count != 1 % count:
                    self.wrong.append(f"{len(lines)} lines of {len(windows)} paths where {count} were asked for")
        self.store.close()
        one, every = (statistics.median(times) for times in taken.values())
        return {"one_ms": one, "all_ms": every, "times_one": every / one, "count": count}

    def records(self):
        self.store.open()
        taken = []
        for repeat in range(12):
            pipeline, day = repeat % 6, START + (3 + repeat % 6) * DAY
            start = time.perf_counter()
            text = self.store.records(pipeline, day, day + DAY, 1000)
            if repeat:
                taken.append((time.perf_counter() - start) * 1000)
            moments, _ = self.month.column(pipeline, "output")
            right = moments[slice(*np.searchsorted(moments, [day, day + DAY]))][:1000].tolist()
            if [row["time"] for row in json.loads(text)] != right:
                self.wrong.append(f"the records of pipeline {pipeline} on day {day} are others")
        self.store.close()
        return {"median_ms": statistics.median(taken), "best_ms": min(taken)}

    def cold(self):
        """Opens the store and asks for one hour: the first question of a new process, with nothing of the
        store in the page cache."""
        pipeline, name, start = questions(self.month, HOUR)[self.options.number * 6 + 1]
        edges = self.edges(pipeline, name)
        self.store.load()
        forget_pages(self.path)
        before = time.perf_counter()
        self.store.open()
        ask = getattr(self.store, "window_in_sql", self.store.window)
        answer = ask(pipeline, name, start, start + HOUR, edges)
        taken = (time.perf_counter() - before) * 1000
        moments, values = self.month.column(pipeline, name)
        rows = slice(*np.searchsorted(moments, [start, start + HOUR]))
        self.check(f"cold {pipeline} {name}", answer, workload.summary(values[rows], edges))
        self.store.close()
        return {"ms": taken}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("phase")
    parser.add_argument("store", choices=STORES)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--executable")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--number", type=int, default=0, choices=range(3), help="which cold question")
    parser.add_argument("--text", action="store_true", help="JSON bodies")
    parser.add_argument("--wide", action="store_true", help="inputs as float64, with all their decimals")
    parser.add_argument("--keeps", action="store_true")
    phase = Phase(parser.parse_args())
    try:
        found = getattr(phase, phase.options.phase)()
    finally:
        server = getattr(phase.store, "server", None)
        if server:
            server.stop()
    found["wrong"] = phase.wrong[:5]
    print("FOUND " + json.dumps(found))


if __name__ == "__main__":
    main()
