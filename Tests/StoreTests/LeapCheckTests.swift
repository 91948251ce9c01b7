// Checked: what a leap leaves is no damage to `check`, before and after the file comes back that was given up.

import Disk
import Records
import Segments
import Simulation
import Testing

@testable import EventLog
@testable import Store

@Suite struct LeapCheckTests {
    private static func append(_ times: Range<Int64>, to writer: LogWriter) throws -> CommitReceipt {
        let batch = RecordBatch(
            times: Array(times),
            fields: [
                FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(times.map { Double($0) / 3 }))))
            ])
        return try writer.commit([.small(batch, AppendSource(topic: "t", partition: "p"))])
    }

    /// A log of two sealed segments, with the last one's name and bytes.
    private static func twoSegments() throws -> (SimulatedFileSystem, String, [UInt8]) {
        let disk = SimulatedFileSystem()
        for _ in 0..<2 {
            let (writer, _, _) = try InferenceLog.openWriter(on: disk)
            for time in 0..<3 as Range<Int64> { _ = try Self.append(time..<time + 2, to: writer) }
            try writer.sealActive()
            writer.end()
        }
        let entry = try #require(try Manifest.read(LogConfiguration(), on: disk)?.entries.last)
        let name = FileName.segment(entry.number)
        let bytes = try #require(disk.bytes(of: name))
        return (disk, name, bytes)
    }

    @Test("with the file back there is nothing wrong, also once segments are made anew")
    func comesBack() async throws {
        let (disk, name, bytes) = try Self.twoSegments()
        disk.damage(name) { $0[9] ^= 1 }
        var configuration = LogConfiguration()
        configuration.goesOnWithoutUnseen = true
        let (writer, _, _) = try InferenceLog.openWriter(configuration, on: disk)
        let receipt = try Self.append(7..<9, to: writer)
        #expect(receipt.spans[0].firstIndex > 12)
        try writer.sealActive()
        writer.end()
        let damaged = try StoreCheck.run(on: disk)
        #expect(damaged.findings.count == 1, "the file alone: \(damaged.findings)")
        disk.damage(name) { $0 = bytes }
        #expect(try StoreCheck.run(on: disk).findings == [])

        let (log, report) = try InferenceLog.open(on: disk)
        #expect(report.damages == [])
        _ = try await log.compact(CompactionPace(retries: .all))
        _ = try await log.close()
        #expect(try StoreCheck.run(on: disk).findings == [])
    }

    @Test(
        "a log that went on without a file is backed up without it, and the copy goes on too; before, it is refused",
        arguments: [false, true])
    func snapshot(isGone: Bool) throws {
        let (disk, name, bytes) = try Self.twoSegments()
        if isGone { try disk.remove(name) } else { disk.damage(name) { $0[9] ^= 1 } }
        #expect(throws: SegmentError.self) { try StoreSnapshot.take(of: disk, to: SimulatedFileSystem()) }
        var configuration = LogConfiguration()
        configuration.goesOnWithoutUnseen = true
        let (writer, _, _) = try InferenceLog.openWriter(configuration, on: disk)
        let receipt = try Self.append(7..<9, to: writer)
        writer.end()

        let (backup, restored) = (SimulatedFileSystem(), SimulatedFileSystem())
        let report = try StoreSnapshot.take(of: disk, to: backup)
        #expect(report.cut == receipt.commit && report.damages.count == 1)
        #expect(report.damages.allSatisfy { $0.hasPrefix("\(name) is not copied") })
        #expect(!report.files.contains { $0.name == name })
        #expect(try StoreSnapshot.restore(from: backup, to: restored).files == report.files)
        let (other, index, opened) = try InferenceLog.openWriter(on: restored)
        #expect(opened.damages.count == 1 && index.snapshot().index.unseen == [])
        let next = try Self.append(9..<11, to: other)
        #expect(next.commit == receipt.commit + 1)
        #expect(next.spans[0].firstIndex == receipt.spans[0].endIndex)
        try other.sealActive()
        other.end()
        // From another backup.
        let file = try restored.create(name)
        try file.append(bytes)
        try file.sync()
        try restored.syncDirectory("")
        #expect(try StoreCheck.run(on: restored).findings == [])
    }
}
