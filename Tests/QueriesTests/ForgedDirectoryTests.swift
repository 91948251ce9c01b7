// Checked: that a directory which says of a block what its head does not, with checksums that are right, is
// found out by every way of reading, before its rows are given room by the one and filled by the other.

import EventLog
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog
@testable import Queries

@Suite struct ForgedDirectoryTests {
    private static let path = "output y"
    private static let window = TimeWindow(
        start: Timestamp(milliseconds: 0), end: Timestamp(milliseconds: 1_000_000))

    /// Three blocks of 15 records: `output y` counts them.
    private func model(isGrouped: Bool) throws -> QueryModel {
        var model = try QueryModel {
            $0.segmentByteCountMax = 1 << 20
            $0.shortRowCount = 1
        }
        for block in 0..<3 as Range<Int64> {
            try model.append(
                (0..<15).map { row in
                    ModelRecord(
                        time: block * 15 + row,
                        fields: [
                            "out.y": .float64(Double(block * 15 + row)),
                            "metadata.pipeline_version": .text("v1"),
                        ]
                    )
                })
        }
        try model.writer.sealActive()
        if isGrouped { #expect(try model.regroup() == 1) }
        return model
    }

    /// A copy of the log whose directory was written by `forge`.
    private func forged(
        _ model: QueryModel, _ forge: (inout SegmentDirectory) -> Void
    ) throws -> LogSnapshot {
        let configuration = LogConfiguration()
        var manifest = try #require(try Manifest.read(configuration, on: model.disk))
        let entry = try #require(manifest.entries.first { $0.state == .sealed })
        let source = try SegmentFile(opening: entry.number, in: "", on: model.disk)
        let footer = try source.footer()
        let disk = SimulatedFileSystem()
        let writer = try SegmentWriter(creating: entry.number, in: "", on: disk, as: footer.header)
        let start = SegmentFormat.segmentHeaderByteCount
        _ = try writer.append(source.read(at: start, byteCount: footer.offset - start))
        var directory = footer.directory
        forge(&directory)
        try writer.seal(directory)
        manifest.entries = [
            Manifest.Entry(number: entry.number, state: .sealed, byteCount: writer.byteCount)
        ]
        try manifest.replace(configuration, on: disk)
        let (snapshot, report) = try InferenceLog.openForReading(on: disk)
        #expect(report.damages.isEmpty, "nothing about the file by itself is wrong")
        return snapshot
    }

    @Test(
        "a block of other rows than the directory says is not read, and said to be missing",
        arguments: [false, true], [0, 14, 16, 1, 8000])
    func rowCount(isGrouped: Bool, rowCount: Int) throws {
        let model = try model(isGrouped: isGrouped)
        let rest = (0..<45 as Range<Int>).filter { !(15..<30).contains($0) }.map(Double.init)
        // With the true number of rows the forgery is the log.
        for rowCount in [15, rowCount] {
            let snapshot = try forged(model) { $0.changeBlock(1) { $0.rowCount = rowCount } }
            let isTrue = rowCount == 15
            let wanted = isTrue ? (0..<45).map(Double.init) : rest
            func check(_ values: [Double], _ statistics: QueryStatistics, _ way: String) {
                #expect(values == wanted, "\(way), \(rowCount) rows")
                #expect(statistics.unseen.count == (isTrue ? 0 : 1), "\(way), \(rowCount) rows")
                #expect(
                    statistics.unseen.allSatisfy {
                        $0.problem.contains("a block of 15 rows, which the index says has \(rowCount)")
                    }, "\(way): \(statistics.unseen)")
            }
            var query = WindowQuery(
                topic: "fraud", window: Self.window, path: try IOPath(parsing: Self.path))
            for wantsTimes in [true, false] {
                let answer = try ColumnScan(snapshot).values(query, wantsTimes: wantsTimes)
                check(answer.values, answer.statistics, "a column")
            }
            let shared = try SharedColumnScan(snapshot, query).values(query.path)
            check(shared.values, shared.statistics, "shared columns")
            let rows = try RecordScan(snapshot).window(topic: "fraud", Self.window, limit: 100)
            check(
                rows.rows.indices.map { Double(rows.key(of: $0).time) }, rows.statistics, "whole records")
            query.filter.pipelineVersion = "v1"
            let filtered = try ColumnScan(snapshot).values(query)
            check(filtered.values, filtered.statistics, "a filtered column")
        }
    }

