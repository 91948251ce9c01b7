// Invariants checked: at the head of RecordReading.swift, that memory is that of one page, and that which records come
// does not depend on where pages end.

import EventLog
import Records
import Simulation
import TestSupport
import Testing

@testable import EventLog
@testable import Queries

@Suite("Pages that end by their bytes")
struct RecordReadingBytesTests {
    private static let orders: [RecordReading.Order] = [
        .address(newestFirst: false), .address(newestFirst: true), .time(newestFirst: false),
        .time(newestFirst: true),
    ]

    /// What a page holds in memory.
    private static func byteCount(_ rows: RecordRows) -> Int {
        rows.batches.reduce(0) { $0 + $1.memoryByteCount + $1.rowCount * $1.fields.count }
    }

    private static func pages(
        _ snapshot: LogSnapshot, _ order: RecordReading.Order, within byteCountMax: Int
    ) throws -> [RecordRows] {
        var reading = RecordReading(
            at: snapshot.cut, topic: "fraud", order: order, pageByteCountMax: byteCountMax)
        var pages: [RecordRows] = []
        while let rows = try reading.next(in: snapshot) { pages.append(rows) }
        return pages
    }

    /// Narrow records in blocks and runs of several partitions, and a wide one among them.
    private static func model(_ generator: inout SeededGenerator) throws -> QueryModel {
        var model = try QueryModel()
        for number in 0..<60 { try model.appendRandom(&generator, at: number) }
        let fields = (0..<400).map { ("in.f\($0)", ModelValue.int64(Int64($0))) }
        try model.append(
            [ModelRecord(time: 1_700_000_001_000, fields: Dictionary(uniqueKeysWithValues: fields))])
        for number in 60..<70 { try model.appendRandom(&generator, at: number) }
        return model
    }

    @Test(
        "a page takes its bytes and a block's at most, and all pages hold the same records in the same order",
        arguments: 0..<4 as Range<UInt64>)
    func bounded(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let snapshot = try Self.model(&generator).snapshot
        // By address a page of a byte is one block or run as it is.
        let parts = try Self.pages(snapshot, .address(newestFirst: false), within: 1)
        #expect(parts.allSatisfy { $0.batches.count <= 1 })
        let partByteCountMax = parts.map(Self.byteCount).max() ?? 0
        for order in Self.orders {
            let whole = try Self.pages(snapshot, order, within: .max)
            #expect(whole.count == 1)
            for bound in [1, 3000, 20_000] {
                let found = try Self.pages(snapshot, order, within: bound)
                #expect(
                    found.flatMap(\.texts) == whole[0].texts, "seed \(seed), \(order), within \(bound)")
                let largest = found.map(Self.byteCount).max() ?? 0
                #expect(largest < bound + partByteCountMax, "seed \(seed), \(order), within \(bound)")
                #expect(found.map(\.byteCount) == found.map(Self.byteCount))
                // And about as few of them as there can be: none of several blocks is far from its bytes.
                if case .address = order, bound > 1 {
                    #expect(found.dropLast().allSatisfy { Self.byteCount($0) >= bound })
                }
            }
        }
    }

    // Each page read all of them, for one record.
    @Test("of blocks that overlap in time a page shows what its bytes hold", arguments: [false, true])
    func overlapping(newestFirst: Bool) throws {
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        let text = String(repeating: "x", count: 100)
        for partition in 0..<4 {
            try model.append(
                (0..<500).map {
                    ModelRecord(time: Int64($0 * 4 + partition), fields: ["in.t": .text("\($0) \(text)")])
                }, partition: "p\(partition)")
        }
        let block = try Self.pages(model.snapshot, .address(newestFirst: false), within: 1)[0]
        let found = try Self.pages(
            model.snapshot, .time(newestFirst: newestFirst), within: Self.byteCount(block))
        var wanted = model.rows.sorted { $0.record.time < $1.record.time }.map(\.record.text)
        if newestFirst { wanted.reverse() }
        #expect(found.flatMap(\.texts) == wanted)
        // 2,000 records of which some 250 fit.
        #expect(found.count <= 40, "\(found.map(\.rows.count))")
    }

    @Test(
        "of a page some records can be taken; the reading, or one that its place makes, goes on behind them",
        arguments: 0..<4 as Range<UInt64>)
    func passing(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let snapshot = try Self.model(&generator).snapshot
        for order in Self.orders {
            let whole = try Self.pages(snapshot, order, within: .max).flatMap(\.texts)
            for bound in [1, 5000] {
                for limit in [100, Int.max] {
                    var reading = RecordReading(
                        at: snapshot.cut, topic: "fraud", order: order, limit: limit, pageByteCountMax: bound)
                    var texts: [String] = []
                    while true {
                        var before = reading
                        guard let rows = try reading.next(in: snapshot) else { break }
                        let count = Int.random(in: 0...rows.rows.count, using: &generator)
                        texts += rows.texts.prefix(count)
                        if count < rows.rows.count {
                            try before.pass(count, of: rows, in: snapshot)
                            reading = before
                        }
                        if !reading.isEnded, Bool.random(using: &generator), let place = reading.place {
                            reading = RecordReading(
                                at: 0, topic: "fraud", order: order,
                                from: PageToken(cut: snapshot.cut, place: place), limit: reading.limit,
                                pageByteCountMax: bound)
                        }
                    }
                    #expect(
                        texts == Array(whole.prefix(limit)), "seed \(seed), \(order), \(bound), \(limit)")
                }
            }
        }
    }
}
