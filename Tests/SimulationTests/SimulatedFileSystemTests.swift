// Invariants checked: those at the heads of SimulatedFileSystem.swift and SimulatedDirectories.swift, and its
// fault plan: a disk that forgets less than it says would make every crash test blind.

import Disk
import Simulation
import Testing

@Suite struct SimulatedFileSystemTests {
    private let disk = SimulatedFileSystem()

    private func plan(_ change: (inout SimulatedFileSystem.FaultPlan) -> Void) {
        var plan = SimulatedFileSystem.FaultPlan()
        change(&plan)
        disk.setPlan(plan)
    }

    /// A file of these bytes, durable with its name.
    private func durableFile(_ name: String, _ bytes: [UInt8]) throws -> any WritableFile {
        let file = try disk.create(name)
        try file.append(bytes)
        try file.sync()
        try disk.syncDirectory("")
        return file
    }

    @Test("what was synced survives every crash", arguments: [true, false])
    func synced(forgetsAllItMay: Bool) throws {
        let file = try durableFile("a", [1, 2, 3])
        try file.append([4, 5])
        disk.crash { forgetsAllItMay ? $0.lowerBound : $0.upperBound }
        #expect(disk.bytes(of: "a") == (forgetsAllItMay ? [1, 2, 3] : [1, 2, 3, 4, 5]))
    }

    @Test("an unsynced append survives at every length")
    func tornAppend() throws {
        for length in 0...5 {
            let disk = SimulatedFileSystem()
            let file = try disk.create("a")
            try file.sync()
            try disk.syncDirectory("")
            try file.append([1, 2, 3, 4, 5])
            // The choices are: directory changes kept (none open), bytes kept, whether there is a hole.
            var choices = [0, length, 1]
            disk.crash { range in min(choices.removeFirst(), range.upperBound) }
            #expect(disk.bytes(of: "a") == Array([1, 2, 3, 4, 5][..<length]))
        }
    }

    @Test("an unsynced append may have a hole of zeros")
    func hole() throws {
        let file = try durableFile("a", [9])
        try file.append([1, 2, 3, 4, 5])
        var choices = [0, 5, 0, 1, 2]
        disk.crash { _ in choices.removeFirst() }
        #expect(disk.bytes(of: "a") == [9, 1, 0, 0, 4, 5])
    }

    @Test("a name whose directory was not synced is gone, and its bytes with it")
    func unsyncedName() throws {
        let file = try disk.create("a")
        try file.append([1])
        try file.sync()
        disk.crash { $0.lowerBound }
        #expect(disk.bytes(of: "a") == nil)
    }

    @Test("a rename without its directory synced is undone, wholly", arguments: [0, 1, 2])
    func rename(changesKept: Int) throws {
        _ = try durableFile("old", [1])
        try disk.create("new").append([2])
        try disk.rename("new", to: "old")
        #expect(disk.bytes(of: "old") == [2] && disk.bytes(of: "new") == nil)
        disk.crash { range in min(changesKept, range.upperBound) }
        switch changesKept {
        case 0: #expect(disk.bytes(of: "old") == [1] && disk.bytes(of: "new") == nil)
        case 1: #expect(disk.bytes(of: "old") == [1] && disk.bytes(of: "new") != nil)
        // The name is there before the bytes that were never synced.
        default: #expect(disk.bytes(of: "old")?.count ?? 9 <= 1 && disk.bytes(of: "new") == nil)
        }
    }

    @Test("a removal without its directory synced is undone")
    func removal() throws {
        _ = try durableFile("a", [1])
        try disk.remove("a")
        #expect(disk.bytes(of: "a") == nil)
        disk.crash { $0.lowerBound }
        #expect(disk.bytes(of: "a") == [1])
    }

    @Test("bytes whose sync failed read well, and are never written by a later sync")
    func failedSync() throws {
        let file = try durableFile("a", [1])
        try file.append([2, 3])
        plan { $0.failAtOperation = disk.operationCount }
        #expect(throws: DiskError.self) { try file.sync() }
        #expect(try disk.open("a").read(at: 0, byteCount: 3) == [1, 2, 3], "the cache shows them")
        try file.append([4])
        try file.sync()
        #expect(try disk.open("a").read(at: 0, byteCount: 4) == [1, 2, 3, 4])
        disk.crash { $0.upperBound }
        #expect(disk.bytes(of: "a") == [1, 0, 0, 4])
    }