    // MARK: Heads

    /// Three blocks of 15 records, of which the second says these commits of its rows.
    private func written(_ runs: [CommitRun]) throws -> LogSnapshot {
        let configuration = LogConfiguration()
        let disk = SimulatedFileSystem()
        let writer = try SegmentWriter(creating: 1, in: "", on: disk)
        let encoder = BlockEncoder()
        var directory = SegmentDirectory()
        let blocks = [
            [CommitRun(commit: 1, rowCount: 15)], runs, [CommitRun(commit: 4, rowCount: 15)],
        ]
        for (number, runs) in blocks.enumerated() {
            let first = number * 15
            let batch = RecordBatch(
                times: (first..<first + 15).map { Int64($0) },
                fields: [
                    FieldColumn(
                        name: "out.y", values: .scalar(Leaf(.float64((first..<first + 15).map(Double.init)))))
                ])
            let block = encoder.encode(batch, topic: "fraud", partition: "engine", kind: .rolled)
            var envelope = EnvelopeWriter()
            let written = envelope.append(
                block, as: .rolled, firstIndex: UInt64(first), commitRuns: runs)
            let commit = UInt64([1, 3, 4][number])
            var entry = BlockEntry(
                block, written, firstIndex: UInt64(first), firstCommit: UInt64(number) + (number > 1 ? 2 : 1),
                lastCommit: commit)
            entry.offset += try writer.append(envelope.finish(commit: commit, segment: 1))
            directory.blocks.append(entry)
            directory.note(commit: commit)
        }
        try writer.seal(directory)
        var manifest = Manifest()
        manifest.nextSegmentNumber = 2
        manifest.entries = [Manifest.Entry(number: 1, state: .sealed, byteCount: writer.byteCount)]
        try manifest.replace(configuration, on: disk)
        return try InferenceLog.openForReading(on: disk).0
    }

    @Test(
        "a block whose commits are not those of its rows is not read up to any of them",
        arguments: [
            [(2, 5), (3, 10)], [(2, 20), (3, 1)], [(2, 5), (3, 11)], [(2, 5), (3, 9)], [(2, 15), (3, 15)],
            [(3, 5), (2, 10)], [(2, 5)],
        ] as [[(commit: UInt64, rowCount: Int)]])
    func commitRuns(runs: [(commit: UInt64, rowCount: Int)]) throws {
        let snapshot = try written(runs.map { CommitRun(commit: $0.commit, rowCount: $0.rowCount) })
        let isTrue = runs.map(\.rowCount) == [5, 10] && runs[0].commit == 2
        for cut in [nil, 2, 3] as [UInt64?] {
            let count =
                switch cut {
                case 2: isTrue ? 5 : 0
                default: isTrue ? 15 : 0
                }
            var wanted = (0..<15).map(Double.init) + (15..<15 + count).map(Double.init)
            if cut == nil { wanted += (30..<45).map(Double.init) }
            let query = WindowQuery(
                topic: "fraud", window: Self.window, path: try IOPath(parsing: Self.path), cut: cut)
            for wantsTimes in [true, false] {
                let answer = try ColumnScan(snapshot).values(query, wantsTimes: wantsTimes)
                #expect(answer.values == wanted, "a column up to \(cut ?? 0)")
                #expect(answer.statistics.unseen.count == (isTrue ? 0 : 1), "a column up to \(cut ?? 0)")
            }
            let shared = try SharedColumnScan(snapshot, query).values(query.path)
            #expect(shared.values == wanted, "shared columns up to \(cut ?? 0)")
            #expect(shared.statistics.unseen.count == (isTrue ? 0 : 1), "shared columns up to \(cut ?? 0)")
        }
    }
}
