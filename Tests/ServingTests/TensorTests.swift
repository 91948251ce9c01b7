// Invariants checked: the first at the head of Tensor.swift. (The second is the model's reading of
// it, seen in ModelSessionTests; the third is that nothing here computes.)

import Serving
import Testing

@Suite("Tensors")
struct TensorTests {
    @Test("row count is the first dimension, and one for a single value")
    func rowCount() {
        let table = Tensor(name: "t", shape: [3, 2], values: .int32([1, 2, 3, 4, 5, 6]))
        #expect(table.rowCount == 3)
        #expect(Tensor(name: "t", shape: [], values: .float64([1])).rowCount == 1)
        #expect(Tensor(name: "t", shape: [0, 29], values: .float32([])).rowCount == 0)
    }

    @Test("each kind of values knows its element type and count")
    func kinds() {
        let kinds: [Tensor.Values] = [
            .float32([1]), .float64([1, 2]), .int64([1, 2, 3]), .int32([1, 2, 3, 4]),
            .boolean([true, true, true, true, true]),
        ]
        #expect(kinds.map(\.elementType) == TensorElementType.allCases)
        #expect(kinds.map(\.count) == [1, 2, 3, 4, 5])
    }

    @Test("a shape that does not account for every value is our own mistake, and stops")
    func miscounted() async {
        await #expect(processExitsWith: .failure) {
            _ = Tensor(name: "t", shape: [2, 2], values: .float32([1, 2, 3]))
        }
    }
}
