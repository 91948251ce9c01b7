#!/usr/bin/env python3
"""Kills a server under load, again and again, and looks whether it kept its promises.

    python3 Tools/kill.py --server PATH [--rounds N] [--seed S]

Each round several threads append records to two pipelines and several partitions, ask the model
where ONNX Runtime is there, and create workspaces and assays, while an assay is analysed. At a
random moment the process is killed as a power cut of the process would end it (kill -9; the
simulation in Tests cuts the disk's power as well). Sometimes it is killed again while it recovers.
Then it is started on the same directory and everything is read back. After the last round it is
stopped in peace, started once more, and asked again.

The seed is printed first, with the command that repeats the same requests and moments. The threads
run as they run: a repetition kills at the same moment of another interleaving.

Invariants checked:
  * Every acknowledged record is there exactly once, at the address that it was given, equal in
    every field down to the texts of its numbers.
  * The records of a request without an answer are all there, in order, or none is, for ever; those
    of a refused request are not there.
  * Nothing else is there, and indexes are dense: each partition's span is the count of its records.
  * Acknowledged workspaces, pipelines and assays are as they were; those without an answer are
    there whole or not at all.
  * A result that was answered is answered again, or a later one for the same window.
  * After every kill appends and inferences go on.
  * A request with an Idempotency-Key that is sent again, once or more, before or after the kill,
    whether it was answered or not, is stored once, and answered with one address.
"""

import argparse
import datetime
import http.client
import json
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
from urllib.parse import quote

sys.dont_write_bytecode = True

from batches import Batch, digest, key_of  # noqa: E402: the line above must come first
from client import (  # noqa: E402
    Connection, Failed, Server, end_as_interrupted, exact, model_upload, must)

DATA = pathlib.Path(__file__).resolve().parents[1] / "Data"

# Appending threads by what they send; and the pause after each request, so that a round's records
# can be read back in a second or two.
LOADERS = [("single", 0.0), ("single", 0.0), ("lines", 0.005), ("lines", 0.02), ("list", 0.08),
           ("list", 0.15)]
INFERENCE_PAUSE_SECONDS = 0.01
CLERK_PAUSE_SECONDS = 0.03
WATCHER_PAUSE_SECONDS = 0.05
PARTITIONS = ["edge-1", "edge-2", "engine-b", "späti"]
KILL_SECONDS = (0.15, 1.6)
# Killed again while it recovers: in one of so many rounds, and when.
RECOVERY_KILL_ONE_IN = 3
RECOVERY_KILL_SECONDS = (0.0, 0.25)
ROUNDS_MAX = 1000
# Then a new directory is begun: reading everything back takes longer each round.
ROUNDS_A_DIRECTORY = 8
SECONDS_A_ROUND_MAX = 60
PAGE_SIZE = 10_000
DIFFERENCES_SHOWN = 5
# Windows of a second, soon analysed, so that decisions are in the log when it is cut.
SERVE_OPTIONS = ("--grace", "200 ms")
# Of the requests with a key that were sent before a kill, at most so many are sent again after it.
RETRIES_A_ROUND_MAX = 400

SUMMARIZER = {
    "type": "UnivariateContinuous", "bin_mode": "Quantile", "aggregation": "Density",
    "metric": "PSI", "num_bins": 5, "bin_weights": None, "provided_edges": None}
BASELINE = {"calculated": {"vector": [step / 50 for step in range(51)]}}


