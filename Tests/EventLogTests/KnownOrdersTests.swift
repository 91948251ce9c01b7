// Invariants checked: the three at the head of KnownOrders.swift.

import Records
import Simulation
import Testing

@testable import EventLog

@Suite("The order of a partition's fields") struct KnownOrdersTests {
    private static let source = AppendSource(topic: "t", partition: "p")

    private static func batch(_ names: [String]) -> RecordBatch {
        RecordBatch(
            times: [0],
            fields: names.enumerated().map {
                FieldColumn(name: $1, values: .scalar(Leaf(.int64([Int64($0)]))))
            })
    }

    private static func settled(
        _ names: [String], by orders: inout KnownOrders, of source: AppendSource = source
    ) -> [String] {
        var batch = Self.batch(names)
        let fields = Set(batch.fields)
        orders.settle(&batch, of: source)
        #expect(Set(batch.fields) == fields && batch.fields.count == names.count)
        return batch.fields.map(\.name)
    }

    @Test("fields stand as those before them did; what is new, behind what it was posted behind")
    func inTurn() {
        var orders = KnownOrders()
        for (posted, expected) in [
            ("", ""), ("a b c", "a b c"), ("a c", "a c"), ("a x b", "a x b"), ("c a", "a c"), ("", ""),
            // As of one that stands before all, and two behind one.
            ("y c", "y c"), ("c z w b", "b c z w"), ("w x y", "y x w"), ("a b c w x y z", "y a x b c z w"),
        ] {
            let names = posted.split(separator: " ").map(String.init)
            #expect(
                Self.settled(names, by: &orders) == expected.split(separator: " ").map(String.init),
                "\(posted)")
        }
        // Another partition has an order of its own.
        let other = AppendSource(topic: "t", partition: "q")
        #expect(Self.settled(["c", "a"], by: &orders, of: other) == ["c", "a"])
        #expect(Self.settled(["a", "c"], by: &orders) == ["a", "c"])
        #expect(Self.settled(["a", "c"], by: &orders, of: other) == ["c", "a"])
    }

    @Test(
        "what was settled in one order can be put together, however it was posted", arguments: UInt64(0)..<20)
    func together(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var orders = KnownOrders()
        var batches: [RecordBatch] = []
        for _ in 0..<60 {
            let names = (0..<12).filter { _ in Bool.random(using: &generator) }.map { "f\($0)" }
            batches.append(Self.batch(names.shuffled(using: &generator)))
            orders.settle(&batches[batches.count - 1], of: Self.source)
        }
        #expect(RecordBatch(concatenating: batches) != nil)
        batches.shuffle(using: &generator)
        #expect(RecordBatch(concatenating: Array(batches[..<7])) != nil)
    }

    @Test(
        "names without end, partitions without end and records of very many fields are no more than is bounded"
    )
    func bounded() {
        var orders = KnownOrders()
        _ = Self.settled(["a", "b"], by: &orders)
        let wide = (0...KnownOrders.nameCountMax).map { "w\($0)" }
        #expect(Self.settled(wide.reversed(), by: &orders) == wide.reversed())
        #expect(Self.settled(["b", "a"], by: &orders) == ["a", "b"])
        // An order that would be too long begins anew.
        #expect(Self.settled(Array(wide.dropFirst()), by: &orders) == Array(wide.dropFirst()))
        #expect(Self.settled(["b", "a"], by: &orders) == ["b", "a"])
        // Others' names fill what there is for all; then all are forgotten.
        for number in 0..<KnownOrders.allNameCountMax / 100 + 2 {
            _ = Self.settled(
                (0..<100).map { "n\(number) \($0)" }, by: &orders,
                of: AppendSource(topic: "t", partition: "r\(number)"))
        }
        #expect(Self.settled(["a", "b"], by: &orders) == ["a", "b"])
    }
}
