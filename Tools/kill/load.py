"""The load: threads that ask until the server is killed.

Half of the requests that bring records have an Idempotency-Key, and some of those are sent again at once.
"""

from client import Connection, exact, must
from crew import Crew
from place import PARTITIONS, append_path, ask, results

# Appending threads by what they send; and the pause after each request, so that a round's records
# can be read back in a second or two.
LOADERS = [("single", 0.0), ("single", 0.0), ("lines", 0.005), ("lines", 0.02), ("list", 0.08),
           ("list", 0.15)]
INFERENCE_PAUSE_SECONDS = 0.01
CLERK_PAUSE_SECONDS = 0.03
WATCHER_PAUSE_SECONDS = 0.05


class Load(Crew):
    """Threads that ask until the server is killed. What they do to the ledger outlives them."""

    def __init__(self, server, site, ledger, seed):
        self.site = site
        self.ledger = ledger
        jobs = [(self.append, kind, pause) for kind, pause in LOADERS]
        if site.inference_paths:
            jobs.append((self.infer,))
        jobs += [(self.keep_books,), (self.watch,)]
        super().__init__(server, f"{seed}/", [(self.repeat, *job) for job in jobs])

    def repeat(self, connection, chance, job, *arguments):
        while not self.is_over.is_set():
            job(connection, chance, *arguments)

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
