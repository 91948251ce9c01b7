// Invariants checked: the three at the head of CommitDraft.swift.

import CrashPoints
import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct CommitDraftTests {
    private static let source = AppendSource(topic: "t", partition: "p")

    private static func request(_ values: [ModelValue], to partition: String = "p") -> AppendRequest {
        let records = values.enumerated().map { ModelRecord(time: Int64($0), fields: ["x": $1]) }
        return AppendRequest([Part(records, topic: "t", partition: partition, isSmall: true).item])
    }

    /// The kinds of the blocks of the last envelope of a log's only segment.
    private static func lastBlocks(_ disk: SimulatedFileSystem) throws -> [BlockKind] {
        let segment = try SegmentFile(opening: 1, in: "", on: disk)
        var kinds: [BlockKind] = []
        _ = try segment.scan { (_, _, blocks) throws(SegmentError) in kinds = blocks.map(\.kind) }
        return kinds
    }

    @Test("requests to one partition share a block, and each has its own span", arguments: [2, 64, 255])
    func shared(count: Int) throws {
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(on: disk)
        let receipts = try writer.commit((0..<count).map { Self.request([.int64(Int64($0))]) })
        #expect(try Self.lastBlocks(disk) == [.small])
        #expect(receipts.map { $0.spans[0].firstIndex } == (0..<count).map { UInt64($0) })
        #expect(
            receipts.allSatisfy { $0.spans.count == 1 && $0.spans[0].endIndex - $0.spans[0].firstIndex == 1 })
        let contents = LogContents(
            LogSnapshot(
                index: shared.index.withLock { $0 }, files: SegmentFiles(files: disk, directory: "")))
        #expect(contents.contradictions == [])
        #expect(contents.records["t/p"] == (0..<count).map { "0 x=\($0)" })
    }

    @Test("enough of them are a column block, which is final, and no block is over its bound")
    func columns() throws {
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(on: disk)
        _ = try writer.commit((0..<256).map { Self.request([.int64(Int64($0))]) })
        #expect(try Self.lastBlocks(disk) == [.columns])
        #expect(shared.index.withLock { $0.topics["t"]?.tails.isEmpty } == true)
        let large = Self.request([ModelValue](repeating: .int64(1), count: 250))
        _ = try writer.commit([AppendRequest](repeating: large, count: 20))
        #expect(try Self.lastBlocks(disk) == [.columns, .columns, .columns])
        let rows = shared.index.withLock { index in
            index.topics["t"]?.segments.flatMap { $0.blocks.map(\.rowCount) } ?? []
        }
        #expect(rows == [256, 2000, 2000, 1000])
    }

    @Test("records whose columns do not agree keep blocks of their own, in order")
    func unlike() throws {
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(on: disk)
        let receipts = try writer.commit([
            Self.request([.int64(1)]), Self.request([.text("a"), .text("b")]), Self.request([.int64(2)]),
            Self.request([.text("c")], to: "q"),
        ])
        #expect(try Self.lastBlocks(disk) == [.small, .small, .small, .small])
        #expect(receipts.map { $0.spans[0].firstIndex } == [0, 1, 3, 0])
        let contents = LogContents(
            LogSnapshot(
                index: shared.index.withLock { $0 }, files: SegmentFiles(files: disk, directory: "")))
        #expect(contents.contradictions == [])
        #expect(
            contents.records == ["t/p": ["0 x=1", "0 x=\"a\"", "1 x=\"b\"", "0 x=2"], "t/q": ["0 x=\"c\""]])
    }

    @Test("a column block between small ones of its partition keeps the order of the requests")
    func between() throws {
        let disk = SimulatedFileSystem()
        let (writer, shared, _) = try InferenceLog.openWriter(on: disk)
        let block = Part(
            [ModelRecord(time: 9, fields: ["x": .int64(9)])], topic: "t", partition: "p", isSmall: false)
        let receipts = try writer.commit([
            Self.request([.int64(1)]), AppendRequest([block.item]), Self.request([.int64(2)]),
        ])
        #expect(receipts.map { $0.spans[0].firstIndex } == [0, 1, 2])
        let contents = LogContents(
            LogSnapshot(
                index: shared.index.withLock { $0 }, files: SegmentFiles(files: disk, directory: "")))
        #expect(contents.contradictions == [])
        #expect(contents.records["t/p"] == ["0 x=1", "9 x=9", "0 x=2"])
    }
}
