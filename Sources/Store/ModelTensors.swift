// Columns of a request to a model's tensors, and a model's tensors to columns of the record.
//
// Invariants:
//  * A request that does not fit is refused before the model runs, naming the field, the row where
//    one is to blame, what was wanted and what was found.
//  * Values are converted only where nothing is lost but a float32 model's own precision.

import Bytes
import JSON
import Records
import Serving

enum ModelTensors {
    // MARK: Columns to tensors

    /// The inputs of a model from the fields of a request; each field must be an input.
    static func inputs(_ batch: RecordBatch, for signature: ModelSignature) throws -> [Tensor] {
        var tensors: [Tensor] = []
        for field in batch.fields {
            guard let input = signature.inputs.first(where: { $0.name.isExactly(field.name) }) else {
                throw ServingError.unknownInput(field: field.name, known: signature.inputs.map(\.name))
            }
            tensors.append(try tensor(field, for: input, rowCount: batch.rowCount))
        }
        return tensors
    }

    private static func tensor(
        _ field: FieldColumn, for input: TensorSignature, rowCount: Int
    ) throws -> Tensor {
        if case .each(let states) = field.presence, let row = states.firstIndex(where: { $0 != .value }) {
            throw StoreRefusal(
                .invalid,
                "the input \"\(input.name)\" has no value in row \(row); every row needs one")
        }
        switch field.values {
        case .none:
            throw StoreRefusal(.invalid, "the input \"\(input.name)\" has no value in row 0")
        case .scalar(let leaf):
            // One number a row: a vector, or a matrix of one column where the model wants that.
            let rest =
                input.dimensions.count > 1 ? [Int](repeating: 1, count: input.dimensions.count - 1) : []
            return try tensor(input, shape: [rowCount] + rest, columns: [leaf])
        case .fixedList(let leaves):
            return try tensor(input, shape: [rowCount, leaves.count], columns: leaves)
        case .list(let lengths, let leaf):
            let width = lengths.first ?? 0
            if let row = lengths.firstIndex(where: { $0 != width }) {
                throw StoreRefusal(
                    .invalid,
                    "the input \"\(input.name)\" has \(lengths[row]) elements in row \(row) and "
                        + "\(width) in row 0; every row needs as many as the model takes")
            }
            return try rowMajor(input, shape: [rowCount, Int(width)], leaf)
        case .json(let texts):
            return try nested(input, texts)
        }
    }

    /// A tensor from one leaf a column: element-major to row-major.
    private static func tensor(_ input: TensorSignature, shape: [Int], columns: [Leaf]) throws -> Tensor {
        for leaf in columns where !leaf.nulls.isEmpty {
            throw StoreRefusal(
                .invalid,
                "the input \"\(input.name)\" has a null in row \(leaf.nulls[0]); the model takes numbers")
        }
        let width = columns.count
        let rowCount = columns.first?.count ?? 0
        func gather<Value>(_ zero: Value, _ read: (Leaf) throws -> [Value]) throws -> [Value] {
            var values = [Value](repeating: zero, count: rowCount * width)
            for (column, leaf) in columns.enumerated() {
                let read = try read(leaf)
                for row in 0..<rowCount { values[row * width + column] = read[row] }
            }
            return values
        }
        let values: Tensor.Values =
            switch input.elementType {
            case .float32: .float32(try gather(0) { try floats($0, input) })
            case .float64: .float64(try gather(0) { try doubles($0, input) })
            case .int64: .int64(try gather(0) { try wholes($0, input) })
            case .int32:
                .int32(
                    try gather(0) { leaf in
                        try wholes(leaf, input).enumerated().map { row, value in
                            guard let narrow = Int32(exactly: value) else {
                                throw StoreRefusal(
                                    .invalid,
                                    "the input \"\(input.name)\" has \(value) in row \(row), "
                                        + "which is no 32-bit integer")
                            }
                            return narrow
                        }
                    })
            case .boolean:
                .boolean(
                    try gather(false) { leaf in
                        guard case .bool(let values) = leaf.elements else { throw wrongType(leaf, input) }
                        return values
                    })
            }
        return Tensor(name: input.name, shape: shape, values: values)
    }

    private static func rowMajor(_ input: TensorSignature, shape: [Int], _ leaf: Leaf) throws -> Tensor {
        // One leaf in row-major order already is a tensor of one column, of another shape.
        let flat = try tensor(input, shape: [leaf.count], columns: [leaf])
        return Tensor(name: input.name, shape: shape, values: flat.values)
    }

