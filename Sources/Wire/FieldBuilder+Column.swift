// From elements gathered row by row to the columns of a batch.
//
// Invariants:
//  * The column gives back every row's value in the text it was posted in.
//  * The same rows make the same column, however they were written (flat, nested, with spaces).
//  * A leaf of numbers is int64 where every number is an Int64 in its own text, else float64, in
//    the form (`wholeNumbersAreBare`) that has fewer texts to keep.

import Bytes
import JSON
import Records

extension FieldBuilder {
    /// A list of fixed length is not shredded where rows without one would add more elements than
    /// this to its leaves; it becomes one leaf with lengths.
    static let paddingCountMax = 1 << 20

    private var isShredded: Bool {
        lengths.isEmpty && length <= RecordLimits.shreddedElementCountMax
            && (places.count - valueCount) * length <= Self.paddingCountMax
    }

    /// The elements that the column holds for rows without a value, less those that are paid for by
    /// the text of a null.
    var leafPadding: Int {
        let leafCount = shape == .list && isShredded ? length : 1
        return (places.count - valueCount) * leafCount - nullCount
    }

    /// The column of all rows, which `body` was the text of.
    func column(_ body: UnsafeRawBufferPointer) -> FieldColumn {
        let presence: Presence =
            valueCount == places.count ? .everyRow : Presence(states: places.map(Self.state))
        return FieldColumn(name: name, presence: presence, values: values(body))
    }

    private static func state(_ place: Int) -> RowState {
        switch place {
        case absent: .absent
        case null: .null
        default: .value
        }
    }

    private func values(_ body: UnsafeRawBufferPointer) -> FieldValues {
        switch shape {
        case .none: return .none
        case .json: return .json(jsonTexts(body))
        case .scalar: return .scalar(leaf(Stride(rows: rowPositions, step: 1, first: 0), body))
        case .list where isShredded:
            return .fixedList(
                (0..<length).map { leaf(Stride(rows: rowPositions, step: length, first: $0), body) }
            )
        case .list:
            return .list(
                lengths: rowLengths, leaf(Stride(rows: .all(elementCount), step: 1, first: 0), body)
            )
        }
    }

    /// For each row its number among the rows with a value; nil where it has none.
    private var rowPositions: RowPositions {
        if valueCount == places.count { return .all(places.count) }
        var next = 0
        return .some(
            places.map { place in
                guard place >= 0 else { return -1 }
                next += 1
                return next - 1
            })
    }

    private var rowLengths: [Int32] {
        var next = 0
        return places.map { place in
            guard place >= 0 else { return 0 }
            next += 1
            return lengths.isEmpty ? Int32(length) : lengths[next - 1]
        }
    }

    /// The values as compact JSON, from where they stand in the body.
    private func jsonTexts(_ body: UnsafeRawBufferPointer) -> TextColumn {
        let scanner = JSONScanner(body)
        var bytes: [UInt8] = []
        var ends: [Int32] = []
        ends.reserveCapacity(places.count)
        for place in places {
            if place >= 0 { scanner.copyCompact(valueAt: place, into: &bytes) }
            ends.append(Int32(bytes.count))
        }
        return TextColumn(bytes: bytes, ends: ends)
    }
}

/// Which of the elements, in their order, make a leaf.
private struct Stride {
    var rows: RowPositions
    var step: Int
    var first: Int

    var count: Int {
        switch rows {
        case .all(let count): count
        case .some(let positions): positions.count
        }
    }

    /// The number among all elements of the leaf's element `index`; nil where the row has none.
    @inline(__always)
    func position(_ index: Int) -> Int? {
        switch rows {
        case .all: return index * step + first
        case .some(let positions):
            let row = positions[index]
            return row < 0 ? nil : row * step + first
        }
    }
}

private enum RowPositions {
    /// As many rows, each with a value.
    case all(Int)
    /// Each row's number among those with a value, or -1.
    case some([Int])
}

// Leaves.
extension FieldBuilder {
    private func leaf(_ stride: Stride, _ body: UnsafeRawBufferPointer) -> Leaf {
        switch elementType {
        case .text: return textLeaf(stride)
        case .bool:
            let values = (0..<stride.count).map { index in
                stride.position(index).flatMap { bools[$0] } ?? false
            }
            return Leaf(.bool(values), nulls: nulls(stride))
        case .number, .unknown:
            if numbers.areDecimals, case .all(let count) = stride.rows {
                return Leaf(.float64(decimals(count, stride)))
            }
            return numberLeaf(stride, body)
        }
    }

