// Records as columns: what travels from the wire to the disk and back.
//
// A batch holds records of one topic and partition in the order they were posted. Each field is a
// column; a list of fixed length is as many columns as it has elements, so that a question about
// one element reads nothing else.
//
// Invariants:
//  * `times` and every column cover exactly `rowCount` rows.
//  * Field names are distinct by their bytes, and none is "time".
//  * Where a row has no value (null, absent) the columns hold a zero or an empty text there,
//    so that equal records make equal batches.
//  * A number's column gives back the posted text: the value's shortest text, or a text kept beside it.

import Bytes

/// Records of one topic and partition, as columns.
package struct RecordBatch: Hashable, Sendable {
    /// Milliseconds since 1970, one a row.
    package var times: [Int64]
    /// In the order in which the fields were first met.
    package var fields: [FieldColumn]

    /// Nothing is checked: the invariants above are the caller's to keep.
    package init(times: [Int64], fields: [FieldColumn]) {
        self.times = times
        self.fields = fields
    }

    package var rowCount: Int { times.count }

    /// The field of that name, by its bytes; nil where no row has it. Fields are looked through one by one.
    package func field(named name: String) -> FieldColumn? {
        fields.first { $0.name.isExactly(name) }
    }
}

/// The values of one field, such as `in.dense_input` or `metadata.partition`, over a batch's rows.
package struct FieldColumn: Hashable, Sendable {
    /// The dotted name: group, a dot, and the rest; or a name without a group.
    @ExactText package var name: String
    package var presence: Presence
    package var values: FieldValues

    package init(name: String, presence: Presence = .everyRow, values: FieldValues) {
        self.name = name
        self.presence = presence
        self.values = values
    }
}

/// Whether a row has the field at all.
package enum RowState: UInt8, Hashable, Sendable {
    case value = 0
    /// Posted as null.
    case null = 1
    /// Not posted.
    case absent = 2
}

/// Which rows of a batch have a value of a field.
package enum Presence: Hashable, Sendable {
    /// Each row has a value: the ordinary case, which costs nothing.
    case everyRow
    /// One state a row.
    case each([RowState])

    package func state(_ row: Int) -> RowState {
        switch self {
        case .everyRow: .value
        case .each(let states): states[row]
        }
    }

    /// `.everyRow` where all states are values.
    package init(states: [RowState]) {
        self = states.allSatisfy { $0 == .value } ? .everyRow : .each(states)
    }
}

/// A field's values, in a shape that all rows of the batch have: the same field may have another shape in the
/// next.
package enum FieldValues: Hashable, Sendable {
    /// No row has a value.
    case none
    /// One element a row.
    case scalar(Leaf)
    /// `leaves[j]` holds element j of every row: lists all of the same length, at most
    /// `RecordLimits.shreddedElementCountMax`. An empty list has no leaves.
    case fixedList([Leaf])
    /// Row r has `lengths[r]` elements, one row's after another's in the leaf; a row without a
    /// value has none.
    case list(lengths: [Int32], Leaf)
    /// Anything else (objects, nested lists, mixed types): the value's JSON text, one a row.
    case json(TextColumn)
}

/// Elements of one type, one after another.
package struct Leaf: Hashable, Sendable {
    package var elements: Elements
    /// Positions of null elements, ascending.
    package var nulls: [Int32]
    /// Numbers posted in another text than the shortest of their value, by ascending position.
    package var texts: [NumberText]
    /// Whether float64 elements that are whole numbers were posted without ".0" (`5`, not `5.0`);
    /// the other form is then the exception, kept in `texts`.
    package var wholeNumbersAreBare: Bool

    package init(
        _ elements: Elements, nulls: [Int32] = [], texts: [NumberText] = [],
        wholeNumbersAreBare: Bool = false
    ) {
        self.elements = elements
        self.nulls = nulls
        self.texts = texts
        self.wholeNumbersAreBare = wholeNumbersAreBare
    }

    /// Null elements are counted, as the zeros that stand for them.
    package var count: Int { elements.count }
}

/// The text in which the number at `position` of a leaf was posted.
package struct NumberText: Hashable, Sendable {
    package var position: Int32
    package var text: String

    package init(position: Int32, text: String) {
        self.position = position
        self.text = text
    }
}

