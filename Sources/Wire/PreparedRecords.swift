// A batch ready to be written: what is the same for all of its rows, worked out once.
//
// Invariants:
//  * Keys are escaped here and nowhere else.
//  * In the nested form the fields of one group stand together, where the first of them stood.

import JSON
import Records

/// The fields of a batch that an answer shows, with their keys as they are written.
package struct PreparedRecords: Sendable {
    struct Column: Sendable {
        var column: FieldColumn
        /// The key and its colon, by the field's whole name and by its name within the group.
        var flatKey: [UInt8]
        var nestedKey: [UInt8]
        /// Where each row's elements begin; empty unless the field is a list of changing length.
        var listStarts: [Int32]
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
                $0.groupKey == nil && $0.columns[0].column.name == group
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

extension PreparedRecords.Column {
    init(_ field: FieldColumn, nestedName: String) {
        var listStarts: [Int32] = []
        if case .list(let lengths, _) = field.values {
            var start: Int32 = 0
            for length in lengths {
                listStarts.append(start)
                start += length
            }
        }
        self.init(
            column: field, flatKey: PreparedRecords.key(field.name),
            nestedKey: PreparedRecords.key(nestedName), listStarts: listStarts)
    }
}
