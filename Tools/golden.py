#!/usr/bin/env python3
"""Makes the golden directories of a storage format, once: files that tests read for ever.

    Tools/golden.py EXECUTABLE Data/golden/format-1

Refuses a directory that is there: what an older build wrote is not written again by a newer one. Each
directory holds `data/`, and what the executable said of it then: `answers.ndjson` and `check.json`.

    healthy     column blocks, small blocks that were rolled, every kind of column, sealed
    torn-tail   the same, then single records by a server that was killed, the last of them cut
    bit-flip    healthy, with one bit of one column wrong
    regrouped   a field redacted, records let go, segments made anew in groups
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

START = 1_704_758_400_000
TOPIC = "workspace-1-pipeline-fraud-inference"


def record(number):
    """A record with something of everything that a column can hold."""
    value = {
        "time": START + number * 1000 - (7000 if number % 50 == 3 else 0),
        "in.tensor": [number, 0.5, -1.25e-7 * number],
        "in.note": f"note {number % 7}",
        "in.flag": number % 3 == 0,
        "out.score": [round(number / 7, 4)],
        "out.count": number - 300,
        "metadata.last_model": json.dumps({"model_name": f"m{number % 2}", "model_sha": "00"}),
        "metadata.elapsed": [1000 + number, 2000],
    }
    if number % 5 == 0:
        value["out.label"] = None if number % 10 == 0 else "cat"
    if number % 11 == 0:
        value["in.ragged"] = list(range(number % 4))
    if number % 13 == 0:
        value["in.any"] = {"k": [number, "x", None]}
    return value


def lines(numbers):
    return "".join(json.dumps(record(n), separators=(",", ":")) + "\n" for n in numbers)


def run(executable, *arguments, text=None, fails=False):
    done = subprocess.run([executable, *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0 and not fails:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


def serve(executable, data):
    server = subprocess.Popen([executable, "serve", "--data", data, "--port", "0"], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        found = re.search(r"serves .* at (http://\S+)", line)
        if found:
            return server, found.group(1)
    sys.exit("the server does not start")


def post(url, body):
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/x-ndjson", "Idempotency-Key": "key-" + str(abs(hash(body)) % 997)})
    urllib.request.urlopen(request).read()


def segments(data):
    return sorted(name for name in os.listdir(data) if name.startswith("segment-"))


def note(executable, folder):
    """What is said of the directory today."""
    data = folder + "/data"
    answers = run(executable, "export", "--data", data, "--pipeline", "fraud", fails=True)
    check = json.loads(run(executable, "check", "--data", data, "--json", fails=True))
    open(folder + "/answers.ndjson", "w").write(answers)
    open(folder + "/check.json", "w").write(json.dumps(check, indent=1, sort_keys=True) + "\n")
    shutil.rmtree(data + "/derived", ignore_errors=True)
    for name in ("LOCK",):
        if os.path.exists(data + "/" + name):
            os.remove(data + "/" + name)


def main():
    executable, target = os.path.abspath(sys.argv[1]), sys.argv[2]
    if os.path.exists(target):
        sys.exit(f"{target} is there: golden directories are written once")
    healthy = target + "/healthy"
    os.makedirs(healthy)
    data = healthy + "/data"
    where = ["--data", data, "--workspace", "demo", "--pipeline", "fraud"]
    run(executable, "append", "--create", *where, "-", text=lines(range(0, 270)))
    run(executable, "append", *where, "--partition", "edge-1", "-", text=lines(range(270, 290)))
    run(executable, "append", *where, "-", text=lines(range(290, 560)))

    for name in ("torn-tail", "bit-flip", "regrouped"):
        os.makedirs(f"{target}/{name}")
        shutil.copytree(data, f"{target}/{name}/data")

    torn = f"{target}/torn-tail/data"
    server, url = serve(executable, torn)
    for number in range(560, 568):
        post(f"{url}/topic/{TOPIC}/partition/edge-1", lines([number]))
    server.send_signal(signal.SIGKILL)
    server.wait()
    last = torn + "/" + segments(torn)[-1]
    os.truncate(last, os.path.getsize(last) - 9)

    flipped = f"{target}/bit-flip/data"
    name = flipped + "/" + segments(flipped)[0]
    with open(name, "r+b") as file:
        size = os.path.getsize(name)
        file.seek(size // 2)
        byte = file.read(1)[0]
        file.seek(size // 2)
        file.write(bytes([byte ^ 4]))

    grouped = f"{target}/regrouped/data"
    run(executable, "redact", "--data", grouped, "--topic", TOPIC, "--field", "in.note", "--yes")
    run(executable, "retain", "--data", grouped, "--topic", TOPIC, "--bytes", "12000")
    run(executable, "compact", "--data", grouped)

    for name in ("healthy", "torn-tail", "bit-flip", "regrouped"):
        note(executable, f"{target}/{name}")
        print(name, os.listdir(f"{target}/{name}/data"))


if __name__ == "__main__":
    main()
