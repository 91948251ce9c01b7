// Batches one after another, as one batch, where their fields agree.
//
// A field unifies with its absence, with nulls, and with the same shape of elements of one type;
// integers with doubles as doubles. Nothing else does: a batch that says it otherwise (a list of
// another length, a text where numbers were) stays a batch of its own. So does one whose fields stand in another
// order: its records would print their members otherwise from then on.
//
// Invariants:
//  * The rows of the result are those of the batches, in order, each with every text it had, and with its members
//    in the order that they had.
//  * Where a batch was cut in two and the parts unify, they make that batch again.

import Bytes
import JSON

extension RecordBatch {
    /// Values that are absent in a batch made of others.
    private static let absentCountMax = 1 << 24

    /// The rows of all batches; nil where they do not unify, have no order of fields in common, or pass a limit of
    /// `RecordLimits`.
    package init?(concatenating batches: [RecordBatch]) {
        let rowCount = batches.reduce(0) { $0 + $1.rowCount }
        guard rowCount <= Int(Int32.max) else { return nil }
        var names: [String] = []
        var numbers: [ExactText: Int] = [:]
        var columns: [[FieldColumn?]] = []
        /// The numbers of each batch's fields.
        var lists: [[Int]] = []
        lists.reserveCapacity(batches.count)
        for (position, batch) in batches.enumerated() {
            var list: [Int] = []
            list.reserveCapacity(batch.fields.count)
            for field in batch.fields {
                if let number = numbers[ExactText(field.name)] {
                    columns[number][position] = field
                    list.append(number)
                } else {
                    list.append(names.count)
                    numbers[ExactText(field.name)] = names.count
                    names.append(field.name)
                    columns.append([FieldColumn?](repeating: nil, count: batches.count))
                    columns[names.count - 1][position] = field
                }
            }
            lists.append(list)
        }
        guard names.count <= RecordLimits.fieldCountMax else { return nil }
        // Each absent value takes its place all the same: batches too unlike stay by themselves.
        var absentCount = 0
        for parts in columns {
            var width = 1
            for case .fixedList(let leaves)? in parts.map({ $0?.values }) {
                width = max(width, leaves.count)
            }
            for (part, batch) in zip(parts, batches) where part == nil {
                absentCount += batch.rowCount * width
            }
        }
        guard absentCount <= RecordBatch.absentCountMax else { return nil }
        let columnCount = columns.reduce(0) { sum, parts in
            sum + parts.reduce(1) { most, part in max(most, part?.columnCount ?? 1) }
        }
        guard columnCount <= RecordLimits.columnCountMax,
            let order = FieldOrder.uniting(lists, count: names.count)
        else { return nil }
        let rowCounts = batches.map { $0.rowCount }
        var fields: [FieldColumn] = []
        fields.reserveCapacity(names.count)
        for number in order {
            let (name, parts) = (names[number], columns[number])
            guard let values = FieldValues(concatenating: parts, rowCounts) else { return nil }
            var states: [RowState] = []
            states.reserveCapacity(rowCount)
            for (part, count) in zip(parts, rowCounts) {
                switch part?.presence {
                case nil: states += [RowState](repeating: .absent, count: count)
                case .everyRow: states += [RowState](repeating: .value, count: count)
                case .each(let those): states += those
                }
            }
            fields.append(
                FieldColumn(name: name, presence: Presence(states: states), values: values))
        }
        self.init(times: batches.flatMap { $0.times }, fields: fields)
    }
}

/// One batch's part of a leaf, or as many rows without values.
private enum LeafPart {
    /// The presence is that of the rows whose elements these are, one a row; `.everyRow` in lists.
    case elements(Leaf, Presence)
    case filler(Int)

    /// Whether there is any element but null ones.
    var hasElements: Bool {
        guard case .elements(let leaf, let presence) = self else { return false }
        switch presence {
        case .everyRow: return leaf.nulls.count < leaf.count
        case .each(let states): return leaf.nulls.count < states.count { $0 == .value }
        }
    }
}

