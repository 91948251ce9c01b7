#!/usr/bin/env python3
"""Kills a server under load, again and again, and looks whether it kept its promises.

    python3 Tools/kill.py --server PATH [--rounds N] [--seed S]

Each round several threads append records to two pipelines and several partitions, ask the model
where ONNX Runtime is there, and create workspaces and assays, while an assay is analysed, segments
are compacted, records let go by retention, a field redacted, and a snapshot taken. At a random
moment the process is killed as a power cut of the process would end it (kill -9; the
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
  * What kill/keeping.py says of compaction, retention, redaction and snapshots.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent / "kill"))

from client import Connection, Failed, Server, end_as_interrupted, must  # noqa: E402: the lines above come first
from judgement import Judgement  # noqa: E402
from keeping import Keeper, Passing  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import Load, send_again  # noqa: E402
from place import Site  # noqa: E402

KILL_SECONDS = (0.15, 1.6)
# Killed again while it recovers: in one of so many rounds, and when.
RECOVERY_KILL_ONE_IN = 3
RECOVERY_KILL_SECONDS = (0.0, 0.25)
ROUNDS_MAX = 1000
# Then a new directory is begun: reading everything back takes longer each round.
ROUNDS_A_DIRECTORY = 8
SECONDS_A_ROUND_MAX = 60
# Windows of a second, soon analysed, so that decisions are in the log when it is cut.
SERVE_OPTIONS = ("--grace", "200 ms")
# Of the requests with a key that were sent before a kill, at most so many are sent again after it.
RETRIES_A_ROUND_MAX = 400


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
        self.passing = Passing()
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
        keeper = Keeper(
            self.server, self.site, self.ledger, self.passing, f"{self.seed}/{number}")
        moment = self.chance.uniform(*KILL_SECONDS)
        load.start()
        keeper.start()
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline and not (load.failures or keeper.failures):
            time.sleep(min(0.01, max(0.0, deadline - time.monotonic())))
        load.is_over.set()
        keeper.is_over.set()
        self.server.kill()
        load.join()
        keeper.join()
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
        snapshot = keeper.snapshot.judge(self.ledger) if keeper.snapshot else "not begun"
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
              f"{len(self.ledger.results)} results; up in {seconds * 1000:.0f} ms"
              + f"\n          {keeper.answer_count} compactions and redactions answered, "
              f"{len(self.passing.gone):,} of {self.passing.count:,} passing records let go, "
              f"snapshot {snapshot}", flush=True)

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
        connection = Connection(self.server.port)
        self.passing.judge(
            connection, self.site.passing_topic, time.monotonic() - self.server.started_at)
        connection.close()
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
