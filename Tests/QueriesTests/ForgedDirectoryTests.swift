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
}