class Ledger:
    """What was asked for and what was answered: all that must be true after a kill."""

    def __init__(self, seed):
        self.seed = seed
        self.lock = threading.Lock()
        self.batches = []
        # Ids by name; None while there is no answer.
        self.workspaces = {}
        self.assays = {}
        # Whether an assay is active, by id; None while a change has no answer.
        self.is_active = {}
        # The newest result that was answered, by window.
        self.results = {}

    def new_batch(self, kind, target):
        with self.lock:
            batch = Batch(self.seed, len(self.batches), kind, target, int(time.time() * 1000))
            self.batches.append(batch)
            return batch

    def see(self, result):
        """Keeps a result that was answered; a sentence where it goes against an earlier one."""
        start = result["window_start"]
        before = self.results.get(start)
        self.results[start] = result
        if before is None:
            return None
        id, earlier = int(plain(result["id"])), int(plain(before["id"]))
        if id < earlier:
            return f"the window {start} has the result {id} again, after {earlier}"
        if id == earlier and result != before:
            fields = [field for field in before if result.get(field) != before[field]]
            return (f"the result {id} of the window {start} has changed in {', '.join(fields)}: "
                    f"{shortened(result.get(fields[0]))}, not {shortened(before[fields[0]])}")
        return None


class Site:
    """The pipelines that are asked, as the server named them."""

    def __init__(self, port, has_runtime, ledger):
        connection = Connection(port)
        self.workspace_id = ask(connection, "workspaces/create", {"workspace_name": "load"})[
            "workspace_id"]
        ledger.workspaces["load"] = self.workspace_id
        steps = []
        if has_runtime:
            model = (DATA / "models/card_fraud.onnx").read_bytes()
            body, content_type = model_upload("scorer", self.workspace_id, model, "scorer.onnx")
            answer = connection.send(
                "POST", "/v1/api/models/upload_and_convert", body, content_type)
            must(answer.status == 202, f"the upload answers {answer.status}: {answer.problem}")
            version = ask(connection, "models/list_versions", {"model_id": "scorer"})[-1]
            models = [
                {"name": "scorer", "version": version["model_version"], "sha": version["sha"]}]
            steps = [{"ModelInference": {"models": models}}]
        self.topics, self.pipeline_ids, self.inference_paths = [], [], {}
        for name in ("first", "second"):
            created = ask(connection, "pipelines/create", {
                "pipeline_id": name, "workspace_id": self.workspace_id,
                "definition": {"steps": steps}})
            self.pipeline_ids.append(created["pipeline_pk_id"])
            self.topics.append(self.topic(connection, created["pipeline_pk_id"]))
            if has_runtime:
                deployed = ask(connection, "pipelines/deploy", {
                    "deploy_id": name, "pipeline_id": created["pipeline_pk_id"],
                    "pipeline_version_pk_id": created["pipeline_variant_pk_id"], "models": models})
                path = f"/v1/api/pipelines/infer/{name}-{deployed['id']}/{name}"
                self.inference_paths[self.topics[-1]] = path
        self.start = datetime.datetime.now(datetime.timezone.utc)
        self.watched_id = self.create_assay(connection, "watched", True, ledger)
        connection.close()

    @staticmethod
    def topic(connection, pipeline_id):
        body = {"pipeline_pk_id": pipeline_id}
        return ask(connection, "plateau/get_topic_name", body)["topic_name"]

    def create_assay(self, connection, name, is_active, ledger):
        with ledger.lock:
            ledger.assays[name] = None
        created = ask(connection, "assays/create", {
            "name": name, "pipeline_id": self.pipeline_ids[0], "pipeline_name": "first",
            "active": is_active, "status": "created", "baseline": BASELINE, "window": {
                "pipeline_name": "first", "width": "1 second", "interval": "1 second",
                "start": self.start.isoformat(), "path": "output score 0",
                "workspace_id": self.workspace_id},
            "summarizer": SUMMARIZER, "alert_threshold": 0.25, "workspace_id": self.workspace_id})
        with ledger.lock:
            ledger.assays[name] = created["assay_id"]
            ledger.is_active[created["assay_id"]] = is_active
        return created["assay_id"]


def ask(connection, path, body):
    answer = connection.send("POST", "/v1/api/" + path, body)
    must(answer.status == 200, f"{path} answers {answer.status}: {answer.problem}")
    return answer.json()


# The load.

