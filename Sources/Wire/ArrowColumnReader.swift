// One column of all record batches of a body to the column of a RecordBatch.
//
// A body has one schema, so its batches have the same columns; each is read over all of them at once,
// and what it becomes (lists of one length, or not) is decided with every row in sight.
//
//     number, text, bool       a scalar column
//     lists of those           a list column: `.fixedList` by the same rule as for posted JSON
//     text noted as JSON       what the same JSON posted would become
//     structs, deeper lists    JSON text
//
// Invariants:
//  * The column keeps the invariants of RecordBatch, whatever stands under nulls.
//  * A null is null; what stands in a struct that is null is absent: such a row has no fields there.

import JSON
import Records

struct ArrowColumnReader {
    private let field: ArrowField
    private let arrays: [ArrowArray]
    private let memory: ArrowMemory
    /// One a row, or empty where every row has a value.
    private var states: [RowState] = []
    /// Rows of each batch: a member's array may be longer than its struct's.
    private let rowCounts: [Int]
    private let rowCount: Int

    /// A reader of `arrays`, one a batch, which lie in `parents` where the column is a struct's member.
    init(_ arrays: [ArrowArray], in parents: [ArrowArray]?, _ memory: ArrowMemory) {
        self.arrays = arrays
        self.memory = memory
        field = arrays[0].field
        rowCounts = (parents ?? arrays).map { $0.count }
        rowCount = rowCounts.reduce(0, +)
        let hasNulls = arrays.contains { $0.nullCount > 0 } || parents?.contains { $0.nullCount > 0 } ?? false
        guard hasNulls else { return }
        states.reserveCapacity(rowCount)
        for (number, array) in arrays.enumerated() {
            for row in 0..<rowCounts[number] {
                let isAbsent = parents?[number].isNull(row) ?? false
                states.append(isAbsent ? .absent : array.isNull(row) ? .null : .value)
            }
        }
    }

    /// The column under `name`; nil where no row has it.
    func column(named name: String) throws(ArrowError) -> FieldColumn? {
        let presence = states.isEmpty ? Presence.everyRow : Presence(states: states)
        guard states.isEmpty || states.contains(.value) else {
            return states.contains(.null) ? FieldColumn(name: name, presence: presence, values: .none) : nil
        }
        switch field.type {
        case .list, .fixedSizeList:
            let element = arrays[0].children[0].field
            guard element.type.isScalar || element.type == .null else { break }
            return FieldColumn(name: name, presence: presence, values: try lists(of: element))
        case .structure, .null: break
        case .text where field.isJSON: return try postedJSON(named: name)
        default:
            return FieldColumn(name: name, presence: presence, values: .scalar(try scalars()))
        }
        return FieldColumn(name: name, presence: presence, values: .json(try jsonTexts()))
    }

    /// The rows' times and which rows have none.
    func times() throws(ArrowError) -> (times: [Int64], absent: [Int32]) {
        let times: [Int64]
        switch field.type {
        case .integer, .timestamp:
            guard case .int64(let values) = try scalars().elements else {
                throw .refused(
                    field: field.path, row: nil, problem: RecordLimits.timeProblem)
            }
            times = values
        case .null: times = [Int64](repeating: 0, count: rowCount)
        default:
            throw .refused(
                field: field.path, row: nil,
                problem: "must be whole milliseconds since 1970 as an integer, or a timestamp: cast it")
        }
        let absent = states.indices.lazy.filter { states[$0] != .value }.map { Int32($0) }
        guard case .timestamp(let unit) = field.type, unit != .millisecond else {
            try refuseUnprintable(times)
            return (times, Array(absent))
        }
        var milliseconds: [Int64] = []
        milliseconds.reserveCapacity(times.count)
        for (row, time) in times.enumerated() {
            do throws(ArrowTimeUnit.TimeProblem) { milliseconds.append(try unit.milliseconds(time)) } catch {
                throw .refused(field: field.path, row: row, problem: error.text)
            }
        }
        try refuseUnprintable(milliseconds)
        return (milliseconds, Array(absent))
    }

    private func refuseUnprintable(_ times: [Int64]) throws(ArrowError) {
        for (row, time) in times.enumerated()
        where !RecordLimits.times.contains(time) && (states.isEmpty || states[row] == .value) {
            throw .refused(
                field: field.path, row: row,
                problem: "is \(time); it \(RecordLimits.timeProblem) (is it micro- or nanoseconds?)")
        }
    }
}

extension ArrowColumnReader {
    /// Calls `body` with each row's array and position there; nil where the row has no value.
    private func forEachRow(
        _ body: (_ row: Int, _ place: (array: Int, position: Int)?) throws(ArrowError) -> Void
    ) throws(ArrowError) {
        var row = 0
        var number = 0
        var start = 0
        while row < rowCount {
            while row - start == rowCounts[number] {
                start = row
                number += 1
            }
            try body(row, states.isEmpty || states[row] == .value ? (number, row - start) : nil)
            row += 1
        }
    }

