// What a model takes and gives, and whether a request fits, decided before the runtime is asked.
//
// The runtime checks too, but answers in a sentence. A caller who is to be told which field, which
// shape was expected and which was found needs values, so the check is made here.
//
// Invariants:
//  * `arranged` returns exactly one tensor an input, in the model's order, each fitting, all of one
//    row count; or it throws. Nothing that it refuses reaches the runtime.

/// The types of tensor elements that are served.
package enum TensorElementType: String, CaseIterable, Hashable, Sendable {
    case float32
    case float64
    case int64
    case int32
    case boolean = "bool"
}

/// The name, element type and shape of one input or output.
package struct TensorSignature: Hashable, Sendable {
    package let name: String
    package let elementType: TensorElementType
    /// Sizes, outermost first; -1 is any size, known when the model runs. The first is usually the
    /// row count. Empty: a single value, or a model that does not state the shape; then every
    /// shape passes here and the runtime has the word.
    package let dimensions: [Int]

    package init(name: String, elementType: TensorElementType, dimensions: [Int]) {
        self.name = name
        self.elementType = elementType
        self.dimensions = dimensions
    }

    /// Whether any number of rows may be given at once. A model saved for batches of one has a
    /// fixed first dimension, and its rows must be run one by one.
    package var takesAnyRowCount: Bool { dimensions.first.map { $0 < 0 } ?? true }

    /// Whether a tensor of `shape` fits.
    func fits(_ shape: [Int]) -> Bool {
        dimensions.isEmpty
            || shape.count == dimensions.count
                && zip(dimensions, shape).allSatisfy { $0 < 0 || $0 == $1 }
    }
}

/// All inputs and outputs of a model, in the model's order.
package struct ModelSignature: Hashable, Sendable {
    package let inputs: [TensorSignature]
    package let outputs: [TensorSignature]

    /// Both in the model's order.
    package init(inputs: [TensorSignature], outputs: [TensorSignature]) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// `tensors` in the order of the model's inputs, once all is known to fit.
    ///
    /// Throws `unknownInput`, `duplicateInput`, `missingInput`, `wrongElementType` or `wrongShape`,
    /// in this order of precedence. Inputs of any row count must agree on one: a row of the request
    /// is one question, and every input speaks about the same rows.
    package func arranged(_ tensors: [Tensor]) throws(ServingError) -> [Tensor] {
        for (position, tensor) in tensors.enumerated() {
            guard inputs.contains(where: { $0.name == tensor.name }) else {
                throw .unknownInput(field: tensor.name, known: inputs.map(\.name))
            }
            if tensors[..<position].contains(where: { $0.name == tensor.name }) {
                throw .duplicateInput(field: tensor.name)
            }
        }
        var arranged: [Tensor] = []
        arranged.reserveCapacity(inputs.count)
        for input in inputs {
            guard let tensor = tensors.first(where: { $0.name == input.name }) else {
                throw .missingInput(field: input.name)
            }
            arranged.append(tensor)
        }
        for (input, tensor) in zip(inputs, arranged) where tensor.elementType != input.elementType {
            throw .wrongElementType(
                field: input.name, expected: input.elementType, found: tensor.elementType)
        }
        var rowCount: Int?
        for (input, tensor) in zip(inputs, arranged) {
            var expected = input.dimensions
            if let rowCount, !expected.isEmpty, input.takesAnyRowCount { expected[0] = rowCount }
            let fitting = TensorSignature(
                name: input.name, elementType: input.elementType, dimensions: expected)
            guard fitting.fits(tensor.shape) else {
                throw .wrongShape(field: input.name, expected: expected, found: tensor.shape)
            }
            if rowCount == nil, !expected.isEmpty, input.takesAnyRowCount {
                rowCount = tensor.shape[0]
            }
        }
        return arranged
    }
}
