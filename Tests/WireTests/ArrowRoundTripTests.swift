// Invariants checked: the three at the head of ArrowWriter.swift. What is written is read back equal,
// cell by cell: a cell says what a row has of a field, without a word of how columns hold it.

import JSON
import Records
import Simulation
import Testing

@testable import Wire

/// What one row has of one field, as Arrow can say it: numbers by value, without their texts.
private indirect enum Cell: Equatable {
    case none
    case integer(Int64)
    case float(UInt32)
    case double(UInt64)
    case bool(Bool)
    case text(String)
    case list([Cell])
    case json(String)

    init(_ leaf: Leaf, _ position: Int) {
        if leaf.nulls.contains(Int32(position)) {
            self = .none
            return
        }
        switch leaf.elements {
        case .int64(let values): self = .integer(values[position])
        case .float32(let values): self = .float(values[position].bitPattern)
        case .float64(let values): self = .double(values[position].bitPattern)
        case .bool(let values): self = .bool(values[position])
        case .text(let texts): self = .text(texts[position])
        }
    }

    init(_ column: FieldColumn?, row: Int) {
        guard let column, column.presence.state(row) == .value else {
            self = .none
            return
        }
        switch column.values {
        case .none: self = .none
        case .scalar(let leaf): self.init(leaf, row)
        case .fixedList(let leaves): self = .list(leaves.map { Cell($0, row) })
        case .list(let lengths, let leaf):
            let start = lengths[..<row].reduce(0) { $0 + Int($1) }
            self = .list((start..<start + Int(lengths[row])).map { Cell(leaf, $0) })
        case .json(let texts): self = .json(texts[row])
        }
    }
}

extension RecordBatch {
    fileprivate func cells(_ row: Int, _ names: [String]) -> [Cell] {
        names.map { Cell(field(named: $0), row: row) }
    }
}

