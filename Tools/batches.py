"""Numbered requests for kill.py: records of many kinds, made again from a seed whenever needed.

Invariants:
  * Every record of every request has a key of its own, and its key is found in what comes back.
  * The same seed and number make the same request, byte for byte; so nothing but the number is
    kept while it is on its way.
  * The records are as awkward as a client may send them: numbers not in their shortest text, of too
    many digits or past 64 bits, absent and null fields, nested and flat rows, wrong clocks.
"""

import hashlib
import json
import random
import struct

from client import LINES_TYPE, RECORDS_TYPE, exact

# The ways to send records, and how many one request has.
RECORD_COUNTS = {"single": (1, 1), "lines": (5, 50), "list": (300, 3000), "inference": (1, 40)}

INPUT_COUNT = 29
# In one of this many requests, something is unusual.
TIMELESS_ONE_IN = 12
WRONG_CLOCK_ONE_IN = 25
WRONG_TIMES = ["0", "-1", "253402300799000", "1"]
AWKWARD_NUMBERS = [
    "1.50", "1e3", "1E+2", "-0", "-0.0", "0.10", "1.0", "1", "5e-324", "1.7976931348623157e308",
    "12345678901234567890123", "-9223372036854775809", "18446744073709551616",
    "3.1415926535897932384626433832795", "0.30000000000000004",
    "100000000000000000000000.0", "2.5E-7"]
WORDS = ["", "card", "Zürich", "naïve \"quoted\"", "back\\slash", "line\nend", "日本", "😀", "tab\t"]


class Batch:
    """One request: where it goes, its records, and what became of it."""

    def __init__(self, seed, number, kind, target, now):
        chance = random.Random(f"{seed}/{number}")
        self.number = number
        self.kind = kind
        # A topic and a partition; an inference is named by its URL and its topic.
        self.target = target
        self.count = chance.randint(*RECORD_COUNTS[kind])
        self._seed = chance.random()
        self._now = now
        # "sent", "acknowledged" or "refused"; once looked for after a kill, "kept" or "absent".
        self.state = "sent"
        # Its Idempotency-Key, where it may be sent again.
        self.key = None
        # The indexes that the acknowledgement said, or that were found.
        self.first_index = None
        # The digests of its records, by key, once known.
        self.digests = None
        # An inference's answer: what must be found.
        self.answer = None

    @property
    def is_settled(self):
        return self.state in ("kept", "absent")

    @property
    def lacks_time(self):
        return self.kind == "inference" or self._chance("time").randrange(TIMELESS_ONE_IN) == 0

    def _chance(self, what):
        return random.Random(f"{self._seed}/{what}")

    def body(self):
        """The bytes to send, and their media type."""
        rows = self._rows()
        if self.kind == "lines":
            return ("\n".join(rows) + "\n").encode(), LINES_TYPE
        return ("[" + ",".join(rows) + "]").encode(), RECORDS_TYPE

    def _rows(self):
        if self.kind == "inference":
            return [self._question(position) for position in range(self.count)]
        chance = self._chance("rows")
        lacks_time, is_nested = self.lacks_time, chance.random() < 0.3
        styles = {name: chance.choice(STYLES) for name in ("amount", "vector", "score")}
        return [self._record(chance, position, styles, lacks_time, is_nested)
                for position in range(self.count)]

    def _record(self, chance, position, styles, lacks_time, is_nested):
        inputs = {
            "amount": styles["amount"](chance),
            "vector": "[" + ",".join(styles["vector"](chance) for _ in range(4)) + "]",
            "name": json.dumps(chance.choice(WORDS), ensure_ascii=chance.random() < 0.5)}
        unusual = chance.randrange(8)
        if unusual == 0:
            inputs["amount"] = "null"
        elif unusual == 1:
            del inputs["name"]
        elif unusual == 2:
            inputs["extra"] = '{"a":[1,2.50,null,{"b":"c"}],"d":%s}' % awkward(chance)
        elif unusual == 3:
            inputs["vector"] = "[]"
        groups = {
            "in": inputs, "out": {"score": f"[{styles['score'](chance)}]",
                                  "label": chance.choice(["true", "false"])},
            "metadata": {"number": str(self.number), "position": str(position)}}
        members = []
        if not lacks_time:
            wrong = chance.randrange(WRONG_CLOCK_ONE_IN) == 0 and position == 0
            time = chance.choice(WRONG_TIMES) if wrong else str(self._now - chance.randrange(4000))
            members.append(f'"time":{time}')
        for group, fields in groups.items():
            if is_nested:
                inside = ",".join(f'"{name}":{text}' for name, text in fields.items())
                members.append(f'"{group}":{{{inside}}}')
            else:
                members += [f'"{group}.{name}":{text}' for name, text in fields.items()]
        return "{" + ",".join(members) + "}"

    def _question(self, position):
        """A row for the model, whose first input says which row it is."""
        chance = self._chance(position)
        numbers = [f"0.{self.number:08}{position:04}"]
        numbers += [f"{chance.gauss(0, 1):.6f}" for _ in range(INPUT_COUNT - 1)]
        return '{"dense_input":[' + ",".join(numbers) + "]}"

    def expected(self):
        """The records by key, as they must come back in the flat form, with numbers' texts."""
        if self.answer is not None:
            return {key_of(record): record for record in exact(self.answer)}
        records = (flat(exact(row)) for row in self._rows())
        if self.kind == "inference":
            records = ({"in.dense_input": record["dense_input"]} for record in records)
        return {key_of(record): record for record in records}

    def keys(self):
        return list(self.digests or self.expected())

    def comparable(self, found):
        """What of a found record is known beforehand."""
        if self.kind == "inference" and self.answer is None:
            return {"in.dense_input": found.get("in.dense_input")}
        if self.kind != "inference" and self.lacks_time:
            return {name: value for name, value in found.items() if name != "time"}
        return found


def flat(record):
    result = {}
    for name, value in record.items():
        if name in ("in", "out", "metadata") and isinstance(value, dict):
            result.update((f"{name}.{field}", inside) for field, inside in value.items())
        else:
            result[name] = value
    return result


def key_of(record):
    """Which request and row a record is of; None for a record that we never sent."""
    if "metadata.number" in record:
        return (record["metadata.number"], record.get("metadata.position"))
    numbers = record.get("in.dense_input")
    return ("inference", numbers[0]) if isinstance(numbers, list) and numbers else None


def digest(record):
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=12).digest()


# Ways to write a number. Some make columns that compress by one rule, some that follow none.

def awkward(chance):
    return chance.choice(AWKWARD_NUMBERS)


def two_decimals(chance):
    return f"{chance.uniform(0, 900):.2f}"


def whole(chance):
    return str(chance.randrange(-5000, 5000))


def double(chance):
    return repr(chance.gauss(0, 1))


def single_precision(chance):
    return f"{struct.unpack('f', struct.pack('f', chance.random()))[0]:.9g}"


def mostly_plain(chance):
    return awkward(chance) if chance.randrange(20) == 0 else two_decimals(chance)


STYLES = [awkward, two_decimals, whole, double, single_precision, mostly_plain]