/// Elements by type. A null one is a zero or an empty text here; the leaf says which they are.
package enum Elements: Hashable, Sendable {
    case float64([Double])
    case float32([Float])
    case int64([Int64])
    case bool([Bool])
    case text(TextColumn)

    package var count: Int {
        switch self {
        case .float64(let values): values.count
        case .float32(let values): values.count
        case .int64(let values): values.count
        case .bool(let values): values.count
        case .text(let values): values.count
        }
    }
}

extension Elements {
    // Bit equality for floats: -0.0 and 0.0 are different posts, and a NaN equals itself.
    package static func == (left: Elements, right: Elements) -> Bool {
        switch (left, right) {
        case (.float64(let a), .float64(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
        case (.float32(let a), .float32(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
        case (.int64(let a), .int64(let b)): a == b
        case (.bool(let a), .bool(let b)): a == b
        case (.text(let a), .text(let b)): a == b
        default: false
        }
    }
}

/// The bounds of a batch, each with its reason.
package enum RecordLimits {
    /// Longer lists stay one column: a column an element would cost more in names than it saves.
    package static let shreddedElementCountMax = 512
    /// The most bytes of one text column: positions in it are 32-bit.
    package static let textByteCountMax = 1 << 30
    /// The longest field, topic or partition name, in UTF-8 bytes.
    package static let nameByteCountMax = 1024
    /// The times that a record may have, in milliseconds since 1970: those that an answer can print as RFC 3339.
    package static let times =
        Timestamp.earliestNamed.milliseconds...Timestamp.latestNamed.milliseconds
    /// What a time must be, in a refusal.
    package static let timeProblem =
        "must be whole milliseconds since 1970, of the years 0001 to 9999"
    /// The most fields of one batch: twenty times those of a wide record. Each costs a name and a head of its own in
    /// every block and in the memory of whoever reads it, however few bytes a body says it in; and it is what a block's
    /// reader believes (frozen with the format). Many numbers of one kind are a list, whose elements are columns as
    /// well (`columnCountMax`) and which is one field.
    package static let fieldCountMax = 20_000
    /// The most columns of one batch: a field is one or two, a shredded list one an element. What a block says
    /// of each before its values then stays far below what its reader takes (`SegmentFormat.headByteCountMax`).
    package static let columnCountMax = 1 << 20
    /// The most elements of one field's lists in all rows of a batch, where they are one column. A body of the
    /// largest size that a server takes (64 MiB) has no more, but for bools and compressed ones of Arrow. A block
    /// states the number before its values, and equal values take no bytes: whoever reads it makes room for no
    /// more than 512 MiB on its word, of texts a GiB.
    package static let listElementCountMax = 1 << 26
}

extension RecordLimits {
    /// What is wrong with a partition's name, which nobody could tell from another, or which would act on a
    /// terminal; nil where nothing is.
    ///
    /// - Parameter known: the topic's partitions, by their names.
    package static func problem<Value>(ofPartition name: String, beside known: [String: Value]) -> String? {
        guard (1...nameByteCountMax).contains(name.utf8.count) else {
            return "must be 1 to \(nameByteCountMax) bytes long"
        }
        // As nearly everybody names them.
        if name.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return nil }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            return "must not have control characters"
        }
        guard let same = known.index(forKey: name).map({ known[$0].key }),
            !same.utf8.elementsEqual(name.utf8)
        else { return nil }
        return "is \"\(same)\", which the topic has, in other Unicode characters (composed and "
            + "decomposed accents are equal): write it as that one is written"
    }
}

extension RecordBatch {
    /// Columns that hold its values, as a block has them, but for times and presence.
    package var columnCount: Int { fields.reduce(0) { $0 + $1.columnCount } }

    /// The first field whose lists have more elements than are kept; nil where none does.
    package var fieldOfTooLongLists: FieldColumn? {
        fields.first { $0.values.listElementCount > RecordLimits.listElementCountMax }
    }
}

extension FieldValues {
    /// Elements of lists that are one column.
    package var listElementCount: Int {
        if case .list(_, let leaf) = self { leaf.count } else { 0 }
    }
}

extension FieldColumn {
    /// Columns that hold its values, as a block has them.
    package var columnCount: Int {
        switch values {
        case .none, .scalar, .json: 1
        case .fixedList(let leaves): max(1, leaves.count)
        case .list: 2
        }
    }
}
