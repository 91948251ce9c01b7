"""Arrow IPC as pyarrow writes and reads it: the other side of the Arrow tests.

    arrow_peer.py make DIR   writes NAME.arrow for every case, and cases.json: what each should be read as
    arrow_peer.py read DIR   reads every *.arrow in DIR, validates it fully, writes read.json: types, metadata, rows

Numbers that are not finite are written as the strings "nan", "inf" and "-inf"; JSON has none.
"""
import datetime
import decimal
import json
import math
import pathlib
import sys

import pyarrow as pa
import pyarrow.ipc as ipc

NAN, INF = float("nan"), float("inf")
SIGNED, UNSIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()], [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


def plain(value):
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value


def put(path, table, stream=False, **options):
    new = ipc.new_stream if stream else ipc.new_file
    chunk = options.pop("chunk", None)
    with new(str(path), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=chunk)


def cases():
    """Name, table, how to write it, and what its fields are read as where that is not plain."""
    for types, least in ((SIGNED, True), (UNSIGNED, False)):
        for kind in types:
            low = -(1 << kind.bit_width - 1) if least else 0
            high = (1 << kind.bit_width - least) - 1
            shape = "scalar float64" if kind == pa.uint64() else "scalar int64"
            yield f"{kind}", pa.table({"x": pa.array([low, 0, None, 5, high], kind)}), {}, {"x": shape}
    yield "floats", pa.table({
        "h": pa.array([0.5, -2.0, None, 65504.0], pa.float16()), "f": pa.array([0.5, NAN, None, INF], pa.float32()),
        "d": pa.array([0.1, NAN, None, -INF], pa.float64())}), {}, {
        "h": "scalar float32", "f": "scalar float32", "d": "scalar float64"}
    texts = ["", "é😀", None, "x" * 300, 'a"b']
    yield "texts", pa.table({"s": texts, "l": pa.array(texts, pa.large_string()), "b": [True, None, False, True, True],
                             "n": pa.nulls(5)}), {}, {"s": "scalar text", "l": "scalar text", "b": "scalar bool", "n": "none"}
    yield "nothing", pa.table({"x": pa.array([], pa.int64())}), {}, {}
    yield "no columns", pa.table({}), {}, {}
    rows = [[0.5, 1.5, None], [2.5, 3.5, 4.5], None, [5.5, 6.5, 7.5]]
    for name, kind in (("list", pa.list_(pa.float32())), ("large_list", pa.large_list(pa.float32())),
                       ("fixed_size_list", pa.list_(pa.float32(), 3))):
        yield name, pa.table({"in.x": pa.array(rows, kind)}), {}, {"in.x": "fixedList 3 float32"}
        sliced = pa.array([[9.5] * 3] * 5 + rows, kind)[5:]
        yield name + " sliced", pa.table({"in.x": sliced}), {}, {"in.x": "fixedList 3 float32"}
    yield "ragged", pa.table({"x": [[1, 2], [], None, [3]], "t": [["a", None], ["b"], [], None],
                              "b": [[True], [False, None], None, []], "e": pa.array([[], [], None, []], pa.list_(pa.string()))
                              }), {}, {"x": "list int64", "t": "list text", "b": "list bool", "e": "fixedList 0"}
    yield "deep", pa.table({"x": [[[1, 2], []], None, [None, [3]], []], "o": [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}, {"a": 4, "b": None}]}), {}, {
        "x": "json", "o": "json"}
    group = pa.StructArray.from_arrays([pa.array([1, 2, None]), pa.array([[0.5], [1.5], [2.5]])], ["n", "l"])
    yield "groups", pa.table({"in": group, "metadata": pa.array([{"p": "a"}, {"p": None}, {"p": "c"}])}), {}, {
        "in.n": "scalar int64", "in.l": "fixedList 1 float64", "metadata.p": "scalar text"}
    dictionary = pa.array(["a", "b", None, "a", "é"]).dictionary_encode()
    numbers = pa.DictionaryArray.from_arrays(pa.array([2, None, 0, 1, 1], pa.int8()), pa.array([0.5, 1.5, 2.5]))
    inner = pa.ListArray.from_arrays(pa.array([0, 2, 2, 4, 5, 5]), dictionary)
    yield "dictionaries", pa.table({"t": dictionary, "n": numbers, "l": inner}), {}, {
        "t": "scalar text", "n": "scalar float64", "l": "list text"}
    growing = pa.table({"t": pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["a", "b", "c"]).dictionary_encode()])})
    yield "deltas", growing, {"emit_dictionary_deltas": True, "stream": True}, {"t": "scalar text"}
    yield "deltas file", growing, {"emit_dictionary_deltas": True}, {"t": "scalar text"}
    changing = pa.table({"t": pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["z", "b", "c"]).dictionary_encode()])})
    yield "replacements", changing, {"stream": True}, {"t": "scalar text"}
    wide = pa.table({"time": pa.array(range(1000), pa.int64()), "in.x": pa.array([[i / 8, i / 4] for i in range(1000)], pa.list_(pa.float32(), 2)),
                     "t": [f"engine-{i % 3}" if i % 5 else None for i in range(1000)]})
    shapes = {"in.x": "fixedList 2 float32", "t": "scalar text"}
    yield "zstd", wide, {"compression": "zstd"}, shapes
    yield "zstd stream", wide, {"compression": "zstd", "stream": True, "chunk": 300}, shapes
    yield "lz4", wide, {"compression": "lz4"}, shapes
    yield "lz4 stream", wide, {"compression": "lz4", "stream": True, "chunk": 300}, shapes
    yield "many batches", wide, {"chunk": 7}, shapes
    yield "legacy", wide, {"use_legacy_format": True, "stream": True}, shapes
    yield "version 4", wide, {"metadata_version": ipc.MetadataVersion.V4}, shapes
    yield "aligned", wide, {"chunk": 3, "stream": True}, shapes
    moment = datetime.datetime(2024, 1, 9, 19, 7, 4, 734567)
    epoch = int((moment - datetime.datetime(1970, 1, 1)).total_seconds())
    for unit, scale in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        stamp = pa.array([epoch * scale, None], pa.timestamp(unit, "UTC"))
        yield f"time {unit}", pa.table({"time": stamp, "x": stamp}), {}, {"x": "scalar int64"}
    yield "dates", pa.table({"d": pa.array([5], pa.date32()), "m": pa.array([86400000], pa.date64()), "t": pa.array([7], pa.time32("s")),
                             "u": pa.array([7], pa.time64("us")), "e": pa.array([7], pa.duration("ns"))}), {}, {
        name: "scalar int64" for name in "dmtue"}
    noted = pa.field("x", pa.string(), metadata={"assaylog.content": "json"})
    yield "noted", pa.table([pa.array(['{"a":[1]}', None, "2"])], schema=pa.schema([noted])), {}, {"x": "json"}
    if hasattr(pa, "json_"):
        yield "arrow.json", pa.table({"x": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":[1]}', None, "2"]))}), {}, {"x": "json"}
    refused = {
        "decimal": (pa.table({"x": [decimal.Decimal("1.5")]}), {}, "cast it to float64"),
        "binary": (pa.table({"x": [b"a"]}), {}, "base64"), "map": (pa.table({"x": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))}), {}, "struct"),
        "view": (pa.table({"x": pa.array(["a"], pa.string_view())}), {}, "cast it to string"),
        "union": (pa.table({"x": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}), {}, "JSON text"),
    }
    for name, (table, options, remedy) in refused.items():
        yield "refused " + name, table, options, remedy