    @Test("a sync that failed may have written any beginning of its bytes", arguments: 0...2)
    func partlyWritten(writtenCount: Int) throws {
        let file = try durableFile("a", [1])
        try file.append([2, 3])
        plan { $0.failAtOperation = disk.operationCount }
        #expect(throws: DiskError.self) { try file.sync() }
        // First how long the file is, then how much of the failed sync's bytes is there.
        var counts = [2, writtenCount]
        disk.crash { $0 == 0...2 ? counts.removeFirst() : $0.upperBound }
        #expect(disk.bytes(of: "a") == [1] + [2, 3].prefix(writtenCount) + [0, 0].dropFirst(writtenCount))
    }

    @Test("the operation that was cut is named")
    func lastCut() throws {
        _ = try durableFile("a", [1])
        #expect(disk.lastCut == nil)
        plan { $0.crashAtOperation = disk.operationCount }
        #expect(throws: DiskError.self) { try disk.rename("a", to: "b") }
        let cut = try #require(disk.lastCut)
        #expect(cut.operation == "rename" && cut.file == "a")
    }

    @Test("when the power goes, nothing answers until it is back")
    func powerCut() throws {
        let file = try durableFile("a", [1])
        let reader = try disk.open("a")
        plan { $0.crashAtOperation = disk.operationCount }
        #expect(throws: DiskError.self) { try file.append([2, 3]) }
        #expect(disk.hasCrashed)
        #expect(throws: DiskError.self) { try file.sync() }
        #expect(throws: DiskError.self) { try reader.read(at: 0, byteCount: 1) }
        #expect(throws: DiskError.self) { try disk.open("a") }
        #expect(throws: DiskError.self) { try disk.list("") }
        #expect(throws: DiskError.self) { try disk.lock("LOCK") }
        // Half of the interrupted append may have arrived.
        disk.crash { $0.upperBound }
        #expect(disk.bytes(of: "a") == [1, 2])
        #expect(!disk.hasCrashed)
    }

    @Test("an operation that is to fail fails once, by the kind that is planned")
    func plannedFault() throws {
        plan {
            $0.failAtOperation = 1
            $0.failureKind = .outOfSpace
        }
        let file = try disk.create("a")
        let error = #expect(throws: DiskError.self) { try file.append([1, 2, 3, 4]) }
        #expect(error?.kind == .outOfSpace)
        #expect(disk.bytes(of: "a") == [1, 2], "half of a failed append is there")
        try file.append([5])
        #expect(disk.operationCount == 3)
    }

    @Test("a full disk takes what fits and refuses the rest until there is room")
    func capacity() throws {
        plan { $0.capacity = 4 }
        let file = try disk.create("a")
        try file.append([1, 2, 3])
        let error = #expect(throws: DiskError.self) { try file.append([4, 5]) }
        #expect(error?.kind == .outOfSpace)
        #expect(disk.bytes(of: "a") == [1, 2, 3, 4])
        plan { _ in }
        try file.append([6])
        #expect(disk.bytes(of: "a") == [1, 2, 3, 4, 6])
        // Room besides what is used, with all else of the plan as it was.
        plan { $0.failAtOperation = disk.operationCount + 1 }
        disk.limit(toRoom: 2)
        try file.append([7, 8])
        #expect(throws: DiskError.self) { try file.append([]) }
        #expect(throws: DiskError.self) { try file.append([9]) }
        #expect(disk.failureCount == 3 && disk.fullCount == 2)
        try disk.remove("a")
        try disk.create("b").append([1, 2, 3, 4, 5, 6, 7])
        disk.limit(toRoom: nil)
        try disk.create("c").append([8])
    }

    @Test("a lock keeps others out until it is let go or the power is cut; a dead holder frees nothing")
    func lock() throws {
        var first: (any Sendable)? = try disk.lock("LOCK")
        let error = #expect(throws: DiskError.self) { try disk.lock("LOCK") }
        #expect(error?.kind == .locked && first != nil)
        first = nil
        let second = try disk.lock("LOCK")
        disk.crash { $0.lowerBound }
        var third: (any Sendable)? = try disk.lock("LOCK")
        withExtendedLifetime(second) {}
        #expect(throws: DiskError.self) { try disk.lock("LOCK") }
        #expect(third != nil)
        third = nil
    }

