// Invariants checked: the three at the head of RecordPage.swift, in that order.

import EventLog
import Queries
import Records
import Segments
import Simulation
import TestSupport
import Testing
import Wire

@testable import HTTPAPI

@Suite("Answers of records, read piece by piece")
struct RecordPageTests {
    private static let orders: [RecordReading.Order] = [
        .address(newestFirst: false), .address(newestFirst: true), .time(newestFirst: false),
        .time(newestFirst: true),
    ]
    private static let rowCount = 300

    /// Blocks of ten records in three partitions, a kilobyte each in a field that every sixth block names alike; the last
    /// record of the second block has one more field.
    private static func snapshot(
        _ rowCount: Int = rowCount,
        note: @escaping @Sendable (String, WatchedFiles.Call) -> Void = { _, _ in }
    ) throws -> LogSnapshot {
        var generator = SeededGenerator(seed: 5)
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(LogConfiguration(), on: disk)
        let encoder = BlockEncoder()
        for start in stride(from: 0, to: rowCount, by: 10) {
            let rows = start..<start + 10
            let texts = rows.map { _ in
                String((0..<1000).map { _ in "0123456789abcdef".randomElement(using: &generator)! })
            }
            var batch = RecordBatch(
                times: rows.map { Int64($0) },
                fields: [
                    FieldColumn(name: "in.n", values: .scalar(Leaf(.int64(rows.map { Int64($0) })))),
                    FieldColumn(
                        name: "in.t\(start / 10 % 6)", values: .scalar(Leaf(.text(TextColumn(texts))))),
                ])
            if start == 10 {
                batch.fields.append(
                    FieldColumn(
                        name: "in.last",
                        presence: .each([RowState](repeating: .absent, count: 9) + [.value]),
                        values: .scalar(Leaf(.int64([Int64](repeating: 0, count: 9) + [7])))))
            }
            _ = try writer.commit([
                .columns(encoder.encode(batch, topic: "fraud", partition: "p\(start / 10 % 3)"))
            ])
        }
        return LogSnapshot(
            index: shared.snapshot().index,
            files: SegmentFiles(files: WatchedFiles(disk, note: note), directory: ""))
    }

    private static func page(
        _ snapshot: LogSnapshot, _ order: RecordReading.Order, from token: PageToken? = nil,
        limit: Int = .max,
        within byteCountMax: Int, piece pieceByteCountMax: Int, fields: FieldSelection = .all
    ) -> RecordPage {
        RecordPage(
            RecordReading(
                at: snapshot.cut, topic: "fraud", order: order, from: token, limit: limit,
                pageByteCountMax: pieceByteCountMax),
            in: snapshot, form: .flat, fields: fields, within: byteCountMax)
    }

    @Test("a page of JSON is the same, and goes on at the same place, however much is read at once")
    func json() throws {
        let snapshot = try Self.snapshot()
        for order in Self.orders {
            for limit in [1, 25, 30, 10_000] {
                for bound in [1, 5000, 30_000, 1 << 30] {
                    var whole = Self.page(snapshot, order, limit: limit, within: bound, piece: .max)
                    let bytes = try whole.write(as: .array)
                    #expect(whole.isCut == (whole.rowCount < min(limit, Self.rowCount)))
                    #expect(whole.rowCount == 1 || bytes.count < bound + 1100)
                    for piece in [1, 25_000] {
                        let name = "\(order), \(limit), \(bound), \(piece)"
                        var page = Self.page(snapshot, order, limit: limit, within: bound, piece: piece)
                        let found = try page.write(as: .array)
                        #expect(found == bytes, "\(name)")
                        #expect(page.rowCount == whole.rowCount && page.isCut == whole.isCut, "\(name)")
                        #expect(page.reading.place == whole.reading.place, "\(name)")
                        #expect(page.reading.positions == whole.reading.positions, "\(name)")
                        #expect(page.reading.isEnded == whole.reading.isEnded, "\(name)")
                    }
                }
            }
        }
    }

    @Test(
        "pages that follow each other hold every record once, in JSON and in Arrow", arguments: [false, true])
    func following(isArrow: Bool) throws {
        let rowCount = 90
        let snapshot = try Self.snapshot(rowCount)
        for order in Self.orders {
            var all = RecordReading(at: snapshot.cut, topic: "fraud", order: order)
            let first = try all.next(in: snapshot)
            let wanted = try #require(first)
            let times = wanted.rows.map { wanted.batches[$0.batch].times[$0.row] }
            #expect(times.count == rowCount)
            for (bound, piece) in [(1, 1), (5000, 1), (5000, 25_000), (40_000, 25_000), (40_000, .max)] {
                var found: [Int64] = []
                var token: PageToken?
                for _ in 0...rowCount {
                    var page = Self.page(snapshot, order, from: token, within: bound, piece: piece)
                    let batch: RecordBatch
                    if isArrow {
                        batch = try ArrowReader.read(try page.write(as: .file)).batch
                    } else {
                        batch = try RecordParser.parse(try page.write(as: .array), as: .array).batch
                    }
                    #expect(batch.rowCount == page.rowCount && page.rowCount > 0)
                    found += batch.times
                    guard page.isCut else { break }
                    token = PageToken(cut: snapshot.cut, place: try #require(page.reading.place))
                }
                #expect(found == times, "\(order), within \(bound), pieces of \(piece)")
            }
        }
    }

    @Test("an answer in Arrow has the columns of its own records, and says what it is told of where it ends")
    func columns() throws {
        let snapshot = try Self.snapshot()
        var page = Self.page(snapshot, .time(newestFirst: false), limit: 100, within: 16_000, piece: .max)
        let bytes = try page.write(as: .stream) { "{\"n\":\($0.rowCount),\"cut\":\($0.isCut)}" }
        let batch = try ArrowReader.read(bytes).batch
        #expect((11..<20).contains(page.rowCount) && page.isCut, "\(page.rowCount)")
        // Nor has it the field of the twentieth.
        #expect(batch.fields.map(\.name) == ["in.n", "in.t0", "in.t1"])
        #expect(String(decoding: bytes, as: UTF8.self).contains("{\"n\":\(page.rowCount),\"cut\":true}"))
    }

    // All records that the count allowed were decoded first.
    @Test("no more is read for an answer than a piece beyond what it holds", arguments: [false, true])
    func bounded(isArrow: Bool) throws {
        let readByteCount = Shared(0)
        let snapshot = try Self.snapshot { _, call in
            if case .read(let bytes) = call { readByteCount.value.withLock { $0 += bytes.count } }
        }
        for order in Self.orders {
            func read(within byteCountMax: Int, piece: Int) throws -> Int {
                let before = readByteCount.value.withLock { $0 }
                var page = Self.page(snapshot, order, limit: 10_000, within: byteCountMax, piece: piece)
                _ = isArrow ? try page.write(as: .file) : try page.write(as: .array)
                return readByteCount.value.withLock { $0 } - before
            }
            let all = try read(within: 1 << 30, piece: .max)
            let some = try read(within: 5000, piece: 15_000)
            // Two blocks of thirty, one of them once more for the page's place, and by time all times.
            #expect(all > 100_000 && some * 3 < all, "\(order): \(some) of \(all)")
        }
    }

    @Test("fields that are not shown take no room in an answer")
    func narrow() throws {
        let snapshot = try Self.snapshot()
        let fields = FieldSelection(included: ["time", "in.n"])
        var page = Self.page(
            snapshot, .address(newestFirst: false), within: 1 << 20, piece: 25_000, fields: fields)
        _ = try page.write(as: .file)
        #expect(page.rowCount == Self.rowCount && !page.isCut)
    }
}
