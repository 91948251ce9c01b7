#!/usr/bin/env python3
"""Makes Data/models and Data/samples: the model and the transactions of the demo and of the tests.

Run:
    python3 Tools/sample/make.py            write the files (about ten seconds)
    python3 Tools/sample/make.py --check    make them in memory, compare with the files, and say
                                            whether outputs and drift are as promised below
    PYTHONPATH=PREFIX python3 Tools/sample/make.py --expected
                                            write expected_outputs.json by asking ONNX Runtime;
                                            PREFIX is where `pip install --target PREFIX
                                            onnxruntime==1.32.0` put it (this step wants numpy too)

The first two need Python 3.9 or later and nothing else. All is deterministic: the seeds stand
below, and every run writes the same bytes (transactions.py and network.py say how). The expected
outputs are the runtime's word, not ours, so another processor may differ in a float's last digits.

Promises, checked by --check on the network's own arithmetic:
  * Outputs are spread: no value repeats among the sample rows, a small share is above 0.9.
  * 200 rows drawn from the sample are as the sample: population stability index below 0.1.
  * The drifted rows are not: above 1. Both over 5 quantile bins of the sample's outputs.
"""

import json
import pathlib
import random
import struct
import sys
from math import log

import onnx_file as onnx
from network import UNITS, trained
from transactions import WIDTH, Population

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "Data"

TRAINING_SEED = 1
SAMPLE_SEED = 2
DRIFTED_SEED = 3
SAMPLE_ROWS = 1000
DRIFTED_ROWS = 400
EXPECTED_ROWS = 100

ROWS = "rows"  # The name of the size that is known at run time only.


def card_fraud(network):
    """The network as a model file: two fully connected layers, as float32."""
    transposed = [
        network.hidden[unit][feature] for feature in range(WIDTH) for unit in range(UNITS)]
    return onnx.model(
        "card_fraud",
        [onnx.node("Gemm", ["dense_input", "dense_weights", "dense_bias"], ["dense"]),
         onnx.node("Relu", ["dense"], ["dense_units"]),
         onnx.node("Gemm", ["dense_units", "dense_1_weights", "dense_1_bias"], ["dense_1_odds"]),
         onnx.node("Sigmoid", ["dense_1_odds"], ["dense_1"])],
        [onnx.constant("dense_weights", onnx.FLOAT32, [WIDTH, UNITS], transposed),
         onnx.constant("dense_bias", onnx.FLOAT32, [UNITS], network.hidden_bias),
         onnx.constant("dense_1_weights", onnx.FLOAT32, [UNITS, 1], network.output),
         onnx.constant("dense_1_bias", onnx.FLOAT32, [1], [network.output_bias])],
        [onnx.value("dense_input", onnx.tensor_type(onnx.FLOAT32, [ROWS, WIDTH]))],
        [onnx.value("dense_1", onnx.tensor_type(onnx.FLOAT32, [ROWS, 1]))])


def small_models():
    """Models of one or two nodes, each for one test of the room that runs models."""
    def tensor(name, element_type, shape):
        return onnx.value(name, onnx.tensor_type(element_type, shape))

    return {
        # Two inputs and two outputs, of different types and widths.
        "amounts_and_rates.onnx": onnx.model(
            "amounts_and_rates",
            [onnx.node("MatMul", ["amounts", "ones"], ["total"]),
             onnx.node("Mul", ["rates", "third"], ["thirds"])],
            [onnx.constant("ones", onnx.FLOAT32, [3, 1], [1.0, 1.0, 1.0]),
             onnx.constant("third", onnx.FLOAT64, [1], [1.0 / 3.0])],
            [tensor("amounts", onnx.FLOAT32, [ROWS, 3]), tensor("rates", onnx.FLOAT64, [ROWS, 2])],
            [tensor("total", onnx.FLOAT32, [ROWS, 1]), tensor("thirds", onnx.FLOAT64, [ROWS, 2])]),
        "whole_numbers.onnx": onnx.model(
            "whole_numbers",
            [onnx.node("Add", ["counts", "counts"], ["doubled"])], [],
            [tensor("counts", onnx.INT64, [ROWS, 4])], [tensor("doubled", onnx.INT64, [ROWS, 4])]),
        # The remaining types that are served: 32-bit integers and truth values, one a row.
        "small_types.onnx": onnx.model(
            "small_types",
            [onnx.node("Sub", ["days", "week"], ["days_left"]),
             onnx.node("Not", ["flag"], ["unset"])],
            [onnx.constant("week", onnx.INT32, [1], [7])],
            [tensor("days", onnx.INT32, [ROWS]), tensor("flag", onnx.BOOL, [ROWS])],
            [tensor("days_left", onnx.INT32, [ROWS]), tensor("unset", onnx.BOOL, [ROWS])]),
        # A model that fails on some inputs while it runs: there are three rates to look up.
        "lookup.onnx": onnx.model(
            "lookup", [onnx.node("Gather", ["rates", "index"], ["rate"])],
            [onnx.constant("rates", onnx.FLOAT32, [3], [0.5, 1.5, 2.5])],
            [tensor("index", onnx.INT64, [ROWS])], [tensor("rate", onnx.FLOAT32, [ROWS])]),
        # Valid models that are to be refused: texts in, a sequence out.
        "text_input.onnx": onnx.model(
            "text_input", [onnx.node("Identity", ["merchant"], ["same_merchant"])], [],
            [tensor("merchant", onnx.STRING, [ROWS, 1])],
            [tensor("same_merchant", onnx.STRING, [ROWS, 1])]),
        "sequence_output.onnx": onnx.model(
            "sequence_output", [onnx.node("SequenceConstruct", ["amounts"], ["amount_list"])], [],
            [tensor("amounts", onnx.FLOAT32, [ROWS, 3])],
            [onnx.value("amount_list",
                        onnx.sequence_type(onnx.tensor_type(onnx.FLOAT32, [ROWS, 3])))]),
        # A model that asks for bytes of a file outside its own folder.
        "weights_elsewhere.onnx": onnx.model(
            "weights_elsewhere", [onnx.node("Mul", ["amounts", "weights"], ["weighted"])],
            [onnx.constant_elsewhere("weights", onnx.FLOAT32, [3], "../samples/transactions.json")],
            [tensor("amounts", onnx.FLOAT32, [ROWS, 3])],
            [tensor("weighted", onnx.FLOAT32, [ROWS, 3])]),
    }