    @Test("names are listed by their directory; those that exist or do not are refused by kind")
    func names() throws {
        try disk.createDirectory("derived")
        _ = try disk.create("a")
        _ = try disk.create("derived/b")
        #expect(try disk.list("").sorted() == ["a", "derived"])
        #expect(try disk.list("derived") == ["b"])
        #expect(#expect(throws: DiskError.self) { try disk.create("a") }?.kind == .exists)
        #expect(#expect(throws: DiskError.self) { try disk.open("c") }?.kind == .notFound)
        #expect(#expect(throws: DiskError.self) { try disk.remove("c") }?.kind == .notFound)
        #expect(#expect(throws: DiskError.self) { try disk.rename("c", to: "d") }?.kind == .notFound)
        #expect(
            #expect(throws: DiskError.self) { try disk.open("a").read(at: 0, byteCount: 1) }?.kind == .pastEnd
        )
    }

    @Test("what is appended once the power is off reaches nothing, but for half of the append that it cut")
    func appendedToNoPower() throws {
        let file = try durableFile("a", [1])
        plan { $0.crashAtOperation = disk.operationCount }
        for bytes: [UInt8] in [[2, 3, 4, 5], [6, 7], [8, 9]] {
            #expect(throws: DiskError.self) { try file.append(bytes) }
        }
        disk.crash { $0.upperBound }
        #expect(disk.bytes(of: "a") == [1, 2, 3])
    }

    @Test("a directory that nobody made is not there; one that is made has its parents")
    func directories() throws {
        #expect(#expect(throws: DiskError.self) { try disk.list("derived") }?.kind == .notFound)
        #expect(#expect(throws: DiskError.self) { try disk.create("derived/a") }?.kind == .notFound)
        try disk.createDirectory("backup/derived")
        _ = try disk.create("backup/derived/a")
        #expect(try disk.list("") == ["backup"])
        #expect(try disk.list("backup") == ["derived"])
        #expect(try disk.list("backup/derived") == ["a"])
    }

    @Test(
        "a directory whose name is not durable may go with a power cut, and takes along what is in it",
        arguments: [false, true])
    func directoryNames(isKept: Bool) throws {
        func fail() {
            plan { $0.failAtOperation = disk.operationCount + 1 }
            #expect(throws: DiskError.self) { try disk.createDirectory("derived") }
        }
        // One who does not look at what failed.
        fail()
        try disk.create("derived/a").sync()
        try disk.syncDirectory("derived")
        try disk.createDirectory("derived")
        disk.crash { isKept ? $0.upperBound : $0.lowerBound }
        #expect((disk.bytes(of: "derived/a") != nil) == isKept)
        if isKept { return }
        // One who asks for it again, while nothing is in it.
        fail()
        try disk.createDirectory("derived")
        try disk.create("derived/a").sync()
        try disk.syncDirectory("derived")
        disk.crash { $0.lowerBound }
        #expect(disk.bytes(of: "derived/a") == [])
    }

    @Test("a root that is not there is made, and goes with all there is while its name is not durable")
    func root() throws {
        let disk = SimulatedFileSystem(hasRoot: false)
        #expect(#expect(throws: DiskError.self) { try disk.create("a") }?.kind == .notFound)
        for isSynced in [false, true] {
            var plan = SimulatedFileSystem.FaultPlan()
            if !isSynced { plan.failAtOperation = disk.operationCount + 1 }
            disk.setPlan(plan)
            do throws(DiskError) { try disk.createDirectory("") } catch { #expect(!isSynced, "\(error)") }
            try disk.createDirectory("derived")
            try disk.create("a").sync()
            try disk.syncDirectory("")
            disk.crash { $0.lowerBound }
            #expect((disk.bytes(of: "a") != nil) == isSynced)
            #expect((try? disk.list("derived")) == (isSynced ? [] : nil))
        }
    }

    @Test("the same choices leave the same disk")
    func repeatable() throws {
        func bytes(_ seed: UInt64) throws -> [[UInt8]?] {
            let disk = SimulatedFileSystem()
            let names = (0..<12).map { "file-\($0)" }
            for name in names { try disk.create(name).append([UInt8](repeating: 7, count: 50)) }
            var generator = SeededGenerator(seed: seed)
            disk.crash { Int.random(in: $0, using: &generator) }
            return names.map { disk.bytes(of: $0) }
        }
        for seed in 0..<20 as Range<UInt64> {
            let first = try bytes(seed)
            for _ in 0..<5 { #expect(try bytes(seed) == first, "seed \(seed)") }
        }
    }
}
