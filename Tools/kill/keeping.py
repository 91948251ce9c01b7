"""Housekeeping while the server is killed: compaction, retention, redaction, and snapshots beside it.

A pipeline of its own has records that pass: the topic keeps few bytes, and a field of it is redacted again
and again, which seals and rewrites segments of all topics under the load of the others.

Invariants checked:
  * Record n of the passing topic is at index n, in its place. Retention lets blocks go, the oldest first,
    and what still waits to become one stays: nothing of what went comes back, and what came after
    retention was last asked for is there.
  * What was acknowledged before a redaction that was answered is without the field, for ever; what was
    sent after the last redaction has it.
  * A snapshot whose command ended well restores, passes `check`, and holds every request that was
    acknowledged before it was begun; of the others each wholly or not at all. One that was cut off is
    refused with its reason, or is as good.
"""

import json
import random
import shutil
import subprocess
import threading
import time
from urllib.parse import quote

from batches import digest, key_of
from client import exact, must
from crew import Crew
from ledger import name
from place import append_path

PARTITION = "p"
PASSING_PAUSE_SECONDS = 0.01
KEEPING_PAUSE_SECONDS = 0.02
SNAPSHOT_SECONDS = (0.0, 1.0)
COMMAND_SECONDS_MAX = 60
# Beyond this the server carries retention out by itself, and nobody knows when.
BACKGROUND_SECONDS = 25
PAGE_SIZE = 10_000


class Passing:
    """What was sent to the passing topic, and what was asked of it."""

    def __init__(self):
        self.lock = threading.Lock()
        # Records acknowledged or found, and of the request under way; there is one at a time.
        self.count = 0
        self.flying_count = 0
        # Records before these are surely without the field; from here on they have it.
        self.redacted_until = 0
        self.redaction_reach = 0
        # What retention may have let go by now, and what it has.
        self.retention_reach = 0
        self.gone = set()

    @property
    def sent_count(self):
        return self.count + self.flying_count

    @staticmethod
    def record(number):
        return {"time": 1_704_826_800_000 + number, "in.secret": f"Erika-{number}",
                "in.number": number,
                # Eight bytes that no codec makes fewer, so that the topic's bound is reached.
                "in.noise": random.Random(number).random()}

    def judge(self, connection, topic, server_seconds):
        """Reads the passing topic back; how many records are there."""
        found, start = [], 0
        while True:
            page = connection.send(
                "POST", f"/v1/logs/topic/{quote(topic, safe='')}/records?page_size={PAGE_SIZE}"
                "&dataset.separator=.", {PARTITION: start})
            must(page.status == 200, f"a page answers {page.status}: {page.problem}")
            must("x-unseen-parts" not in page.headers, f"parts of {topic} cannot be read")
            found += page.json()
            state = json.loads(page.headers["x-iteration-status"])
            if state["status"] == "All":
                break
            start = state["next"][PARTITION]
        numbers = [record["in.number"] for record in found]
        total = self.count
        if numbers and numbers[-1] >= self.count:
            total = self.sent_count
        must(all(one < other for one, other in zip(numbers, numbers[1:]))
             and (not numbers or numbers[-1] < total),
             f"the passing topic's {len(numbers)} records are not in their order, or more than the "
             f"{self.count} that were acknowledged and {self.flying_count} under way")
        gone = set(range(total)) - set(numbers)
        must(self.gone <= gone,
             f"{len(self.gone - gone)} records of the passing topic are back that had gone")
        reach = total if server_seconds > BACKGROUND_SECONDS else self.retention_reach
        must(max(gone, default=-1) < reach,
             f"record {max(gone, default=-1)} of the passing topic has gone, of {total}; retention "
             f"was asked for those before {reach}")
        for number, record in zip(numbers, found):
            wanted = self.record(number)
            is_there = "in.secret" in record
            must(not (is_there and number < self.redacted_until),
                 f"record {number} has the redacted field; {self.redacted_until} were redacted")
            must(is_there or number < self.redaction_reach,
                 f"record {number} lost a field; redactions reached {self.redaction_reach}")
            if not is_there:
                del wanted["in.secret"]
            must(record == wanted, f"record {number} of the passing topic is {record}")
        self.count, self.flying_count, self.gone = total, 0, gone
        return len(found)