extension SeededGenerator {
    fileprivate mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: values.indices, using: &self)]
    }

    /// A batch whose fields have the given shapes, by name.
    fileprivate mutating func batch(rowCount: Int, _ fields: [(name: String, shape: Int)]) -> RecordBatch {
        RecordBatch(
            times: (0..<rowCount).map { _ in Int64.random(in: -5...1_704_827_224_734, using: &self) },
            fields: fields.map { field(named: $0.name, rowCount: rowCount, shape: $0.shape) })
    }

    static fileprivate var shapeCount: Int { 21 }

    fileprivate mutating func field(named name: String, rowCount: Int, shape: Int) -> FieldColumn {
        var states = [RowState](repeating: .value, count: rowCount)
        if Bool.random(using: &self) {
            states = states.map { _ in pick([.value, .value, .value, .null, .absent]) }
        }
        let isValue = states.map { $0 == .value }
        let presence = Presence(states: states)
        guard shape > 0, isValue.contains(true) else {
            return FieldColumn(
                name: name, presence: .each(states.map { $0 == .absent ? .absent : .null }), values: .none)
        }
        let type = (shape - 1) % 5
        let values: FieldValues
        switch (shape - 1) / 5 {
        case 0: values = .scalar(leaf(type, isValue, hasNulls: false))
        case 1:
            let width = pick([0, 1, 2, 7])
            values = .fixedList((0..<width).map { _ in leaf(type, isValue, hasNulls: true) })
        case 2:
            // No two lists alike in length, so that they are not read back as fixed.
            var next: Int32 = -1
            let lengths = isValue.map { value -> Int32 in
                next += value ? 1 : 0
                return value ? next % 5 : 0
            }
            let count = lengths.reduce(0) { $0 + Int($1) }
            values = .list(
                lengths: lengths, leaf(type, [Bool](repeating: true, count: count), hasNulls: true))
        default:
            values = .json(
                TextColumn(isValue.map { $0 ? pick([#"{"a":[1,null]}"#, "[[]]", "[1,[2.50]]", "{}"]) : "" }))
        }
        return FieldColumn(name: name, presence: presence, values: values)
    }

    private mutating func leaf(_ type: Int, _ isValue: [Bool], hasNulls: Bool) -> Leaf {
        let hasNulls = hasNulls && Bool.random(using: &self)
        let nulls = isValue.indices.filter { isValue[$0] && hasNulls && $0 % 3 == 1 }
        var isValue = isValue
        for null in nulls { isValue[null] = false }
        let elements: Elements
        switch type {
        case 0:
            elements = .int64(
                isValue.map {
                    $0
                        ? Int64.random(in: .min ... .max, using: &self)
                            >> Int64.random(in: 0...63, using: &self) : 0
                })
        case 1:
            elements = .float32(
                isValue.map {
                    $0
                        ? pick([
                            Float(bitPattern: UInt32.random(in: 0 ... .max, using: &self)), -0.0, .nan, 1.5,
                        ]) : 0
                })
        case 2:
            elements = .float64(
                isValue.map {
                    $0
                        ? pick([
                            Double(bitPattern: UInt64.random(in: 0 ... .max, using: &self)), -0.0, .nan, 0.1,
                        ]) : 0
                })
        case 3: elements = .bool(isValue.map { $0 && Bool.random(using: &self) })
        default:
            elements = .text(
                TextColumn(isValue.map { $0 ? pick(["", "a", "é😀", "engine-1", "\u{0}\"\\"]) : "" }))
        }
        return Leaf(elements, nulls: nulls.map { Int32($0) })
    }
}

private let names = [
    "in.a", "in.b", "out.a", "out_shadow.a", "metadata.partition", "check_failures", "plain", "é",
    "dotted.name",
]

@Suite struct ArrowRoundTripTests {
    @Test("every shape comes back equal, from files and streams, flat and nested", arguments: UInt64(0)..<150)
    func shapes(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let fields = names.map { ($0, Int.random(in: 0..<SeededGenerator.shapeCount, using: &generator)) }
        // Batches of the same shapes, of which each lacks some fields.
        let batches = (0..<generator.pick([1, 1, 3])).map { _ in
            let kept = fields.filter { _ in !(Int.random(in: 0..<6, using: &generator) == 0) }
            return generator.batch(rowCount: generator.pick([1, 2, 9, 70, 300]), kept)
        }
        for format in [ArrowWriter.Format.file, .stream] {
            for form in [RecordForm.flat, .nested] {
                let read = try ArrowReader.read(ArrowWriter(as: format, form: form).bytes(of: batches))
                try #require(read.timeAbsent.isEmpty && read.batch.times == batches.flatMap { $0.times })
                var row = 0
                for batch in batches {
                    for number in 0..<batch.rowCount {
                        let (found, expected) = (read.batch.cells(row, names), batch.cells(number, names))
                        try #require(found == expected, "seed \(seed), \(format), \(form), row \(row)")
                        row += 1
                    }
                }
                // With many rows every column has the shape that the reader would choose.
                if batches.count == 1 && batches[0].rowCount >= 70 && form == .flat {
                    try #require(read.batch.arrowPart == batches[0].arrowPart, "seed \(seed)")
                }
            }
        }
    }

    @Test("rows in any order, of any batches, more than once", arguments: UInt64(0)..<60)
    func rows(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed &+ 1000)
        let fields = names.map { ($0, Int.random(in: 0..<SeededGenerator.shapeCount, using: &generator)) }
        let batches = (0..<3).map { _ in generator.batch(rowCount: generator.pick([1, 9, 300]), fields) }
        var rows: [(batch: Int, row: Int)] = []
        for _ in 0..<generator.pick([1, 5, 40]) {
            let batch = Int.random(in: 0..<3, using: &generator)
            let start = Int.random(in: 0..<batches[batch].rowCount, using: &generator)
            let end = Int.random(in: start..<batches[batch].rowCount, using: &generator)
            rows += (start...end).map { (batch, $0) }
            if Bool.random(using: &generator) { rows.reverse() }
        }
        let read = try ArrowReader.read(
            ArrowWriter(form: generator.pick([.flat, .nested])).bytes(of: batches, rows: rows))
        try #require(read.batch.rowCount == rows.count)
        for (number, (batch, row)) in rows.enumerated() {
            #expect(read.batch.times[number] == batches[batch].times[row])
            try #require(
                read.batch.cells(number, names) == batches[batch].cells(row, names),
                "seed \(seed), row \(number)")
        }
    }

    @Test("what was posted as JSON says the same after a way through Arrow", arguments: UInt64(0)..<150)
    func posted(seed: UInt64) throws {
        var rows = PostedRows(seed: seed &+ 500)
        let text = rows.body(rowCount: 1 + Int(seed % 9), lines: false)
        guard let posted = try? RecordParser.parse(Array(text.utf8), as: .array).batch else { return }
        for form in [RecordForm.flat, .nested] {
            let read = try ArrowReader.read(ArrowWriter(form: form).bytes(of: [posted])).batch
            func meaning(_ batch: RecordBatch) -> [[String: JSONValue]]? {
                var writer = RecordWriter()
                writer.write(batch)
                return Meaning(String(decoding: writer.finish(), as: UTF8.self))?.rows.map { row in
                    row.compactMapValues { $0.byValue }
                }
            }
            #expect(meaning(read) == meaning(posted), "seed \(seed), \(form): \(text)")
        }
    }

    @Test("more rows than a record batch of a file holds")
    func manyRows() throws {
        let count = ArrowWriter.batchRowCount * 2 + 5
        let batch = RecordBatch(
            times: (0..<count).map { Int64($0) },
            fields: [
                FieldColumn(
                    name: "in.x",
                    values: .fixedList(
                        (0..<3).map { leaf in Leaf(.float32((0..<count).map { Float($0 * 3 + leaf) })) })),
                FieldColumn(
                    name: "t", values: .scalar(Leaf(.text(TextColumn((0..<count).map { String($0) }))))),
            ])
        #expect(try ArrowReader.read(ArrowWriter().bytes(of: [batch])).batch == batch)
    }
}

extension JSONValue {
    /// Numbers as doubles, and nothing that is null: what Arrow keeps of them.
    fileprivate var byValue: JSONValue? {
        switch self {
        case .null: nil
        // Past the range of doubles a number is infinite, which as JSON is null.
        case .number(let number): number.double.isFinite ? .number(JSONNumber(number.double) ?? number) : nil
        case .array(let values): .array(values.map { $0.byValue ?? .null })
        default: self
        }
    }
}

extension RecordBatch {
    /// The batch as Arrow carries it: null where it is absent, numbers by value.
    fileprivate var arrowPart: RecordBatch {
        RecordBatch(
            times: times,
            fields: fields.map { field in
                var field = field
                if case .each(let states) = field.presence {
                    field.presence = .each(states.map { $0 == .absent ? .null : $0 })
                }
                return field
            })
    }
}
