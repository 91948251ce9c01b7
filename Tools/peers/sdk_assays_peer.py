#!/usr/bin/env python3
"""Assays of both generations, asked by the wallaroo SDK's own generated client.

    python3 Tools/peers/sdk_assays_peer.py --server PATH

Every request is made of the SDK's own types, and every answer is parsed by its own `from_dict`: each
endpoint of /v2/api/assays, and /v1's filter, get_assay_by_id, get_assay_results and run_interactive.
`Tools/dev sdk` installs what it needs.
"""

import argparse
import datetime
import json
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from wallaroo.wallaroo_ml_ops_api_client import models as m  # noqa: E402: the path above must come first
from wallaroo.wallaroo_ml_ops_api_client.client import AuthenticatedClient  # noqa: E402
from wallaroo.wallaroo_ml_ops_api_client.api.assays import (  # noqa: E402
    get, get_by_id, get_next_run, get_results, preview, preview_baseline_binning, schedule, score, set_active)
from wallaroo.wallaroo_ml_ops_api_client.api.assay import (  # noqa: E402
    assays_filter, assays_get_assay_by_id, assays_get_assay_results, assays_run_interactive)
from client import (  # noqa: E402
    JSON_TYPE, RECORDS_TYPE, Connection, Failed, end_as_interrupted, must, running)


