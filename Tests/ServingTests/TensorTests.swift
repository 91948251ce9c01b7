// Invariants checked: the first at the head of Tensor.swift. (The second is the model's reading of
// it, seen in ModelSessionTests; the third is that nothing here computes.)

import Serving
import Testing

@Suite("Tensors")
struct TensorTests {
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
