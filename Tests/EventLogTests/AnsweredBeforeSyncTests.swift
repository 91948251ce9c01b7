// Invariants checked: those of LogWriter.swift and AppendQueue.swift of a log that answers before it syncs, with the
// power cut at every operation and with every operation failing once.
//
// A run is a function of (operation, survival); both stand in the message of a failure.

import CrashPoints
import Disk
import Segments
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import EventLog

@Suite("A log that answers before it syncs", .timeLimit(.minutes(5)))
struct AnsweredBeforeSyncTests {
    private static let configuration = {
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 3000
        configuration.directory = FileName.derivedDirectory
        configuration.goesOnWithoutUnseen = true
        configuration.answersBeforeSync = true
        return configuration
    }()

    /// A log under test: results of which each names its number, and what is known of them.
    private struct Drive {
        let disk: SimulatedFileSystem
        var opened: InferenceLog.OpenedWriter?
        /// Numbers that were answered and not found gone since.
        private(set) var answered: [Int] = []
        /// Of those, which the power may take: the last one, until it is synced, and what failed to be.
        private(set) var doubtful: Set<Int> = []
        /// Written and not answered.
        private(set) var refused: Set<Int> = []
        private(set) var violations: [String] = []
        /// Whether something failed since the last answer, and since the log was opened.
        private var (hasFailed, hasEverFailed) = (false, false)
        private var isKilled = false

        init(_ disk: SimulatedFileSystem) { self.disk = disk }

        private static func item(_ number: Int) -> AppendItem {
            let text = String(repeating: "x", count: number % 5 == 0 ? 900 : 20)
            return .event(Event(name: "\(number)", document: Array("{\"\(number)\":\"\(text)\"}".utf8)))
        }

        mutating func open() {
            opened = nil
            for _ in 0..<2 where opened == nil && !disk.hasCrashed {
                do throws(LogError) {
                    let found = try InferenceLog.openWriter(AnsweredBeforeSyncTests.configuration, on: disk)
                    opened = found
                    if !disk.hasCrashed { look(found) }
                } catch {}
            }
            if opened == nil, !disk.hasCrashed { violations.append("the log does not open") }
        }

        /// Compares what is there with what was answered, and takes it as it is from here on.
        private mutating func look(_ found: InferenceLog.OpenedWriter) {
            for damage in found.report.damages { violations.append("damage where there is none: \(damage)") }
            let files = SegmentFiles(files: disk, directory: AnsweredBeforeSyncTests.configuration.directory)
            let snapshot = LogSnapshot(index: found.index.index.withLock { $0 }, files: files)
            var there: [Int] = []
            for place in snapshot.index.events {
                do throws(SegmentError) {
                    let event = try snapshot.event(place)
                    guard let number = Int(event.name), case .event(event) = Self.item(number) else {
                        if event.name != Leap.eventName {
                            violations.append("\(event.name) was never appended")
                        }
                        continue
                    }
                    there.append(number)
                } catch { violations.append("\(place.entry.name) cannot be read: \(error)") }
            }
            if there != Array(Set(there)).sorted() { violations.append("\(there) are not once and in order") }
            // A process that is killed takes nothing along of what was written, only what no sync could save.
            let mayBeGone = isKilled && !hasEverFailed ? [] : doubtful
            for number in answered where !there.contains(number) && !mayBeGone.contains(number) {
                violations.append("\(number) is gone")
            }
            for number in there where !answered.contains(number) && !refused.contains(number) {
                violations.append("\(number) was found, which was not written")
            }
            (answered, doubtful, refused) = (there, [], [])
            (hasFailed, hasEverFailed) = (false, false)
        }

        mutating func append(_ number: Int) {
            guard let writer = opened?.writer else { return violations.append("there is no writer") }
            do throws(LogError) {
                _ = try writer.commit([Self.item(number)])
                // It began with the sync of the one before; where that failed, it threw, and this is another one.
                if let last = answered.last, !hasFailed { doubtful.remove(last) }
                answered.append(number)
                doubtful.insert(number)
                hasFailed = false
            } catch { note(refused: number) }
        }