class Keeper(Crew):
    """A round's housekeeping: threads that ask until the server is killed."""

    def __init__(self, server, site, ledger, passing, seed):
        self.site = site
        self.ledger = ledger
        self.passing = passing
        self.answer_count = 0
        self.snapshot = None
        super().__init__(
            server, f"{seed}/keeper ", [(self.append,), (self.keep,), (self.take_snapshot,)])

    def append(self, connection, chance):
        passing = self.passing
        while not self.is_over.is_set():
            count = chance.choice([1, 3, 300])
            first = passing.count
            records = [passing.record(first + position) for position in range(count)]
            with passing.lock:
                passing.flying_count = count
            answer = connection.send(
                "POST", append_path((self.site.passing_topic, PARTITION)), records)
            if answer.status in (429, 503):
                with passing.lock:
                    passing.flying_count = 0
                self.is_over.wait(0.1)
                continue
            must(answer.status == 200, f"an append answers {answer.status}: {answer.problem}")
            must(answer.json()["span"] == {"start": first, "end": first + count},
                 f"records {first} to {first + count} have the span {answer.json()['span']}")
            with passing.lock:
                passing.count, passing.flying_count = first + count, 0
            self.is_over.wait(PASSING_PAUSE_SECONDS)

    def keep(self, connection, chance):
        passing = self.passing
        while not self.is_over.is_set():
            with passing.lock:
                acknowledged = passing.count
            try:
                if chance.randrange(3):
                    path, body = "/v1/logs/compact", {}
                else:
                    topic = quote(self.site.passing_topic, safe="")
                    path, body = f"/v1/logs/topic/{topic}/redact", {"field": "in.secret"}
                answer = connection.send("POST", path, body)
            finally:
                # Answered or not, it may have reached what was sent meanwhile.
                with passing.lock:
                    if "field" in body:
                        passing.redaction_reach = passing.sent_count
                    passing.retention_reach = passing.sent_count
            must(answer.status == 200, f"{path} answers {answer.status}: {answer.problem}")
            must(answer.json()["problems"] == [], f"{path}: {answer.json()['problems']}")
            if "field" in body:
                passing.redacted_until = max(passing.redacted_until, acknowledged)
            self.answer_count += 1
            self.is_over.wait(KEEPING_PAUSE_SECONDS * chance.random())

    def take_snapshot(self, connection, chance):
        self.is_over.wait(chance.uniform(*SNAPSHOT_SECONDS))
        if self.is_over.is_set():
            return
        self.snapshot = SnapshotTrial(self.server, self.ledger)
        self.snapshot.start()
        must_end = chance.randrange(2) == 0
        while not self.snapshot.has_ended:
            if self.is_over.is_set() and not must_end:
                return self.snapshot.kill()
            time.sleep(0.002)


class SnapshotTrial:
    """A snapshot taken beside the server, in a process that may be killed."""

    def __init__(self, server, ledger):
        self.executable = server.executable
        self.data = server.data
        self.folder = server.data.parent
        with ledger.lock:
            batches = list(ledger.batches)
        self.promised = [batch for batch in batches if batch.state in ("acknowledged", "kept")]
        self._process = None

    def start(self):
        for directory in ("backup", "restored"):
            shutil.rmtree(self.folder / directory, ignore_errors=True)
        self._process = subprocess.Popen(
            [str(self.executable), "snapshot", "--data", str(self.data),
             "--to", str(self.folder / "backup")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    @property
    def has_ended(self):
        return self._process.poll() is not None

    def kill(self):
        self._process.kill()

    def judge(self, ledger):
        """What became of it, in a word."""
        _, words = self._process.communicate(timeout=COMMAND_SECONDS_MAX)
        was_killed = self._process.returncode < 0
        must(was_killed or self._process.returncode == 0,
             f"a snapshot beside a server fails: {words.decode()}")
        status, _, words = self.run("restore", "--from", self.folder / "backup",
                                    "--data", self.folder / "restored")
        if was_killed and status != 0:
            must("snapshot" in words, f"a snapshot that was cut off is refused with: {words}")
            return "cut off"
        must(status == 0, f"a snapshot does not restore: {words}")
        status, found, words = self.run("check", "--data", self.folder / "restored")
        must(status == 0, f"a restored snapshot has findings: {found} {words}")
        self.judge_records(ledger)
        return "whole"

    def judge_records(self, ledger):
        found = {}
        for pipeline in ("first", "second"):
            status, lines, words = self.run(
                "export", "--data", self.folder / "restored", "--pipeline", pipeline)
            must(status == 0, f"a restored snapshot is not exported: {words}")
            for line in lines.splitlines():
                record = exact(line)
                must(key_of(record) not in found,
                     f"{name(key_of(record))} is in a snapshot twice")
                found[key_of(record)] = record
        promised = set(map(id, self.promised))
        for batch in ledger.batches:
            if batch.state == "absent":
                continue
            keys = batch.keys()
            there = [key for key in keys if key in found]
            must(len(there) in (0, len(keys)),
                 f"{len(there)} of {len(keys)} records of request {batch.number} are in a snapshot")
            must(there or id(batch) not in promised,
                 f"request {batch.number}, acknowledged before a snapshot was begun, is not in it")
            for key in there:
                must(batch.digests is None or digest(found[key]) == batch.digests[key],
                     f"{name(key)} is another one in a snapshot")
                del found[key]
        must(not found, f"a snapshot holds {len(found)} records that the server does not")

    def run(self, *arguments):
        done = subprocess.run(
            [str(self.executable), *map(str, arguments)], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False)
        return done.returncode, done.stdout, done.stderr