def rows_of(name, table):
    """The rows of a table as records: timestamps as integers, `time` in milliseconds, groups flat."""
    columns = {}
    for field, column in zip(table.schema, table.columns):
        kind = field.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
            if field.name == "time":
                column = column.cast(pa.timestamp("ms", kind.tz))
            column = column.cast(pa.int32() if pa.types.is_date32(kind) or pa.types.is_time32(kind) else pa.int64())
        values = column.to_pylist()
        if name in ("noted", "arrow.json"):
            values = [None if value is None else json.loads(value) for value in values]
        if pa.types.is_struct(kind) and field.name in ("in", "out", "metadata"):
            for member in kind:
                columns[f"{field.name}.{member.name}"] = [value[member.name] for value in values]
        else:
            columns[field.name] = values
    return [plain(dict(zip(columns, row))) for row in zip(*columns.values())]


def make(folder):
    described = {}
    for name, table, options, expected in cases():
        put(folder / f"{name}.arrow", table, **options)
        if isinstance(expected, str):
            described[name] = {"refusal": expected}
        else:
            described[name] = {"rows": rows_of(name, table), "shapes": expected}
    (folder / "cases.json").write_text(json.dumps(described, ensure_ascii=False))


def read(folder):
    found = {}
    for path in sorted(folder.glob("*.arrow")):
        source = path.read_bytes()
        reader = ipc.open_file(source) if source.startswith(b"ARROW1") else ipc.open_stream(source)
        table = reader.read_all()
        table.validate(full=True)
        found[path.stem] = {
            "types": {field.name: str(field.type) for field in table.schema},
            "nullable": {field.name: field.nullable for field in table.schema},
            "notes": {field.name: {k.decode(): v.decode() for k, v in (field.metadata or {}).items()} for field in table.schema},
            "metadata": {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()},
            "rows": [plain(row) for row in table.to_pylist()], "rowCount": table.num_rows}
    (folder / "read.json").write_text(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "read"):
        sys.exit(__doc__)
    {"make": make, "read": read}[sys.argv[1]](pathlib.Path(sys.argv[2]))
