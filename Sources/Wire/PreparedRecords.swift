// A batch ready to be written: what is the same for all of its rows, worked out once.
//
// Invariants:
//  * Keys are escaped here and nowhere else.
//  * In the nested form the fields of one group stand together, where the first of them stood.

import JSON
import Records

/// The fields of a batch that an answer shows, with their keys as they are written.
///
/// Preparing costs a pass over the batch: where few of its rows are wanted, prepare a slice.
package struct PreparedRecords: Sendable {
    /// A class because a row passes each of its columns on, and would copy all their arrays.
    final class Column: Sendable {
        enum Values: Sendable {
            /// Lists of `length` numbers of one type without nulls and texts, one row's after another's.
            case doubles([Double], length: Int, bare: Bool)
            case singles([Float], length: Int, bare: Bool)
            case integers([Int64], length: Int)
            /// `starts` says where each row's elements begin.
            case list(lengths: [Int32], starts: [Int32], Leaf)
            case other(FieldValues)
        }

        let name: String
        let presence: Presence
        let values: Values
        /// The key and its colon, by the field's whole name and by its name within the group.
        let flatKey: [UInt8]
        let nestedKey: [UInt8]

        init(_ field: FieldColumn, nestedName: String) {
            name = field.name
            presence = field.presence
            values = Values(field.values)
            flatKey = PreparedRecords.key(field.name)
            nestedKey = PreparedRecords.key(nestedName)
        }
    }

    /// A field, or the fields of a group.
    struct Member: Sendable {
        /// The group's key and its colon; nil for a single field.
        var groupKey: [UInt8]?
        var columns: [Column]
        /// The member that has the group's own name: in rows with both, as `{"in":5,"in.x":1}`, the
        /// group's fields are written flat, because a key may stand only once.
        var namesake: Int?
    }

    let times: [Int64]
    let showsTime: Bool
    private(set) var members: [Member] = []

    package var rowCount: Int { times.count }

    init(_ batch: RecordBatch, _ form: RecordForm, _ selection: FieldSelection) {
        times = batch.times
        showsTime = selection.shows("time")
        var groups: [Substring: Int] = [:]
        for field in batch.fields where selection.shows(field.name) {
            guard form == .nested, let (group, rest) = RecordGroup.split(field.name) else {
                members.append(Member(columns: [Column(field, nestedName: field.name)]))
                continue
            }
            let column = Column(field, nestedName: String(rest))
            if let known = groups[group] {
                members[known].columns.append(column)
            } else {
                groups[group] = members.count
                members.append(Member(groupKey: Self.key(String(group)), columns: [column]))
            }
        }
        for (group, number) in groups {
            members[number].namesake = members.firstIndex {
                $0.groupKey == nil && $0.columns[0].name == group
            }
        }
    }

    static func key(_ name: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(string: name)
        writer.write(byte: UInt8(ascii: ":"))
        return writer.bytes
    }
}

extension PreparedRecords.Column.Values {
    fileprivate init(_ values: FieldValues) {
        switch values {
        case .list(let lengths, let leaf):
            var starts: [Int32] = []
            starts.reserveCapacity(lengths.count)
            var start: Int32 = 0
            for length in lengths {
                starts.append(start)
                start += length
            }
            self = .list(lengths: lengths, starts: starts, leaf)
        case .fixedList(let leaves): self = Self.numbers(leaves) ?? .other(values)
        default: self = .other(values)
        }
    }

    /// The lists row by row, where their leaves are plain numbers in one form: most lists are.
    private static func numbers(_ leaves: [Leaf]) -> Self? {
        guard let first = leaves.first else { return nil }
        let (length, bare) = (leaves.count, first.wholeNumbersAreBare)
        switch first.elements {
        case .float64:
            let columns = columns(leaves) { if case .float64(let values) = $0 { values } else { nil } }
            return columns.map { .doubles(rows($0), length: length, bare: bare) }
        case .float32:
            let columns = columns(leaves) { if case .float32(let values) = $0 { values } else { nil } }
            return columns.map { .singles(rows($0), length: length, bare: bare) }
        case .int64:
            let columns = columns(leaves) { if case .int64(let values) = $0 { values } else { nil } }
            return columns.map { .integers(rows($0), length: length) }
        case .bool, .text: return nil
        }
    }

    /// The values of each leaf; nil where not all are of one type and form, or hold nulls or texts.
    private static func columns<Number>(
        _ leaves: [Leaf], _ values: (Elements) -> [Number]?
    ) -> [[Number]]? {
        var columns: [[Number]] = []
        for leaf in leaves {
            guard leaf.nulls.isEmpty, leaf.texts.isEmpty, let values = values(leaf.elements),
                leaf.wholeNumbersAreBare == leaves[0].wholeNumbersAreBare
            else { return nil }
            columns.append(values)
        }
        return columns
    }

    private static func rows<Number>(_ columns: [[Number]]) -> [Number] {
        [Number](unsafeUninitializedCapacity: columns[0].count * columns.count) { rows, count in
            // Unsafe so that no value is written twice; every place is: row · length + column.
            for (index, column) in columns.enumerated() {
                var place = index
                for value in column {
                    rows.initializeElement(at: place, to: value)
                    place += columns.count
                }
            }
            count = columns[0].count * columns.count
        }
    }
}
