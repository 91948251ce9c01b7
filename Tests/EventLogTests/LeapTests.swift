// Invariants checked: those at the head of Leap.swift: no number is given twice, whatever an opening does not see,
// and what was unseen may come back.

import CrashPoints
import Disk
import JSON
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

/// What hides the newest segment of a log.
enum Hiding: CaseIterable, CustomTestStringConvertible {
    case damagedHeader, missing, empty, cut, cutHeader, damagedInside

    var testDescription: String { "\(self)" }

    /// - Parameter envelope: where the first envelope starts; whole ones follow.
    func hide(_ name: String, _ envelope: Int, on disk: SimulatedFileSystem) throws {
        switch self {
        case .damagedHeader: disk.damage(name) { $0[9] ^= 1 }
        case .missing: try disk.remove(name)
        case .empty: disk.damage(name) { $0 = [] }
        case .cut: disk.damage(name) { $0.removeSubrange(10...) }
        case .cutHeader: disk.damage(name) { $0.removeSubrange(31...) }
        // With the footer, from which the blocks are known otherwise.
        case .damagedInside:
            disk.damage(name) {
                $0[envelope + 40] ^= 1
                $0[$0.count - 30] ^= 1
            }
        }
    }
}

@Suite struct LeapTests {
    /// A log of two segments, what it gave, and the bytes of the second one.
    private struct Log {
        let disk = SimulatedFileSystem()
        var given: [CommitReceipt] = []
        /// The last one; sealing rolls what waits, which takes one of its own.
        var lastCommit: CommitNumber = 0
        var name = ""
        var bytes: [UInt8] = []

