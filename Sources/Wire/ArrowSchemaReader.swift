// The schema of a body: flat metadata to fields.
//
// Invariants:
//  * At most `RecordLimits.fieldCountMax` fields and `noteCountMax` notes are looked at, nested ones
//    counted, so that tables which share their parts cannot multiply; no field lies below `depthMax`.
//  * Every type that comes out is one that ArrowArrayReader can read.

import Records

struct ArrowSchemaReader {
    /// Lists in lists in structs: each level costs a stack frame, and no record of ours comes near.
    static let depthMax = 32

    /// Metadata entries of all fields together; pandas and extension types write one or two a field.
    static let noteCountMax = 10 * RecordLimits.fieldCountMax
    /// What of a field's path is kept for refusals.
    private static let pathCountMax = 128

    private var fieldCount = 0
    private var noteCount = 0

    /// The columns of the schema.
    static func fields(of schema: ArrowFlatTable) throws(ArrowError) -> [ArrowField] {
        guard try schema.integer(0, default: Int16(0)) == 0 else {
            throw .unsupported(
                field: nil, problem: "its numbers are big-endian",
                remedy: "write it on a little-endian machine, or convert it with an Arrow library")
        }
        var reader = ArrowSchemaReader()
        var fields: [ArrowField] = []
        for index in 0..<(try schema.tableCount(1)) {
            fields.append(try reader.field(schema.table(1, index), under: nil, depth: 1))
        }
        return fields
    }

    private mutating func field(
        _ table: ArrowFlatTable, under parent: String?, depth: Int
    ) throws(ArrowError) -> ArrowField {
        fieldCount += 1
        guard fieldCount <= RecordLimits.fieldCountMax else {
            throw .tooLarge(
                "the schema has over \(RecordLimits.fieldCountMax) fields, nested ones counted; make columns of one "
                    + "kind a list, which is two, or send lines of JSON, where a list counts once and an object that "
                    + "is no group does")
        }
        let name = try self.name(of: table)
        let path = String((parent.map { "\($0).\(name)" } ?? name).prefix(Self.pathCountMax))
        guard depth <= Self.depthMax else {
            throw .unsupported(
                field: path, problem: "it is nested over \(Self.depthMax) deep",
                remedy: "send it as a column of JSON text")
        }
        var field = ArrowField(name: name, path: path, type: try type(of: table, path))
        for index in 0..<(try table.tableCount(5)) {
            field.children.append(try self.field(table.table(5, index), under: path, depth: depth + 1))
        }
        let wanted = field.type.isList ? 1 : 0
        guard field.type == .structure || field.children.count == wanted else {
            throw .malformed(
                byteOffset: table.place, field: path,
                problem: "it has \(field.children.count) child fields where its type has \(wanted)")
        }
        if case .text = field.type { field.isJSON = try isJSON(table) }
        if let encoding = try table.table(4) { field.dictionary = try dictionary(encoding, of: field) }
        return field
    }

    private func name(of table: ArrowFlatTable) throws(ArrowError) -> String {
        guard let bytes = try table.vector(0, width: 1) else { return "" }
        guard bytes.count <= RecordLimits.nameByteCountMax else {
            throw .refused(
                field: String(decoding: bytes.raw.prefix(64), as: UTF8.self) + "…", row: nil,
                problem:
                    "has a name of \(bytes.count) bytes, over the limit of \(RecordLimits.nameByteCountMax)")
        }
        guard let name = String(validating: bytes.raw, as: UTF8.self) else {
            throw bytes.malformed(at: 0, "a field's name is not UTF-8")
        }
        return name
    }

    /// Whether the field's metadata says that its texts are JSON.
    private mutating func isJSON(_ field: ArrowFlatTable) throws(ArrowError) -> Bool {
        let count = try field.tableCount(6)
        noteCount += count
        guard noteCount <= Self.noteCountMax else {
            throw .tooLarge(
                "the schema has over \(Self.noteCountMax) entries of field metadata; leave some out")
        }
        for index in 0..<count {
            let note = try field.table(6, index)
            let key = try note.vector(0, width: 1) ?? .none
            if ArrowJSONNote.isNote(key: key, value: try note.vector(1, width: 1) ?? .none) { return true }
        }
        return false
    }

