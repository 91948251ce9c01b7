// What tests of leaps write down beside a log: each number that was given, and the segments that are hidden.

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import Testing

@testable import EventLog

/// A log whose every number is written down, and whose segments can be hidden and put back.
struct Ledger {
    let disk = SimulatedFileSystem()
    private(set) var commits: [CommitNumber] = []
    private(set) var indexes: [String: [UInt64]] = [:]
    private(set) var hidden: [String: [UInt8]] = [:]
    private var time: Int64 = 0
    /// Rows of a partition that are rolled together.
    var tailRowCountMax = LogConfiguration().tailRowCountMax

    func open(goesOn: Bool = false) throws -> InferenceLog.OpenedWriter {
        var configuration = LogConfiguration()
        configuration.tailRowCountMax = tailRowCountMax
        configuration.goesOnWithoutUnseen = goesOn
        return try InferenceLog.openWriter(configuration, on: disk)
    }

    static func item(_ time: Int64, _ partition: String) -> AppendItem {
        .small(
            RecordBatch(
                times: [time, time + 1],
                fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1, 2]))))]),
            AppendSource(topic: "fraud", partition: partition))
    }

    /// Appends two records a commit.
    mutating func append(_ count: Int, _ partition: String = "engine", to writer: LogWriter) throws {
        for _ in 0..<count {
            time += 2
            let receipt = try writer.commit([Ledger.item(time, partition)])
            commits.append(receipt.commit)
            indexes[partition, default: []] += receipt.spans.flatMap { Array($0.firstIndex..<$0.endIndex) }
        }
    }

    /// Opens the log, appends and ends it.
    mutating func session(_ count: Int, goesOn: Bool = false, seals: Bool = true) throws {
        let (writer, _, _) = try open(goesOn: goesOn)
        try append(count, to: writer)
        try append(1, "other", to: writer)
        if seals { try writer.sealActive() }
        writer.end()
    }

    /// Has the next write fail: the segment that is written to is closed behind what was appended before.
    func failWrite(of writer: LogWriter) {
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount))
        #expect(throws: LogError.self) { try writer.commit([Ledger.item(1000, "engine")]) }
        disk.setPlan(SimulatedFileSystem.FaultPlan())
    }

    /// Makes anew what is due of what is seen, and leaves the rest alone.
    func rewriteSeen(by writer: LogWriter) throws { try writer.compact() }

    /// Makes segments anew, those from a number on.
    func rewrite(from number: UInt64 = 0, redacting field: String? = nil) throws {
        let older = Set(try entries().map(\.number).filter { $0 < number })
        let (writer, _, _) = try open()
        if let field {
            let commit = try writer.erase { Tombstone(redacting: field, of: "fraud", in: $0) }
            #expect(commit != nil)
        }
        let done = try writer.compact(leaving: older)
        #expect(done.left == older && done.report.rewriteCount > 0)
        try writer.sealActive()
        writer.end()
    }

    func entries() throws -> [Manifest.Entry] {
        try #require(try Manifest.read(LogConfiguration(), on: disk)).entries
    }

    mutating func hide(_ entry: Manifest.Entry?, isGone: Bool) throws {
        let name = FileName.segment(try #require(entry).number)
        let bytes: [UInt8] = try #require(disk.bytes(of: name))
        hidden[name] = bytes
        if isGone { try disk.remove(name) } else { disk.damage(name) { $0[9] ^= 1 } }
    }

    /// Damages one byte of a segment: what stands from its envelope on is hidden.
    mutating func hide(_ entry: Manifest.Entry?, from offset: Int) throws {
        let name = FileName.segment(try #require(entry).number)
        let bytes: [UInt8] = try #require(disk.bytes(of: name))
        hidden[name] = bytes
        disk.damage(name) { $0[offset] ^= 1 }
    }

    /// - Parameter names: the files that come back; nil for all.
    mutating func putBack(_ names: Set<String>? = nil) throws {
        for (name, bytes) in hidden where names?.contains(name) ?? true {
            hidden[name] = nil
            if disk.bytes(of: name) == nil {
                _ = try disk.create(name)
                try disk.syncDirectory("")
            }
            disk.damage(name) { $0 = bytes }
        }
    }

    /// The indexes that a snapshot shows of a partition, ascending, each as often as it is shown.
    static func shown(_ snapshot: LogSnapshot, _ partition: String) -> [UInt64] {
        guard let topic = snapshot.index.topics["fraud"] else { return [] }
        let blocks = topic.segments.flatMap(\.blocks).filter { $0.partition == partition }
        let tails = topic.tails[partition] ?? []
        return (blocks.flatMap { Array($0.indexes) } + tails.flatMap { Array($0.firstIndex..<$0.endIndex) })
            .sorted()
    }

    /// That a snapshot shows nothing that was not given, and nothing twice.
    func expectNothingTwice(_ snapshot: LogSnapshot, _ place: Comment) {
        for (partition, given) in indexes {
            let shown = Ledger.shown(snapshot, partition)
            #expect(Set(shown).count == shown.count, place)
            #expect(Set(shown).isSubset(of: given), place)
        }
    }

    /// That every number was given once, and that a snapshot shows all records, each once.
    func expectWhole(_ snapshot: LogSnapshot, _ place: Comment) {
        #expect(Set(commits).count == commits.count, place)
        for (partition, given) in indexes {
            #expect(Set(given).count == given.count, place)
            #expect(Ledger.shown(snapshot, partition) == given.sorted(), place)
        }
    }

    /// That all is there once what was hidden is put back, and still is when more came and segments were made anew.
    mutating func expectWholeOncePutBack(_ place: Comment) throws {
        try putBack()
        let findings = try LogCheck.findings(on: disk)
        #expect(findings == [], place)
        let (snapshot, report) = try InferenceLog.openForReading(on: disk)
        #expect(report.damages == [], place)
        expectWhole(snapshot, place)

        try session(2)
        try rewrite()
        #expect(try LogCheck.findings(on: disk) == [], place)
        let (writer, index, after) = try open()
        #expect(after.damages == [], place)
        expectWhole(index.snapshot(), place)
        writer.end()
    }
}
