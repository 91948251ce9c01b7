"""The judgement: everything is read back and compared with the ledger.

Invariants:
  * What had no answer is settled by what is found: there, whole and in order, or not there; for ever.
"""

import json
from urllib.parse import quote

from batches import digest, key_of
from client import Connection, Failed, must
from ledger import name, shortened
from place import BASELINE, ask, results

PAGE_SIZE = 10_000
DIFFERENCES_SHOWN = 5


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