    /// Nested lists: every row's JSON text, all of one shape.
    private static func nested(_ input: TensorSignature, _ texts: TextColumn) throws -> Tensor {
        var shape: [Int]?
        let takesWholes = input.elementType == .int64 || input.elementType == .int32
        var numbers: [Double] = []
        var wholes: [Int64] = []
        /// How deep the row's numbers stand, once one was met: all stand equally deep. Without this
        /// the sizes of the lists would not multiply to the count of the numbers.
        var numberDepth: Int?
        func refuseMixture(_ row: Int) -> StoreRefusal {
            StoreRefusal(.invalid, "the input \"\(input.name)\" mixes numbers and lists in row \(row)")
        }
        func walk(_ value: JSONValue, _ depth: Int, _ found: inout [Int], _ row: Int) throws {
            switch value {
            case .array(let elements):
                guard numberDepth.map({ depth < $0 }) ?? true else { throw refuseMixture(row) }
                if found.count == depth { found.append(elements.count) }
                guard found[depth] == elements.count else {
                    throw StoreRefusal(
                        .invalid, "the input \"\(input.name)\" has lists of different lengths in row \(row)")
                }
                for element in elements { try walk(element, depth + 1, &found, row) }
            case .number(let number):
                guard depth == numberDepth ?? found.count else { throw refuseMixture(row) }
                numberDepth = depth
                guard takesWholes else { return numbers.append(number.double) }
                guard let whole = number.integer ?? Int64(exactly: number.double) else {
                    throw StoreRefusal(
                        .invalid,
                        "the input \"\(input.name)\" has \(number.text.prefix(32)) in row \(row); the model "
                            + "takes \(input.elementType.rawValue)")
                }
                wholes.append(whole)
            default:
                throw StoreRefusal(
                    .invalid,
                    "the input \"\(input.name)\" has \(value.kind) in row \(row); the model takes "
                        + "\(input.elementType.rawValue) numbers")
            }
        }
        for row in 0..<texts.count {
            let value = try JSONValue(parsing: Array(texts.bytes[texts.range(row)]))
            var found: [Int] = []
            numberDepth = nil
            try walk(value, 0, &found, row)
            if let shape, shape != found {
                throw StoreRefusal(
                    .invalid,
                    "the input \"\(input.name)\" has the shape \(found) in row \(row) and \(shape) in row 0")
            }
            shape = found
        }
        let all = [texts.count] + (shape ?? [])
        return try rowMajor(input, shape: all, Leaf(takesWholes ? .int64(wholes) : .float64(numbers)))
    }

    private static func floats(_ leaf: Leaf, _ input: TensorSignature) throws -> [Float] {
        switch leaf.elements {
        case .float32(let values): values
        case .float64(let values):
            // Digits may be lost, as the model has no more; a number must not become an infinity.
            try values.enumerated().map { row, value in
                guard Float(value).isFinite || !value.isFinite else {
                    throw StoreRefusal(
                        .invalid,
                        "the input \"\(input.name)\" has \(value) in row \(row), beyond float32")
                }
                return Float(value)
            }
        case .int64(let values): values.map { Float($0) }
        case .bool, .text: throw wrongType(leaf, input)
        }
    }

    private static func doubles(_ leaf: Leaf, _ input: TensorSignature) throws -> [Double] {
        switch leaf.elements {
        case .float32(let values): values.map { Double($0) }
        case .float64(let values): values
        case .int64(let values): values.map { Double($0) }
        case .bool, .text: throw wrongType(leaf, input)
        }
    }

    private static func wholes(_ leaf: Leaf, _ input: TensorSignature) throws -> [Int64] {
        switch leaf.elements {
        case .int64(let values): return values
        case .float64(let values):
            return try values.enumerated().map { row, value in
                guard let whole = Int64(exactly: value) else {
                    throw StoreRefusal(
                        .invalid,
                        "the input \"\(input.name)\" has \(value) in row \(row); the model takes "
                            + "\(input.elementType.rawValue)")
                }
                return whole
            }
        case .float32, .bool, .text: throw wrongType(leaf, input)
        }
    }

    private static func wrongType(_ leaf: Leaf, _ input: TensorSignature) -> StoreRefusal {
        let found =
            switch leaf.elements {
            case .float64: "float64"
            case .float32: "float32"
            case .int64: "int64"
            case .bool: "bool"
            case .text: "text"
            }
        return StoreRefusal(
            .invalid,
            "the input \"\(input.name)\" takes \(input.elementType.rawValue), and \(found) was found")
    }

    // MARK: Tensors to columns

