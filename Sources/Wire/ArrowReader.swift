// A body of Arrow IPC, file or stream, to the records it holds.
//
// Invariants:
//  * A body is taken whole or refused whole, and makes one batch however many record batches it has.
//  * Rows that are asked for are those of the whole body: what they become does not depend on the others, but for
//    whether lists of one length are shredded.
//  * No bytes make it trap, and it takes memory in proportion to the body, but for at most
//    `ArrowMemory.byteCountMax` where a few bytes stand for many values.
//  * A struct named like a group of fields (RecordText.swift) is that group, one level deep: a column
//    `in.x` and a member `x` of a struct `in` are the same field, and two of them are refused.

import Bytes
import Records

package enum ArrowReader {
    /// The records of a body, which is an IPC file if it begins with "ARROW1", else a stream.
    ///
    /// - Parameters:
    ///   - rows: those that are wanted; all where it is nil. Refusals count from the first of them.
    ///   - memoryByteCountMax: what the body may take beyond its own bytes.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, rows: Range<Int>? = nil,
        memoryByteCountMax: Int = ArrowMemory.byteCountMax
    ) throws(ArrowError) -> ParsedRecords {
        guard bytes.count <= RecordParser.bodyByteCountMax else {
            throw .tooLarge(
                "a body of \(bytes.count) bytes is over the limit of \(RecordParser.bodyByteCountMax)")
        }
        let memory = ArrowMemory(byteCountMax: memoryByteCountMax)
        // What was inflated lies in it until the last column is made.
        defer { withExtendedLifetime(memory) {} }
        return try records(ArrowBytes(raw: bytes, place: 0), rows, memory)
    }

    /// The same of an array.
    package static func read(
        _ bytes: [UInt8], rows: Range<Int>? = nil, memoryByteCountMax: Int = ArrowMemory.byteCountMax
    ) throws(ArrowError) -> ParsedRecords {
        let result: Result<ParsedRecords, ArrowError> = bytes.withUnsafeBytes { buffer in
            do throws(ArrowError) {
                return .success(try read(buffer, rows: rows, memoryByteCountMax: memoryByteCountMax))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func records(
        _ input: ArrowBytes, _ wanted: Range<Int>?, _ memory: ArrowMemory
    ) throws(ArrowError) -> ParsedRecords {
        let messages = try ArrowMessages(input)
        let fields = try ArrowSchemaReader.fields(of: messages.schema)
        var dictionaries = ArrowDictionaries(fields, isFile: messages.isFile)
        /// For each column its arrays, one a batch.
        var columns = [[ArrowArray]](repeating: [], count: fields.count)
        var rowCount = 0
        /// Rows of the batches before.
        var start = 0
        /// Rows before the wanted ones in the byte of bits that the first of these is in.
        var leading = 0
        for message in messages.messages {
            if message.kind == .dictionary {
                try dictionaries.read(message, memory)
                continue
            }
            var reader = try ArrowArrayReader(message.header, message.body, dictionaries.all, memory)
            var rows = 0..<reader.rowCount
            if let wanted {
                let low = max(wanted.lowerBound - start, 0)
                let high = min(wanted.upperBound - start, reader.rowCount)
                start += reader.rowCount
                guard low < high else { continue }
                leading += low & 7
                rows = low & ~7..<high
            }
            rowCount += rows.count
            guard rowCount - leading <= RecordParser.rowCountMax else {
                throw .tooLarge("a body has over \(RecordParser.rowCountMax) rows; split it")
            }
            for (index, array) in try reader.arrays(of: fields).enumerated() {
                columns[index].append(array.slice(rows))
            }
        }
        var builder = ArrowBatchBuilder(rowCount: rowCount, memory)
        do throws(ArrowError) {
            for arrays in columns where rowCount > 0 { try builder.append(arrays) }
        } catch {
            guard case .refused(let field, let row?, let problem) = error, leading > 0 else { throw error }
            throw .refused(field: field, row: max(0, row - leading), problem: problem)
        }
        return builder.records.without(first: leading)
    }
}

extension ParsedRecords {
    fileprivate func without(first count: Int) -> ParsedRecords {
        guard count > 0 else { return self }
        return ParsedRecords(
            batch: batch.slice(count..<batch.rowCount),
            timeAbsent: timeAbsent.compactMap { Int($0) < count ? nil : $0 - Int32(count) })
    }
}

/// The dictionaries of a body, by their numbers.
private struct ArrowDictionaries {
    private(set) var all: [Int64: ArrowDictionary] = [:]
    private var fields: [Int64: ArrowField] = [:]
    private let isFile: Bool

    init(_ columns: [ArrowField], isFile: Bool) {
        self.isFile = isFile
        collect(columns)
    }

    private mutating func collect(_ columns: [ArrowField]) {
        for field in columns {
            if let encoding = field.dictionary, fields[encoding.id] == nil {
                fields[encoding.id] = field
                fields[encoding.id]?.dictionary = nil
            }
            collect(field.children)
        }
    }

    mutating func read(_ message: ArrowMessage, _ memory: ArrowMemory) throws(ArrowError) {
        let id: Int64 = try message.header.integer(0)
        guard let field = fields[id], let data = try message.header.table(1) else {
            throw .malformed(
                byteOffset: message.header.place, field: nil,
                problem: "dictionary \(id) is no column's, or is empty")
        }
        var reader = try ArrowArrayReader(data, message.body, [:], memory)
        let values = try reader.arrays(of: [field])[0]
        let isDelta = try message.header.bool(2)
        guard isDelta || all[id] == nil || !isFile else {
            throw .malformed(
                byteOffset: message.header.place, field: field.path,
                problem: "a file has dictionary \(id) twice, which only a stream may")
        }
        if !isDelta { all[id] = ArrowDictionary() }
        try all[id, default: ArrowDictionary()].append(values, memory)
    }
}

/// Columns put together to a batch, each name once.
private struct ArrowBatchBuilder {
    private let memory: ArrowMemory
    private var times: [Int64]
    private var timeAbsent: [Int32]
    private var columns: [FieldColumn] = []
    private var names: Set<ExactText> = []

    init(rowCount: Int, _ memory: ArrowMemory) {
        self.memory = memory
        times = [Int64](repeating: 0, count: rowCount)
        timeAbsent = Array(0..<Int32(rowCount))
    }

    var records: ParsedRecords {
        ParsedRecords(batch: RecordBatch(times: times, fields: columns), timeAbsent: timeAbsent)
    }

    /// The column of the schema that has these arrays: a field, the fields of a group, or the time.
    mutating func append(_ arrays: [ArrowArray]) throws(ArrowError) {
        let field = arrays[0].field
        if field.name == "time" {
            try take(name: "time", field)
            (times, timeAbsent) = try ArrowColumnReader(arrays, in: nil, memory).times()
        } else if field.type == .structure, RecordGroup.isGroup(field.name), !field.children.isEmpty {
            for member in field.children.indices {
                let name = "\(field.name).\(field.children[member].name)"
                guard name.utf8.count <= RecordLimits.nameByteCountMax else {
                    throw .refused(
                        field: field.children[member].path, row: nil,
                        problem: "has a name of \(name.utf8.count) bytes with its group, over the limit of "
                            + "\(RecordLimits.nameByteCountMax)")
                }
                try append(arrays.map { $0.children[member] }, in: arrays, named: name)
            }
        } else {
            try append(arrays, in: nil, named: field.name)
        }
    }

    private mutating func append(
        _ arrays: [ArrowArray], in parents: [ArrowArray]?, named name: String
    ) throws(ArrowError) {
        try take(name: name, arrays[0].field)
        guard let column = try ArrowColumnReader(arrays, in: parents, memory).column(named: name) else {
            return
        }
        columns.append(column)
    }

    private mutating func take(name: String, _ field: ArrowField) throws(ArrowError) {
        guard names.insert(ExactText(name)).inserted else {
            throw .refused(
                field: field.path, row: nil,
                problem: "is given twice, or flat and in its group")
        }
    }
}
