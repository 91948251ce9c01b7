"""The pipelines, topics and assays that are asked, as the server named them."""

import datetime
import pathlib
from urllib.parse import quote

from client import Connection, model_upload, must

DATA = pathlib.Path(__file__).resolve().parents[2] / "Data"
SUMMARIZER = {
    "type": "UnivariateContinuous", "bin_mode": "Quantile", "aggregation": "Density",
    "metric": "PSI", "num_bins": 5, "bin_weights": None, "provided_edges": None}
BASELINE = {"calculated": {"vector": [step / 50 for step in range(51)]}}
# What the topic of passing records keeps.
PASSING_BYTES = 8_000
PARTITIONS = ["edge-1", "edge-2", "engine-b", "späti"]


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
        created = ask(connection, "pipelines/create", {
            "pipeline_id": "passing", "workspace_id": self.workspace_id, "definition": {"steps": []}})
        self.passing_topic = self.topic(connection, created["pipeline_pk_id"])
        answer = connection.send(
            "POST", f"/v1/logs/topic/{quote(self.passing_topic, safe='')}/retention",
            {"bytes": PASSING_BYTES})
        must(answer.status == 200, f"a retention answers {answer.status}: {answer.problem}")
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


def append_path(target):
    topic, partition = target
    return f"/v1/logs/topic/{quote(topic, safe='')}/partition/{quote(partition, safe='')}"


def results(connection, site):
    answer = connection.send(
        "POST", "/v1/api/assays/get_assay_results", {"assay_id": site.watched_id})
    must(answer.status == 200, f"get_assay_results answers {answer.status}: {answer.problem}")
    return answer.exact()
