// Invariants checked: those at the head of PreparedRequests.swift, but for the order of fields, which is checked in
// MemberOrderTests.swift; and those of PostedRecords.swift.

import Bytes
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing
import Wire

@testable import EventLog

@Suite(.timeLimit(.minutes(10))) struct PreparedRequestsTests {
    private static func posted(
        _ text: String, to partition: String = "p", float32: Set<ExactText> = [], time: Int64 = 7
    ) throws -> AppendRequest {
        let records = try #require(
            PostedRecords(
                Array(text.utf8), as: .array, float32Fields: float32, time: time,
                to: AppendSource(topic: "t", partition: partition)))
        return AppendRequest([.posted(records)])
    }

    private static func prepare(_ requests: [AppendRequest]) -> PreparedRequests {
        RequestPreparer(encoder: BlockEncoder()).prepare(requests)
    }

    private static func rowCounts(_ prepared: PreparedRequests) -> [Int] {
        prepared.parts.map { part in
            if case .block(let block, _) = part { block.rowCount } else { 0 }
        }
    }

    @Test("records of many requests to a partition are one block, each request's share its own")
    func together() throws {
        let prepared = Self.prepare([
            try Self.posted("[{\"time\":1,\"x\":1}]"),
            try Self.posted("[{\"x\":2},{\"time\":3,\"x\":3}]", time: 2),
            try Self.posted("[{\"x\":4}]", to: "q"), try Self.posted("[{\"x\":5}]", time: 5),
        ])
        #expect(Self.rowCounts(prepared) == [4, 1])
        #expect(prepared.requests.map { $0.shares.map(\.rowCount) } == [[1], [2], [1], [1]])
        guard case .block(_, let rows?) = prepared.parts[0] else {
            Issue.record("few records are a small block")
            return
        }
        // Each request's own moment stands where its record has none.
        #expect(rows.times == [1, 2, 3, 5])
        #expect(rows.recordTexts == ["1 x=1", "2 x=2", "3 x=3", "5 x=5"])
    }

    @Test("texts that would have more columns together than a block can say are read each by itself")
    func manyColumns() throws {
        let length = RecordLimits.shreddedElementCountMax
        let list = "[" + [String](repeating: "0", count: length).joined(separator: ",") + "]"
        func posted(_ number: Int) throws -> PostedRecords {
            let fields = (0..<15).map { "\"in.f\(number)_\($0)\":\(list)" }
            let text = "[{" + fields.joined(separator: ",") + "}]"
            return try #require(
                PostedRecords(
                    Array(text.utf8), as: .array, float32Fields: [], time: 7,
                    to: AppendSource(topic: "t", partition: "p")))
        }
        let all = try (0..<RecordLimits.columnCountMax / (15 * length) + 1).map(posted)
        #expect(PostedRecords.read(Array(all[..<8]))?.batch.columnCount == 8 * 15 * length)
        #expect(PostedRecords.read(all) == nil)
        #expect(try all[0].read().columnCount == 15 * length)
    }

    @Test("a request whose text is refused leaves nothing, and the others are as if it had not come")
    func refusal() throws {
        let good = (0..<5).map { "[{\"time\":\($0),\"x\":\($0)}]" }
        let bad = "[{\"time\":1,\"x\":1},{\"time\":2,\"x\":1,\"x\":2}]"
        let alone = Self.prepare(try good.map { try Self.posted($0) })
        let mixed = Self.prepare(try (good[..<2] + [bad] + good[2...]).map { try Self.posted($0) })
        #expect(
            mixed.requests.map(\.refusal)
                == [nil, nil, .refused(row: 1, field: "x", problem: "is given twice"), nil, nil, nil])
        #expect(mixed.requests[2].shares.isEmpty)
        guard case .block(let first, let firstRows) = alone.parts[0],
            case .block(let second, let secondRows) = mixed.parts[0]
        else {
            Issue.record("records are blocks")
            return
        }
        #expect(mixed.parts.count == 1 && firstRows == secondRows)
        #expect(first.rowCount == second.rowCount)
        let none = Self.prepare([try Self.posted(bad)])
        #expect(none.parts.isEmpty && none.requests.count == 1)
    }

    @Test("records that do not agree, or are declared otherwise, stand in the order they were posted in")
    func unlike() throws {
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(on: disk)
        let batch = RecordBatch([ModelRecord(time: 4, fields: ["x": .int64(4)])])
        let receipts = try writer.commit([
            try Self.posted("[{\"time\":1,\"x\":1.5}]"), try Self.posted("[{\"time\":2,\"x\":\"a\"}]"),
            try Self.posted("[{\"time\":3,\"x\":2.5}]", float32: ["x"]),
            AppendRequest([.small(batch, AppendSource(topic: "t", partition: "p"))]),
            try Self.posted("[{\"time\":5,\"x\":{\"a\":1}}]"),
        ])
        #expect(receipts.map { $0.spans[0].firstIndex } == [0, 1, 2, 3, 4])
        let contents = LogContents(
            LogSnapshot(
                index: shared.index.withLock { $0 }, files: SegmentFiles(files: disk, directory: "")))
        #expect(contents.contradictions == [])
        #expect(contents.records["t/p"]?.map { $0.prefix(1) } == ["1", "2", "3", "4", "5"])
        #expect(throws: LogError.self) {
            try writer.commit([try Self.posted("[{\"x\":1}]"), try Self.posted("[{]")])
        }
        #expect(shared.index.withLock { $0.cut } == 1)
    }

    @Test("a topic whose posts do not make one body is read alone from then on, for a while")
    func memory() throws {
        let memory = ReadingMemory()
        let preparer = RequestPreparer(encoder: BlockEncoder(), memory: memory)
        func prepare(_ texts: [String]) throws -> PreparedRequests {
            preparer.prepare(try texts.map { try Self.posted($0) })
        }
        #expect(try Self.rowCounts(prepare(["[{\"x\":1}]", "[{\"x\":2}]"])) == [2])
        // One that is refused says nothing of the others, and one by itself nothing of company.
        _ = try prepare(["[{\"x\":1}]", "[{]"])
        _ = try prepare(["[{\"x\":[1]},{\"x\":[1,2]}]"])
        #expect(memory.counts == .init(together: 2, twice: 2) && !memory.readsAtHome("t"))
        let unlike = ["[{\"x\":[1]}]", "[{\"x\":[1,2]}]", "[{\"x\":[3]}]"]
        #expect(try prepare(unlike).requests.allSatisfy { $0.refusal == nil && $0.shares[0].rowCount == 1 })
        #expect(memory.counts == .init(together: 2, twice: 5))
        let alone = (0..<2000).prefix { _ in memory.readsAtHome("t") }.count
        #expect(alone == ReadingMemory.readAloneCount && !memory.readsAtHome("other"))
        #expect(memory.counts == .init(together: 2, twice: 5, atHome: alone))
    }

    @Test("many rows in few bytes are blocks within their bound")
    func manyRows() throws {
        func text(_ count: Int) -> String {
            "[" + [String](repeating: "{}", count: count).joined(separator: ",") + "]"
        }
        let prepared = Self.prepare(
            try [Int](repeating: 16, count: 300).map { try Self.posted(text($0)) } + [Self.posted("[{}]")])
        #expect(Self.rowCounts(prepared) == [2048, 2048, 705])
        #expect(prepared.requests.map { $0.shares[0].rowCount } == [Int](repeating: 16, count: 300) + [1])
        let source = AppendSource(topic: "t", partition: "p")
        // Seventeen may be read to more than their bytes say.
        for text in [
            "[]", " ", "[1]", "[{\"x\":\"" + String(repeating: "a", count: 16 << 10) + "\"}]", text(17),
        ] {
            #expect(
                PostedRecords(Array(text.utf8), as: .array, float32Fields: [], time: 0, to: source) == nil)
        }
    }

    @Test("in the queue a refused text is told its own fault, and those beside it are kept")
    func queue() async throws {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        let count = 200
        let spans: [AppendedSpan] = try await withThrowingTaskGroup(of: AppendedSpan?.self) { group in
            for number in 0..<count {
                let isBad = number % 7 == 3
                let request = try Self.posted(
                    isBad ? "[{\"x\":\(number)},{\"time\":true}]" : "[{\"time\":\(number),\"x\":\(number)}]")
                group.addTask {
                    do throws(LogError) {
                        return try await log.append(request.items).spans[0]
                    } catch {
                        guard isBad, case .refused(.refused(row: 1, field: "time", _)) = error else {
                            throw error
                        }
                        return nil
                    }
                }
            }
            return try await group.reduce(into: []) { if let span = $1 { $0.append(span) } }
        }
        #expect(spans.count == count - (0..<count).count { $0 % 7 == 3 })
        #expect(spans.map(\.firstIndex).sorted() == (0..<spans.count).map { UInt64($0) })
        let contents = LogContents(log.snapshot())
        #expect(contents.contradictions == [])
        #expect(
            contents.records["t/p"]?.sorted()
                == (0..<count).filter { $0 % 7 != 3 }.map { "\($0) x=\($0)" }.sorted())
        // Refused for what it is, not for want of room: no metric of overload moves.
        #expect(log.metrics.refusals.isEmpty)
        try await log.close()
    }
}
