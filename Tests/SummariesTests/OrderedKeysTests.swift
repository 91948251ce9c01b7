// Invariants checked: the two at the head of OrderedKeys.swift, in that order.

import Summaries
import Testing

@Suite("Ordered keys")
struct OrderedKeysTests {
    private let telling: [Double] = [
        -.infinity, -.greatestFiniteMagnitude, -3.5, -1, -(1.0.nextDown), -.leastNormalMagnitude,
        -.leastNonzeroMagnitude, -0.0, 0.0, .leastNonzeroMagnitude, .leastNormalMagnitude,
        1.0.nextDown, 1, 1.0.nextUp, 3.5, .greatestFiniteMagnitude, .infinity,
    ]

    @Test("keys stand in the order of their values, whatever the sample")
    func orderIsKept() throws {
        // Every choice of values has another least magnitude to count from.
        for choice in 1..<(1 << telling.count) where choice % 7 == 1 || choice < 512 {
            let sample = telling.indices.filter { choice >> $0 & 1 == 1 }.map { telling[$0] }
            let keys = try #require(sample.withUnsafeBufferPointer { OrderedKeys($0) })
            let images = sample.map { keys.key(of: $0) }
            for (left, right) in zip(images, images.dropFirst()) {
                guard left < right else {
                    Issue.record("\(sample) has keys \(images)")
                    return
                }
            }
            #expect(images.allSatisfy { UInt64.bitWidth - $0.leadingZeroBitCount <= keys.bitWidth })
        }
    }

    @Test("every bit of a value comes back from its key", arguments: SampleShape.allCases)
    func valuesComeBack(shape: SampleShape) throws {
        let values = shape.values(500, seed: 11)
        let keys = try #require(values.withUnsafeBufferPointer { OrderedKeys($0) })
        for value in values where !value.isNaN {
            let back = keys.value(of: keys.key(of: value))
            #expect(back.bitPattern == value.bitPattern, "seed 11: \(value) became \(back)")
        }
    }

    @Test("values of both signs and a gap between them need few leading bits")
    func gapIsClosed() throws {
        let sample = [-3.5, -0.25, 0.25, 3.5]
        let keys = try #require(sample.withUnsafeBufferPointer { OrderedKeys($0) })
        // Four powers of two to each side of zero: 52 bits and three, and one for the sign.
        #expect(keys.bitWidth <= 52 + 4)
    }

    @Test("nothing but NaN has no keys")
    func nothingHasNoKeys() {
        #expect([Double]().withUnsafeBufferPointer { OrderedKeys($0) } == nil)
        #expect([Double.nan, -.nan].withUnsafeBufferPointer { OrderedKeys($0) } == nil)
    }
}