def walk(server):
    connection = Connection(server.port)

    def post(path, body, kind=JSON_TYPE):
        answer = connection.send("POST", path, json.dumps(body).encode(), kind)
        must(answer.status == 200, f"{path}: {answer.status} {answer.body[:400]}")
        return answer.json()

    post("/v1/api/workspaces/create", {"workspace_name": "risk"})
    post("/v1/api/pipelines/create", {"pipeline_id": "fraud", "workspace_id": 1, "definition": {}})
    now = int(time.time() * 1000)
    start = (now // 60000 - 10) * 60000
    rows = [{"time": start + 1000 * second, "out.score": [0.001 * (second % 97)], "in.age": float(second % 50)}
            for second in range(600) if not 180 <= second < 240]
    post("/v1/logs/topic/workspace-1-pipeline-fraud-inference/partition/engine", rows, RECORDS_TYPE)

    def moment(milliseconds):
        return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)

    sdk = AuthenticatedClient(base_url=server.url, token="t")

    def ask(endpoint, body):
        answer = endpoint.sync_detailed(client=sdk, body=body)
        must(answer.status_code == 200, f"{endpoint.__name__}: {answer.status_code} {answer.content[:400]}")
        return answer.parsed

    targeting = m.Targeting(
        data_origin=m.DataOrigin(pipeline_id=1, pipeline_name="fraud", workspace_id=1, workspace_name="risk"),
        iopath=[m.DataPath(field="out.score", indexes=[0], thresholds=m.Thresholds(alert=0.25, warning=0.1)),
                m.DataPath(field="in.age", thresholds=m.Thresholds(alert=0.25))])
    summarizer = m.SummarizerType0(m.UnivariateContinuous(
        m.Aggregation.DENSITY, m.BinModeType2(5), m.Metric.PSI))
    scheduling = m.Scheduling(
        first_run=moment(start + 60000),
        run_frequency=m.RunFrequencyType1(m.PGInterval(quantity=1, unit=m.IntervalUnit.MINUTE)))
    window = m.RollingWindow(width=m.WindowWidthDuration(seconds=60))
    static = m.BaselineType1([moment(start), moment(start + 180000)])

    summaries = ask(preview_baseline_binning, m.PreviewBaselineBinningBody(
        baseline=static, summarizer=summarizer, targeting=targeting))
    must(set(summaries.additional_properties) == {"out.score.0", "in.age"}, f"paths {summaries}")
    one = summaries["out.score.0"]
    must(one.statistics.count == 180 and one.bins.labels[0] == "< 20%" and one.bins.edges[-1] == "INFINITY", one)

    previews = ask(preview, m.PreviewBody(
        baseline=m.BaselineType0(summaries), preview_start=moment(start), preview_end=moment(start + 600000),
        scheduling=scheduling, summarizer=summarizer, targeting=targeting, window=window))
    full = [p for p in previews if len(p.summaries.additional_properties) > 0]
    must(len(previews) == 10 and len(full) == 9, f"{len(previews)} previews, {len(full)} with summaries")
    must(isinstance(full[0].scores["in.age"], m.ScoreData), full[0].scores)

    scores = ask(score, m.ScoreBody(
        baseline=static, summarizer=summarizer, targeting=targeting, window=m.Raw([0.01, 0.02])))
    must(isinstance(scores["in.age"], m.ScoreData), scores)

    uuid = ask(schedule, m.ScheduleBody(
        baseline=static, name="watch", scheduling=scheduling, summarizer=summarizer, targeting=targeting,
        window=window))
    by_id = ask(get_by_id, m.GetByIdBody(id=uuid))
    must(str(by_id.id) == str(uuid) and by_id.active, by_id)
    must("out.score.0" in by_id.baseline.summary.additional_properties, by_id.baseline)
    must(len(ask(get, m.GetBody(active=m.FilterOnActive.ALL))) == 1, "the list has one")
    def waiting_for(count, found):
        results = []
        for _ in range(300):
            results = found()
            if len(results) >= count:
                return results
            time.sleep(0.1)
        raise Failed(f"{len(results)} results of {count}")

    results = waiting_for(9, lambda: ask(get_results, m.GetResultsBody(id=uuid)))
    run = ask(get_next_run, m.GetNextRunBody(assay_id=uuid))
    must(isinstance(run.last_run, datetime.datetime) and run.next_run > run.last_run, run)
    empty = [r for r in results if len(r.summaries.additional_properties) == 0]
    must(len(empty) >= 1 and all(r.status == m.AssayStatus.WARNING for r in empty), empty)
    # The SDK builds its own results of these keys and no others.
    for result in results:
        m.AssayResultV2(**result.to_dict())
    answer = set_active.sync_detailed(client=sdk, body=m.SetActiveBody(active=False, assay_id=uuid))
    must(answer.status_code == 200, answer)
    must(len(ask(get, m.GetBody(active=m.FilterOnActive.INACTIVEONLY))) == 1, "it is paused")

    # A minute whose numbers are all null has no score, and the contract's words all the same.
    post("/v1/logs/topic/workspace-1-pipeline-fraud-inference/partition/engine",
         [{"time": start + 180000 + 1000 * second, "in.age": None} for second in range(60)], RECORDS_TYPE)
    definition = {
        "name": "first", "pipeline_id": 1, "pipeline_name": "fraud", "active": True, "status": "created",
        "baseline": {"calculated": {"vector": [1.0, 2.0, 3.0]}}, "alert_threshold": 0.25, "workspace_id": 1,
        "window": {"pipeline_name": "fraud", "path": "input age", "width": "1 minutes", "workspace_id": 1,
                   "start": moment(start).isoformat()},
        "summarizer": {"type": "UnivariateContinuous", "bin_mode": "Quantile", "aggregation": "Density",
                       "metric": "PSI", "num_bins": 3},
        "created_at": moment(now).isoformat(), "run_until": moment(start + 600000).isoformat()}
    created = post("/v1/api/assays/create", definition)
    first = ask(assays_get_assay_by_id, m.AssaysGetAssayByIdBody(id=created["assay_id"]))
    must(first.workspace_name == "risk" and first.next_run, first)
    for order in m.AssaysFilterBodySortBy:
        found = ask(assays_filter, m.AssaysFilterBody(workspace_id=1, pipeline_id=1, sort_by=order))
        must(len(found) == 1 and found[0].name == "first", found)


    def scored(found):
        scoreless = [r for r in found if r.score is None]
        must(len(scoreless) == 1 and scoreless[0].status == "Warning", f"{len(scoreless)} without a score")
        must(len(found) == 10, f"{len(found)} results of the first generation")

    asked = m.AssaysGetAssayResultsBody(
        assay_id=created["assay_id"], start=moment(start), end=moment(start + 600000))
    scored(waiting_for(10, lambda: ask(assays_get_assay_results, asked)))
    scored(ask(assays_run_interactive, m.AssaysRunInteractiveBody.from_dict(definition)))
    print(f"{len(results)} results, {len(previews)} previews: every answer was parsed by the SDK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="the assaylog executable")
    server = parser.parse_args().server
    end_as_interrupted()
    with tempfile.TemporaryDirectory() as folder:
        with running(server, folder + "/data", folder + "/log") as process:
            process.wait_until_healthy()
            walk(process)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")
