// Invariants checked: those at the head of RecordReading.swift, but for what is said of memory and of where pages
// end (RecordReadingBytesTests); that pages by token are one cut; that a cancelled scan ends; that what damage hides
// is told.

import Disk
import EventLog
import Records
import Segments
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import EventLog
@testable import Queries

@Suite struct RecordReadingTests {
    private func expected(
        _ rows: [ModelRow], _ order: RecordReading.Order
    ) -> [String] {
        switch order {
        case .address(let newestFirst):
            rows.sorted {
                let (left, right) = newestFirst ? ($1, $0) : ($0, $1)
                return (left.partition, left.index) < (right.partition, right.index)
            }.map(\.record.text)
        case .time(let newestFirst):
            rows.sorted {
                let (left, right) = newestFirst ? ($1, $0) : ($0, $1)
                return (left.record.time, left.partition, left.index)
                    < (right.record.time, right.partition, right.index)
            }.map(\.record.text)
        }
    }

    @Test("a reading holds every record of its cut once, in its order", arguments: 0..<6 as Range<UInt64>)
    func reading(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel()
        for number in 0..<60 { try model.appendRandom(&generator, at: number) }
        for order in [
            .address(newestFirst: false), .address(newestFirst: true), .time(newestFirst: false),
            .time(newestFirst: true),
        ] as [RecordReading.Order] {
            for filter in [
                RecordFilter(), RecordFilter(modelName: "model-1"), RecordFilter(pipelineVersion: "v0"),
                RecordFilter(partitions: ["edge-1"]),
            ] {
                let snapshot = model.snapshot
                var reading = RecordReading(
                    at: snapshot.cut, topic: "fraud", filter: filter, order: order)
                var texts: [String] = []
                while let rows = try reading.next(in: snapshot) { texts += rows.texts }
                let rows = model.rows(topic: "fraud", .always, filter, cut: .max)
                #expect(texts == expected(rows, order), "seed \(seed), \(order), \(filter)")
                #expect(try reading.next(in: snapshot).map(\.rows.count) == nil)
            }
        }
    }

