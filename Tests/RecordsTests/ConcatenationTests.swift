// Checked here: that batches too unlike each other stay by themselves. That the rows of a union are those of
// its parts is checked where batches are made of bodies: WireTests/RecordRoundTripTests.

import Testing

@testable import Records

@Suite("Concatenated batches")
struct ConcatenationTests {
    private static func batch(rows: Int, fields: Int, width: Int? = nil) -> RecordBatch {
        let leaf = Leaf(.float64([Double](repeating: 1, count: rows)))
        return RecordBatch(
            times: [Int64](repeating: 0, count: rows),
            fields: (0..<fields).map { number in
                FieldColumn(
                    name: "in.f\(number)",
                    values: width.map { .fixedList([Leaf](repeating: leaf, count: $0)) } ?? .scalar(leaf))
            })
    }

    @Test("batches that would have more columns than a block can say stay by themselves")
    func manyColumns() {
        func batch(_ fields: Range<Int>) -> RecordBatch {
            let leaves = [Leaf](repeating: Leaf(.int64([0])), count: RecordLimits.shreddedElementCountMax)
            return RecordBatch(
                times: [0],
                fields: fields.map { FieldColumn(name: "f\($0)", values: .fixedList(leaves)) })
        }
        let most = RecordLimits.columnCountMax / RecordLimits.shreddedElementCountMax
        // Counts alone are compared: nobody can read a failure that prints a million columns.
        let counts = [most, most + 1].map { end in
            RecordBatch(concatenating: [batch(0..<most / 2), batch(1..<end)])?.columnCount
        }
        #expect(counts == [RecordLimits.columnCountMax, nil])
    }

    @Test("batches whose lists together would be longer than a block can say stay by themselves")
    func longLists() {
        let half = RecordLimits.listElementCountMax / 2
        func batch(_ count: Int) -> RecordBatch {
            let leaf = Leaf(.bool([Bool](repeating: true, count: count)))
            return RecordBatch(
                times: [0], fields: [FieldColumn(name: "f", values: .list(lengths: [Int32(count)], leaf))])
        }
        // Counts alone are compared: nobody can read a failure that prints millions of elements.
        let counts = [half, half + 1].map { count in
            RecordBatch(concatenating: [batch(half), batch(count)])?.fields[0].values.listElementCount
        }
        #expect(counts == [RecordLimits.listElementCountMax, nil])
        #expect(batch(RecordLimits.listElementCountMax + 1).fieldOfTooLongLists?.name == "f")
        #expect(batch(half).fieldOfTooLongLists == nil)
    }

    @Test("one row of many fields and many rows of none are not made sixteen million absent values")
    func unlike() {
        let few = Self.batch(rows: 70_000, fields: 0)
        #expect(RecordBatch(concatenating: [Self.batch(rows: 1, fields: 200), few]) != nil)
        #expect(RecordBatch(concatenating: [Self.batch(rows: 1, fields: 300), few]) == nil)
        #expect(RecordBatch(concatenating: [Self.batch(rows: 1, fields: 3, width: 100), few]) == nil)
    }
}
