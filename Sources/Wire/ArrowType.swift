// The types of Arrow that records are made of, and the columns that have them.
//
// Invariants:
//  * A type here is one whose every value has a place in a record; others are refused when the schema
//    is read, by name and with what to cast to.
//  * Dates, times, durations and timestamps are the integers they are stored as, in their own unit:
//    nothing is rounded. Only `time` itself is brought to milliseconds, where it is whole ones.

import Records

/// What the elements of an array are.
enum ArrowType: Hashable {
    case null
    case bool
    /// 8, 16, 32 or 64 bits.
    case integer(bitWidth: Int, isSigned: Bool)
    /// 16, 32 or 64 bits.
    case float(bitWidth: Int)
    /// Offsets are 64-bit where it is large, else 32-bit.
    case text(isLarge: Bool)
    case timestamp(ArrowTimeUnit)
    /// A date, a time of day or a duration: 32 or 64 bits, in whatever unit.
    case temporal(bitWidth: Int)
    case list(isLarge: Bool)
    case fixedSizeList(Int)
    case structure

    /// Bytes of one element in the values buffer; nil where it has none of fixed width.
    var valueByteCount: Int? {
        switch self {
        case .integer(let bitWidth, _), .float(let bitWidth), .temporal(let bitWidth): bitWidth / 8
        case .timestamp: 8
        default: nil
        }
    }

    /// Whether an element is one number, text or truth value.
    var isScalar: Bool {
        switch self {
        case .null, .list, .fixedSizeList, .structure: false
        default: true
        }
    }

    /// Whether elements are lists.
    var isList: Bool {
        switch self {
        case .list, .fixedSizeList: true
        default: false
        }
    }
}

enum ArrowTimeUnit: Int16, Hashable {
    case second = 0
    case millisecond = 1
    case microsecond = 2
    case nanosecond = 3

    /// What a moment in this unit is in milliseconds, or why it is none that is kept: nothing is cut off unsaid.
    func milliseconds(_ moment: Int64) throws(TimeProblem) -> Int64 {
        switch self {
        case .second:
            let (product, overflow) = moment.multipliedReportingOverflow(by: 1000)
            guard !overflow else { throw TimeProblem("is \(moment) seconds, past 64 bits of milliseconds") }
            return product
        case .millisecond: return moment
        case .microsecond: return try whole(moment, 1000, "microseconds")
        case .nanosecond: return try whole(moment, 1_000_000, "nanoseconds")
        }
    }

    private func whole(_ moment: Int64, _ divisor: Int64, _ unit: String) throws(TimeProblem) -> Int64 {
        let (quotient, remainder) = moment.quotientAndRemainder(dividingBy: divisor)
        guard remainder == 0 else {
            throw TimeProblem(
                "is \(moment) \(unit), which are no whole milliseconds: round it to milliseconds")
        }
        return quotient
    }

    /// Of a moment, as it follows the name of its field.
    struct TimeProblem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }
}

/// A column of the schema, or a part of one.
struct ArrowField {
    var name: String
    /// The names from the column down to here, with dots between them, cut short: for refusals.
    var path: String
    /// Of a dictionary-encoded field, the type of the dictionary's values.
    var type: ArrowType
    var children: [ArrowField] = []
    var dictionary: ArrowDictionaryEncoding?
    /// Whether its texts are said to be JSON.
    var isJSON = false

    /// The field and those inside it, as a reader's limit counts them.
    var fieldCount: Int { children.reduce(1) { $0 + $1.fieldCount } }
}

/// How a field refers to a dictionary.
struct ArrowDictionaryEncoding {
    var id: Int64
    var indexType: ArrowType
}

/// The field metadata by which a column of texts says that they are JSON: our own, which every client
/// takes for a plain text column, and the extension type that Arrow defines.
enum ArrowJSONNote {
    static let key = "assaylog.content"
    static let value = "json"
    static let extensionKey = "ARROW:extension:name"
    static let extensionValue = "arrow.json"

    /// Compared as bytes: a note of any length costs nothing.
    static func isNote(key: ArrowBytes, value: ArrowBytes) -> Bool {
        (key.raw.elementsEqual(Self.key.utf8) && value.raw.elementsEqual(Self.value.utf8))
            || (key.raw.elementsEqual(extensionKey.utf8) && value.raw.elementsEqual(extensionValue.utf8))
    }
}
