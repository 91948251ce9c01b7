// Invariants checked: those at the head of InferenceLog+Succession.swift, with the power cut at every operation,
// with every operation failing once, and on a disk that is full from each on; where the manifest can be read, and
// where it cannot. Successions of logs with any history are among those of CrashPointTests.

import CrashPoints
import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct CrashSuccessionTests {
    enum Fault: CaseIterable { case cut, failure, full }

    private static let countPerCommit = 7

    /// A log of some segments, the last of them active.
    private static func log(isDamaged: Bool) -> SimulatedFileSystem {
        let disk = SimulatedFileSystem()
        for number in 0..<3 {
            guard let writer = try? InferenceLog.openWriter(on: disk).writer else { break }
            let events = (0..<countPerCommit).map { position in
                AppendItem.event(Event(name: "\(number)", document: Array("old \(number) \(position)".utf8)))
            }
            do {
                _ = try writer.commit(events)
                if number < 2 { try writer.sealActive() }
            } catch { Issue.record(error) }
        }
        if isDamaged { disk.damage(FileName.manifest) { $0[$0.count / 2] ^= 4 } }
        return disk.copy(of: "")
    }

    private static let old = (0..<3).flatMap { number in
        (0..<countPerCommit).map { "\(number) old \(number) \($0)" }
    }
    private static let new = (0..<12).map { "new \($0)" }

    private static let configuration: LogConfiguration = {
        var configuration = LogConfiguration()
        // The successor has more than one segment.
        configuration.segmentByteCountMax = 200
        return configuration
    }()

    /// The old log's events, then others, in some commits.
    private static func succeed(_ disk: any FileSystem) throws -> [String] {
        try InferenceLog.succeed(configuration, on: disk) { successor in
            let events = try successor.old.index.events.map { try successor.old.event($0) }
            for event in events { try successor.append([.event(event)]) }
            for number in 0..<12 {
                try successor.append([.event(Event(name: "new", document: Array("\(number)".utf8)))])
            }
            return events.map { "\($0.name) \(String(decoding: $0.document, as: UTF8.self))" }
        }
    }

    /// The events that opening shows; nil where it refuses. A writer's opening changes the disk.
    private static func events(_ disk: SimulatedFileSystem) -> [String]? {
        (try? InferenceLog.openWriter(on: disk)).map { LogContents($0.index.snapshot()).events }
    }

    /// What a reader sees.
    private static func seen(_ disk: SimulatedFileSystem) -> [String]? {
        (try? InferenceLog.openForReading(on: disk)).map { LogContents($0.snapshot).events }
    }

    @Test(
        "a log that is succeeded is the old one or the new one, whole, wherever that ends; and it can be done again",
        arguments: [Survival.nothing, .everything, .seeded(3), .seeded(4)], Fault.allCases)
    func everywhere(survival: Survival, fault: Fault) throws {
        for isDamaged in [false, true] {
            var operation = 0
            var found: Set<[String]?> = []
            while true {
                let disk = Self.log(isDamaged: isDamaged)
                var plan = SimulatedFileSystem.FaultPlan()
                switch fault {
                case .cut: plan.crashAtOperation = operation
                case .failure: plan.failAtOperation = operation
                case .full:
                    let used = try disk.list("").reduce(0) { $0 + (disk.bytes(of: $1)?.count ?? 0) }
                    plan.capacity = used + operation * 90
                }
                disk.setPlan(plan)
                let place: Comment = "operation \(operation), damaged: \(isDamaged)"
                let isDone = (try? Self.succeed(disk)) != nil
                let wasHit =
                    fault == .cut ? disk.hasCrashed : fault == .full ? !isDone : disk.failureCount > 0
                if fault != .cut {
                    let now = Self.seen(disk)
                    #expect(now == Self.old + Self.new || now == (isDamaged ? nil : Self.old), place)
                }
                if fault == .full, !isDone, !isDamaged {
                    let names = try disk.list("").filter { FileName.segmentNumber($0) != nil }
                    #expect(names.count == 3, "what was begun does not fill the disk: \(names)")
                }
                disk.crash(survival.choose())
                let seen = Self.seen(disk)
                #expect(seen == Self.old + Self.new || seen == (isDamaged ? nil : Self.old), place)
                #expect(!isDone || seen == Self.old + Self.new, place)
                found.insert(seen)
                let again = disk.copy(of: "")
                #expect(Self.events(again) == seen, place)
                let carried = try Self.succeed(disk)
                // Without a manifest what was begun is read as well: it repeats.
                if !isDamaged || seen != nil { #expect(carried == seen, place) }
                #expect(Set(carried).isSuperset(of: Self.old), place)
                #expect(Self.seen(disk) == carried + Self.new, place)
                guard wasHit else { break }
                operation += 1
            }
            #expect(operation > 10, "there are more segments than one")
            #expect(found.count == 2, "some are before and some behind the switch")
        }
    }

    @Test(
        "whoever reads the old log goes on; what an interruption left is gone, and numbers do not come again")
    func readers() throws {
        let disk = Self.log(isDamaged: false)
        let reader = try InferenceLog.openForReading(on: disk).snapshot
        struct Interruption: Error {}
        var left: [String] = []
        do {
            try InferenceLog.succeed(Self.configuration, on: disk) { successor in
                for number in 0..<9 {
                    try successor.append([.event(Event(name: "begun", document: Array("\(number)".utf8)))])
                }
                left = try disk.list("").filter { FileName.segmentNumber($0) != nil }
                #expect(Self.seen(disk) == Self.old, "nothing is seen of it meanwhile")
                #expect((try? InferenceLog.openWriter(on: disk)) == nil, "nobody else writes")
                throw Interruption()
            }
        } catch { #expect(error is Interruption) }
        #expect(left.count > 4)
        #expect(Self.seen(disk) == Self.old)
        #expect(try disk.list("").count { FileName.segmentNumber($0) != nil } == 3)
        // As a killed process leaves them.
        for name in left where disk.bytes(of: name) == nil { try disk.create(name).append([1, 2, 3]) }
        _ = try Self.succeed(disk)
        let names = try disk.list("").filter { FileName.segmentNumber($0) != nil }
        #expect(Set(names).isDisjoint(with: left))
        #expect(LogContents(reader).events == Self.old)
        #expect(Self.seen(disk) == Self.old + Self.new)
    }

    @Test("where there is no log there is one afterwards; where segments lost their manifest, they are read")
    func beginnings() throws {
        var elsewhere = LogConfiguration()
        elsewhere.directory = "nowhere"
        let disk = Self.log(isDamaged: false)
        try InferenceLog.succeed(elsewhere, on: disk) { successor in
            #expect(successor.old.index.events.count == 0)
            try successor.append([.event(Event(name: "first", document: []))])
        }
        #expect(
            LogContents(try InferenceLog.openForReading(elsewhere, on: disk).snapshot).events == ["first "])
        try disk.remove(FileName.manifest)
        #expect(Self.events(disk) == nil, "it is refused to begin with")
        #expect(try Self.succeed(disk) == Self.old)
        #expect(Self.events(disk) == Self.old + Self.new)
    }

    @Test("what the disk refuses to show ends it, and nothing is lost; what is damaged does not")
    func refusals() throws {
        var number = 0
        while true {
            let disk = Self.log(isDamaged: false)
            let call = FailingCall(number)
            var files = InterposedFileSystem(base: disk)
            files.beforeReading = { file throws(DiskError) in try call.pass(file) }
            let carried = try? Self.succeed(files)
            #expect(carried == nil || carried == Self.old, "read \(number)")
            #expect(Self.seen(disk) == (carried == nil ? Self.old : Self.old + Self.new), "read \(number)")
            guard call.count > number else { break }
            number += 1
        }
        #expect(number > 10)

        let disk = Self.log(isDamaged: false)
        let name = try #require(disk.list("").filter { FileName.segmentNumber($0) != nil }.min())
        disk.damage(name) { for place in $0.indices.dropFirst(40) { $0[place] ^= 0x55 } }
        let damages = try InferenceLog.succeed(Self.configuration, on: disk) { $0.damages }
        #expect(!damages.isEmpty)
    }
}
