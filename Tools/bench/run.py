#!/usr/bin/env python3
"""Measures assaylog beside other stores: the same records, questions, checks and durability, one run.

    Tools/dev bench [--records N] [--stores assaylog,duckdb,polars] [--rounds N] [--work DIR]

Prints what it does, then a table of every operation: each store's figure, the ratio to the best other
store, the target of that ratio, and the physical limit where one is known. Figures of one run on one
machine are to be compared with each other, not with another run's: machines are shared and drift.

Each phase is a process of its own; the stores take turns. Questions are answered over loopback HTTP by
assaylog, in process by the others; "in process" rows are `assaylog bench` on records of the same shape.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SMALL_LIMIT = 200_000
COLD_QUESTIONS = 5


def run_phase(options, store, phase, *arguments):
    command = [sys.executable, str(HERE / "phase.py"), phase, store, "--records", str(options.records),
               "--work", options.work, "--executable", options.executable, *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("FOUND ")]
    found = json.loads(lines[-1][6:]) if lines else {"failed": (run.stderr or run.stdout)[-500:]}
    shown = {name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()}
    print(f"{store:9} {phase} {' '.join(arguments)}: {shown}", flush=True)
    return found


def in_process(options, *arguments):
    """The lines of `assaylog bench`, by phase.

    As with the other stores, the questions are asked of a process that has opened the store, not of the one
    that wrote it.
    """
    folder = os.path.join(options.work, "in-process")
    shutil.rmtree(folder, ignore_errors=True)
    found = {}
    colds = []
    # Each cold question has a process of its own; the last phase appends bodies of JSON, to a new directory.
    for phases in (["append", "settle"], ["windows", "replay", "paths", "records", "parse"],
                   *[["cold"]] * COLD_QUESTIONS, ["json"]):
        if phases == ["json"]:
            shutil.rmtree(folder, ignore_errors=True)
        run = subprocess.run(
            [options.executable, "bench", "--data", folder, "--records", str(options.records), *arguments]
            + ["--cold-question", str(len(colds))]
            + [word for phase in phases for word in ("--only", phase)], capture_output=True, text=True)
        if run.returncode:
            print(f"assaylog bench failed: {run.stderr[-500:]}", flush=True)
            break
        for line in run.stdout.splitlines():
            members = json.loads(line)
            found[members.pop("phase")] = members
        if phases == ["cold"]:
            colds.append(found["cold"]["us"])
    if colds:
        found["cold"] = {"median_us": statistics.median(colds)}
    shutil.rmtree(folder, ignore_errors=True)
    if "append" in found and "settle" in found:
        count = found["append"]["records"]
        seconds = count / found["append"]["rows_per_second"] + found["settle"]["us"] / 1e6
        found["append"]["settled_rows_per_second"] = count / seconds
    print(f"in process {' '.join(arguments)}: {json.dumps(found)}", flush=True)
    return found


class Results:
    """Figures by (store, phase, key): the median over the rounds."""

    def __init__(self):
        self.figures = {}
        self.problems = []

    def add(self, store, phase, found):
        if "failed" in found:
            self.problems.append(f"{store} {phase}: {found['failed']}")
            return
        self.problems += [f"{store} {phase}: {problem}" for problem in found.pop("wrong", [])]
        for key, value in found.items():
            if isinstance(value, dict):
                self.add(store, f"{phase} {key}", value)
            elif isinstance(value, (int, float)):
                self.figures.setdefault((store, phase, key), []).append(value)

    def get(self, store, phase, key):
        values = self.figures.get((store, phase, key))
        return statistics.median(values) if values else None


def measure(options, results):
    stores = options.stores.split(",")
    small = ["--limit", str(min(SMALL_LIMIT, options.records))]
    for _ in range(options.rounds):
        for store in stores:
            results.add(store, "append 1k", run_phase(options, store, "append", "--rows", "1000", *small))
        for store in stores:
            results.add(store, "append JSON", run_phase(
                options, store, "append", "--rows", "1000", "--text", *small))
        for store in stores:
            results.add(store, "append decimals", run_phase(
                options, store, "append", "--rows", "10000", "--wide", *small))
        if "assaylog" in stores:
            results.add("assaylog", "clients 1k", run_phase(
                options, "assaylog", "clients", "--rows", "1000", *small))
            for _ in range(3):
                results.add("assaylog", "posts", run_phase(options, "assaylog", "posts"))
            results.add("assaylog", "latency", run_phase(
                options, "assaylog", "latency", "--limit", str(min(2_000_000, options.records))))
        for store in stores:
            results.add(store, "append 10k", run_phase(
                options, store, "append", "--rows", "10000", "--keeps"))
        for phase in ("windows", "replay", "records"):
            for store in stores:
                results.add(store, phase, run_phase(options, store, phase))
        if "assaylog" in stores:
            results.add("assaylog", "paths", run_phase(options, "assaylog", "paths"))
        for number in range(3):
            for store in stores:
                results.add(store, "cold", run_phase(options, store, "cold", "--number", str(number)))
    if "assaylog" in stores:
        for name, arguments in (("1k", ["--rows", "1000", "--clients", "1"]),
                                ("1k of 8 clients", ["--rows", "1000", "--clients", "8"]),
                                ("10k", ["--rows", "10000", "--clients", "2"])):
            results.add("in process", name, in_process(options, *arguments))


#: Rows of the table: title, (phase, key), whether more is better, target ratio, limit and what it is,
#: and where the figure in process is. What is asked is asked of the records as they came to the other stores, in
#: commits of 10,000; what is asked where they came in commits of 1,000 stands below the table.
ROWS = [
    ("append columns, 1k-row commits, rows/s", "append 1k", "rows_per_second", True, 3,
     ("1k append", "rows_per_second"), "2.0 M: one encoding core, commits of eight clients share syncs"),
    ("append columns, 10k-row commits, rows/s", "append 10k", "rows_per_second", True, 2,
     ("10k append", "rows_per_second"), "3.6 M: one encoding core"),
    ("  with all background work, rows/s", "append 10k", "settled_rows_per_second", True, 5,
     ("10k append", "settled_rows_per_second"),
     "3.6 M: the log is final as written"),
    ("append JSON, 1k rows a body, rows/s", "append JSON", "rows_per_second", True, 6,
     ("1k json", "rows_per_second"),
     "1.8 M: two cores that parse and encode"),
    ("bytes a record, float32", "append 10k", "bytes_per_record", False, None, None,
     "97: entropy of the mantissas"),
    ("bytes a record, ten decimals", "append decimals", "bytes_per_record", False, None, None, "115"),
    ("window of 1 min, ms", "windows 1 min", "median_ms", False, 6,
     ("10k window 1 min", "median_us"), "0.0085: one block"),
    ("window of 1 h, ms", "windows 1 h", "median_ms", False, 13,
     ("10k window 1 h", "median_us"), "0.0115: one or two blocks"),
    ("window of 24 h, ms", "windows 24 h", "median_ms", False, 15,
     ("10k window 24 h", "median_us"), "0.13: eleven blocks, one core"),
    ("window of 1 h, cold, with open, ms", "cold", "ms", False, 10, ("10k cold", "median_us"),
     "0.3: open, footers, two blocks"),
    ("replay of 720 windows, full summaries, ms", "replay", "median_ms", False, 8,
     ("10k replay", "median_us"), "2.7: two cores"),
    ("1,000 whole records as JSON, ms", "records", "median_ms", False, 4,
     ("10k records 1000 as JSON", "median_us"), "1.3: printing"),
]


def number(value):
    if value is None:
        return "–"
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    if value >= 1e4:
        return f"{value / 1e3:.0f} k"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def table(options, results):
    stores = options.stores.split(",")
    others = [store for store in stores if store != "assaylog"]
    lines = ["| operation | " + " | ".join(stores)
             + " | in process | ratio | target | limit |", "|---|" + "---:|" * (len(stores) + 3) + "---|"]
    for title, phase, key, more_is_better, target, place, limit in ROWS:
        figures = {store: results.get(store, phase, key) for store in stores}
        inside = None
        if place:
            inside = results.get("in process", place[0], place[1])
            if inside is not None and place[1].endswith("_us"):
                inside /= 1000
        known = [figures[store] for store in others if figures[store] is not None]
        ours = figures.get("assaylog")
        ratio = None
        if ours and known:
            ratio = ours / max(known) if more_is_better else min(known) / ours
        best = ratio
        if inside and known:
            best = inside / max(known) if more_is_better else min(known) / inside
        shown = "–" if ratio is None else f"{ratio:.1f}×"
        if best is not None and best != ratio:
            shown += f" ({best:.1f}× in process)"
        lines.append(f"| {title} | " + " | ".join(number(figures[store]) for store in stores)
                     + f" | {number(inside)} | {shown} | {f'{target}×' if target else '–'} | {limit} |")
    return lines


def own_lines(results):
    """What only assaylog is asked."""
    def get(phase, key):
        return results.get("assaylog", phase, key)
    lines = []
    if get("clients 1k", "rows_per_second"):
        lines.append(f"- 1k-row commits of 8 clients over HTTP: {number(get('clients 1k', 'rows_per_second'))}"
                     f" rows/s, at most {get('clients 1k', 'memory_mebibytes'):.0f} MiB of anonymous memory.")
    if get("posts", "share"):
        lines.append(
            f"- Single records, durable, 64 connections: {number(get('posts', 'posts_per_second'))} a second, "
            f"{100 * get('posts', 'share'):.0f} % of the same server's hello-world rate "
            f"({number(get('posts', 'hello_per_second'))}); "
            f"{get('posts', 'written_bytes_per_record'):.0f} bytes written a record, "
            f"{get('posts', 'bytes_per_record'):.0f} kept.")
    if get("latency", "segments"):
        lines.append(
            "- Latency of appends at a steady rate, median and 99th percentile: "
            + "; ".join(
                f"{title} {get(f'latency {kind} alone', 'median_ms'):.1f} and "
                f"{get(f'latency {kind} alone', 'p99_ms'):.0f} ms, "
                f"{get(f'latency {kind} beside', 'median_ms'):.1f} and "
                f"{get(f'latency {kind} beside', 'p99_ms'):.0f} ms while segments are made anew"
                for kind, title in (("one", "single records"), ("batch", "1k rows")))
            + f" ({get('latency', 'segments'):.0f} in {get('latency', 'seconds'):.0f} s).")
    small = {name: results.get("in process", f"1k {name}", key) for name, key in (
        ("window 1 min", "median_us"), ("window 1 h", "median_us"), ("window 24 h", "median_us"),
        ("replay", "median_us"), ("records 1000 as JSON", "median_us"))}
    if all(small.values()):
        lines.append("- The same questions in process, of records that came in commits of 1,000 and were regrouped: windows "
                     + ", ".join(number(small[f"window {width}"] / 1000) for width in ("1 min", "1 h", "24 h"))
                     + f" ms, replay {number(small['replay'] / 1000)} ms, whole records "
                       f"{number(small['records 1000 as JSON'] / 1000)} ms.")
    paths = results.get("in process", "10k replay of all paths", "best_us")
    if paths:
        times = results.get("in process", "10k replay of all paths", "times_one")
        same = results.get("in process", "10k replay of all paths", "times_same_run")
        lines.append(f"- Replay of all 30 paths at once, in process: {paths / 1000:.0f} ms, {times:.1f} times one path's "
                     f"interactive run, {same:.1f} times the same run with one path.")
    if get("paths", "all_ms"):
        lines.append(f"- The same in one call over HTTP, {get('paths', 'count'):.0f} paths: {get('paths', 'all_ms'):.0f} ms, "
                     f"{get('paths', 'times_one'):.1f} times the same call for one path ({get('paths', 'one_ms'):.1f} ms).")
    if get("replay", "memory_mebibytes"):
        lines.append(f"- Anonymous memory: {get('replay', 'idle_mebibytes'):.0f} MiB opened, "
                     f"{get('replay', 'memory_mebibytes'):.0f} MiB at most in replays.")
    return lines


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = []
    for module in ("numpy", "pyarrow", "duckdb", "polars"):
        try:
            versions.append(f"{module} {__import__(module).__version__}")
        except ImportError:
            pass
    return (f"{os.cpu_count()} × {name}, {memory:.0f} GiB, Linux {platform.release()}; "
            + ", ".join(versions))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--stores", default="assaylog,duckdb,polars")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", default=".build-tools/bench")
    parser.add_argument("--executable", default=".build/release/assaylog")
    parser.add_argument("--write", help="a Markdown file for the table")
    options = parser.parse_args()
    options.work = os.path.abspath(options.work)
    options.executable = os.path.abspath(options.executable)
    os.makedirs(options.work, exist_ok=True)
    print(machine(), flush=True)
    results = Results()
    measure(options, results)
    text = "\n".join(
        [f"{options.records:,} records, {options.rounds} round(s). {machine()}.", ""]
        + table(options, results) + [""] + own_lines(results)
        + [f"- WRONG or failed: {problem}" for problem in results.problems]) + "\n"
    print("\n" + text)
    if options.write:
        pathlib.Path(options.write).write_text(text, encoding="utf-8")
    for store in options.stores.split(","):
        path = os.path.join(options.work, "store-" + store)
        shutil.rmtree(path, ignore_errors=True)
    sys.exit(1 if results.problems else 0)


if __name__ == "__main__":
    main()