    private func dictionary(
        _ table: ArrowFlatTable, of field: ArrowField
    ) throws(ArrowError) -> ArrowDictionaryEncoding {
        guard field.type.isScalar else {
            throw .unsupported(
                field: field.path, problem: "its dictionary holds lists, structs or nulls",
                remedy: "decode the dictionary before sending (pyarrow: array.dictionary_decode())")
        }
        // Signed 32-bit indices where none are named.
        let indexType =
            try table.table(1).map { type throws(ArrowError) in try integer(type, field.path) }
            ?? .integer(bitWidth: 32, isSigned: true)
        return ArrowDictionaryEncoding(id: try table.integer(0), indexType: indexType)
    }

    private func type(of field: ArrowFlatTable, _ path: String) throws(ArrowError) -> ArrowType {
        let kind: UInt8 = try field.integer(2)
        guard let type = try field.table(3) else {
            throw .malformed(byteOffset: field.place, field: path, problem: "it has no type")
        }
        switch kind {
        case 1: return .null
        case 2: return try integer(type, path)
        case 3:
            let precision: Int16 = try type.integer(0)
            guard (0...2).contains(precision) else { throw unknown(type, path, "precision", Int(precision)) }
            return .float(bitWidth: 16 << Int(precision))
        case 5: return .text(isLarge: false)
        case 6: return .bool
        case 8:
            let unit: Int16 = try type.integer(0, default: 1)
            return .temporal(bitWidth: unit == 0 ? 32 : 64)
        case 9:
            let bitWidth: Int32 = try type.integer(1, default: 32)
            guard bitWidth == 32 || bitWidth == 64 else {
                throw unknown(type, path, "bit width", Int(bitWidth))
            }
            return .temporal(bitWidth: Int(bitWidth))
        case 10:
            let number: Int16 = try type.integer(0)
            guard let unit = ArrowTimeUnit(rawValue: number) else {
                throw unknown(type, path, "unit", Int(number))
            }
            return .timestamp(unit)
        case 12: return .list(isLarge: false)
        case 13: return .structure
        case 16:
            let count: Int32 = try type.integer(0)
            guard count >= 0 else { throw unknown(type, path, "list size", Int(count)) }
            return .fixedSizeList(Int(count))
        case 18: return .temporal(bitWidth: 64)
        case 20: return .text(isLarge: true)
        case 21: return .list(isLarge: true)
        default: throw Self.refusal(kind, path)
        }
    }

    private func integer(_ type: ArrowFlatTable, _ path: String) throws(ArrowError) -> ArrowType {
        let bitWidth: Int32 = try type.integer(0)
        guard [8, 16, 32, 64].contains(bitWidth) else {
            throw unknown(type, path, "bit width", Int(bitWidth))
        }
        return .integer(bitWidth: Int(bitWidth), isSigned: try type.bool(1))
    }

    private func unknown(_ type: ArrowFlatTable, _ path: String, _ what: String, _ found: Int) -> ArrowError {
        .malformed(byteOffset: type.place, field: path, problem: "there is no \(what) \(found) in its type")
    }

    private static func refusal(_ kind: UInt8, _ path: String) -> ArrowError {
        let (name, remedy) =
            switch kind {
            case 4, 15, 19, 23: ("binary", "send bytes as a list of numbers or as base64 text")
            case 7: ("decimal", "cast it to float64, or to a string where every digit counts")
            case 11: ("interval", "cast it to a duration or an integer")
            case 14: ("union", "send it as a column of JSON text")
            case 17: ("map", "send it as a struct, or as a column of JSON text")
            case 22: ("run_end_encoded", "decode it before sending")
            case 24: ("string_view", "cast it to string")
            case 25, 26: ("list_view", "cast it to list")
            default: ("number \(kind)", "cast it to a type that Arrow 1.0 had")
            }
        return .unsupported(field: path, problem: "its type is \(name)", remedy: remedy)
    }
}
