// Invariants checked: the two at the head of SegmentFile+Pieces.swift.

import Disk
import Simulation
import Testing

@testable import Segments

@Suite struct SegmentPiecesTests {
    private static func event(_ number: Int, byteCount: Int = 0) -> Event {
        // Noise, so that it is not compressed away.
        var generator = SeededGenerator(seed: UInt64(number))
        let noise = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        return Event(name: "e\(number)", document: Array("\(number) ".utf8) + noise)
    }

    /// A segment of events, with so many bytes each; and its directory.
    private func segment(_ byteCounts: [Int]) throws -> (SegmentBuilder, [Event]) {
        var builder = try SegmentBuilder()
        var events: [Event] = []
        for (number, byteCount) in byteCounts.enumerated() {
            events.append(Self.event(number, byteCount: byteCount))
            try builder.append([.event(events[number])], commit: UInt64(number + 1))
        }
        return (builder, events)
    }

    private func read(_ entries: [EventEntry], of file: SegmentFile) throws -> [Event] {
        var found: [Event] = []
        try file.events(entries, { $0 }) { entry, event in
            #expect(event.name == entry.name)
            found.append(event)
        }
        return found
    }

    @Test(
        "events come in the order asked for, whatever lies between them", arguments: 0..<20 as Range<UInt64>)
    func order(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        // Some near each other, some far, some longer than one read of many takes.
        let sizes = (0..<40).map { _ in
            [0, 30, 3000, 20_000, 1_100_000][generator.next() % 40 == 0 ? 4 : Int(generator.next() % 4)]
        }
        let (builder, events) = try segment(sizes)
        let file = try builder.file()
        #expect(try read(builder.directory.events, of: file) == events, "seed \(seed)")
        let order = (0..<40).map { _ in Int(generator.next() % 40) }
        #expect(
            try read(order.map { builder.directory.events[$0] }, of: file) == order.map { events[$0] },
            "seed \(seed)")
    }

    @Test("where what lies between two events cannot be read, they still are")
    func unreadableGap() throws {
        let (builder, events) = try segment([10, 5000, 10])
        let entries = builder.directory.events
        let bad = BadSector(bytes: builder.bytes, badByte: entries[1].offset + 2500)
        let file = try SegmentFile(opening: builder.number, in: "", on: bad)
        #expect(try read([entries[0], entries[2]], of: file) == [events[0], events[2]])
        #expect(throws: SegmentError.self) { try read(entries, of: file) }
    }

    @Test("an event that is damaged, or past the end, is an error at its place, after those before it")
    func damaged() throws {
        let (builder, events) = try segment([10, 10, 10])
        let entries = builder.directory.events
        var bytes = builder.bytes
        bytes[entries[1].offset + 8] ^= 1
        let file = try SegmentFile(bytes)
        var found: [Event] = []
        do {
            try file.events(entries, { $0 }) { found.append($1) }
            Issue.record("damage was believed")
        } catch let error as SegmentError {
            #expect("\(error)".contains("byte \(entries[1].offset)"))
        }
        #expect(found == [events[0]])
        for offset in [builder.bytes.count, Int.max - 100] {
            var past = entries[0]
            past.offset = offset
            past.byteCount = 50
            #expect(throws: SegmentError.self, "\(offset)") {
                _ = try read([entries[0], past], of: try builder.file())
            }
        }
    }
}

/// A segment on a disk with one byte that it cannot give.
private struct BadSector: FileSystem {
    let disk = SimulatedFileSystem()
    let bytes: [UInt8]
    let badByte: Int

    private struct File: ReadableFile {
        let base: any ReadableFile
        let badByte: Int
        var byteCount: Int { get throws(DiskError) { try base.byteCount } }
        func settle() throws(DiskError) { try base.settle() }
        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
            if (offset..<offset + buffer.count).contains(badByte) {
                throw DiskError(kind: .other, operation: "read", file: "", reason: "a bad sector")
            }
            try base.read(at: offset, into: buffer)
        }
    }

    func createDirectory(_ name: String) throws(DiskError) { try disk.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func create(_ name: String) throws(DiskError) -> any WritableFile { try disk.create(name) }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        do throws(DiskError) { try disk.create(name).append(bytes) } catch {
            if error.kind != .exists { throw error }
        }
        return File(base: try disk.open(name), badByte: badByte)
    }
    func rename(_ name: String, to newName: String) throws(DiskError) { try disk.rename(name, to: newName) }
    func remove(_ name: String) throws(DiskError) { try disk.remove(name) }
    func syncDirectory(_ directory: String) throws(DiskError) { try disk.syncDirectory(directory) }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try disk.lock(name) }
}