extension FieldValues {
    fileprivate init?(concatenating parts: [FieldColumn?], _ rowCounts: [Int]) {
        // The first part with values says what the others must be.
        let model = parts.lazy.compactMap { $0?.values }.first { $0 != .none } ?? .none
        switch model {
        case .none: self = .none
        case .scalar:
            var leaves: [LeafPart] = []
            for (part, count) in zip(parts, rowCounts) {
                switch part?.values ?? .none {
                case .none: leaves.append(.filler(count))
                case .scalar(let leaf): leaves.append(.elements(leaf, part?.presence ?? .everyRow))
                default: return nil
                }
            }
            guard let leaf = Leaf(concatenating: leaves) else { return nil }
            self = .scalar(leaf)
        case .fixedList(let modelLeaves):
            var leaves = [[LeafPart]](repeating: [], count: modelLeaves.count)
            for (part, count) in zip(parts, rowCounts) {
                switch part?.values ?? .none {
                case .none:
                    for index in leaves.indices { leaves[index].append(.filler(count)) }
                case .fixedList(let those) where those.count == leaves.count:
                    for index in leaves.indices {
                        leaves[index].append(.elements(those[index], part?.presence ?? .everyRow))
                    }
                default: return nil
                }
            }
            var results: [Leaf] = []
            for parts in leaves {
                guard let leaf = Leaf(concatenating: parts) else { return nil }
                results.append(leaf)
            }
            self = .fixedList(results)
        case .list:
            let elementCount = parts.reduce(0) { $0 + ($1?.values.listElementCount ?? 0) }
            guard elementCount <= RecordLimits.listElementCountMax else { return nil }
            var lengths: [Int32] = []
            var leaves: [LeafPart] = []
            for (part, count) in zip(parts, rowCounts) {
                switch part?.values ?? .none {
                case .none: lengths += [Int32](repeating: 0, count: count)
                case .list(let those, let leaf):
                    lengths += those
                    leaves.append(.elements(leaf, .everyRow))
                default: return nil
                }
            }
            guard let leaf = Leaf(concatenating: leaves) else { return nil }
            self = .list(lengths: lengths, leaf)
        case .json:
            var texts: [(TextColumn?, Int)] = []
            for (part, count) in zip(parts, rowCounts) {
                switch part?.values ?? .none {
                case .none: texts.append((nil, count))
                case .json(let those): texts.append((those, count))
                default: return nil
                }
            }
            guard let all = TextColumn(concatenating: texts) else { return nil }
            self = .json(all)
        }
    }
}

extension Leaf {
    fileprivate init?(concatenating parts: [LeafPart]) {
        // Null elements are of any type, so a leaf of nothing else does not say what the others are;
        // where all are such leaves, one that is not of integers knows the type of its list.
        let typed = parts.compactMap { part in
            if case .elements(let leaf, _) = part, part.hasElements { leaf } else { nil }
        }
        let untyped = parts.compactMap { part in
            if case .elements(let leaf, _) = part { leaf } else { nil }
        }
        let known = untyped.first { if case .int64 = $0.elements { false } else { true } }
        var model = typed.first?.elements ?? known?.elements ?? .int64([])
        if case .int64 = model,
            let double = typed.first(where: {
                if case .float64 = $0.elements { true } else { false }
            })
        {
            model = double.elements
        }
        switch model {
        case .int64:
            let values = Self.values(parts, zero: Int64(0)) {
                if case .int64(let values) = $0 { values } else { nil }
            }
            guard let values else { return nil }
            self.init(.int64(values))
        case .bool:
            let values = Self.values(parts, zero: false) {
                if case .bool(let values) = $0 { values } else { nil }
            }
            guard let values else { return nil }
            self.init(.bool(values))
        case .float64:
            let doubles = parts.map { $0.withDoubles }
            let values = Self.values(doubles, zero: Double(0)) {
                if case .float64(let values) = $0 { values } else { nil }
            }
            guard let values else { return nil }
            let forms = Self.wholeNumberForms(doubles, values)
            self.init(.float64(values), texts: forms.texts, wholeNumbersAreBare: forms.areBare)
        case .float32:
            let values = Self.values(parts, zero: Float(0)) {
                if case .float32(let values) = $0 { values } else { nil }
            }
            guard let values else { return nil }
            let forms = Self.wholeNumberForms(parts, values)
            self.init(.float32(values), texts: forms.texts, wholeNumbersAreBare: forms.areBare)
        case .text:
            var texts: [(TextColumn?, Int)] = []
            for part in parts {
                switch part {
                case .filler(let count): texts.append((nil, count))
                case .elements(let leaf, _):
                    if case .text(let those) = leaf.elements {
                        texts.append((those, leaf.count))
                    } else {
                        guard !part.hasElements else { return nil }
                        texts.append((nil, leaf.count))
                    }
                }
            }
            guard let all = TextColumn(concatenating: texts) else { return nil }
            self.init(.text(all))
        }
        nulls = Self.shifted(parts) {
            $0.nulls
        } by: {
            $0 + $1
        }
    }

    /// The elements of all parts, if `values` knows their type; fillers and leaves of nulls are zeros.
    private static func values<Value>(
        _ parts: [LeafPart], zero: Value, _ values: (Elements) -> [Value]?
    ) -> [Value]? {
        var all: [Value] = []
        for part in parts {
            switch part {
            case .filler(let count): all += [Value](repeating: zero, count: count)
            case .elements(let leaf, _):
                if let those = values(leaf.elements) {
                    all += those
                } else {
                    guard !part.hasElements else { return nil }
                    all += [Value](repeating: zero, count: leaf.count)
                }
            }
        }
        return all.count <= Int(Int32.max) ? all : nil
    }

