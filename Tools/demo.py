#!/usr/bin/env python3
"""Walks through a whole drift story over HTTP, against a server started for it.

    python3 Tools/demo.py --server PATH [--keep] [--port N] [--quiet] [--data DIR]

A workspace, a model, a pipeline; a thousand transactions answered and logged; a baseline of the
answers; a day of history appended and read back; an assay that finds the six hours in which the
model's world had changed; and the inputs that changed. `Tools/dev demo` builds and runs this.
It is also a test from end to end: with --quiet it prints one line a step.

Only the project's own sample is used (Data/README.md), and only Python 3.9 or later is needed.
The server runs models with ONNX Runtime, which `Tools/dev setup` installs.

Invariants:
  * Every answer that is printed has been checked; what is not as it must be ends the demo with
    exit status 1 and a sentence that says which step, what was found and what was expected.
  * History is the model's own answers at other times: nothing in it is made up but the moments.
  * The server listens on the loopback address, and is stopped before this script ends.
  * Without --data and --keep nothing stays on disk.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time

sys.dont_write_bytecode = True

from client import (  # noqa: E402: the line above must come first
    LINES_TYPE, RECORDS_TYPE, STOP_SECONDS_MAX, Connection, Failed, end_as_interrupted,
    model_upload, must, running)
from screen import Screen, abbreviated, bar, milliseconds  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parents[1] / "Data"

MODEL = "card-fraud"
PIPELINE = "payments"
# The drifted transactions are asked here, so that no drifted answer has the time of the baseline.
REHEARSAL = "payments-rehearsal"
# Where the history is appended, beside the engine's own partition.
ARCHIVE = "archive"
ANSWER_PATH = "output dense_1 0"
INPUT_COUNT = 29
# What Data/README.md says of the drifted transactions.
DRIFTED_INPUTS = {28, 3, 13}
# How far another processor may be from the expected outputs.
OUTPUT_TOLERANCE = 5e-7

HISTORY_SEED = 29
HISTORY_HOURS = 24
# Hours of the history in which the transactions are the drifted ones.
DRIFT = range(13, 19)
# About 200 an hour: enough that chance stays below the warning threshold.
RECORDS_AN_HOUR = (170, 230)
# Hours of the history that are appended as one JSON list; the others are JSON lines, an hour each.
HOURS_AS_ONE_LIST = 12
# The last hour of history ends at least this long ago, so that the assay's grace is over.
END_SECONDS_AGO = 10

ALERT_THRESHOLD = 0.25
WARNING_THRESHOLD = 0.1
BIN_COUNT = 5
SUMMARIZER = {
    "type": "UnivariateContinuous", "bin_mode": "Quantile", "aggregation": "Density",
    "metric": "PSI", "num_bins": BIN_COUNT, "bin_weights": None, "bin_width": None,
    "provided_edges": None, "add_outlier_edges": True}

# The quiet hour of which records come late: as many as it had, of drifted transactions.
LATE_HOUR = 4
LATE_COUNT = 200
# Late records are looked at when they have been quiet for the grace, 5 s.
LATE_PATIENCE_SECONDS = 60

# What the deployment and the scheduler may take; both are a second at most.
PATIENCE_SECONDS = 30
HOUR = datetime.timedelta(hours=1)


# Moments.

def iso(moment):
    return moment.isoformat()


def clock(moment):
    return moment.strftime("%b %d %H:%M")


def parsed_moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def epoch_milliseconds(moment):
    return round(moment.timestamp() * 1000)


# The story.

class Story:
    """The steps in their order. What later steps need is kept as attributes."""

    # Members of a result that are shown closed.
    RESULT_HIDDEN = ("baseline_summary", "summarizer", "window_summary")

    def __init__(self, server, screen):
        self.server = server
        self.screen = screen
        self.connection = Connection(server.port)
        self.now = datetime.datetime.now(datetime.timezone.utc)
        last = self.now - datetime.timedelta(seconds=END_SECONDS_AGO)
        self.history_end = last.replace(minute=0, second=0, microsecond=0)
        self.history_start = self.history_end - HISTORY_HOURS * HOUR
        self.sample = json.loads((DATA / "samples/transactions.json").read_bytes())
        self.drifted = json.loads((DATA / "samples/transactions_drifted.json").read_bytes())

    def steps(self):
        return [
            ("What this instance can do", self.list_features),
            ("A workspace", self.create_workspace),
            ("Upload the model", self.upload_model),
            ("The model's version and hash", self.list_versions),
            ("A pipeline with the model as its step", self.create_pipeline),
            ("Deploy it", self.deploy),
            ("Where to ask it", self.find_url),
            ("Wait until it runs", self.wait_until_it_runs),
            ("Ask it 1,000 transactions", self.infer),
            ("The baseline: a summary of these answers", self.summarize),
            ("Ask a second pipeline about 400 drifted transactions", self.infer_drifted),
            ("The pipeline's topic in the log", self.find_topic),
            ("Append a day of history, six hours of it drifted", self.append_history),
            ("Page everything back", self.page_back),
            ("An assay: hourly windows against the baseline", self.create_assay),
            ("List the assays of the pipeline", self.list_assays),
            ("Wait for the scheduler to analyse the day", self.wait_for_results),
            ("Deactivate the assay, activate it again", self.set_active),
            ("The oldest three records", self.get_baseline),
            ("Run the assay interactively", self.run_interactive),
            ("The same for an input", self.run_interactive_input),
            ("The baseline by itself", self.run_interactive_baseline),
            ("The stored results, under both names", self.get_results),
            ("Requests that are refused, and how", self.refusals),
            ("Which inputs moved in the drifted hours", self.rank_inputs),
            ("Drifted records of a quiet hour come late", self.append_late),
            ("That hour is analysed again, and the first result stays", self.both_revisions),
            ("Prove every result from the log", self.prove),
        ]

    def run(self):
        for number, (title, step) in enumerate(self.steps(), 1):
            self.screen.title(number, title)
            start = time.monotonic()
            try:
                step()
            except Failed as failure:
                raise Failed(f"step {number}, \"{title}\": {failure}") from failure
            if self.screen.quiet:
                took = milliseconds(time.monotonic() - start)
                print(f"ok {number:2}  {title:<56} {took:>10}", flush=True)
        self.connection.close()

    # Calls.

    def call(self, path, body=None, method="POST", content_type=None, status=200, asked=None,
             answered=None, hidden=(), is_shown=True):
        """One request; its answer, which has `status`. `asked` and `answered` are shown instead of
        what is, where given; `hidden` names members that are shown closed."""
        content = {} if content_type is None else {"content_type": content_type}
        try:
            answer = self.connection.send(method, path, body, **content)
        except Exception as error:
            raise Failed(f"{method} {path} got no answer ({error!r})") from error
        must(answer.status == status,
             f"{method} {path} answers {answer.status}, not {status}: {answer.problem}")
        if is_shown and not self.screen.quiet:
            self.screen.call(method, path, answer)
            if asked is None and body is not None:
                asked = abbreviated(body, hidden)
            if asked:
                self.screen.document("→", asked)
            self.screen.document("←", answered or abbreviated(answer.json(), hidden))
        return answer

    def ask(self, path, body, **options):
        return self.call("/v1/api/" + path, body, **options).json()

    # Workspace, model, pipeline.

    def list_features(self):
        found = self.ask("features/list", {})
        must(found["features"].get("plateau") == "true", "the feature \"plateau\" is not \"true\"")

    def create_workspace(self):
        found = self.ask("workspaces/create", {"workspace_name": "shop"})
        self.workspace_id = found["workspace_id"]
        must(isinstance(self.workspace_id, int), "workspace_id is no integer")

    def upload_model(self):
        model = (DATA / "models/card_fraud.onnx").read_bytes()
        body, content_type = model_upload(MODEL, self.workspace_id, model, "card_fraud.onnx")
        found = self.call(
            "/v1/api/models/upload_and_convert", body, content_type=content_type, status=202,
            asked=f"metadata: {{\"name\": \"{MODEL}\", …}}, file: card_fraud.onnx "
                  f"({len(model):,} bytes)").json()
        self.model_id = found["insert_models"]["returning"][0]["models"][0]["id"]

    def list_versions(self):
        versions = self.ask(
            "models/list_versions", {"model_id": MODEL, "models_pk_id": self.model_id})
        must(len(versions) == 1, f"{len(versions)} versions, not 1")
        version = versions[-1]
        must(version["status"] == "ready", f"the model is {version['status']}, not ready")
        self.model = {
            "name": MODEL, "version": version["model_version"], "sha": version["sha"]}

    def create_pipeline(self):
        self.pipeline_id, self.pipeline_version_id = self.created_pipeline(PIPELINE)

    def created_pipeline(self, name, **options):
        found = self.ask("pipelines/create", {
            "pipeline_id": name, "workspace_id": self.workspace_id,
            "definition": {"steps": [{"ModelInference": {"models": [self.model]}}]}}, **options)
        return found["pipeline_pk_id"], found["pipeline_variant_pk_id"]

    def deploy(self):
        self.deployment_id = self.deployed(PIPELINE, self.pipeline_id, self.pipeline_version_id)

    def deployed(self, name, pipeline_id, version_id, **options):
        return self.ask("pipelines/deploy", {
            "deploy_id": name, "pipeline_version_pk_id": version_id, "models": [self.model],
            "pipeline_id": pipeline_id}, **options)["id"]

    def find_url(self):
        found = self.ask("admin/get_pipeline_external_url", {
            "workspace_id": self.workspace_id, "pipeline_name": PIPELINE})
        expected = (f"{self.server.url}/v1/api/pipelines/infer/"
                    f"{PIPELINE}-{self.deployment_id}/{PIPELINE}")
        must(found["url"] == expected, f"the URL is {found['url']}, not {expected}")
        self.inference_url = found["url"]
        self.inference_path = found["url"][len(self.server.url):]

    def wait_until_it_runs(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        body = {"name": f"{PIPELINE}-{self.deployment_id}"}
        while True:
            found = self.ask("status/get_deployment", body, hidden=("engine_lbs",))
            if found["status"] == "Running":
                return
            must(time.monotonic() < deadline, f"it does not run after {PATIENCE_SECONDS} s")
            time.sleep(0.2)

    # Inferences and the baseline.

    def infer(self):
        self.sample_start = datetime.datetime.now(datetime.timezone.utc)
        self.answers = self.inferred(self.inference_path, self.sample, "transactions.json")
        must(len(self.answers) == 1000, f"{len(self.answers)} records answered, not 1000")
        expected = json.loads((DATA / "samples/expected_outputs.json").read_bytes())["values"]
        farthest = max(abs(answer["out.dense_1"][0] - value)
                       for answer, value in zip(self.answers, expected))
        must(farthest <= OUTPUT_TOLERANCE,
             f"an output is {farthest:.3g} from the expected one, more than {OUTPUT_TOLERANCE:g}")
        for asked, answer in zip(self.sample, self.answers):
            must(answer["in.dense_input"] == asked["dense_input"], "an input is not as it was sent")
        for answer in self.answers[:4]:
            first = ", ".join(f"{number:7.3f}" for number in answer["in.dense_input"][:5])
            output = answer["out.dense_1"][0]
            self.screen.note(f"{answer['time']}   in [{first}, …]   out {output:.8f}")
        self.screen.note(
            f"{len(self.answers):,} answers; the first {len(expected)} are within "
            f"{OUTPUT_TOLERANCE:g} of what was expected (the farthest: {farthest:.1g}).")

    def inferred(self, path, transactions, file_name):
        """The flat records that a pipeline answers."""
        body = (DATA / "samples" / file_name).read_bytes()
        answer = self.call(
            path + "?dataset.separator=.", body, content_type=RECORDS_TYPE,
            asked=f"Data/samples/{file_name}: " + abbreviated(transactions),
            answered="" if self.screen.quiet else None)
        return answer.json()

    def summarize(self):
        self.sample_window = self.window(self.sample_start, "24 hours", ANSWER_PATH)
        self.baseline = self.ask("assays/summarize", {
            "summarizer": SUMMARIZER, "baseline": {"fixed_window": self.sample_window}})
        self.check_summary(self.baseline, len(self.answers))
        outputs = [answer["out.dense_1"][0] for answer in self.answers]
        # The log keeps the model's 32-bit floats; answers are their shortest texts.
        for name, value in (("min", min(outputs)), ("max", max(outputs)),
                            ("mean", sum(outputs) / len(outputs))):
            must(abs(self.baseline[name] - value) <= 1e-6,
                 f"the baseline's {name} is {self.baseline[name]}, not about {value}")

    def check_summary(self, summary, count):
        must(summary["count"] == count,
             f"the summary is of {summary['count']} records, not {count}")
        must(len(summary["edges"]) == BIN_COUNT + 2 and summary["edges"][-1] is None,
             f"the edges are {summary['edges']}, not {BIN_COUNT + 1} numbers and null")
        total = sum(summary["aggregated_values"])
        must(abs(total - 1) < 1e-9, f"the shares of the bins add up to {total}, not 1")

    def infer_drifted(self):
        pipeline_id, version_id = self.created_pipeline(REHEARSAL, is_shown=False)
        deployment_id = self.deployed(REHEARSAL, pipeline_id, version_id, is_shown=False)
        path = f"/v1/api/pipelines/infer/{REHEARSAL}-{deployment_id}/{REHEARSAL}"
        self.drifted_answers = self.inferred(path, self.drifted, "transactions_drifted.json")
        must(len(self.drifted_answers) == len(self.drifted),
             f"{len(self.drifted_answers)} records answered, not {len(self.drifted)}")

    # The log.

    def find_topic(self):
        found = self.ask("plateau/get_topic_name", {"pipeline_pk_id": self.pipeline_id})
        self.topic_path = "/v1/logs/topic/" + found["topic_name"]
        self.partition_path = f"{self.topic_path}/partition/{ARCHIVE}"

    def append_history(self):
        self.history = self.made_history()
        first = [record for hour in self.history[:HOURS_AS_ONE_LIST] for record in hour]
        body = json.dumps(first, separators=(",", ":")).encode()
        self.append(body, RECORDS_TYPE, 0, len(first),
                    f"{HOURS_AS_ONE_LIST} hours as one JSON list", is_shown=True)
        end = len(first)
        byte_count, start = len(body), time.monotonic()
        for position, hour in enumerate(self.history[HOURS_AS_ONE_LIST:]):
            body = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in hour)
            self.append(body.encode(), LINES_TYPE, end, len(hour), "an hour as JSON lines",
                        is_shown=position == 0)
            end += len(hour)
            byte_count += len(body)
        took = time.monotonic() - start
        self.screen.note(
            f"… and {HISTORY_HOURS - HOURS_AS_ONE_LIST - 1} hours more as JSON lines, in "
            f"{milliseconds(took)}. In all {end:,} records, {byte_count / 1e6:.1f} MB of JSON, "
            f"from {clock(self.history_start)} to {clock(self.history_end)} UTC.")

    def made_history(self):
        """An hour a list: answers drawn from the sample, in the drifted hours from the drifted."""
        chance = random.Random(HISTORY_SEED)
        hours = []
        for hour in range(HISTORY_HOURS):
            count = chance.randint(*RECORDS_AN_HOUR)
            drawn = chance.sample(self.drifted_answers if hour in DRIFT else self.answers, count)
            start = epoch_milliseconds(self.history_start + hour * HOUR)
            moments = sorted(chance.sample(range(3_600_000), count))
            hours.append([{**record, "time": start + moment}
                          for record, moment in zip(drawn, moments)])
        return hours

    def append(self, body, content_type, first_index, count, what, is_shown):
        found = self.call(
            self.partition_path, body, content_type=content_type, is_shown=is_shown,
            asked=f"{what}: {count:,} records, {len(body):,} bytes").json()
        expected = {"span": {"start": first_index, "end": first_index + count}}
        must(found == expected, f"the append is answered with {found}, not {expected}")

    def page_back(self):
        expected = {ARCHIVE: [record for hour in self.history for record in hour],
                    "engine": self.answers}
        for partition, records in expected.items():
            found, page_count = self.paged(partition)
            self.must_equal(found, records, f"the partition {partition}")
            self.screen.note(f"{partition}: {len(found):,} records on {page_count} pages, each "
                             "equal to what was sent or answered.")
        spans = self.call(self.topic_path, method="GET").json()["partitions"]
        counts = {name: {"start": 0, "end": len(records)} for name, records in expected.items()}
        must(spans == counts, f"the spans are {spans}, not {counts}")

    def paged(self, partition):
        """All records of a partition, and on how many pages they came."""
        found, page_count, position = [], 0, {}
        query = f"records?partition_filter={partition}&page_size=1000&dataset.separator=."
        while True:
            answer = self.call(f"{self.topic_path}/{query}", position,
                               is_shown=partition == ARCHIVE and page_count == 0)
            found += answer.json()
            page_count += 1
            state = json.loads(answer.headers["x-iteration-status"])
            if partition == ARCHIVE and page_count == 1:
                self.screen.note("x-iteration-status: " + json.dumps(state))
            if state["status"] == "All":
                return found, page_count
            must(page_count < 100, "the pages do not end")
            position = state["next"]

    @staticmethod
    def must_equal(found, expected, what):
        must(len(found) == len(expected),
             f"{what}: {len(found)} records came back, not {len(expected)}")
        for index, (one, other) in enumerate(zip(found, expected)):
            if one != other:
                fields = [key for key in {**one, **other} if one.get(key) != other.get(key)]
                raise Failed(f"{what}: record {index} differs in {', '.join(fields)}: "
                             f"{one.get(fields[0])} came back, not {other.get(fields[0])}")

    # The assay.

    def window(self, start, width, path):
        return {
            "pipeline_name": PIPELINE, "model_name": MODEL, "width": width, "start": iso(start),
            "interval": width, "path": path, "workspace_id": self.workspace_id, "locations": []}

    def assay(self, window, baseline, run_until):
        return {
            "name": "fraud score, hourly", "pipeline_id": self.pipeline_id,
            "pipeline_name": PIPELINE, "active": True, "status": "created", "baseline": baseline,
            "window": window, "summarizer": SUMMARIZER, "warning_threshold": WARNING_THRESHOLD,
            "alert_threshold": ALERT_THRESHOLD, "run_until": iso(run_until),
            "workspace_id": self.workspace_id}

    def hourly(self, path, baseline):
        return self.assay(self.window(self.history_start, "1 hour", path), baseline,
                          self.history_end)

    def create_assay(self):
        body = self.hourly(ANSWER_PATH, {"static": self.baseline})
        found = self.ask("assays/create", body, hidden=("baseline", "summarizer"))
        self.assay_id = found["assay_id"]

    def list_assays(self):
        assays = self.ask("assays/list", {"pipeline_id": self.pipeline_id},
                          hidden=("baseline", "summarizer"))
        must([assay["id"] for assay in assays] == [self.assay_id],
             f"the list holds {[assay['id'] for assay in assays]}, not [{self.assay_id}]")
        must(assays[0]["active"] is True, "the assay is not active")
        must(assays[0]["baseline"]["static"] == self.baseline,
             "the static baseline in the list is not the one that was posted")

    def results_request(self):
        return {"assay_id": self.assay_id, "start": iso(self.history_start),
                "end": iso(self.history_end)}

    def wait_for_results(self):
        start = time.monotonic()
        while True:
            answer = self.call("/v1/api/assays/get_assay_results", self.results_request(),
                               is_shown=False)
            results = answer.json()
            if len(results) >= HISTORY_HOURS:
                break
            must(time.monotonic() < start + PATIENCE_SECONDS,
                 f"{len(results)} results after {PATIENCE_SECONDS} s, not {HISTORY_HOURS}")
            time.sleep(0.05)
        self.results = results
        self.check_results(results)
        self.screen.call("POST", "/v1/api/assays/get_assay_results", answer)
        self.screen.document("→", abbreviated(self.results_request()))
        self.screen.document("←", abbreviated(results, self.RESULT_HIDDEN))
        alerts = sum(result["status"] == "Alert" for result in results)
        self.screen.note(f"{len(results)} windows analysed {time.monotonic() - start:.1f} s after "
                         f"the first look; {alerts} of them alert.")

    def check_results(self, results):
        """Every window of the day, in order, and Alert in exactly the drifted ones."""
        must(len(results) == HISTORY_HOURS, f"{len(results)} results, not {HISTORY_HOURS}")
        for hour, result in enumerate(results):
            start = self.history_start + hour * HOUR
            name = f"the window {clock(start)}"
            must(parsed_moment(result["window_start"]) == start,
                 f"{name} starts at {result['window_start']}")
            count = len(self.history[hour])
            found = result["window_summary"]["count"]
            must(found == count, f"{name} is of {found} records, not {count}")
            must(len(result["scores"]) == BIN_COUNT + 2,
                 f"{name} has {len(result['scores'])} scores, not {BIN_COUNT + 2}")
            expected = "Alert" if hour in DRIFT else "Ok"
            must(result["status"] == expected,
                 f"{name} is {result['status']} with the score {result['score']}, not {expected}")
            must(result["assay_id"] == self.assay_id, f"{name} is of assay {result['assay_id']}")

    def set_active(self):
        for is_active in (False, True):
            body = {"id": self.assay_id, "active": is_active}
            found = self.ask("assays/set_active", body)
            must(found == body, f"the answer is {found}, not {body}")
            listed = self.ask("assays/list", {"pipeline_id": self.pipeline_id}, is_shown=False)
            must(listed[0]["active"] is is_active, f"the list says active: {listed[0]['active']}")

    def get_baseline(self):
        found = self.ask("assays/get_baseline", {
            "workspace_id": self.workspace_id, "pipeline_name": PIPELINE, "limit": 3})
        self.must_equal(found, self.history[0][:3], "the oldest records")

    def run_interactive(self):
        body = {**self.hourly(ANSWER_PATH, {"static": self.baseline}), "id": self.assay_id}
        found = self.ask("assays/run_interactive", body, hidden=self.RESULT_HIDDEN, asked=(
            f"the assay as it was created, with \"id\": {self.assay_id}"))
        self.check_results(found)
        for mine, stored in zip(found, self.results):
            for key in ("window_start", "window_summary", "baseline_summary", "score", "scores",
                        "status", "alert_threshold", "warning_threshold", "summarizer"):
                must(mine[key] == stored[key],
                     f"{key} of the window {stored['window_start']} is {mine[key]} when run "
                     f"interactively, but stored as {stored[key]}")
        self.screen.note(f"{len(found)} windows, each the same as the scheduler stored it.")

    def run_interactive_input(self):
        path = f"input dense_input {max(DRIFTED_INPUTS)}"
        window = {"fixed_window": {**self.sample_window, "path": path}}
        body = {**self.hourly(path, {"calculated": window}), "id": self.assay_id}
        found = self.ask("assays/run_interactive", body, hidden=self.RESULT_HIDDEN, asked=(
            f"… with \"path\": \"{path}\", and that input of the 1,000 as the baseline: "
            "{\"calculated\": {\"fixed_window\": …}}"))
        self.check_results(found)
        self.screen.note("The amount alone tells the drifted hours.")

    def run_interactive_baseline(self):
        body = {**self.hourly(ANSWER_PATH, {"static": self.baseline}), "id": self.assay_id}
        found = self.ask("assays/run_interactive_baseline", body, hidden=(
            "baseline_summary", "summarizer"), asked="the assay as it was created")
        must(found["status"] == "BaselineRun", f"the status is {found['status']}, not BaselineRun")
        must(found["score"] == 0, f"the score is {found['score']}, not 0")
        self.check_summary(found["window_summary"], len(self.answers))

    def get_results(self):
        limited = {"assay_id": self.assay_id, "pipeline_id": self.pipeline_id, "limit": 2}
        first = self.ask("assays/get_results", limited, hidden=self.RESULT_HIDDEN)
        must(first == self.results[:2], "the first two results are not the first two of all")
        other = self.ask("assays/get_assay_results", limited, is_shown=False)
        must(first == other, "get_results and get_assay_results answer differently")
        all_results = self.ask("assays/get_results", self.results_request(), is_shown=False)
        must(all_results == self.results, "activating the assay again has changed its results")
        self.screen.note("get_assay_results answers the same.")

    # What is refused.

    def refusals(self):
        before = self.call(self.topic_path, method="GET", is_shown=False).json()["partitions"]
        wide = {"summarizer": SUMMARIZER,
                "baseline": {"fixed_window": {**self.sample_window, "width": "banana"}}}
        self.refused("a width that is none", "banana", "/v1/api/assays/summarize", wide)
        elsewhere = {"summarizer": SUMMARIZER, "baseline": {
            "fixed_window": {**self.sample_window, "path": "output dense_9 0"}}}
        self.refused("a path that no record has", "dense_9", "/v1/api/assays/summarize", elsewhere)
        self.refused("a pipeline that is not there", "paymets", "/v1/api/assays/get_baseline",
                     {"workspace_id": self.workspace_id, "pipeline_name": "paymets"})
        narrow = json.dumps([{"dense_input": self.sample[0]["dense_input"][:-1]}]).encode()
        self.refused("28 numbers for a model of 29 inputs", "29", self.inference_path, narrow,
                     content_type=RECORDS_TYPE)
        torn = (json.dumps(self.history[0][0]) + "\n" + '{"time":12,"in.').encode()
        self.refused("records of which the second is torn", "1", self.partition_path, torn,
                     content_type=LINES_TYPE)
        self.refused("a topic of nobody", "no-such", "/v1/logs/topic/no-such/partition/p", b"[]",
                     content_type=RECORDS_TYPE, status=404)
        self.refused("the wrong method", "POST", "/v1/api/assays/list", None, method="GET",
                     status=405)
        after = self.call(self.topic_path, method="GET", is_shown=False).json()["partitions"]
        must(before == after, f"a refused request has left something: {before} became {after}")
        self.screen.note("None of them left anything in the log.")

    def refused(self, what, needle, path, body, status=400, **options):
        answer = self.call(path, body, status=status, is_shown=False, **options)
        must(answer.json().get("code") == status, f"the body's code is not {status}: {answer.body}")
        must(needle in answer.problem, f"\"{answer.problem}\" does not mention \"{needle}\"")
        self.screen.line(f"    {self.screen.styled(str(status), 'bold')}  {what}")
        for line in textwrap.wrap(answer.problem, self.screen.width - 9):
            self.screen.line("         " + self.screen.styled(line, "dim"))

    # What it means.

    def rank_inputs(self):
        start = self.history_start + DRIFT.start * HOUR
        end = self.history_start + DRIFT.stop * HOUR
        width = f"{len(DRIFT)} hours"
        scores = []
        for index in range(INPUT_COUNT):
            path = f"input dense_input {index}"
            baseline = {"calculated": {"fixed_window": {**self.sample_window, "path": path}}}
            body = self.assay(self.window(start, width, path), baseline, end)
            found = self.ask(
                "assays/run_interactive", body, is_shown=index == 0, hidden=self.RESULT_HIDDEN,
                asked=f"… with \"path\": \"{path}\" and one window of {width}, {clock(start)} to "
                      f"{clock(end)}")
            must(len(found) == 1, f"{len(found)} windows of {width}, not 1")
            scores.append((found[0]["score"], index, found[0]["status"]))
        scores.sort(reverse=True)
        self.ranked = scores
        self.screen.note(f"… and for the other {INPUT_COUNT - 1} inputs. The first of them:")
        for score, index, status in scores[:6]:
            self.screen.line(f"    dense_input {index:2}   {score:6.3f}   "
                             + self.screen.styled(f"{status:<8}", status)
                             + bar(score, scores[0][0]))
        found = {index for score, index, status in scores if status == "Alert"}
        must(found == DRIFTED_INPUTS,
             f"the inputs {sorted(found)} alert, not {sorted(DRIFTED_INPUTS)}")

    # Late records.

    def append_late(self):
        chance = random.Random(HISTORY_SEED + 1)
        start = epoch_milliseconds(self.history_start + LATE_HOUR * HOUR)
        late = [{**record, "time": start + chance.randrange(3_600_000)}
                for record in chance.sample(self.drifted_answers, LATE_COUNT)]
        first = sum(len(hour) for hour in self.history)
        body = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in late).encode()
        self.append(body, LINES_TYPE, first, len(late),
                    f"records of {clock(self.history_start + LATE_HOUR * HOUR)} UTC", is_shown=True)

    def both_revisions(self):
        start = self.history_start + LATE_HOUR * HOUR
        asked = {"assay_id": self.assay_id, "start": iso(start), "end": iso(start + HOUR),
                 "revisions": "all"}
        began = time.monotonic()
        while True:
            found = self.ask("assays/get_assay_results", asked, is_shown=False)
            if len(found) > 1:
                break
            must(time.monotonic() < began + LATE_PATIENCE_SECONDS,
                 f"the hour is not analysed again after {LATE_PATIENCE_SECONDS} s")
            time.sleep(0.2)
        took = time.monotonic() - began
        found = self.ask("assays/get_assay_results", asked, hidden=self.RESULT_HIDDEN)
        must([result["revision"] for result in found] == [1, 2], "there are other revisions than 1, 2")
        must([result["status"] for result in found] == ["Ok", "Alert"],
             f"the revisions say {[result['status'] for result in found]}, not Ok and Alert")
        must(found[1]["reason"] == "late", f"the reason is {found[1]['reason']}, not late")
        count = len(self.history[LATE_HOUR])
        must([result["window_summary"]["count"] for result in found] == [count, count + LATE_COUNT],
             "the revisions are of other records than those that were there")
        newest = self.ask("assays/get_assay_results", self.results_request(), is_shown=False)
        must(len(newest) == HISTORY_HOURS, f"{len(newest)} windows, not {HISTORY_HOURS}")
        must(newest[LATE_HOUR]["score"] == found[1]["score"], "the newest result is not the second")
        others = [result for hour, result in enumerate(newest) if hour != LATE_HOUR]
        known = [result for hour, result in enumerate(self.results) if hour != LATE_HOUR]
        must(others == known, "a window that no late record touched has another result")
        self.newest = newest
        self.screen.note(f"One new revision {took:.0f} s later, of that hour alone. Who acted on the first "
                         "still finds it.")

    def prove(self):
        command = [str(self.server.executable), "rebuild", "--data", str(self.server.data), "--verify",
                   "--json"]
        if not self.screen.quiet:
            self.screen.line("    " + shlex.join(command))
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        must(run.returncode == 0, f"{shlex.join(command)} ends with {run.returncode}: {run.stderr}")
        found = json.loads(run.stdout)
        must(found["equal"] == HISTORY_HOURS + 1 and found["different"] == 0,
             f"{found['equal']} results are equal and {found['different']} different, not "
             f"{HISTORY_HOURS + 1} and 0")
        must(found["settled"], "the history is not settled")
        if not self.screen.quiet:
            self.screen.document("←", json.dumps(found))
        self.screen.note("Each was worked out again from its definition, its baseline and the records that "
                         "it had seen: the same digest, the same bytes.")

    def verdict(self):
        screen = self.screen
        screen.line()
        screen.line("    " + screen.styled("window (UTC)     records    score  status", "bold"))
        highest = max(result["score"] for result in self.newest)
        for result in self.newest:
            status = result["status"]
            row = (f"{clock(parsed_moment(result['window_start']))}   "
                   f"{result['window_summary']['count']:9,}  {result['score']:7.3f}  {status:<8}")
            screen.line("    " + (screen.styled(row, status) if status != "Ok" else row)
                        + bar(result["score"], highest))
        alerts = [parsed_moment(result["window_start"]) for result in self.results
                  if result["status"] == "Alert"]
        moved = [f"dense_input {index} ({score:.2f})" for score, index, status in self.ranked
                 if status == "Alert"]
        sentence = (
            f"Since when, on which input: the model's answers drifted from {clock(alerts[0])} to "
            f"{clock(alerts[-1] + HOUR)} UTC, and what had moved was {', '.join(moved[:-1])} and "
            f"{moved[-1]}. The window of {clock(self.history_start + LATE_HOUR * HOUR)} was Ok until its "
            "late records came.")
        screen.line()
        for line in textwrap.wrap(sentence, screen.width - 4):
            screen.line("    " + screen.styled(line, "bold"))


# Around the story.

def how_to_go_on(story, screen, keeps, data):
    url = story.server.url
    body = json.dumps({"assay_id": story.assay_id})
    screen.line()
    if not keeps:
        screen.note("The server stops now and its data is removed. With --keep it stays, to be "
                    "asked further: Tools/dev demo --keep")
        return
    sample = os.path.relpath(DATA / "samples/transactions.json")
    print(f"""The server stays at {url} until Ctrl-C. Its data is in {data}.

