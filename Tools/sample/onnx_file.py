"""Writes ONNX model files: just as much of the protobuf format as our sample models need.

Why our own encoder and not the `onnx` package: the models here are a handful of nodes, the part of
the format they need is the fifty lines below, and so the sample can be made again on any machine
that has Python and nothing else, now and in ten years.

A protobuf message is a run of fields. A field is a key (field number * 8 + wire type) and a value:
wire type 0 is a varint, wire type 2 is a byte count and as many bytes (texts, packed lists, nested
messages). The field numbers below are those of the ONNX schema, onnx.proto3.

Invariant: equal arguments give equal bytes. Fields are written in ascending order and nothing
depends on a dictionary's or a machine's order.
"""

import struct

IR_VERSION = 8
OPSET_VERSION = 13

# Element types by their numbers in the schema (TensorProto.DataType).
FLOAT32, INT32, INT64, STRING, BOOL, FLOAT64 = 1, 6, 7, 8, 9, 11
PACKING = {FLOAT32: "f", INT32: "i", INT64: "q", FLOAT64: "d"}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field * 8) + varint(value)


def blob(field, value):
    if isinstance(value, str):
        value = value.encode()
    return varint(field * 8 + 2) + varint(len(value)) + value


def constant(name, element_type, shape, values):
    """A TensorProto: a named array that is part of the model (an initializer)."""
    dims = b"".join(varint(size) for size in shape)
    raw = struct.pack("<%d%s" % (len(values), PACKING[element_type]), *values)
    return blob(1, dims) + number(2, element_type) + blob(8, name) + blob(9, raw)


def constant_elsewhere(name, element_type, shape, location):
    """A TensorProto whose values are claimed to lie in another file, at `location`."""
    entry = blob(1, "location") + blob(2, location)
    dims = b"".join(varint(size) for size in shape)
    return blob(1, dims) + number(2, element_type) + blob(8, name) + blob(13, entry) + number(14, 1)


def tensor_type(element_type, shape):
    """A TypeProto. A size of the shape is a number, or the name of a size known at run time."""
    dims = b"".join(
        blob(1, blob(2, size) if isinstance(size, str) else number(1, size)) for size in shape)
    return blob(1, number(1, element_type) + blob(2, dims))


def sequence_type(of):
    return blob(4, blob(1, of))


def value(name, value_type):
    """A ValueInfoProto: one input or output of the graph."""
    return blob(1, name) + blob(2, value_type)


def node(operator, inputs, outputs):
    """A NodeProto without attributes; none of our models needs one."""
    return (b"".join(blob(1, name) for name in inputs) + b"".join(blob(2, name) for name in outputs)
            + blob(3, outputs[0] + "_" + operator.lower()) + blob(4, operator))


def model(name, nodes, constants, inputs, outputs):
    """A whole model file."""
    graph = (b"".join(blob(1, item) for item in nodes) + blob(2, name)
             + b"".join(blob(5, item) for item in constants)
             + b"".join(blob(11, item) for item in inputs)
             + b"".join(blob(12, item) for item in outputs))
    opset = blob(1, "") + number(2, OPSET_VERSION)
    return (number(1, IR_VERSION) + blob(2, "assaylog Tools/sample") + blob(7, graph)
            + blob(8, opset))
