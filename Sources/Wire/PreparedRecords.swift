// A batch ready to be written: what is the same for all of its rows, worked out once.
//
// Invariants:
//  * Keys are escaped here and nowhere else.
//  * In the nested form the fields of one group stand together, where the first of them stood that the row has.
//  * How a row is written depends on that row and the order of its own fields, not on those beside it.

import Bytes
import JSON
import Records

/// The fields of a batch that an answer shows, with their keys as they are written.
///
/// Preparing costs a pass over the batch: where few of its rows are wanted, prepare a slice.
package struct PreparedRecords: Sendable {
    /// A class because a row passes each of its columns on, and would copy all their arrays; its numbers
    /// beside each other and not in the cases of an enumeration, because taking one out of its case counts
    /// a reference to it, at every row.
    final class Column: Sendable {
        enum Kind: Sendable {
            /// Lists of `length` numbers of one type without nulls and texts, one row's after another's.
            case doubles, singles, integers
            /// A text in each row, none of them null.
            case texts
            /// Lists of any length: `starts` says where each row's elements begin.
            case lists
            case other
        }

        let name: String
        /// Among all that are shown.
        let place: Int
        let presence: Presence
        let everyRowHasValue: Bool
        let kind: Kind
        let length: Int
        /// Whether whole numbers stand without ".0".
        let wholeNumbersAreBare: Bool
        let doubles: [Double]
        let singles: [Float]
        let integers: [Int64]
        let texts: TextColumn
        let starts: [Int32]
        /// What the batch has, for the last two kinds.
        let values: FieldValues
        /// The key and its colon, by the field's whole name and by its name within the group.
        let flatKey: [UInt8]
        let nestedKey: [UInt8]

        init(
            _ field: FieldColumn, at place: Int, nestedName: String, keepingInfinities keepsInfinities: Bool
        ) {
            name = field.name
            self.place = place
            presence = field.presence
            if case .everyRow = field.presence { everyRowHasValue = true } else { everyRowHasValue = false }
            values = field.values
            flatKey = PreparedRecords.key(field.name)
            nestedKey = PreparedRecords.key(nestedName)
            let plain = PlainValues(field.values, keepingInfinities: keepsInfinities)
            kind = plain.kind
            length = plain.length
            wholeNumbersAreBare = plain.wholeNumbersAreBare
            doubles = plain.doubles
            singles = plain.singles
            integers = plain.integers
            texts = plain.texts
            starts = plain.starts
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
    /// The columns of all members, where none is a group: rows are then written without looking at members.
    private(set) var flatColumns: [Column]?
    /// Whether rows may have their members in another order than `members` are in: a group whose first field some
    /// of them lack has others of its fields behind another member.
    private(set) var isOrderedByRow = false

    package var rowCount: Int { times.count }

    init(
        _ batch: RecordBatch, _ form: RecordForm, _ selection: FieldSelection,
        keepingInfinities keepsInfinities: Bool
    ) {
        func column(_ field: FieldColumn, _ place: Int, nestedName: String) -> Column {
            Column(field, at: place, nestedName: nestedName, keepingInfinities: keepsInfinities)
        }
        times = batch.times
        showsTime = selection.shows("time")
        var groups: [ExactText: Int] = [:]
        for (place, field) in batch.fields.lazy.filter({ selection.shows($0.name) }).enumerated() {
            guard form == .nested, let (group, rest) = RecordGroup.split(field.name) else {
                members.append(Member(columns: [column(field, place, nestedName: field.name)]))
                continue
            }
            let column = column(field, place, nestedName: String(rest))
            if let known = groups[ExactText(String(group))] {
                members[known].columns.append(column)
            } else {
                groups[ExactText(String(group))] = members.count
                members.append(Member(groupKey: Self.key(String(group)), columns: [column]))
            }
        }
        isOrderedByRow = members.contains { member in
            let columns = member.columns
            return columns[columns.count - 1].place - columns[0].place >= columns.count
                && columns[0].presence.hasAbsentRows
        }
        for (group, number) in groups {
            members[number].namesake = members.firstIndex {
                $0.groupKey == nil && $0.columns[0].name.isExactly(group.text)
            }
        }
        if groups.isEmpty { flatColumns = members.map { $0.columns[0] } }
    }

    /// The members that a row has, in its own order.
    func members(of row: Int) -> [Member] {
        members.compactMap { member in
            member.columns.first { $0.presence.state(row) != .absent }.map { ($0.place, member) }
        }
        .sorted { $0.0 < $1.0 }.map(\.1)
    }

    static func key(_ name: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(string: name)
        writer.write(byte: UInt8(ascii: ":"))
        return writer.bytes
    }
}

extension Presence {
    fileprivate var hasAbsentRows: Bool {
        switch self {
        case .everyRow: false
        case .each(let states): states.contains(.absent)
        }
    }
}

/// A field's values in the form in which they are written most quickly.
private struct PlainValues {
    var kind = PreparedRecords.Column.Kind.other
    var length = 0
    var wholeNumbersAreBare = false
    var doubles: [Double] = []
    var singles: [Float] = []
    var integers: [Int64] = []
    var texts = TextColumn()
    var starts: [Int32] = []

    init(_ values: FieldValues, keepingInfinities keepsInfinities: Bool) {
        switch values {
        case .list(let lengths, _):
            kind = .lists
            starts.reserveCapacity(lengths.count)
            var start: Int32 = 0
            for length in lengths {
                starts.append(start)
                start += length
            }
        case .fixedList(let leaves):
            // What is not finite is not written as the numbers around it.
            if !keepsInfinities || leaves.allSatisfy(\.isFinite) { takeNumbers(of: leaves) }
        case .scalar(let leaf):
            guard leaf.nulls.isEmpty, case .text(let column) = leaf.elements else { return }
            (kind, texts) = (.texts, column)
        case .none, .json: break
        }
    }

    /// The lists row by row, where their leaves are plain numbers in one form: most lists are.
    private mutating func takeNumbers(of leaves: [Leaf]) {
        guard let first = leaves.first else { return }
        length = leaves.count
        wholeNumbersAreBare = first.wholeNumbersAreBare
        switch first.elements {
        case .float64:
            let columns = Self.columns(leaves) { if case .float64(let values) = $0 { values } else { nil } }
            if let columns { (kind, doubles) = (.doubles, Self.rows(columns)) }
        case .float32:
            let columns = Self.columns(leaves) { if case .float32(let values) = $0 { values } else { nil } }
            if let columns { (kind, singles) = (.singles, Self.rows(columns)) }
        case .int64:
            let columns = Self.columns(leaves) { if case .int64(let values) = $0 { values } else { nil } }
            if let columns { (kind, integers) = (.integers, Self.rows(columns)) }
        case .bool, .text: break
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

extension Leaf {
    /// Whether no element is an infinity or NaN.
    fileprivate var isFinite: Bool {
        switch elements {
        case .float64(let values): values.allSatisfy(\.isFinite)
        case .float32(let values): values.allSatisfy(\.isFinite)
        case .int64, .bool, .text: true
        }
    }
}
