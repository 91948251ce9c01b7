// How many bytes rows take in Arrow, told before they are written: an array has an element for each row, also
// for one that lacks the field, so rows with little in common are many times what they hold.
//
// Invariants:
//  * An estimate is seldom over what is written; under it by what a column's metadata and nulls take, and digits.
//  * It costs what the rows' texts and lists are counted in, whatever the number of columns that all rows have.
//  * A row is counted for what it has, not for what others in its batch have: where a page ends does not depend on
//    which records share a block.

import Bytes
import Records

/// What the rows of one batch bring to arrays, beside the elements that every row has there.
struct ArrowContents {
    private var texts: [TextColumn] = []
    private var fixedLists: [(presence: Presence, byteCount: Int)] = []
    private var lists: [(lengths: [Int32], elementBitCount: Int)] = []
    private var textLists: [[Int]] = []

    /// - Parameter bitCountMin: of an element: 8 for what a reader makes of it, where a truth value is a byte.
    init(_ batch: RecordBatch, _ selection: FieldSelection = .all, elementBitCountMin bitCountMin: Int = 0) {
        for field in batch.fields where selection.shows(field.name) {
            switch field.values {
            case .none: break
            case .json(let values): texts.append(values)
            case .scalar(let leaf):
                if case .text(let values) = leaf.elements { texts.append(values) }
            case .fixedList(let leaves):
                let bitCount = leaves.reduce(0) { $0 + max(bitCountMin, $1.elements.bitCount) }
                fixedLists.append((field.presence, bitCount / 8))
                for leaf in leaves {
                    if case .text(let values) = leaf.elements { texts.append(values) }
                }
            case .list(let lengths, let leaf):
                lists.append((lengths, max(bitCountMin, leaf.elements.bitCount)))
                if case .text(let values) = leaf.elements {
                    var next = 0
                    textLists.append(
                        lengths.map { length in
                            guard length > 0 else { return 0 }
                            next += Int(length)
                            return values.byteCount(of: next - Int(length)..<next)
                        })
                }
            }
        }
    }

    func byteCount(ofRow row: Int) -> Int {
        var byteCount = 0
        for values in texts { byteCount += values.range(row).count }
        for list in fixedLists where list.presence.state(row) == .value { byteCount += list.byteCount }
        for list in lists { byteCount += Int(list.lengths[row]) * list.elementBitCount / 8 }
        for byteCounts in textLists { byteCount += byteCounts[row] }
        return byteCount
    }
}

/// The bytes of the first rows of a page, one more at a time.
package struct ArrowPageSizes {
    private let selection: FieldSelection
    private let limit: Int
    /// Of the first row, the first two, and so on; up to the first that is past the limit.
    private var byteCounts: [Int] = []
    private var bitCounts: [ExactText: Int] = [:]
    /// Of one row in all columns met so far: the time first.
    private var rowBitCount = 64
    private var otherByteCount = 0

    /// What the schema and a batch's header say of a column, at least, beside its name.
    private static let columnByteCount = 96

    package init(fields selection: FieldSelection, upTo limit: Int) {
        self.selection = selection
        self.limit = limit
    }

    /// Whether the rows so far are past the limit: of more rows nothing is told.
    package var isFull: Bool { (byteCounts.last ?? 0) > limit }

    /// The rows behind those so far, whose batches are not those of any before.
    package mutating func add(_ batches: [RecordBatch], rows: [(batch: Int, row: Int)]) {
        var contents = [ArrowContents?](repeating: nil, count: batches.count)
        /// Of each batch, the fields that no row had so far, or none but nulls.
        var waiting = [[FieldColumn]](repeating: [], count: batches.count)
        for (batch, row) in rows {
            if isFull { return }
            let known = contents[batch] ?? ArrowContents(batches[batch], selection)
            if contents[batch] == nil {
                contents[batch] = known
                waiting[batch] = batches[batch].fields.filter { selection.shows($0.name) }
            }
            if !waiting[batch].isEmpty { waiting[batch].removeAll { count($0, $0.presence.state(row)) } }
            otherByteCount += known.byteCount(ofRow: row)
            byteCounts.append(otherByteCount + (byteCounts.count + 1) * rowBitCount / 8)
        }
    }

    /// Counts the column of a field of which a row is in this state.
    ///
    /// - Returns: whether no other row of the batch makes it take more.
    private mutating func count(_ field: FieldColumn, _ state: RowState) -> Bool {
        guard state != .absent else { return false }
        let name = ExactText(field.name)
        let before = bitCounts[name]
        if before == nil { otherByteCount += Self.columnByteCount + field.name.utf8.count }
        let bitCount = max(before ?? 0, state == .value ? field.values.elementBitCount : 0)
        rowBitCount += bitCount - (before ?? 0)
        bitCounts[name] = bitCount
        return state == .value || field.values == .none
    }

    /// How many of the rows are within the limit; at least one.
    ///
    /// - Parameter measured: what so many of the first rows took as they were written: the estimate of fewer is
    ///   of the same share.
    package func rowCount(
        within limit: Int, measured: (rowCount: Int, byteCount: Int)? = nil
    ) -> Int {
        guard let last = byteCounts.last else { return 0 }
        var share = 1.0
        if let measured {
            let estimate = measured.rowCount <= byteCounts.count ? byteCounts[measured.rowCount - 1] : last
            share = Double(max(1, estimate)) / Double(max(1, measured.byteCount))
        }
        let wanted = Double(limit) * share
        return max(1, byteCounts.firstIndex { Double($0) > wanted } ?? byteCounts.count)
    }
}

extension ArrowPageSizes {
    /// A page of as many of the first rows as are within the limit, and of at least one. What is written on the
    /// way is of about the limit each time, however unlike the rows are.
    ///
    /// - Parameter write: gives the bytes of so many of the first rows; each time of fewer.
    package func page(write: (_ rowCount: Int) throws -> [UInt8]) rethrows -> [UInt8] {
        var rowCount = rowCount(within: limit)
        while true {
            let bytes = try write(rowCount)
            guard bytes.count > limit, rowCount > 1 else { return bytes }
            // A little under the limit: what the estimate leaves out grows in proportion where rows are few.
            let fewer = self.rowCount(
                within: limit - limit / 16, measured: (rowCount, bytes.count))
            rowCount = min(rowCount - 1, fewer)
        }
    }
}

extension ArrowField {
    /// What the element of each row takes, whatever it holds.
    var elementBitCount: Int {
        switch type {
        case .null: 0
        case .structure: children.reduce(1) { $0 + $1.elementBitCount }
        // And whether it is null.
        case .bool: 2
        case .text, .list: 33
        default: (type.valueByteCount ?? 8) * 8 + 1
        }
    }

    /// What a reader makes of the element of each row, at least: a truth value, and whether a row has the field, are
    /// a byte each.
    var readBitCount: Int {
        type == .structure ? children.reduce(8) { $0 + $1.readBitCount } : max(8, elementBitCount)
    }
}

extension FieldValues {
    fileprivate var elementBitCount: Int {
        switch self {
        case .none: 0
        case .scalar(let leaf): leaf.elements.bitCount
        case .fixedList, .list, .json: 32
        }
    }
}

extension Elements {
    fileprivate var bitCount: Int {
        switch self {
        case .float64, .int64: 64
        case .float32, .text: 32
        case .bool: 1
        }
    }
}