    @Test(
        "pages by token are one answer about the first one's cut, whatever is appended, rolled and sealed",
        arguments: 0..<6 as Range<UInt64>)
    func tokens(seed: UInt64) throws {
        for newestFirst in [false, true] {
            for byTime in [false, true] {
                var generator = SeededGenerator(seed: seed)
                var model = try QueryModel()
                for number in 0..<30 { try model.appendRandom(&generator, at: number) }
                let question = PageToken.Question(
                    topic: "fraud", window: .always, filter: RecordFilter(), newestFirst: newestFirst)
                let before = model.rows(topic: "fraud", .always, RecordFilter(), cut: .max)
                var token: PageToken?
                var next: [String: UInt64] = [:]
                var texts: [String] = []
                for number in 30..<1000 {
                    let snapshot = model.snapshot
                    let cut = token?.cut ?? snapshot.cut
                    let rows: RecordRows
                    let place: PageToken.Place
                    if byTime {
                        var key: RecordKey?
                        if case .behind(let place)? = token?.place { key = place }
                        rows = try RecordScan(snapshot).window(
                            topic: "fraud", .always, cut: cut, after: key, limit: 7, newestFirst: newestFirst)
                        place = .behind(rows.key(of: rows.rows.count - 1))
                    } else {
                        var positions: [String: UInt64] = [:]
                        var partition: String?
                        if case .address(let place)? = token?.place {
                            (positions, partition) = (place.positions, place.partition)
                        }
                        let page = try RecordScan(snapshot).page(
                            topic: "fraud", positions: positions, from: partition, cut: cut, limit: 7,
                            newestFirst: newestFirst)
                        rows = page.rows
                        let whole = try RecordScan(snapshot).page(
                            topic: "fraud", positions: next, cut: cut, limit: 7, newestFirst: newestFirst)
                        // What a place is short of, the list of all partitions says; and they go on alike.
                        #expect(rows.texts == whole.rows.texts && page.isFull == whole.isFull)
                        if !newestFirst { #expect(page.next == whole.next) }
                        next = whole.next
                        place = .address(try #require(page.place))
                    }
                    texts += rows.texts
                    guard rows.hasMore else { break }
                    // As a client carries it: text, and read against what the log is by then.
                    if number < 90 { try model.appendRandom(&generator, at: number) }
                    token = try PageToken(
                        parsing: PageToken(cut: cut, place: place).text(for: question), for: question,
                        in: model.snapshot)
                }
                let wanted = expected(
                    before, byTime ? .time(newestFirst: newestFirst) : .address(newestFirst: newestFirst))
                #expect(texts == wanted, "seed \(seed), by time \(byTime), newest first \(newestFirst)")
            }
        }
    }

    @Test("a window tells whether there is more, to the record")
    func hasMore() throws {
        var model = try QueryModel()
        try model.append((0..<30).map { ModelRecord(time: $0, fields: ["out.y": .int64($0)]) })
        for limit in [1, 29, 30, 31] {
            let rows = try RecordScan(model.snapshot).window(topic: "fraud", .always, limit: limit)
            #expect(rows.rows.count == min(limit, 30) && rows.hasMore == (limit < 30))
        }
    }

    @Test("records of shuffled times are answered without holding the blocks they were in")
    func shuffled() throws {
        var generator = SeededGenerator(seed: 3)
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        let times = (0..<2000 as Range<Int64>).shuffled(using: &generator)
        for start in stride(from: 0, to: 2000, by: 100) {
            try model.append(
                times[start..<start + 100].map { ModelRecord(time: $0, fields: ["in.t": .int64($0)]) })
        }
        let rows = try RecordScan(model.snapshot).window(topic: "fraud", .always, limit: 10)
        #expect(
            rows.texts == model.rows.sorted { $0.record.time < $1.record.time }.prefix(10).map(\.record.text))
        #expect(rows.batches.reduce(0) { $0 + $1.rowCount } == 10)
    }

    // MARK: A client that goes away

    @Test(
        "a cancelled task's scan reads no further block",
        arguments: ["values", "values on all processors", "window", "page", "reading"])
    func cancelled(kind: String) async throws {
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        for number in 0..<50 {
            try model.append(
                (0..<20).map {
                    ModelRecord(time: Int64(number * 100 + $0), fields: ["out.y": .int64(Int64($0))])
                })
        }
        let client = LeavingClient()
        let files = WatchedFiles(model.disk) { _, call in if case .read = call { client.noteRead() } }
        let snapshot = LogSnapshot(
            index: model.shared.index.withLock { $0 }, files: SegmentFiles(files: files, directory: ""))
        let (start, begin) = AsyncStream.makeStream(of: Void.self)
        let query = WindowQuery(topic: "fraud", window: .always, path: try IOPath(parsing: "output y"))
        let task = Task {
            for await _ in start { break }
            switch kind {
            case "values": _ = try ColumnScan(snapshot).values(query, atOnce: 1)
            case "values on all processors": _ = try ColumnScan(snapshot).values(query, atOnce: 2)
            case "window": _ = try RecordScan(snapshot).window(topic: "fraud", .always, limit: 10_000)
            case "page": _ = try RecordScan(snapshot).page(topic: "fraud", positions: [:], limit: 10_000)
            default:
                var reading = RecordReading(at: snapshot.cut, topic: "fraud", order: .time(newestFirst: true))
                while try reading.next(in: snapshot) != nil {}
            }
        }
        client.task.withLock { $0 = task }
        begin.yield()
        await #expect(throws: CancellationError.self) { try await task.value }
        let count = client.readCount.load(ordering: .relaxed)
        #expect(count >= 6 && count <= 16, "\(count) reads; fifty blocks take fifty at least")
    }

    // MARK: Damage

    @Test("records of a segment that opening could not see are a part that answers are without")
    func gap() throws {
        var model = try QueryModel { $0.segmentByteCountMax = 1000 }
        for number in 0..<40 {
            try model.append(
                (0..<20).map {
                    ModelRecord(time: Int64(number * 100 + $0), fields: ["out.y": .int64(Int64($0))])
                },
                partition: number % 2 == 0 ? "a" : "b")
        }
        let topic = try #require(model.snapshot.index.topics["fraud"])
        try #require(topic.segments.count > 3)
        let lost = topic.segments[1]
        // Neither footer nor header: nothing of the segment is seen.
        model.disk.damage(FileName.segment(lost.segment)) { bytes in
            for place in bytes.indices where place < 64 || place > bytes.count - 64 { bytes[place] ^= 0xFF }
        }
        let (snapshot, report) = try InferenceLog.openForReading(LogConfiguration(), on: model.disk)
        #expect(!report.damages.isEmpty)
        let hidden = Dictionary(grouping: lost.blocks, by: \.partition).mapValues {
            $0.reduce(0) { $0 + $1.rowCount }
        }
        for partitions in [nil, ["a"], ["b"]] as [Set<String>?] {
            let filter = RecordFilter(partitions: partitions)
            let values = try ColumnScan(snapshot).values(
                WindowQuery(
                    topic: "fraud", window: .always, path: try IOPath(parsing: "output y"), filter: filter))
            let unseen = values.statistics.unseen.filter { $0.partition != nil }
            // Besides the known holes, the files may hold anybody's records.
            let unknown = values.statistics.unseen.filter { $0.partition == nil }
            #expect(unknown.map(\.indexes) == snapshot.index.unseen.map { _ in nil } && !unknown.isEmpty)
            let wanted = hidden.filter { partitions?.contains($0.key) ?? true }
            #expect(Set(unseen.map(\.partition)) == Set(wanted.keys))
            #expect(unseen.reduce(0) { $0 + $1.indexes!.count } == wanted.values.reduce(0, +))
            #expect(unseen.allSatisfy { $0.times == nil && "\($0)".contains("assaylog check") })
            let page = try RecordScan(snapshot).page(
                topic: "fraud", positions: [:], filter: filter, limit: 10_000)
            #expect(Set(page.rows.statistics.unseen) == Set(values.statistics.unseen))
            let window = try RecordScan(snapshot).window(
                topic: "fraud", .always, filter: filter, limit: 10_000)
            #expect(Set(window.statistics.unseen) == Set(values.statistics.unseen))
        }
    }

    @Test("a block whose times are well and whose records are not is told once, and others come in its place")
    func damagedColumn() throws {
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        for number in 0..<3 {
            try model.append(
                (0..<20).map {
                    ModelRecord(time: Int64(number * 100 + $0), fields: ["out.y": .float64(Double($0) / 3)])
                })
        }
        let entry = try #require(model.snapshot.index.topics["fraud"]?.segments.first?.blocks[0])
        // The last bytes of a block are its last column's.
        model.disk.damage("segment-0000000000000001") { $0[entry.offset + entry.byteCount - 6] ^= 1 }
        let rows = try RecordScan(model.snapshot).window(topic: "fraud", .always, limit: 25)
        #expect(rows.texts == model.rows[20..<45].map(\.record.text))
        #expect(rows.statistics.unseen.map(\.indexes) == [0..<20] && rows.hasMore)
        // The block in between was looked at twice.
        #expect(rows.statistics.blocksRead == 2 && rows.statistics.rowsSeen == 40)
        var reading = RecordReading(at: model.snapshot.cut, topic: "fraud", order: .time(newestFirst: false))
        while try reading.next(in: model.snapshot) != nil {}
        #expect(reading.unseen.count == 1)
    }
}

/// Asks something and goes away during the sixth read.
private final class LeavingClient: Sendable {
    let readCount = Atomic(0)
    let task = Mutex<Task<Void, any Error>?>(nil)

    func noteRead() {
        if readCount.add(1, ordering: .relaxed).newValue == 6 { task.withLock { $0 }?.cancel() }
    }
}