    private func scalars() throws(ArrowError) -> Leaf {
        var runs = ArrowRuns(width: 1)
        if states.isEmpty {
            for (number, count) in rowCounts.enumerated() { runs.append(number, start: 0, rows: count) }
        } else {
            try forEachRow { _, place in
                if let place {
                    runs.append(place.array, start: place.position, rows: 1)
                } else {
                    runs.appendZero()
                }
            }
        }
        return try runs.leaves(arrays, of: field)[0]
    }

    private func lists(of element: ArrowField) throws(ArrowError) -> FieldValues {
        let children = arrays.map { $0.children[0] }
        if let width = commonLength, width <= RecordLimits.shreddedElementCountMax {
            // The ordinary case: nothing is done row by row.
            guard width > 0 else { return .fixedList([]) }
            var runs = ArrowRuns(width: width)
            for (number, count) in rowCounts.enumerated() where count > 0 {
                runs.append(number, start: arrays[number].elements(of: 0).lowerBound, rows: count)
            }
            return .fixedList(try runs.leaves(children, of: element))
        }
        var lengths: [Int32] = []
        lengths.reserveCapacity(rowCount)
        var length: Int?
        var isFixed = true
        var valueCount = 0
        var elementCount = 0
        try forEachRow { _, place in
            guard let place else { return lengths.append(0) }
            let count = arrays[place.array].elements(of: place.position).count
            isFixed = isFixed && count == length ?? count
            length = count
            valueCount += 1
            elementCount += count
            lengths.append(Int32(truncatingIfNeeded: count))
        }
        guard elementCount <= RecordLimits.listElementCountMax else {
            throw .tooLarge(
                "the lists of field \"\(field.path)\" have \(elementCount) elements, and at most "
                    + "\(RecordLimits.listElementCountMax) are kept of one body: send fewer rows in each")
        }
        let width = length ?? 0
        let paddingCount = (rowCount - valueCount) * width
        guard isFixed, width <= RecordLimits.shreddedElementCountMax,
            paddingCount <= FieldBuilder.paddingCountMax
        else {
            var runs = ArrowRuns(width: 1)
            try forEachRow { _, place in
                guard let place else { return }
                let elements = arrays[place.array].elements(of: place.position)
                runs.append(place.array, start: elements.lowerBound, rows: elements.count)
            }
            return .list(lengths: lengths, try runs.leaves(children, of: element)[0])
        }
        try memory.charge(paddingCount, of: 8, field)
        guard width > 0 else { return .fixedList([]) }
        var runs = ArrowRuns(width: width)
        try forEachRow { _, place in
            guard let place else { return runs.appendZero() }
            runs.append(
                place.array, start: arrays[place.array].elements(of: place.position).lowerBound, rows: 1)
        }
        return .fixedList(try runs.leaves(children, of: element))
    }

    /// The length of all lists where every row has one of that length, so that they follow each other.
    private var commonLength: Int? {
        guard states.isEmpty else { return nil }
        var common: Int?
        for (number, count) in rowCounts.enumerated() where count > 0 {
            guard let length = arrays[number].commonLength(of: count), length == common ?? length else {
                return nil
            }
            common = length
        }
        return common
    }

    private func jsonTexts() throws(ArrowError) -> TextColumn {
        var texts = ArrowJSONText(field, memory)
        try forEachRow { _, place throws(ArrowError) in
            guard let place else { return texts.appendEmpty() }
            try texts.append(arrays[place.array], place.position)
        }
        return texts.finish()
    }

    /// The column that the texts, posted as JSON, become.
    private func postedJSON(named name: String) throws(ArrowError) -> FieldColumn? {
        var body: [UInt8] = [UInt8(ascii: "[")]
        try forEachRow { row, place throws(ArrowError) in
            if row > 0 { body.append(UInt8(ascii: ",")) }
            body.append(UInt8(ascii: "{"))
            if let place {
                let array = arrays[place.array]
                let text = UnsafeRawBufferPointer(rebasing: array.values[array.elements(of: place.position)])
                // One whole value each, so that no text can say more than its own row.
                var scanner = JSONScanner(text)
                do throws(JSONError) {
                    scanner.skipWhitespace()
                    try scanner.skipValue()
                    try scanner.expectEnd()
                } catch {
                    throw .refused(
                        field: field.path, row: row, problem: "is noted as JSON and is not: \(error)")
                }
                body.append(contentsOf: "\"v\":".utf8)
                body.append(contentsOf: text)
            } else if states[row] == .null {
                body.append(contentsOf: "\"v\":null".utf8)
            }
            body.append(UInt8(ascii: "}"))
        }
        body.append(UInt8(ascii: "]"))
        try memory.charge(body.count, of: 1, field)
        do throws(RecordParseError) {
            var column = try RecordParser.parse(body, as: .array).batch.fields.first
            column?.name = name
            return column
        } catch {
            throw .refused(
                field: field.path, row: nil, problem: "is noted as JSON and cannot be read: \(error)")
        }
    }
}
