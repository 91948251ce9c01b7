// Checked: how opening a log asks the disk, beside what it makes of the answers (RecoveryTests): reads are
// announced before the first of them is waited for, few files are open for it, and nothing is read twice.

import CrashPoints
import Disk
import Segments
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import EventLog

@Suite struct OpeningTests {
    /// A log of so many sealed segments, each with an event and a record.
    private func log(segmentCount: Int) throws -> SimulatedFileSystem {
        let disk = SimulatedFileSystem()
        let (writer, _, _) = try InferenceLog.openWriter(on: disk)
        var generator = SeededGenerator(seed: 31)
        for number in 0..<segmentCount {
            let records = generator.records(count: 1, near: Int64(number))
            let part = Part(records, topic: "fraud", partition: "engine", isSmall: true)
            _ = try writer.commit([
                part.item, .event(Event(name: "e\(number)", document: Array("{\"n\":\(number)}".utf8))),
            ])
            try writer.sealActive()
        }
        writer.end()
        return disk
    }

    @Test("what opening reads of sealed segments is announced in rounds, before the first of each is read")
    func announced() throws {
        let disk = try log(segmentCount: 150)
        for isWriter in [false, true] {
            let watch = DiskWatch()
            let files = watch.files(disk)
            if isWriter {
                _ = try InferenceLog.openWriter(on: files)
            } else {
                _ = try InferenceLog.openForReading(on: files)
            }
            let calls = watch.calls.filter { FileName.segmentNumber($0.file) != nil }
            var announcedCounts: [Int] = []
            var announced: [String: [Range<Int>]] = [:]
            var heads: [String: Int] = [:]
            var wasReading = true
            for call in calls {
                switch call.kind {
                case .announce:
                    if wasReading { announcedCounts.append(0) }
                    wasReading = false
                    if announced[call.file] == nil { announcedCounts[announcedCounts.count - 1] += 1 }
                    announced[call.file, default: []].append(call.range)
                case .read:
                    wasReading = true
                    let isAnnounced =
                        announced[call.file]?.contains {
                            $0.lowerBound <= call.range.lowerBound && call.range.upperBound <= $0.upperBound
                        } ?? false
                    #expect(isAnnounced, "\(call) was not announced")
                    if call.range.lowerBound == 0 { heads[call.file, default: 0] += 1 }
                }
            }
            #expect(announcedCounts == [64, 64, 22])
            #expect(heads.count == 150 && heads.values.allSatisfy { $0 == 1 }, "each header is read once")
            // A reader keeps its files, as they may be replaced; a writer none.
            #expect(watch.openCountMax <= (isWriter ? 65 : 151), "\(watch.openCountMax) files open at once")
        }
    }

    @Test("events of a segment that lie near each other are read at once, and are those that were written")
    func eventsAtOnce() throws {
        let disk = SimulatedFileSystem()
        let (writer, _, _) = try InferenceLog.openWriter(on: disk)
        var written: [Event] = []
        for number in 0..<300 {
            let event = Event(name: "e\(number % 7)", document: Array("{\"n\":\(number)}".utf8))
            written.append(event)
            _ = try writer.commit([.event(event)])
            if number % 100 == 99 { try writer.sealActive() }
        }
        writer.end()
        let watch = DiskWatch()
        let (snapshot, report) = try InferenceLog.openForReading(
            on: watch.files(disk))
        #expect(report.damages.isEmpty)
        let readCountBefore = watch.calls.count
        var read: [Event] = []
        try snapshot.forEachEvent(at: Array(written.indices)) { place, event in
            let alone = try snapshot.event(place)
            #expect(alone == event)
            read.append(event)
        }
        #expect(read == written)
        // Three segments, each with one read; and the 300 of the comparison.
        #expect(watch.calls.count - readCountBefore == 3 + 300)
    }
}

/// What was asked of a disk's files, in order.
private final class DiskWatch: Sendable {
    enum Kind { case announce, read }
    struct Call: Sendable {
        var kind: Kind
        var file: String
        var range: Range<Int>
    }
    private let state = Mutex((calls: [Call](), openCount: 0, openCountMax: 0))

    var calls: [Call] { state.withLock { $0.calls } }
    var openCountMax: Int { state.withLock { $0.openCountMax } }

    func files(_ disk: SimulatedFileSystem) -> WatchedFiles {
        WatchedFiles(disk) { file, call in
            self.state.withLock { state in
                switch call {
                case .open:
                    state.openCount += 1
                    state.openCountMax = max(state.openCountMax, state.openCount)
                case .close: state.openCount -= 1
                case .read(let range): state.calls.append(Call(kind: .read, file: file, range: range))
                case .announce(let range): state.calls.append(Call(kind: .announce, file: file, range: range))
                case .create, .sync: break
                }
            }
        }
    }
}