def records(rows):
    """Pandas-records JSON, one row a line."""
    lines = (json.dumps({"dense_input": row}, separators=(",", ":")) for row in rows)
    return ("[" + ",\n".join(lines) + "]\n").encode()


def made():
    """Every file but the expected outputs, by its path under Data, and what --check wants."""
    network = trained(TRAINING_SEED)
    sample, drifted = Population(SAMPLE_SEED), Population(DRIFTED_SEED)
    rows = [sample.transaction() for _ in range(SAMPLE_ROWS)]
    drifted_rows = [drifted.drifted() for _ in range(DRIFTED_ROWS)]
    files = {"models/" + name: content for name, content in small_models().items()}
    files["models/card_fraud.onnx"] = card_fraud(network)
    files["samples/transactions.json"] = records(rows)
    files["samples/transactions_drifted.json"] = records(drifted_rows)
    return files, network, rows, drifted_rows


def stability(baseline, window, bin_count=5):
    """Population stability index over the baseline's quantile bins; a bin is never emptier than
    one ten-thousandth, or its logarithm would be infinite."""
    ordered = sorted(baseline)
    edges = [ordered[len(ordered) * step // bin_count] for step in range(1, bin_count)]

    def shares(values):
        counts = [0] * bin_count
        for item in values:
            counts[sum(item >= edge for edge in edges)] += 1
        return [max(count / len(values), 0.0001) for count in counts]

    return sum((b - a) * log(b / a) for a, b in zip(shares(baseline), shares(window)))


def check():
    files, network, rows, drifted_rows = made()
    failures = [path for path, content in files.items()
                if not (DATA / path).exists() or (DATA / path).read_bytes() != content]
    for path in failures:
        print("differs from what this script makes: Data/" + path)

    outputs = [network.predict(row) for row in rows]
    drifted_outputs = [network.predict(row) for row in drifted_rows]
    high = sum(output > 0.9 for output in outputs) / len(outputs)
    ordered = sorted(outputs)
    print("sample outputs: least %.6f, median %.6f, greatest %.6f, share above 0.9 %.3f"
          % (ordered[0], ordered[len(ordered) // 2], ordered[-1], high))
    source = random.Random(4)
    drawn = [stability(outputs, source.sample(outputs, 200)) for _ in range(200)]
    again = Population(SAMPLE_SEED + 100)
    fresh = [stability(outputs, [network.predict(again.transaction()) for _ in range(200)])
             for _ in range(20)]
    shifted = stability(outputs, drifted_outputs)
    print("stability index: rows drawn from the sample at most %.3f, fresh rows at most %.3f, "
          "drifted rows %.3f" % (max(drawn), max(fresh), shifted))
    for promise, kept in [("outputs do not repeat", len(set(outputs)) == len(outputs)),
                          ("a small share is near one", 0.005 < high < 0.08),
                          ("drawn rows are stable", max(drawn) < 0.1),
                          ("drifted rows are not", shifted > 1)]:
        if not kept:
            failures.append(promise)
            print("not so: " + promise)
    sys.exit(1 if failures else 0)


def shortest(value):
    """The shortest text that reads back as the same float32."""
    packed = struct.pack("<f", value)
    for digits in range(1, 10):
        text = "%.*g" % (digits, value)
        if struct.pack("<f", float(text)) == packed:
            return repr(float(text))
    raise ValueError("not a finite float32: %r" % value)


def expected():
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(DATA / "models/card_fraud.onnx"), options, providers=["CPUExecutionProvider"])
    rows = json.loads((DATA / "samples/transactions.json").read_text())
    batch = numpy.array([row["dense_input"] for row in rows[:EXPECTED_ROWS]], dtype=numpy.float32)
    outputs = session.run(["dense_1"], {"dense_input": batch})[0]
    texts = ",\n".join(shortest(float(value)) for value in outputs[:, 0])
    head = ('{"model":"card_fraud.onnx","rows":"transactions.json","output":"dense_1",'
            '"onnxruntime":"%s",\n"values":[\n' % onnxruntime.__version__)
    write("samples/expected_outputs.json", (head + texts + "]}\n").encode())


def write(path, content):
    target = DATA / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    print("%8d bytes  Data/%s" % (len(content), path))


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    elif sys.argv[1:] == ["--expected"]:
        expected()
    elif not sys.argv[1:]:
        for path, content in sorted(made()[0].items()):
            write(path, content)
    else:
        sys.exit(__doc__)