class Load:
    """Threads that ask until the server is killed. What they do to the ledger outlives them."""

    def __init__(self, server, site, ledger, seed):
        self.server = server
        self.site = site
        self.ledger = ledger
        self.is_over = threading.Event()
        self.failures = []
        jobs = [(self.append, kind, pause) for kind, pause in LOADERS]
        if site.inference_paths:
            jobs.append((self.infer,))
        jobs += [(self.keep_books,), (self.watch,)]
        self.threads = [
            threading.Thread(target=self.work, args=(random.Random(f"{seed}/{number}"), *job))
            for number, job in enumerate(jobs)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise Failed(self.failures[0])

    def work(self, chance, job, *arguments):
        connection = Connection(self.server.port)
        try:
            while not self.is_over.is_set():
                job(connection, chance, *arguments)
        except (OSError, http.client.HTTPException) as error:
            # No answer: that is what this is about, but only where we did it.
            if not self.is_over.is_set():
                self.failures.append(f"no answer from a server that nobody had killed: {error!r}")
        except Failed as failure:
            self.failures.append(str(failure))
        finally:
            connection.close()

    def append(self, connection, chance, kind, pause):
        target = (chance.choice(self.site.topics), chance.choice(PARTITIONS))
        batch = self.ledger.new_batch(kind, target)
        body, content_type = batch.body()
        # Half of the requests can be sent again, and some of those are at once.
        key = f"{self.ledger.seed}-{batch.number}" if chance.randrange(2) else None
        batch.key = key
        for _ in range(2 if key and chance.randrange(4) == 0 else 1):
            answer = connection.send("POST", append_path(target), body, content_type, key_header(key))
            if answer.status in (429, 503):
                # Sent again after the kill it may well be taken: then it counts as kept.
                batch.state, batch.key = ("refused", None) if batch.state == "sent" else (
                    batch.state, batch.key)
                self.is_over.wait(0.1)
                return
            settle(batch, answer)
        self.is_over.wait(pause * 2 * chance.random())

    def infer(self, connection, chance):
        topic = chance.choice(self.site.topics)
        batch = self.ledger.new_batch("inference", (topic, None))
        body, content_type = batch.body()
        path = self.site.inference_paths[topic] + "?dataset.separator=."
        batch.key = f"{self.ledger.seed}-{batch.number}" if chance.randrange(2) else None
        answer = connection.send("POST", path, body, content_type, key_header(batch.key))
        if answer.status in (429, 503):
            batch.state, batch.key = "refused", None
            self.is_over.wait(0.1)
            return
        must(answer.status == 200, f"an inference answers {answer.status}: {answer.problem}")
        batch.answer = answer.body
        batch.state = "acknowledged"
        self.is_over.wait(INFERENCE_PAUSE_SECONDS)

    def keep_books(self, connection, chance):
        """Creates workspaces and assays, activates and deactivates."""
        ledger, site = self.ledger, self.site
        self.is_over.wait(CLERK_PAUSE_SECONDS)
        known = [id for name, id in ledger.assays.items()
                 if id is not None and id != site.watched_id and ledger.is_active[id] is not None]
        choice = chance.randrange(3)
        if choice == 0:
            name = f"workspace {len(ledger.workspaces)}"
            with ledger.lock:
                ledger.workspaces[name] = None
            created = ask(connection, "workspaces/create", {"workspace_name": name})
            with ledger.lock:
                ledger.workspaces[name] = created["workspace_id"]
        elif choice == 1 or not known:
            site.create_assay(connection, f"assay {len(ledger.assays)}", False, ledger)
        else:
            id = chance.choice(known)
            wanted = not ledger.is_active[id]
            ledger.is_active[id] = None
            ask(connection, "assays/set_active", {"id": id, "active": wanted})
            ledger.is_active[id] = wanted

    def watch(self, connection, chance):
        for result in results(connection, self.site):
            problem = self.ledger.see(result)
            must(problem is None, problem)
        self.is_over.wait(WATCHER_PAUSE_SECONDS)


def key_header(key):
    return {"Idempotency-Key": key} if key else {}


def settle(batch, answer):
    """An append's answer: the first says where its records are, and each later one the same."""
    must(answer.status == 200, f"an append answers {answer.status}: {answer.problem}")
    span = answer.json()["span"]
    must(span["end"] - span["start"] == batch.count,
         f"{batch.count} records are acknowledged with the span {span}")
    must(batch.state != "acknowledged" or batch.first_index == span["start"],
         f"request {batch.number}, sent again with its key, is answered with the address "
         f"{span['start']}; its records are at {batch.first_index}")
    must(batch.state != "acknowledged" or "idempotent-replayed" in answer.headers,
         f"request {batch.number}, sent again with its key, is not said to be a repetition")
    batch.first_index = span["start"]
    batch.state = "acknowledged"


def send_again(port, site, batches):
    """Sends requests with keys once more, twice each; how many had been stored by the first time."""
    connection = Connection(port)
    stored_count = 0
    for batch in batches:
        body, content_type = batch.body()
        was_acknowledged = batch.state == "acknowledged"
        for attempt in range(2):
            if batch.kind == "inference":
                path = site.inference_paths[batch.target[0]] + "?dataset.separator=."
                answer = connection.send("POST", path, body, content_type, key_header(batch.key))
                must(answer.status == 200,
                     f"an inference answers {answer.status}: {answer.problem}")
                must(batch.state != "acknowledged" or answer.exact() == exact(batch.answer),
                     f"request {batch.number}, sent again with its key, is answered otherwise")
                batch.answer = answer.body
                batch.state = "acknowledged"
            else:
                answer = connection.send(
                    "POST", append_path(batch.target), body, content_type, key_header(batch.key))
                settle(batch, answer)
            must(attempt == 0 or "idempotent-replayed" in answer.headers,
                 f"request {batch.number}, sent three times, is not said to be a repetition")
            if attempt == 0 and not was_acknowledged:
                stored_count += "idempotent-replayed" in answer.headers
    connection.close()
    return stored_count


def append_path(target):
    topic, partition = target
    return f"/v1/logs/topic/{quote(topic, safe='')}/partition/{quote(partition, safe='')}"


def results(connection, site):
    answer = connection.send(
        "POST", "/v1/api/assays/get_assay_results", {"assay_id": site.watched_id})
    must(answer.status == 200, f"get_assay_results answers {answer.status}: {answer.problem}")
    return answer.exact()


# The judgement.

class Judgement:
    """Reads everything back and compares it with the ledger; settles what had no answer."""

    def __init__(self, port, site, ledger):
        self.connection = Connection(port)
        self.site = site
        self.ledger = ledger
        self.differences = []
        self.found_count = 0

    def differs(self, sentence):
        self.differences.append(sentence)

    def pass_sentence(self):
        self.judge_records()
        self.judge_workspaces()
        self.judge_assays()
        self.judge_results()
        self.connection.close()
        if self.differences:
            shown = "\n".join(
                "  * " + sentence for sentence in self.differences[:DIFFERENCES_SHOWN])
            more = len(self.differences) - DIFFERENCES_SHOWN
            raise Failed(f"{len(self.differences)} differences:\n{shown}"
                         + (f"\n  … and {more} more" if more > 0 else ""))

    # Records.

    def judge_records(self):
        # Where each key was found: (topic, partition, index), and its record's parts.
        places, records = {}, {}
        for topic in self.site.topics:
            for partition, found in self.partitions(topic):
                self.found_count += len(found)
                for index, record in enumerate(found):
                    key = key_of(record)
                    place = (topic, partition, index)
                    if key in places:
                        self.differs(f"{name(key)} is there twice, at {places[key]} and {place}")
                    places[key] = place
                    records[key] = record
        for batch in self.ledger.batches:
            self.judge_batch(batch, places, records)
        for key, place in places.items():
            self.differs(f"at {place} is a record that was never sent, or is gone for good: "
                         f"{shortened(records[key])}")

    def partitions(self, topic):
        """Each partition with all its records, in the order of their indexes."""
        answer = self.connection.send("GET", "/v1/logs/topic/" + quote(topic, safe=''))
        must(answer.status == 200, f"the topic answers {answer.status}: {answer.problem}")
        for partition, span in answer.json()["partitions"].items():
            found, next_index = [], 0
            while True:
                page = self.connection.send(
                    "POST", f"/v1/logs/topic/{quote(topic, safe='')}/records?page_size={PAGE_SIZE}"
                    f"&dataset.separator=.&partition_filter={quote(partition, safe='')}",
                    {partition: next_index})
                must(page.status == 200, f"a page answers {page.status}: {page.problem}")
                must("x-unseen-parts" not in page.headers,
                     f"{page.headers.get('x-unseen-parts')} parts of {topic} cannot be read")
                records = page.exact()
                found += records
                state = json.loads(page.headers["x-iteration-status"])
                must(state["next"][partition] == next_index + len(records),
                     f"{partition}: a page of {len(records)} records from {next_index} says that "
                     f"{state['next'][partition]} is next")
                next_index += len(records)
                if state["status"] == "All":
                    break
                must(records, f"{partition}: an empty page at {next_index} says {state['status']}")
            if span != {"start": 0, "end": len(found)}:
                self.differs(f"the span of {topic} / {partition} is {span}, but {len(found)} "
                             "records come back")
            yield partition, found

    def judge_batch(self, batch, places, records):
        """Takes the batch's records out of `places`."""
        expected = None
        if batch.digests is None:
            expected = batch.expected()
            keys = list(expected)
        else:
            keys = batch.keys()
        there = [key for key in keys if key in places]
        must_be_there = batch.state in ("acknowledged", "kept")
        must_be_absent = batch.state in ("refused", "absent")
        what = f"request {batch.number} ({batch.kind} of {batch.count}, {batch.state})"
        if there and (must_be_absent or len(there) < len(keys)):
            self.differs(f"{what}: {len(there)} of its records are there, "
                         f"the first at {places[there[0]]}")
        elif must_be_there and not there:
            self.differs(f"{what}: none of its records is there; "
                         f"the first had index {batch.first_index} of {batch.target}")
        elif there:
            self.judge_places(batch, what, [places[key] for key in keys])
            if expected is not None and not batch.is_settled:
                # Once more than is known beforehand: what was found now must be found for ever.
                for key in keys:
                    self.compare(what, key, batch.comparable(records[key]), expected[key])
                batch.digests = {key: digest(records[key]) for key in keys}
            else:
                for key in keys:
                    if digest(records[key]) != batch.digests[key]:
                        self.differs(f"{what}: {name(key)} is not as it was read before: "
                                     f"{shortened(records[key])}")
        for key in there:
            places.pop(key)
        batch.state = "kept" if there else "absent"

    def judge_places(self, batch, what, found):
        topic, partition, first = found[0]
        target = batch.target if batch.kind != "inference" else (batch.target[0], partition)
        if batch.first_index is None:
            batch.first_index = first
        wanted = [(*target, batch.first_index + position) for position in range(len(found))]
        if found != wanted:
            position = next(i for i in range(len(found)) if found[i] != wanted[i])
            self.differs(f"{what}: its record {position} is at {found[position]}, "
                         f"not at {wanted[position]}")

    def compare(self, what, key, found, expected):
        if found == expected:
            return
        for field in {**expected, **found}:
            one, other = found.get(field, "(absent)"), expected.get(field, "(absent)")
            if one != other:
                self.differs(f"{what}: {field} of {name(key)} is {shortened(one)}, "
                             f"not {shortened(other)}")

    # The catalogue and the assays.

    def judge_workspaces(self):
        ledger = self.ledger
        listed = ask(self.connection, "workspaces/list", {})["workspaces"]
        self.judge_names("workspace", listed, ledger.workspaces)
        for pipeline_id, topic in zip(self.site.pipeline_ids, self.site.topics):
            found = self.site.topic(self.connection, pipeline_id)
            if found != topic:
                self.differs(f"the topic of pipeline {pipeline_id} is {found}, not {topic}")

    def judge_names(self, what, listed, known):
        """Ids by name; those without an answer are settled."""
        found = {}
        for item in listed:
            if item["name"] in found:
                self.differs(f"the {what} \"{item['name']}\" is there twice")
            found[item["name"]] = item["id"]
            if item["name"] not in known:
                self.differs(f"the {what} \"{item['name']}\" was never asked for")
        if len(set(found.values())) != len(found):
            self.differs(f"two {what}s have one id: {found}")
        for title, id in list(known.items()):
            if id is None and title not in found:
                del known[title]
            elif id is None:
                known[title] = found[title]
            elif found.get(title) != id:
                self.differs(f"the {what} \"{title}\" has the id {found.get(title)}, not {id}")

    def judge_assays(self):
        ledger = self.ledger
        listed = ask(self.connection, "assays/list", {})
        self.judge_names("assay", listed, ledger.assays)
        ids = [assay["id"] for assay in listed]
        if ids != sorted(ids, reverse=True):
            self.differs(f"the assays are not listed newest first: {ids}")
        for assay in listed:
            wanted = ledger.is_active.get(assay["id"])
            if wanted is not None and assay["active"] != wanted:
                self.differs(
                    f"the assay {assay['id']} says active: {assay['active']}, not {wanted}")
            ledger.is_active[assay["id"]] = assay["active"]
            if assay["baseline"] != BASELINE or assay["window"]["path"] != "output score 0":
                self.differs(
                    f"the assay {assay['id']} is not as it was created: {shortened(assay)}")

    def judge_results(self):
        found = results(self.connection, self.site)
        for start in self.ledger.results.keys() - {result["window_start"] for result in found}:
            self.differs(f"the window {start} has no result any more")
        for result in found:
            problem = self.ledger.see(result)
            if problem is not None:
                self.differs(problem)


def plain(number):
    """A number's text, as `exact` marks it."""
    return number.lstrip("\0")


def name(key):
    return "record " + "/".join(str(part).lstrip("\0") for part in key or ("without a key",))


def shortened(value, limit=200):
    text = json.dumps(value, ensure_ascii=False).replace("\\u0000", "#")
    return text if len(text) <= limit else text[:limit] + " …"


# Rounds.

class Trial:
    """The rounds over one directory."""

    def __init__(self, executable, folder, seed):
        self.executable = executable
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.seed = seed
        self.chance = random.Random(seed)
        self.ledger = Ledger(seed)
        self.site = None
        self.server = None

    def serve(self):
        """Starts the server; the seconds to its first answer."""
        self.server = Server(self.executable, self.data, self.log, options=SERVE_OPTIONS)
        health, seconds = self.server.wait_until_healthy()
        if self.site is None:
            has_runtime = health.json().get("onnxruntime") is not None
            if not has_runtime:
                print("No ONNX Runtime is there: the rounds go without inferences.", flush=True)
            self.site = Site(self.server.port, has_runtime, self.ledger)
        return seconds

    def run(self, numbers):
        deadline = time.monotonic() + SECONDS_A_ROUND_MAX * (len(numbers) + 1)
        # An empty directory has its crashes too.
        self.kill_while_starting()
        self.serve()
        for number in numbers:
            must(time.monotonic() < deadline, "the rounds take too long")
            self.round(number)
        # Once more, in peace.
        status = self.server.stop()
        must(status == 0, f"after SIGTERM the server ended with {status}, not 0")
        seconds = self.serve()
        judgement = self.judge()
        print(f"stopped   {judgement.found_count:,} records found again   "
              f"up in {seconds * 1000:.0f} ms", flush=True)
        must(self.server.stop() == 0, "the server did not stop in peace")

    def round(self, number):
        load = Load(self.server, self.site, self.ledger, f"{self.seed}/{number}")
        moment = self.chance.uniform(*KILL_SECONDS)
        load.start()
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline and not load.failures:
            time.sleep(min(0.01, max(0.0, deadline - time.monotonic())))
        load.is_over.set()
        self.server.kill()
        load.join()
        fresh = [batch for batch in self.ledger.batches if not batch.is_settled]
        recovery_kill_count = self.kill_while_starting()
        acknowledged = sum(batch.count for batch in fresh if batch.state == "acknowledged")
        refused_count = sum(batch.state == "refused" for batch in fresh)
        flying = [batch for batch in fresh if batch.state == "sent"]
        seconds = self.serve()
        keyed = [batch for batch in fresh if batch.key and batch.state in ("sent", "acknowledged")]
        # Those without an answer first: it is them that a client would send again.
        keyed.sort(key=lambda batch: batch.state == "acknowledged")
        again = keyed[:RETRIES_A_ROUND_MAX]
        unanswered_count = sum(batch.state == "sent" for batch in again)
        stored_count = send_again(self.server.port, self.site, again)
        judgement = self.judge()
        kept = sum(batch.count for batch in flying if batch.state == "kept")
        times = f" and {recovery_kill_count}× while recovering" if recovery_kill_count else ""
        print(f"round {number:<3} killed after {moment:.2f} s{times}\n"
              f"          {acknowledged:,} records acknowledged in "
              f"{len(fresh) - len(flying) - refused_count:,} requests, "
              f"{sum(batch.count for batch in flying):,} in flight in {len(flying)} ({kept:,} kept)"
              + (f", {refused_count} requests refused" if refused_count else "")
              + f"\n          {len(again)} sent again with their keys, {unanswered_count} of them "
              f"without an answer before, of which {stored_count} had been stored"
              + f"\n          {judgement.found_count:,} found, {len(self.ledger.assays)} assays, "
              f"{len(self.ledger.results)} results; up in {seconds * 1000:.0f} ms", flush=True)

    def kill_while_starting(self):
        """Perhaps starts the server and kills it at once; how often it did."""
        count = 0
        while self.chance.randrange(RECOVERY_KILL_ONE_IN) == 0:
            self.server = Server(self.executable, self.data, self.log, options=SERVE_OPTIONS)
            time.sleep(self.chance.uniform(*RECOVERY_KILL_SECONDS))
            self.server.kill()
            count += 1
        return count

    def judge(self):
        judgement = Judgement(self.server.port, self.site, self.ledger)
        judgement.pass_sentence()
        return judgement


def main():
    parser = argparse.ArgumentParser(
        description="Kill a server under load, again and again, and look whether it kept its "
                    "promises.")
    parser.add_argument("--server", required=True, type=pathlib.Path,
                        help="the assaylog executable")
    parser.add_argument("--rounds", type=int, default=5, help="how many kills; 5 by default")
    parser.add_argument("--seed", type=int, help="of requests and moments; by default a new one")
    arguments = parser.parse_args()
    if not 1 <= arguments.rounds <= ROUNDS_MAX:
        parser.error(f"--rounds must be 1 to {ROUNDS_MAX}, not {arguments.rounds}")
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}: python3 Tools/kill.py --server {arguments.server} "
          f"--rounds {arguments.rounds} --seed {seed}", flush=True)
    end_as_interrupted()
    numbers = range(1, arguments.rounds + 1)
    try:
        for first in range(0, len(numbers), ROUNDS_A_DIRECTORY):
            part = numbers[first:first + ROUNDS_A_DIRECTORY]
            run_in_new_directory(arguments.server, f"{seed}/{first}", part)
    except Failed as failure:
        print(f"\nA promise is broken (seed {seed}). {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def run_in_new_directory(executable, seed, numbers):
    """Some rounds over one directory, which is removed unless something was wrong."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="assaylog-kill-"))
    trial = Trial(executable, folder, seed)
    is_evidence = False
    try:
        trial.run(numbers)
    except Failed as failure:
        is_evidence = True
        words = trial.server.last_words() if trial.server else ""
        raise Failed(f"{failure}\n\nThe data is kept in {folder}. The server's last words:\n"
                     f"{words}") from failure
    finally:
        if trial.server is not None and not trial.server.has_ended:
            trial.server.kill()
        if not is_evidence:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
