// Invariants checked: the three at the head of SortedSample.swift, in that order.

import Summaries
import Testing

@Suite("Sorted sample")
struct SortedSampleTests {
    @Test("values ascend, with -0.0 before 0.0 and no NaN among them")
    func valuesAscend() {
        let sample = SortedSample([3, .nan, 0.0, -2, -0.0, 7, -.nan])
        #expect(bits(sample.values) == bits([-2, -0.0, 0.0, 3, 7]))
        #expect(sample.withUnsafeValues { bits($0) } == bits(sample.values))
        #expect(sample.count == 5)
    }

    @Test("nulls and NaN are missing, infinities are counted and kept")
    func countsTellWhatWasThere() {
        let sample = SortedSample([.nan, 1, .infinity, -.infinity, -.infinity, .nan], nullCount: 3)
        #expect(sample.missingCount == 5)
        #expect(sample.infinityCount == 3)
        #expect(sample.count == 4)
        #expect(SortedSample([.infinity]).infinityCount == 1)
        #expect(SortedSample([-.infinity, -.infinity]).infinityCount == 2)
        #expect(SortedSample([], nullCount: 9).missingCount == 9)
    }

    @Test("a sample filled again holds nothing of what it held before")
    func refillForgets() {
        var sorter = SampleSorter()
        var sample = SortedSample(SampleShape.infinite.values(400, seed: 3), nullCount: 4)
        for length in [70, 0, 900, 12] {
            let values = SampleShape.missing.values(length, seed: UInt64(length))
            values.withUnsafeBufferPointer { sample.refill(from: $0, sorter: &sorter) }
            #expect(sample == SortedSample(values))
            #expect(bits(sample.values) == bits(SlowSummary.sorted(values)))
            #expect(sample.infinityCount == 0)
            let fresh = values.withUnsafeBufferPointer { SortedSample($0, sorter: &sorter) }
            #expect(sample == fresh)
        }
    }

    @Test("samples that differ in one bit, or in what is missing, are not equal")
    func equalityIsByBits() {
        #expect(SortedSample([1, 2]) == SortedSample([2, 1]))
        #expect(SortedSample([0.0]) != SortedSample([-0.0]))
        #expect(SortedSample([1]) != SortedSample([1, .nan]))
    }
}