        private mutating func note(refused number: Int?) {
            (hasFailed, hasEverFailed) = (true, true)
            if let number { refused.insert(number) }
            if disk.hasCrashed { return }
            // As the log's queue does.
            do throws(LogError) { try opened?.writer.recover() } catch {}
        }

        /// What the queue does behind an answer.
        mutating func sync() {
            guard let writer = opened?.writer else { return }
            do throws(LogError) {
                try writer.syncAnswered()
                if let last = answered.last, !hasFailed { doubtful.remove(last) }
            } catch { note(refused: nil) }
        }

        mutating func seal() {
            do throws(LogError) {
                try opened?.writer.sealActive()
                if let last = answered.last, !hasFailed { doubtful.remove(last) }
            } catch { note(refused: nil) }
        }

        mutating func kill() {
            isKilled = true
            open()
        }

        mutating func crash(_ choose: (ClosedRange<Int>) -> Int) {
            (opened, isKilled) = (nil, false)
            disk.crash(choose)
            open()
        }

        /// Two dozen results, of which each second is synced before the next; sealed, killed and opened between.
        mutating func run(from first: Int) {
            for number in first..<first + 24 where !disk.hasCrashed {
                append(number)
                if number % 2 == 0, !disk.hasCrashed { sync() }
                if number % 11 == 5, !disk.hasCrashed { seal() }
                if number % 9 == 7, !disk.hasCrashed { kill() }
            }
        }
    }

    /// Lets `operation` be the power's last, or fail once; goes on, and cuts the power at rest.
    private static func run(_ operation: Int, fails: Bool, _ survival: Survival) -> [String]? {
        let disk = SimulatedFileSystem()
        disk.setPlan(
            fails
                ? SimulatedFileSystem.FaultPlan(failAtOperation: operation)
                : SimulatedFileSystem.FaultPlan(crashAtOperation: operation))
        var drive = Drive(disk)
        drive.open()
        drive.run(from: 0)
        guard fails ? disk.operationCount > operation : disk.hasCrashed else { return nil }
        let choose = survival.choose()
        drive.crash(choose)
        drive.run(from: 100)
        drive.crash(choose)
        return drive.violations
    }

    @Test(
        "what was answered is there after a power cut, but for the last of it, which is whole or gone",
        arguments: [false, true], [Survival.nothing, .everything, .seeded(1)])
    func sweep(fails: Bool, kind: Survival) {
        var operation = 0
        while true {
            var survival = kind
            if case .seeded = kind { survival = .seeded(UInt64(operation)) }
            guard let violations = Self.run(operation, fails: fails, survival) else { break }
            #expect(violations.isEmpty, "operation \(operation), \(survival): \(violations.first ?? "")")
            if !violations.isEmpty { return }
            operation += 1
        }
        #expect(operation > 100, "the history is long enough to mean something")
        print("points survived: \(operation) (\(fails ? "failures" : "power cuts"), \(kind))")
    }

    @Test("the answer does not wait for the sync, and what comes next does")
    func queue() async throws {
        let gate = Gate()
        let syncCount = Mutex(0)
        let files = WatchedFiles(SimulatedFileSystem()) { _, call in
            guard call == .sync else { return }
            syncCount.withLock { $0 += 1 }
            gate.pass()
        }
        let log = try InferenceLog.open(Self.configuration, on: files).0
        func append(_ number: Int) async throws {
            _ = try await log.append([.event(Event(name: "\(number)", document: [0x7B, 0x7D]))])
        }
        try await append(0)
        try await waitUntil { syncCount.withLock { $0 } > 0 }
        let before = syncCount.withLock { $0 }
        gate.close()
        // Neither held nor synced when it returns; what comes behind it is held.
        try await append(1)
        #expect(log.snapshot().index.events.count == 2)
        let next = Task { try await append(2) }
        try await waitUntil { gate.isHeld }
        #expect(log.snapshot().index.events.count == 2)
        gate.open()
        try await next.value
        #expect(log.snapshot().index.events.count == 3)
        // Each is synced, though nothing comes behind the last.
        try await waitUntil { syncCount.withLock { $0 } >= before + 2 }
        try await log.close()
    }