    /// The common case, every element a number in its shortest text: nothing to decide.
    private func decimals(_ count: Int, _ stride: Stride) -> [Double] {
        [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Unsafe so that values are not written twice; the loop fills exactly `count` places.
            numbers.elements.withUnsafeBufferPointer { elements in
                var position = stride.first
                for index in 0..<count {
                    buffer.initializeElement(
                        at: index, to: Double(bitPattern: elements[position].bits))
                    position += stride.step
                }
            }
            initialized = count
        }
    }

    private func numberLeaf(_ stride: Stride, _ body: UnsafeRawBufferPointer) -> Leaf {
        let nulls = nulls(stride)
        let elements = numbers.elements
        var values = [Int64](repeating: 0, count: stride.count)
        for index in values.indices {
            guard let position = stride.position(index), let form = elements[position].form else {
                continue
            }
            guard case .integer = form else { return floatLeaf(stride, nulls, body) }
            values[index] = Int64(bitPattern: elements[position].bits)
        }
        return Leaf(.int64(values), nulls: nulls)
    }

    private func floatLeaf(
        _ stride: Stride, _ nulls: [Int32], _ body: UnsafeRawBufferPointer
    ) -> Leaf {
        let elements = numbers.elements
        var values = [Double](repeating: 0, count: stride.count)
        var bare: [Int32] = []
        var pointed: [Int32] = []
        var texts: [NumberText] = []
        for index in values.indices {
            guard let position = stride.position(index), let form = elements[position].form else {
                continue
            }
            let element = elements[position]
            switch form {
            case .integer:
                let integer = Int64(bitPattern: element.bits)
                values[index] = Double(integer)
                if Self.isBare(integer) {
                    bare.append(Int32(index))
                } else {
                    texts.append(NumberText(position: Int32(index), text: String(integer)))
                }
                continue
            case .bareWhole: bare.append(Int32(index))
            case .pointedWhole: pointed.append(Int32(index))
            case .decimal: break
            case .other:
                texts.append(NumberText(position: Int32(index), text: numberText(position, body)))
            }
            values[index] = Double(bitPattern: element.bits)
        }
        let wholeNumbersAreBare = bare.count > pointed.count
        var exceptions: [NumberText] = []
        for index in wholeNumbersAreBare ? pointed : bare {
            var text: [UInt8] = []
            JSONNumberText.append(values[Int(index)], bare: !wholeNumbersAreBare, to: &text)
            exceptions.append(
                NumberText(position: index, text: String(decoding: text, as: UTF8.self)))
        }
        if texts.isEmpty {
            texts = exceptions
        } else if !exceptions.isEmpty {
            texts = (texts + exceptions).sorted { $0.position < $1.position }
        }
        return Leaf(
            .float64(values), nulls: nulls, texts: texts, wholeNumbersAreBare: wholeNumbersAreBare)
    }

    private func numberText(_ position: Int, _ body: UnsafeRawBufferPointer) -> String {
        let texts = numbers.texts
        let text = texts[texts.partitionPoint { $0.position >= position }]
        return String(decoding: body[text.start..<text.end], as: UTF8.self)
    }

    /// Whether the nearest double to `integer` prints the same text, but for ".0".
    private static func isBare(_ integer: Int64) -> Bool {
        // Below 2^53 every whole double prints all its digits (JSONNumberText.swift).
        if integer.magnitude < 1 << 53 { return true }
        var text: [UInt8] = []
        JSONNumberText.append(Double(integer), bare: true, to: &text)
        return text.elementsEqual(String(integer).utf8)
    }

    private func textLeaf(_ stride: Stride) -> Leaf {
        let all = TextColumn(bytes: textBytes, ends: textEnds)
        if case .all(let count) = stride.rows, count == textEnds.count {
            return Leaf(.text(all), nulls: textNulls.map { Int32($0) })
        }
        var bytes: [UInt8] = []
        var ends: [Int32] = []
        for index in 0..<stride.count {
            if let position = stride.position(index) {
                bytes.append(contentsOf: textBytes[all.range(position)])
            }
            ends.append(Int32(bytes.count))
        }
        return Leaf(.text(TextColumn(bytes: bytes, ends: ends)), nulls: nulls(stride))
    }

    /// The null elements of a leaf, by their positions in it.
    private func nulls(_ stride: Stride) -> [Int32] {
        let isNull: (Int) -> Bool
        switch elementType {
        case .unknown, .number:
            guard numbers.hasNulls else { return [] }
            isNull = { numbers.elements[$0].form == nil }
        case .bool: isNull = { bools[$0] == nil }
        case .text:
            guard !textNulls.isEmpty else { return [] }
            let all = Set(textNulls)
            isNull = { all.contains($0) }
        }
        return (0..<stride.count).compactMap { index in
            stride.position(index).flatMap { isNull($0) ? Int32(index) : nil }
        }
    }
}
