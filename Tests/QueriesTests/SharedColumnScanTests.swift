// Invariants checked: the two at the head of SharedColumnScan.swift.

import EventLog
import Records
import Simulation
import TestSupport
import Testing

@testable import Queries

@Suite struct SharedColumnScanTests {
    private static let paths = [
        "input tensor 0", "input tensor 2", "input tensor 9", "input tensor", "output score",
        "output score 0",
        "output class", "output nothing 0", "input extra",
    ]

    @Test("many columns at once are what each is by itself", arguments: 0..<6 as Range<UInt64>)
    func model(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel()
        for number in 0..<60 { try model.appendRandom(&generator, at: number) }
        if seed % 2 == 0 { #expect(try model.regroup() > 0) }
        let snapshot = model.snapshot
        let paths = try Self.paths.map { try IOPath(parsing: $0) }
        for number in 0..<40 {
            let start = 1_700_000_000_000_000 + Int64.random(in: -1_000_000...3_500_000, using: &generator)
            var filter = RecordFilter()
            if generator.next() % 3 == 0 { filter.partitions = ["engine", "edge-2"] }
            if generator.next() % 3 == 0 { filter.modelName = "model-\(number % 3)" }
            var query = WindowQuery(
                topic: "fraud",
                window: TimeWindow(
                    start: Timestamp(microseconds: start),
                    end: Timestamp(microseconds: start + Int64.random(in: 0...3_000_000, using: &generator))),
                path: paths[0], filter: filter,
                cut: generator.next() % 2 == 0 ? nil : UInt64.random(in: 0...60, using: &generator))
            let scan = try SharedColumnScan(snapshot, query)
            for path in paths {
                query.path = path
                let (alone, together) = (try ColumnScan(snapshot).values(query), try scan.values(path))
                #expect(together.times == alone.times, "seed \(seed), query \(number)")
                #expect(
                    together.numbers == alone.numbers,
                    "seed \(seed), query \(number): \(path.text)")
                #expect(together.statistics.unseen == [])
                if together.values.contains(where: { !$0.isNaN }) { #expect(scan.hasField(of: path)) }
            }
        }
    }

    @Test("every column of numbers has its path, and nothing else has", arguments: [true, false])
    func allPaths(isSmall: Bool) throws {
        var model = try QueryModel()
        try model.append(
            [
                ModelRecord(
                    time: 1_700_000_000_000,
                    fields: [
                        "out.y": .float64(1), "out.name": .text("a"), "in.z": .float64(2),
                        "metadata.elapsed": .float64(3), "in.income 2023": .float64(4),
                    ])
            ], isSmall: isSmall)
        let query = WindowQuery(topic: "fraud", window: .always, path: try IOPath(parsing: "input z"))
        #expect(
            try SharedColumnScan(model.snapshot, query).paths().paths.map(\.text) == [
                "in.income 2023", "input z", "output y",
            ])
        var other = query
        other.topic = "churn"
        #expect(try SharedColumnScan(model.snapshot, other).paths().paths == [])
    }
}
