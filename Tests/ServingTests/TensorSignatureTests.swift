// Invariants checked: the one at the head of TensorSignature.swift, refusal by refusal.

import Testing

@testable import Serving

@Suite("Whether a request fits a model")
struct TensorSignatureTests {
    /// Two inputs over the same rows, a fixed table, and one that does not state its shape.
    let signature = ModelSignature(
        inputs: [
            TensorSignature(name: "amounts", elementType: .float32, dimensions: [-1, 3]),
            TensorSignature(name: "rates", elementType: .float64, dimensions: [-1, 2]),
            TensorSignature(name: "table", elementType: .int64, dimensions: [2, 2]),
            TensorSignature(name: "anything", elementType: .boolean, dimensions: []),
        ],
        outputs: [])

    /// A request that fits, of `rowCount` rows.
    func request(rowCount: Int = 4) -> [Tensor] {
        [
            tensor("amounts", [rowCount, 3]),
            Tensor(
                name: "rates", shape: [rowCount, 2],
                values: .float64([Double](repeating: 0.5, count: rowCount * 2))),
            Tensor(name: "table", shape: [2, 2], values: .int64([1, 2, 3, 4])),
            Tensor(
                name: "anything", shape: [5], values: .boolean([true, false, true, true, true])),
        ]
    }

    func tensor(_ name: String, _ shape: [Int]) -> Tensor {
        Tensor(
            name: name, shape: shape,
            values: .float32([Float](repeating: 1, count: shape.reduce(1, *))))
    }

    func refusal(of tensors: [Tensor]) -> ServingError? {
        servingError { () throws(ServingError) in _ = try signature.arranged(tensors) }
    }

    @Test("inputs in any order are put into the model's", arguments: [0, 1, 4, 1000])
    func arranges(rowCount: Int) throws {
        let tensors = request(rowCount: rowCount)
        #expect(try signature.arranged(tensors.reversed()) == tensors)
    }

    @Test("each missing input is named", arguments: 0..<4)
    func missing(position: Int) {
        var tensors = request()
        let removed = tensors.remove(at: position)
        #expect(
            refusal(of: tensors)
                == .missingInput(field: removed.name))
    }

    @Test("an unknown input is refused even when nothing is missing")
    func unknown() {
        let tensors = request() + [tensor("tensor", [4, 3])]
        #expect(
            refusal(of: tensors)
                == .unknownInput(field: "tensor", known: ["amounts", "rates", "table", "anything"]))
    }

    @Test("an input given twice is refused rather than chosen from")
    func duplicate() {
        let tensors = request() + [tensor("amounts", [4, 3])]
        #expect(
            refusal(of: tensors)
                == .duplicateInput(field: "amounts"))
    }

    @Test("another element type is refused, not converted")
    func elementType() {
        var tensors = request()
        tensors[1] = tensor("rates", [4, 2])
        #expect(
            refusal(of: tensors)
                == .wrongElementType(field: "rates", expected: .float64, found: .float32))
    }

    @Test(
        "a shape of another width or depth is refused",
        arguments: [[4, 2], [4, 4], [12], [4, 3, 1], []])
    func shape(found: [Int]) {
        var tensors = request()
        tensors[0] = tensor("amounts", found)
        #expect(
            refusal(of: tensors)
                == .wrongShape(field: "amounts", expected: [-1, 3], found: found))
    }

    @Test("inputs of different row counts are refused, naming the count of the first")
    func rowCounts() {
        var tensors = request(rowCount: 5)
        tensors[0] = tensor("amounts", [4, 3])
        #expect(
            refusal(of: tensors)
                == .wrongShape(field: "rates", expected: [4, 2], found: [5, 2]))
    }

    @Test("a fixed first dimension is no row count")
    func fixedFirstDimension() {
        #expect(signature.inputs.map(\.takesAnyRowCount) == [true, true, false, true])
    }
}