    /// What the parts keep by position, at the positions of the whole.
    private static func shifted<Kept>(
        _ parts: [LeafPart], _ kept: (Leaf) -> [Kept], by shift: (Kept, Int32) -> Kept
    ) -> [Kept] {
        var all: [Kept] = []
        var start: Int32 = 0
        for part in parts {
            switch part {
            case .filler(let count): start += Int32(count)
            case .elements(let leaf, _):
                all += kept(leaf).map { shift($0, start) }
                start += Int32(leaf.count)
            }
        }
        return all
    }
}

extension LeafPart {
    /// The same elements as doubles, where they are integers; a text is kept for each integer that
    /// the double does not print.
    fileprivate var withDoubles: LeafPart {
        guard case .elements(let leaf, let presence) = self, case .int64(let values) = leaf.elements
        else {
            return self
        }
        var result = Leaf(
            .float64(values.map { Double($0) }), nulls: leaf.nulls, wholeNumbersAreBare: true)
        for (index, value) in values.enumerated() where value.magnitude >= 1 << 53 {
            let text = String(value)
            if Double(value).canonicalText(bare: true) != text {
                result.texts.append(NumberText(position: Int32(index), text: text))
            }
        }
        return .elements(result, presence)
    }
}

// Whole numbers with and without ".0".
extension Leaf {
    /// The form that more of the whole numbers have, and the texts to keep beside it.
    private static func wholeNumberForms<Number: PrintedNumber>(
        _ parts: [LeafPart], _ values: [Number]
    ) -> (areBare: Bool, texts: [NumberText]) {
        let leaves = parts.compactMap { if case .elements(let leaf, _) = $0 { leaf } else { nil } }
        let texts = shifted(parts) {
            $0.texts
        } by: {
            NumberText(position: $0.position + $1, text: $0.text)
        }
        guard leaves.contains(where: { $0.wholeNumbersAreBare }) else { return (false, texts) }
        guard leaves.contains(where: { !$0.wholeNumbersAreBare }) else { return (true, texts) }
        return reconciled(parts, values, texts)
    }

    /// Parts differ in their form: each whole number is looked at.
    private static func reconciled<Number: PrintedNumber>(
        _ parts: [LeafPart], _ values: [Number], _ texts: [NumberText]
    ) -> (areBare: Bool, texts: [NumberText]) {
        var bare: [Int32] = []
        var pointed: [Int32] = []
        var others: [NumberText] = []
        var kept = texts[...]
        var start = 0
        for part in parts {
            guard case .elements(let leaf, let presence) = part else {
                if case .filler(let count) = part { start += count }
                continue
            }
            var nulls = leaf.nulls[...]
            for index in 0..<leaf.count {
                let position = Int32(start + index)
                if nulls.first == Int32(index) {
                    nulls.removeFirst()
                    continue
                }
                guard presence.state(index) == .value else { continue }
                let value = values[Int(position)]
                var isBare = leaf.wholeNumbersAreBare
                if let text = kept.first, text.position == position {
                    kept.removeFirst()
                    guard value.hasTwoForms, text.text == value.canonicalText(bare: !isBare) else {
                        others.append(text)
                        continue
                    }
                    isBare.toggle()
                } else if !value.hasTwoForms {
                    continue
                }
                if isBare { bare.append(position) } else { pointed.append(position) }
            }
            start += leaf.count
        }
        let areBare = bare.count > pointed.count
        others += (areBare ? pointed : bare).map { position in
            NumberText(
                position: position, text: values[Int(position)].canonicalText(bare: !areBare))
        }
        return (areBare, others.sorted { $0.position < $1.position })
    }
}

extension TextColumn {
    /// The texts of all parts; nil stands for as many empty ones. Nil where they are too long.
    fileprivate init?(concatenating parts: [(texts: TextColumn?, count: Int)]) {
        let byteCount = parts.reduce(0) { $0 + ($1.texts?.byteCount ?? 0) }
        let heldByteCount = parts.reduce(0) { $0 + ($1.texts?.bytes.count ?? 0) }
        guard max(byteCount, heldByteCount) <= RecordLimits.textByteCountMax else { return nil }
        self.init()
        reserveCapacity(parts.reduce(0) { $0 + $1.count }, byteCount: heldByteCount)
        for (texts, count) in parts {
            if let texts { append(contentsOf: texts) } else { append(emptyTexts: count) }
        }
    }
}
