"""What was asked for and what was answered: all that must be true after a kill."""

import json
import threading
import time

from batches import Batch


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


def plain(number):
    """A number's text, as `exact` marks it."""
    return number.lstrip("\0")


def name(key):
    return "record " + "/".join(str(part).lstrip("\0") for part in key or ("without a key",))


def shortened(value, limit=200):
    text = json.dumps(value, ensure_ascii=False).replace("\\u0000", "#")
    return text if len(text) <= limit else text[:limit] + " …"
