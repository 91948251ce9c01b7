// Some rows of a batch, as a batch.
//
// Invariants:
//  * Row i of the result is the row that was picked i-th: its values, nulls, absences and texts.
//  * A field that none of the picked rows has is left out; one that is null in all of them that
//    have it holds `.none`: so a batch says no more than its rows do.

import Bytes

extension RecordBatch {
    /// The rows of a range, in order.
    package func slice(_ rows: Range<Int>) -> RecordBatch {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "Slices rows that exist.")
        if rows.count == rowCount { return self }
        return picking(.range(rows))
    }

    /// The rows of those numbers, in the order given; a row may be given more than once.
    package func selecting(rows: [Int]) -> RecordBatch {
        precondition(rows.allSatisfy { $0 >= 0 && $0 < rowCount }, "Selects rows that exist.")
        return picking(.some(rows))
    }

    private func picking(_ rows: Picked) -> RecordBatch {
        RecordBatch(times: rows.of(times), fields: fields.compactMap { $0.picking(rows) })
    }
}

/// The positions picked from a column: a range is copied as one piece.
private enum Picked {
    case range(Range<Int>)
    case some([Int])

    func of<Value>(_ values: [Value]) -> [Value] {
        switch self {
        case .range(let range): Array(values[range])
        case .some(let positions): positions.map { values[$0] }
        }
    }
}

extension FieldColumn {
    /// What some rows say of the field: who has it, and the values, which are still those of all rows. Nil where none
    /// of them has it.
    package func part(_ rows: Range<Int>) -> FieldColumn? {
        if case .each(let states) = presence, rows != 0..<states.count { return part(.range(rows)) }
        return self
    }

    private func part(_ rows: Picked) -> FieldColumn? {
        guard case .each(let states) = presence else { return self }
        let picked = rows.of(states)
        if picked.allSatisfy({ $0 == .absent }) && !picked.isEmpty { return nil }
        return FieldColumn(
            name: name, presence: Presence(states: picked), values: picked.contains(.value) ? values : .none)
    }

    fileprivate func picking(_ rows: Picked) -> FieldColumn? {
        guard var picked = part(rows) else { return nil }
        picked.values = picked.values.picking(rows)
        return picked
    }
}

extension FieldValues {
    fileprivate func picking(_ rows: Picked) -> FieldValues {
        switch self {
        case .none: .none
        case .scalar(let leaf): .scalar(leaf.picking(rows))
        case .fixedList(let leaves): .fixedList(leaves.map { $0.picking(rows) })
        case .list(let lengths, let leaf):
            .list(lengths: rows.of(lengths), leaf.picking(Self.elements(of: rows, lengths)))
        case .json(let texts): .json(texts.picking(rows))
        }
    }

    /// The positions, in the leaf of a list, of the elements that the rows of a range have.
    package static func elements(of rows: Range<Int>, _ lengths: [Int32]) -> Range<Int> {
        let start = lengths[..<rows.lowerBound].reduce(0) { $0 + Int($1) }
        return start..<start + lengths[rows].reduce(0) { $0 + Int($1) }
    }

    /// The same of picked rows.
    private static func elements(of rows: Picked, _ lengths: [Int32]) -> Picked {
        switch rows {
        case .range(let range): return .range(elements(of: range, lengths))
        case .some(let rows):
            var starts: [Int] = []
            starts.reserveCapacity(lengths.count)
            var next = 0
            for length in lengths {
                starts.append(next)
                next += Int(length)
            }
            return .some(rows.flatMap { starts[$0]..<starts[$0] + Int(lengths[$0]) })
        }
    }
}

extension Leaf {
    /// Which elements of a range are null, counted from its start.
    package func nulls(in range: Range<Int>) -> [Int32] {
        if nulls.isEmpty || range == 0..<count { return nulls }
        let (start, end) = (Int32(range.lowerBound), Int32(range.upperBound))
        let found = nulls.partitionPoint { $0 >= start }..<nulls.partitionPoint { $0 >= end }
        return nulls[found].map { $0 - start }
    }

    /// The texts kept of a range's elements, which are counted from its start.
    package func texts(in range: Range<Int>) -> [NumberText] {
        if texts.isEmpty || range == 0..<count { return texts }
        let (start, end) = (Int32(range.lowerBound), Int32(range.upperBound))
        let kept = texts.partitionPoint { $0.position >= start }..<texts.partitionPoint { $0.position >= end }
        return texts[kept].map { NumberText(position: $0.position - start, text: $0.text) }
    }

    fileprivate func picking(_ picked: Picked) -> Leaf {
        var result = Leaf(elements.picking(picked), wholeNumbersAreBare: wholeNumbersAreBare)
        guard !nulls.isEmpty || !texts.isEmpty else { return result }
        switch picked {
        case .range(let range):
            result.nulls = nulls(in: range)
            result.texts = texts(in: range)
        case .some(let positions):
            for (index, position) in positions.enumerated() {
                let null = nulls.partitionPoint { $0 >= position }
                if null < nulls.count && nulls[null] == position { result.nulls.append(Int32(index)) }
                let text = texts.partitionPoint { $0.position >= position }
                if text < texts.count && texts[text].position == position {
                    result.texts.append(NumberText(position: Int32(index), text: texts[text].text))
                }
            }
        }
        return result
    }
}

extension Elements {
    fileprivate func picking(_ picked: Picked) -> Elements {
        switch self {
        case .float64(let values): .float64(picked.of(values))
        case .float32(let values): .float32(picked.of(values))
        case .int64(let values): .int64(picked.of(values))
        case .bool(let values): .bool(picked.of(values))
        case .text(let values): .text(values.picking(picked))
        }
    }
}

extension TextColumn {
    fileprivate func picking(_ picked: Picked) -> TextColumn {
        switch picked {
        case .range(let rows): slice(rows)
        case .some(let positions): selecting(positions)
        }
    }
}