The assay's results, and another thousand inferences:

    curl -s {url}/v1/api/assays/get_assay_results \\
        -H 'Content-Type: application/json' -d '{body}' | head -c 2000
    curl -s {story.inference_url} \\
        -H 'Content-Type: {RECORDS_TYPE}' -d @{shlex.quote(sample)} | head -c 700
""", flush=True)


def walk(arguments, screen, folder):
    data = pathlib.Path(arguments.data or folder / "data").resolve()
    question = "assaylog: has the model drifted, since when, on which input?"
    screen.line(screen.styled(question, "bold"))
    with running(arguments.server, data, folder / "server.log", arguments.port) as server:
        health, seconds = server.wait_until_healthy()
        runtime = health.json().get("onnxruntime")
        must(runtime, "the server has no ONNX Runtime, and the story needs a model that answers; "
                      "`Tools/dev setup` installs it, or set ASSAYLOG_ONNXRUNTIME to where it is:\n"
                      + server.last_words())
        screen.note(f"A server at {server.url}, up in {milliseconds(seconds)}, with ONNX Runtime "
                    f"{runtime}. Its data is in {data}.")
        story = Story(server, screen)
        try:
            story.run()
        except Failed as failure:
            raise Failed(f"{failure}\nThe server's last words:\n{server.last_words()}") from failure
        story.verdict()
        how_to_go_on(story, screen, arguments.keep, data)
        if arguments.keep:
            try:
                server.wait()
                raise Failed(f"the server ended by itself:\n{server.last_words()}")
            except KeyboardInterrupt:
                print("\nStopping …", flush=True)
        status = server.stop()
        must(status is not None,
             f"the server had not stopped {STOP_SECONDS_MAX:.0f} s after SIGTERM")
        must(status == 0, f"the server stopped with status {status}:\n{server.last_words()}")
    if arguments.keep:
        command = [str(arguments.server), "serve", "--data", str(data)]
        print(f"The data stays in {data}. To serve it again:\n\n    {shlex.join(command)}")


def main():
    parser = argparse.ArgumentParser(
        description="Walk through a whole drift story over HTTP, against a server started for it.")
    parser.add_argument("--server", required=True, type=pathlib.Path,
                        help="the assaylog executable")
    parser.add_argument("--port", type=int, help="the port to serve at; any free one by default")
    parser.add_argument("--data", help="an empty or new directory for the data, which then stays")
    parser.add_argument("--keep", action="store_true",
                        help="leave the server running until Ctrl-C, and its data on disk")
    parser.add_argument("--quiet", action="store_true", help="one line a step")
    arguments = parser.parse_args()
    if arguments.data and os.path.isdir(arguments.data) and os.listdir(arguments.data):
        parser.error(f"{arguments.data} is not empty; the story starts with a new directory")
    end_as_interrupted()
    screen = Screen(arguments.quiet)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assaylog-demo-"))
    start = time.monotonic()
    try:
        walk(arguments, screen, folder)
    except Failed as failure:
        print(f"\nThe demo failed. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.quiet:
        print(f"the demo took {time.monotonic() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