    /// A model's output as a field of its records, one row for each of the tensor's first dimension.
    static func field(_ tensor: Tensor, rowCount: Int) throws -> FieldColumn {
        let name = "out." + tensor.name
        // A model that knows no rows answers about the only one.
        let shape = rowCount == 1 && tensor.shape.first != 1 ? [1] + tensor.shape : tensor.shape
        guard rowCount > 0, shape.first == rowCount else {
            throw ServingError.runtime(
                reason: "the output \"\(tensor.name)\" has the shape \(tensor.shape) for \(rowCount) rows")
        }
        let width = tensor.values.count / rowCount
        if shape.count == 1 {
            return FieldColumn(name: name, values: .scalar(leaf(tensor.values, at: 0, of: 1)))
        }
        if shape.count > 2 {
            return FieldColumn(
                name: name, values: .json(nestedTexts(tensor.values, shape, rowCount: rowCount)))
        }
        if width > RecordLimits.shreddedElementCountMax {
            let lengths = [Int32](repeating: Int32(width), count: rowCount)
            return FieldColumn(name: name, values: .list(lengths: lengths, leaf(tensor.values, at: 0, of: 1)))
        }
        return FieldColumn(
            name: name, values: .fixedList((0..<width).map { leaf(tensor.values, at: $0, of: width) }))
    }

    /// Every `width`-th value from `start`.
    private static func leaf(_ values: Tensor.Values, at start: Int, of width: Int) -> Leaf {
        func every<Value>(_ values: [Value]) -> [Value] {
            width == 1 ? values : stride(from: start, to: values.count, by: width).map { values[$0] }
        }
        return switch values {
        case .float32(let values): Leaf(.float32(every(values)))
        case .float64(let values): Leaf(.float64(every(values)))
        case .int64(let values): Leaf(.int64(every(values)))
        case .int32(let values): Leaf(.int64(every(values).map { Int64($0) }))
        case .boolean(let values): Leaf(.bool(every(values)))
        }
    }

    private static func nestedTexts(
        _ values: Tensor.Values, _ shape: [Int], rowCount: Int
    ) -> TextColumn {
        func text(_ position: Int) -> String {
            switch values {
            case .float32(let values): values[position].isFinite ? values[position].description : "null"
            case .float64(let values): values[position].isFinite ? values[position].description : "null"
            case .int64(let values): String(values[position])
            case .int32(let values): String(values[position])
            case .boolean(let values): String(values[position])
            }
        }
        func list(_ shape: ArraySlice<Int>, from start: Int) -> String {
            guard let count = shape.first else { return text(start) }
            let step = shape.dropFirst().reduce(1, *)
            return "["
                + (0..<count).map { list(shape.dropFirst(), from: start + $0 * step) }
                .joined(separator: ",") + "]"
        }
        let width = values.count / rowCount
        return TextColumn((0..<rowCount).map { list(shape.dropFirst(), from: $0 * width) })
    }
}

// MARK: Row by row

extension Tensor {
    /// One row of a tensor of `rowCount` rows.
    func row(_ row: Int, of rowCount: Int) -> Tensor {
        guard shape.first == rowCount else { return self }
        let width = values.count / rowCount
        func part<Value>(_ values: [Value]) -> [Value] { Array(values[row * width..<(row + 1) * width]) }
        let part: Values =
            switch values {
            case .float32(let values): .float32(part(values))
            case .float64(let values): .float64(part(values))
            case .int64(let values): .int64(part(values))
            case .int32(let values): .int32(part(values))
            case .boolean(let values): .boolean(part(values))
            }
        return Tensor(name: name, shape: [1] + shape.dropFirst(), values: part)
    }

    /// The answers of one row each, as one tensor.
    init(stacking rows: [Tensor]) throws {
        guard let first = rows.first,
            rows.allSatisfy({ $0.shape == first.shape && ($0.shape.first ?? 1) == 1 })
        else {
            throw ServingError.runtime(
                reason: "the output \"\(rows.first?.name ?? "")\" changes its shape from row to row")
        }
        func all<Value>(_ pick: (Values) -> [Value]?) -> [Value] { rows.flatMap { pick($0.values) ?? [] } }
        let values: Values =
            switch first.values {
            case .float32: .float32(all { if case .float32(let values) = $0 { values } else { nil } })
            case .float64: .float64(all { if case .float64(let values) = $0 { values } else { nil } })
            case .int64: .int64(all { if case .int64(let values) = $0 { values } else { nil } })
            case .int32: .int32(all { if case .int32(let values) = $0 { values } else { nil } })
            case .boolean: .boolean(all { if case .boolean(let values) = $0 { values } else { nil } })
            }
        self.init(name: first.name, shape: [rows.count] + first.shape.dropFirst(), values: values)
    }
}
