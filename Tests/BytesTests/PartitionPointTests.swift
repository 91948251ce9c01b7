import Bytes
import Testing

// Invariant checked: the position answered is the first whose element is as asked.
@Suite struct PartitionPointTests {
    @Test func `it is what looking from the front finds`() {
        for count in 0...20 {
            let values = (0..<count).map { $0 / 3 * 2 }
            for bound in -1...15 {
                let first = values.firstIndex { $0 >= bound } ?? values.endIndex
                #expect(values.partitionPoint { $0 >= bound } == first, "\(count) values, \(bound)")
            }
        }
    }

    @Test func `in a slice, it is counted as the slice counts`() {
        let slice = Array(0..<100)[40..<60]
        #expect(slice.partitionPoint { $0 >= 50 } == 50)
        #expect(slice.partitionPoint { $0 >= 0 } == 40)
        #expect(slice.partitionPoint { $0 >= 100 } == 60)
    }
}