    @Test("what was answered is safe where the footer behind it finds no room")
    func fullAtFooter() throws {
        let disk = SimulatedFileSystem()
        let writer = try InferenceLog.openWriter(Self.configuration, on: disk).writer
        _ = try writer.commit([.event(Event(name: "0", document: [0x7B, 0x7D]))])
        // The sync comes first, and the footer behind it.
        disk.setPlan(
            SimulatedFileSystem.FaultPlan(
                failAtOperation: disk.operationCount + 1, failureKind: .outOfSpace))
        #expect(throws: LogError.self) { try writer.sealActive() }
        disk.crash { $0.lowerBound }
        let events = try InferenceLog.openForReading(Self.configuration, on: disk).snapshot.index.events
        #expect(events.map(\.entry.name) == ["0"])
    }

    @Test("what is given up is so durably, before anything is numbered behind it")
    func leap() throws {
        let disk = SimulatedFileSystem()
        var writer: LogWriter? = try InferenceLog.openWriter(Self.configuration, on: disk).writer
        _ = try writer?.commit([.event(Event(name: "0", document: [0x7B, 0x7D]))])
        try writer?.sealActive()
        writer = nil
        let names = try disk.list(Self.configuration.directory).filter { FileName.segmentNumber($0) != nil }
        for name in names { try disk.remove(Self.configuration.path(name)) }
        try disk.syncDirectory(Self.configuration.directory)
        writer = try InferenceLog.openWriter(Self.configuration, on: disk).writer
        try writer?.giveUpUnseen()
        writer = nil
        disk.crash { $0.lowerBound }
        let events = try InferenceLog.openForReading(Self.configuration, on: disk).snapshot.index.events
        #expect(events.map(\.entry.name) == [Leap.eventName])
    }

    @Test(
        "a sync that fails behind its answer leaves a log that goes on, and nobody without what he asks for elsewhere",
        arguments: [false, true])
    func failedSync(isFirstOfSegment: Bool) async throws {
        let disk = SimulatedFileSystem()
        let log = try InferenceLog.open(Self.configuration, on: disk).0
        func append(_ number: Int) async throws {
            _ = try await log.append([.event(Event(name: "\(number)", document: [0x7B, 0x7D]))])
        }
        if !isFirstOfSegment { try await append(0) }
        // A command waits for what the writer's thread was asked for before it; this one begins a segment.
        _ = try await log.queue.perform { writer throws(LogError) in try writer.recover() }
        // The append is the next operation, and its sync the one behind.
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + 1))
        try await append(1)
        _ = try await log.queue.perform { _ throws(LogError) in }
        #expect(disk.failureCount == 1)
        #expect(log.state == .serving)
        // Of a segment with nothing durable the file is gone: what is lost is no refusal, on which deletions would wait.
        let snapshot = log.snapshot()
        let lost = snapshot.index.events.count - 1
        do throws(SegmentError) { _ = try snapshot.event(snapshot.index.events[lost]) } catch {
            #expect(isFirstOfSegment && !error.isRefusal)
        }
        try await append(2)
        try await log.close()
        disk.crash { $0.lowerBound }
        // That a commit is not there is no damage. The log that it follows from is not here.
        #expect(try LogCheck.findings(on: disk) == ["MANIFEST: is missing"])
        let names = try InferenceLog.openForReading(Self.configuration, on: disk).snapshot.index.events.map(
            \.entry.name)
        #expect(names == (isFirstOfSegment ? ["2"] : ["0", "2"]))
    }
}