        private static func item(_ time: Int64, _ partition: String) -> AppendItem {
            .small(
                RecordBatch(
                    times: [time, time + 1],
                    fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1, 2]))))]),
                AppendSource(topic: "fraud", partition: partition))
        }

        /// - Parameter isActive: whether the second one was not sealed when the process ended.
        init(isActive: Bool) throws {
            for round in 0..<2 {
                let (writer, index, report) = try InferenceLog.openWriter(on: disk)
                #expect(report.damages == [])
                for number in 0..<3 as Range<Int64> {
                    given.append(try writer.commit([Log.item(number, number == 2 ? "other" : "engine")]))
                }
                if round == 0 || !isActive { try writer.sealActive() }
                lastCommit = index.snapshot().cut
                writer.end()
            }
            let entry = try #require(try Manifest.read(LogConfiguration(), on: disk)?.entries.last)
            #expect((entry.state == .active) == isActive)
            name = FileName.segment(entry.number)
            bytes = try #require(disk.bytes(of: name))
        }

        func hide(_ hiding: Hiding) throws {
            try hiding.hide(name, SegmentFormat.segmentHeaderByteCount, on: disk)
        }

        func putBack() throws {
            if disk.bytes(of: name) == nil {
                _ = try disk.create(name)
                try disk.syncDirectory("")
            }
            disk.damage(name) { $0 = bytes }
        }

        func open(goesOn: Bool = false) throws -> InferenceLog.OpenedWriter {
            var configuration = LogConfiguration()
            configuration.goesOnWithoutUnseen = goesOn
            return try InferenceLog.openWriter(configuration, on: disk)
        }

        func append(_ partition: String, to writer: LogWriter) throws -> CommitReceipt {
            try writer.commit([Log.item(9, partition)])
        }

        /// The indexes that a snapshot shows of a partition, ascending.
        static func indexes(_ snapshot: LogSnapshot, _ partition: String) -> [UInt64] {
            guard let topic = snapshot.index.topics["fraud"] else { return [] }
            let blocks = topic.segments.flatMap(\.blocks).filter { $0.partition == partition }.flatMap(
                \.indexes)
            let tails = (topic.tails[partition] ?? []).flatMap { $0.firstIndex..<$0.endIndex }
            return (blocks + tails).sorted()
        }
    }

    @Test(
        "while a segment is not seen nothing is numbered; put back, the log goes on where it was",
        arguments: Hiding.allCases, [false, true])
    func refused(hiding: Hiding, isActive: Bool) throws {
        // Of a segment that was not sealed, what is cut within its header was never acknowledged into: nothing follows it.
        if isActive && (hiding == .empty || hiding == .cut || hiding == .cutHeader) { return }
        let log = try Log(isActive: isActive)
        try log.hide(hiding)
        let hidden = log.disk.bytes(of: log.name)
        for _ in 0..<2 {
            let (writer, index, report) = try log.open()
            #expect(report.damages.count == 1)
            let error = #expect(throws: LogError.self) { try log.append("engine", to: writer) }
            guard case .unseen(let places) = error else {
                Issue.record("refused otherwise: \(String(describing: error))")
                return
            }
            #expect(places.map(\.file) == [log.name] && index.snapshot().index.unseen == places)
            #expect("\(error!)".contains("--without-unseen"))
            #expect("\(error!)".contains("takes no appends, deletions, redactions or settings"))
            #expect(throws: LogError.unseen(places)) { try writer.recover() }
            #expect(throws: LogError.unseen(places)) {
                try writer.commit([.event(Event(name: "e", document: []))])
            }
            try writer.sealActive()
            writer.end()
            #expect(log.disk.bytes(of: log.name) == hidden, "what can be mended stays as it is")
        }
        try log.putBack()
        let (writer, index, report) = try log.open()
        #expect(report.damages == [] && index.snapshot().index.unseen == [])
        let receipt = try log.append("engine", to: writer)
        #expect(receipt.commit == log.lastCommit + 1)
        #expect(receipt.spans.map(\.firstIndex) == [8])
        #expect(Log.indexes(index.snapshot(), "engine") == Array(0..<10))
    }

    @Test(
        "what is given up is never numbered again, and stands where it stood when it comes back",
        arguments: Hiding.allCases, [false, true])
    func leaps(hiding: Hiding, isActive: Bool) throws {
        if isActive && (hiding == .empty || hiding == .cut || hiding == .cutHeader) { return }
        let log = try Log(isActive: isActive)
        try log.hide(hiding)
        let given = log.given.flatMap(\.spans).map(\.endIndex).max()!
        var receipts: [CommitReceipt] = []
        do {
            let (writer, index, _) = try log.open(goesOn: true)
            for partition in ["engine", "engine", "other", "new"] {
                receipts.append(try log.append(partition, to: writer))
            }
            #expect(index.snapshot().index.unseen == [])
            // The hole that was leapt over is known to nobody as one.
            #expect(index.snapshot().index.topics["fraud"]?.gaps == [])
            writer.end()
        }
        let first = try #require(receipts.first)
        #expect(first.commit > log.lastCommit + 1)
        #expect(first.spans[0].firstIndex > given)
        #expect(receipts.map(\.commit) == (0..<4).map { first.commit + $0 })
        let leap = first.spans[0].firstIndex
        #expect(receipts.map { $0.spans[0].firstIndex } == [leap, leap + 2, leap, leap])
        // It was given up for good: no word is needed at the next start.
        do {
            let (writer, index, report) = try log.open()
            #expect(report.damages.count == 1 && index.snapshot().index.unseen == [])
            let receipt = try log.append("new", to: writer)
            #expect(receipt.commit == first.commit + 4 && receipt.spans[0].firstIndex == leap + 2)
            // What is hidden after it is another matter.
            try writer.sealActive()
            writer.end()
            let last = try #require(try Manifest.read(LogConfiguration(), on: log.disk)?.entries.last)
            let name = FileName.segment(last.number)
            let bytes = try #require(log.disk.bytes(of: name))
            log.disk.damage(name) { $0[9] ^= 1 }
            let (other, _, _) = try log.open()
            #expect(throws: LogError.self) { try log.append("new", to: other) }
            other.end()
            log.disk.damage(name) { $0 = bytes }
        }
        try log.putBack()
        let (writer, index, report) = try log.open()
        #expect(report.damages == [])
        #expect(Log.indexes(index.snapshot(), "engine") == Array(0..<8) + (leap..<leap + 4))
        #expect(Log.indexes(index.snapshot(), "other") == Array(0..<4) + (leap..<leap + 2))
        #expect(Log.indexes(index.snapshot(), "new") == Array(leap..<leap + 4))
        #expect(try log.append("engine", to: writer).spans[0].firstIndex == leap + 4)
    }

    @Test("the log says that it takes no appends, and why, and goes on serving readers")
    func readOnly() async throws {
        let log = try Log(isActive: false)
        try log.hide(.damagedHeader)
        let (opened, _) = try InferenceLog.open(on: log.disk)
        guard case .readOnly(.unseen) = opened.state else {
            Issue.record("\(opened.state)")
            return
        }
        #expect(Log.indexes(opened.snapshot(), "engine") == Array(0..<4))
        await #expect(throws: LogError.self) {
            try await opened.append([.event(Event(name: "e", document: []))])
        }
        _ = try await opened.close()
    }

    @Test("a leap that says no index is refused, wherever it stands")
    func damagedLeap() throws {
        let documents = [
            "", "{}", "{\"index\":-1,\"unseen\":{}}", "{\"index\":\(UInt64(1) << 62 + 1),\"unseen\":{}}",
            "{\"index\":5}", "{\"index\":5,\"unseen\":{\"a\":\"b\"}}",
        ]
        for document in documents {
            let event = Event(name: Leap.eventName, document: Array(document.utf8))
            #expect(throws: FieldError.self) { try Leap(event) }
        }
        let leap = Leap(index: 1 << 62, unseen: [SegmentPlace(file: "a", byteOffset: 7)])
        #expect(try Leap(leap.event) == leap)
        #expect(leap.givesUp(SegmentPlace(file: "a", byteOffset: 7)))
        #expect(!leap.givesUp(SegmentPlace(file: "a", byteOffset: 6)))
        #expect(!leap.givesUp(SegmentPlace(file: "b", byteOffset: 7)))
        #expect(try Leap(Event(name: "another", document: [])) == nil)
    }
}
