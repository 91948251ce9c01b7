// Invariants checked: those at the head of LastNumbers.swift; and that such a log is closed in order, and keeps what
// it has.

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct LastNumbersTests {
    private static let limit: UInt64 = 1 << 62

    /// A log of one segment with one envelope, and perhaps another segment that is not there.
    private func forged(
        commit: CommitNumber = 1, index: UInt64 = 0, misses: Bool, next: UInt64 = 3,
        kind: BlockKind = .columns, state: Manifest.State = .closed
    ) throws -> SimulatedFileSystem {
        let disk = SimulatedFileSystem()
        let batch = RecordBatch(
            times: [1, 2], fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1, 2]))))])
        var envelope = EnvelopeWriter()
        _ = envelope.append(
            BlockEncoder().encode(batch, topic: "fraud", partition: "engine", kind: kind), as: kind,
            firstIndex: index)
        let segment = try SegmentWriter(creating: 1, in: "", on: disk)
        _ = try segment.append(envelope.finish(commit: commit, segment: 1))
        try segment.sync()
        var manifest = Manifest(nextSegmentNumber: next)
        let byteCount = state == .active ? 0 : segment.durableByteCount
        manifest.entries = [Manifest.Entry(number: 1, state: state, byteCount: byteCount)]
        if misses { manifest.entries.append(Manifest.Entry(number: 2, state: .sealed, byteCount: 500)) }
        try manifest.replace(LogConfiguration(), on: disk)
        return disk
    }

    private func open(_ disk: SimulatedFileSystem) throws -> InferenceLog.OpenedWriter {
        var configuration = LogConfiguration()
        configuration.goesOnWithoutUnseen = true
        return try InferenceLog.openWriter(configuration, on: disk)
    }

    private func expectNamed(_ error: LogError?, _ place: Comment) {
        guard case .outOfNumbers(let found, _) = error else {
            Issue.record("\(place): \(String(describing: error))")
            return
        }
        #expect(found.file == FileName.segment(1) && "\(error!)".contains("from a backup"), place)
    }

    @Test(
        "where a segment claims the last commits or indexes, appends are refused by its name, behind a leap or not",
        arguments: [false, true])
    func claimed(misses: Bool) throws {
        for (commit, index) in [(Self.limit, 0), (1, Self.limit)] as [(CommitNumber, UInt64)] {
            let place: Comment = "commit \(commit), index \(index)"
            let (writer, shared, report) = try open(try forged(commit: commit, index: index, misses: misses))
            #expect(report.damages.count == (misses ? 1 : 0), place)
            for _ in 0..<2 {
                let error = #expect(throws: LogError.self, place) {
                    try writer.commit([Ledger.item(5, "engine")])
                }
                expectNamed(error, place)
            }
            #expect(shared.snapshot().cut == commit, place)
            #expect(shared.snapshot().index.topics["fraud"]?.rowCount == 2, place)
        }
    }

    @Test("the last leap has numbers behind it, and there is none after it")
    func lastLeap() throws {
        let before = (Leap.countMax - 1) * Leap.length
        let (writer, _, _) = try open(try forged(index: before, misses: true))
        let receipt = try writer.commit([Ledger.item(5, "engine")])
        #expect(receipt.spans[0].firstIndex == before + Leap.length)
        #expect(receipt.commit == before + Leap.length + 1)
        let (other, _, _) = try open(try forged(index: before + Leap.length, misses: true))
        expectNamed(
            #expect(throws: LogError.self) { try other.commit([Ledger.item(5, "engine")]) }, "behind it")
    }

    @Test("where the manifest counts too many leaps, it is named")
    func manifest() throws {
        let (writer, _, _) = try open(try forged(misses: true, next: FileName.segmentNumberMax))
        let error = #expect(throws: LogError.self) { try writer.commit([Ledger.item(5, "engine")]) }
        guard case .manifest(FileName.manifest, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "a partition that has no index left refuses its own records; what would share their envelope is taken"
    )
    func ownRefusal() async throws {
        let gate = Gate()
        let (log, _) = try InferenceLog.open(on: gate.before(try forged(index: Self.limit, misses: false)))
        gate.close()
        @Sendable func outcome(_ item: AppendItem) async -> Result<CommitReceipt, LogError> {
            do throws(LogError) { return .success(try await log.append([item])) } catch {
                return .failure(error)
            }
        }
        let items = [
            Ledger.item(5, "engine"), Ledger.item(6, "other"), Ledger.item(7, "engine"),
            Ledger.item(8, "third"),
            .event(Event(name: "e", document: Array("{}".utf8))),
        ]
        let outcomes = try await withThrowingTaskGroup(of: (Int, Result<CommitReceipt, LogError>).self) {
            group in
            group.addTask { (-1, await outcome(Ledger.item(4, "other"))) }
            try await waitUntil { gate.isHeld }
            for (position, item) in items.enumerated() { group.addTask { (position, await outcome(item)) } }
            while log.metrics.waitingCount < items.count { await Task.yield() }
            gate.open()
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        var commits: Set<CommitNumber> = []
        for (position, outcome) in outcomes {
            switch outcome {
            case .success(let receipt):
                #expect([-1, 1, 3, 4].contains(position))
                if position >= 0 { commits.insert(receipt.commit) }
            case .failure(let error):
                #expect([0, 2].contains(position))
                expectNamed(error, "of its own")
                #expect("\(error)".contains("engine in fraud"))
            }
        }
        #expect(outcomes.count == 6 && commits.count == 1)
        let source = AppendSource(topic: "fraud", partition: "engine")
        #expect(log.metrics.refusals == [LogMetrics.Refusal(source: source, reason: .numbers): 2])
        #expect(log.state == .serving)
        #expect(try await log.close() == nil)
    }

    @Test(
        "a log whose last numbers are claimed, with nothing hidden, is closed in order and keeps what it has",
        arguments: [(limit, 0), (1, limit), (limit, limit)] as [(CommitNumber, UInt64)])
    func closes(commit: CommitNumber, index: UInt64) async throws {
        for kind in [BlockKind.small, .columns] {
            let place: Comment = "commit \(commit), index \(index), \(kind)"
            let disk = try forged(commit: commit, index: index, misses: false, kind: kind, state: .active)
            for _ in 0..<2 {
                let (log, report) = try InferenceLog.open(on: disk)
                #expect(report.damages == [], place)
                if commit == Self.limit {
                    guard case .readOnly(.outOfNumbers) = log.state else {
                        Issue.record("\(place): \(log.state)")
                        return
                    }
                }
                // What waits cannot become columns without a commit; where nothing waits all is in order.
                let isLeft = commit == Self.limit && kind == .small
                #expect(try await log.close()?.refusalReason == (isLeft ? .numbers : nil), place)
            }
            disk.crash { $0.lowerBound }
            let (snapshot, report) = try InferenceLog.openForReading(on: disk)
            #expect(report.damages == [], place)
            #expect(Ledger.shown(snapshot, "engine") == [index, index + 1], place)
            #expect(snapshot.cut == (commit == Self.limit || kind == .columns ? commit : 2), place)
        }
    }
}
