// Invariants checked: those at the heads of Envelope.swift, SegmentWriter.swift, SegmentFile.swift
// and SegmentDirectory.swift: what a segment says is what was written, or it says that it is not.

import Bytes
import Disk
import Records
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import Segments

@Suite struct SegmentTests {
    /// A small segment with every kind of block, unsealed.
    private static func sample() throws -> SegmentBuilder {
        func batch(_ count: Int) -> RecordBatch {
            RecordBatch(
                times: (0..<count).map { 1_700_000_000_000 + Int64($0) },
                fields: [
                    FieldColumn(
                        name: "out.score",
                        values: .scalar(Leaf(.float64((0..<count).map { Double($0) / 10 })))),
                    FieldColumn(
                        name: "out.label", presence: .each((0..<count).map { $0 == 1 ? .null : .value }),
                        values: .scalar(Leaf(.text(TextColumn((0..<count).map { $0 == 1 ? "" : "cat" }))))),
                ])
        }
        var builder = try SegmentBuilder()
        try builder.append([.records(.small, "a", "p", 0, [], batch(1))], commit: 4)
        try builder.append(
            [
                .event(Event(name: "note", document: Array("{}".utf8))),
                .records(.columns, "a", "q", 0, [], batch(3)),
                .event(Event(name: "long", document: [UInt8](repeating: 0x61, count: 600))),
            ], commit: 5)
        try builder.append(
            [
                .records(.rolled, "a", "p", 0, [CommitRun(commit: 4, rowCount: 1)], batch(1)),
                .records(.small, "b", "p", 0, [], batch(2)),
                .keys([
                    KeyEntry(
                        topic: "b", partition: "p", key: "retry-1", request: Fingerprint("body"),
                        firstIndex: 0, rowCount: 2, time: 1_700_000_000_000)
                ]),
            ], commit: 6)
        return builder
    }

    @Test("a scan hands over what was written, in order")
    func scanIsWhatWasWritten() throws {
        for seed in 0..<30 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var builder = try SegmentBuilder(number: seed << 31)
            var written: [[Content]] = []
            for commit in 1...6 as ClosedRange<UInt64> {
                let contents = (0..<Int.random(in: 1...4, using: &generator)).map { number -> Content in
                    let kinds: [BlockKind] = [.columns, .small, .rolled]
                    let rowCount = Int.random(in: 1...30, using: &generator)
                    if number == 3 {
                        return .keys(
                            (0..<rowCount).map {
                                KeyEntry(
                                    topic: "t", partition: "p\($0 % 3)", key: "k\(commit)-\($0)",
                                    request: Fingerprint(first: generator.next(), second: generator.next()),
                                    firstIndex: commit, rowCount: $0 + 1,
                                    time: Int64(bitPattern: generator.next()))
                            })
                    }
                    if number == 2 {
                        return .event(
                            Event(name: "e\(commit)", document: [UInt8](repeating: 7, count: rowCount * 40)))
                    }
                    return .records(
                        kinds[Int.random(in: 0..<3, using: &generator)], "t\(number)", "p", commit * 100,
                        [CommitRun(commit: commit, rowCount: rowCount)], generator.batch(rowCount: rowCount))
                }
                try builder.append(contents, commit: commit)
                written.append(contents)
            }
            let found = try builder.file().scanned()
            #expect(found.envelopes == written && found.commits == [1, 2, 3, 4, 5, 6], "seed \(seed)")
            #expect(found.end == SegmentFile.ScanEnd(validByteCount: builder.bytes.count, tear: nil))
        }
    }

    @Test("a scan ends before the first envelope that is not whole, wherever the file ends")
    func truncations() throws {
        let builder = try Self.sample()
        let bytes = builder.bytes
        let whole = try builder.file().scanned()
        var ends: [Int] = [SegmentFormat.segmentHeaderByteCount]
        _ = try builder.file().scan { (header, offset, _) throws(SegmentError) in
            ends.append(offset + SegmentFormat.envelopeHeaderByteCount + header.bodyByteCount)
        }
        for length in SegmentFormat.segmentHeaderByteCount...bytes.count {
            let envelopeCount = ends.count { $0 <= length } - 1
            for (file, limit) in [
                (try SegmentFile(Array(bytes[..<length])), nil), (try builder.file(), length),
            ] {
                let found = try file.scanned(upTo: limit)
                #expect(found.envelopes == Array(whole.envelopes[..<envelopeCount]), "cut at \(length)")
                #expect(found.end.validByteCount == ends[envelopeCount], "cut at \(length)")
                #expect((found.end.tear == nil) == ends.contains(length), "cut at \(length)")
            }
        }
    }

    @Test("a flipped byte ends a scan before its envelope or harms nothing")
    func flipsWhileScanning() throws {
        let builder = try Self.sample()
        let bytes = builder.bytes
        let whole = try builder.file().scanned()
        for place in bytes.indices {
            for mask in [UInt8(1) << UInt8(place % 8), 0xFF] {
                var damaged = bytes
                damaged[place] ^= mask
                let file = try SegmentFile(damaged)
                if place < SegmentFormat.segmentHeaderByteCount {
                    #expect(throws: SegmentError.self, "byte \(place)") { try file.checkHeader() }
                    continue
                }
                let found = try file.scanned()
                #expect(found.end.validByteCount <= place, "byte \(place)")
                #expect(found.end.tear != nil, "byte \(place)")
                #expect(found.envelopes == Array(whole.envelopes[..<found.envelopes.count]), "byte \(place)")
            }
        }
    }

    @Test("a flipped byte of a sealed segment is noticed where it is read, or harms nothing")
    func flipsOfSealed() throws {
        let builder = try Self.sample()
        try builder.writer.seal(builder.directory)
        let bytes = builder.bytes
        let whole = try builder.file().directory()
        let records = try whole.blocks.map { try builder.file().contents($0) }
        let events = try whole.events.map { try builder.file().event($0) }
        var keys: [KeyEntry] = []
        try builder.file().keys(whole.keys) { keys += $0 }
        #expect(keys.map(\.key) == ["retry-1"])
        var unnoticed = 0
        for place in bytes.indices {
            for mask in [UInt8(1) << UInt8(place % 8), 0xFF] {
                var damaged = bytes
                damaged[place] ^= mask
                let file = try SegmentFile(damaged)
                guard let directory = try? file.directory() else { continue }
                #expect(directory == whole, "byte \(place)")
                var isNoticed = false
                for (entry, expected) in zip(directory.blocks, records) {
                    if let found = try? file.contents(entry) {
                        #expect(found == expected, "byte \(place)")
                    } else {
                        isNoticed = true
                    }
                }
                for (entry, expected) in zip(directory.events, events) {
                    if let found = try? file.event(entry) {
                        #expect(found == expected, "byte \(place)")
                    } else {
                        isNoticed = true
                    }
                }
                var found: [KeyEntry] = []
                do { try file.keys(directory.keys) { found += $0 } } catch { isNoticed = true }
                #expect(isNoticed || found == keys, "byte \(place)")
                if !isNoticed { unnoticed += 1 }
            }
        }
        // What nobody reads any more: envelope headers, blocks' frames, small blocks.
        #expect(unnoticed > 0 && unnoticed < bytes.count)
    }

    @Test("a footer says what a scan says, but for small blocks")
    func footerIsScan() throws {
        for seed in 0..<20 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var builder = try SegmentBuilder()
            for commit in 1...5 as ClosedRange<UInt64> {
                try builder.append(
                    [
                        .records(.columns, "t\(commit % 2)", "p", commit, [], generator.batch(rowCount: 4)),
                        .records(.small, "t", "p", commit, [], generator.batch(rowCount: 1)),
                        .records(
                            .rolled, "t", "p", commit,
                            [
                                CommitRun(commit: commit * 7, rowCount: 1),
                                CommitRun(commit: commit * 7 + 3, rowCount: 2),
                            ],
                            generator.batch(rowCount: 3)),
                        .event(Event(name: "e\(commit)", document: Array("{\"n\":\(commit)}".utf8))),
                    ], commit: commit)
            }
            try builder.writer.seal(builder.directory)
            let file = try builder.file()
            let directory = try file.directory()
            #expect(directory == builder.directory)
            let scanned = try file.scanned()
            #expect(scanned.end.tear != nil, "the footer is no envelope")
            let records = scanned.envelopes.joined().filter { content in
                if case .records(let kind, _, _, _, _, _) = content { kind != .small } else { false }
            }
            let events = scanned.envelopes.joined().filter { if case .event = $0 { true } else { false } }
            #expect(try directory.blocks.map { try file.contents($0) } == Array(records), "seed \(seed)")
            #expect(
                try directory.events.map { Content.event(try file.event($0)) } == Array(events),
                "seed \(seed)")
            #expect(directory.commits == 1...5)
        }
    }

    @Test("a sealed segment that is cut anywhere is not taken for a sealed one")
    func cutSealed() throws {
        let builder = try Self.sample()
        try builder.writer.seal(builder.directory)
        let bytes = builder.bytes
        for length in 0..<bytes.count {
            let file = try SegmentFile(Array(bytes[..<length]))
            #expect(throws: SegmentError.self, "cut at \(length)") { try file.directory() }
        }
        #expect(throws: SegmentError.self) { try SegmentFile(bytes + [0]).directory() }
    }

    @Test("a segment with nothing in it seals and says so")
    func emptySegment() throws {
        let builder = try SegmentBuilder()
        try builder.writer.seal(builder.directory)
        let directory = try builder.file().directory()
        #expect(directory == SegmentDirectory() && directory.commits == nil)
    }

    @Test("an envelope of another segment is a tear")
    func foreignEnvelope() throws {
        let other = try Self.sample()
        var bytes = try SegmentBuilder(number: 8).bytes
        bytes += other.bytes[SegmentFormat.segmentHeaderByteCount...]
        let found = try SegmentFile(bytes, number: 8).scanned()
        #expect(found.envelopes.isEmpty && found.end.tear == "an envelope header is damaged")
        // Copied for its new place it is whole.
        let copy = try SegmentBuilder(number: 8)
        _ = try other.file().scan { (header, _, blocks) throws(SegmentError) in
            _ = try copy.writer.append(EnvelopeWriter.copy(blocks, commit: header.commit, segment: 8))
        }
        #expect(try copy.file().scanned().envelopes == other.file().scanned().envelopes)
    }

    @Test("an envelope behind a tear is found; a torn one is not")
    func envelopesBehindATear() throws {
        let builder = try Self.sample()
        var offsets: [Int] = []
        _ = try builder.file().scan { (_, offset, _) throws(SegmentError) in offsets.append(offset) }
        let bytes = builder.bytes
        #expect(try SegmentFile(bytes).holdsEnvelope(after: offsets[0]))
        #expect(try SegmentFile(bytes).holdsEnvelope(after: offsets[1]))
        #expect(try !SegmentFile(bytes).holdsEnvelope(after: offsets[2]))
        #expect(try !SegmentFile(Array(bytes.dropLast())).holdsEnvelope(after: offsets[1]))
        #expect(try !SegmentFile(bytes).holdsEnvelope(after: bytes.count))
        for (position, offset) in offsets.enumerated() {
            var damaged = bytes
            damaged[offset + 40] ^= 1
            let file = try SegmentFile(damaged)
            #expect(try file.isDamaged(at: file.scanned().end) == (position < 2))
        }
        // What a scan saw half of, and is whole now.
        let half = try SegmentFile(Array(bytes[..<(offsets[1] + 50)])).scanned().end
        #expect(half.validByteCount == offsets[1] && half.tear != nil)
        #expect(try !SegmentFile(bytes).isDamaged(at: half))
    }

    @Test("an envelope is found wherever the pieces end in which it is looked for, and no piece is longer")
    func envelopesInPieces() throws {
        let builder = try Self.sample()
        var offsets: [Int] = []
        var bodies: Set<Int> = []
        _ = try builder.file().scan { (header, offset, _) throws(SegmentError) in
            offsets.append(offset)
            bodies.insert(header.bodyByteCount)
        }
        let header = SegmentFormat.envelopeHeaderByteCount
        let byteCount = builder.bytes.count
        let places = Set(stride(from: 0, to: byteCount, by: 7)).union(offsets.flatMap { $0 - 1...$0 + 1 })
        for pieceByteCount in [header, header + 1, 40, 2 * header, 2 * header + 1, 97, byteCount] {
            let reads = Mutex<[Int]>([])
            let files = WatchedFiles(builder.disk) { _, call in
                if case .read(let range) = call { reads.withLock { $0.append(range.count) } }
            }
            let file = try SegmentFile(opening: builder.number, in: "", on: files)
            for offset in places {
                #expect(
                    try file.holdsEnvelope(after: offset, pieceByteCount: pieceByteCount)
                        == (offset < offsets[2]), "pieces of \(pieceByteCount) behind \(offset)")
            }
            #expect(reads.withLock { $0 }.allSatisfy { $0 <= pieceByteCount || bodies.contains($0) })
        }
    }

    @Test("a segment of an unknown version is refused by name")
    func unknownVersion() throws {
        var bytes = try Self.sample().bytes
        bytes[8] = 3
        let checksum = Checksum.crc32c(Array(bytes[..<28]))
        for index in 0..<4 { bytes[28 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(index * 8)) }
        let file = try SegmentFile(bytes)
        let expected = SegmentError.unsupportedVersion(file.place(8), found: 3)
        #expect(throws: expected) { try file.checkHeader() }
        #expect(throws: expected) { try file.directory() }
        #expect(
            "\(expected)"
                == "segment-0000000000000007 at byte 8: segment format version 3; this build reads version 1; "
                + "use the build of assaylog that wrote it")
    }

    @Test("a file under another segment's name is refused")
    func renamed() throws {
        let file = try SegmentFile(try Self.sample().bytes, number: 9)
        #expect(throws: SegmentError.malformed(file.place(12), reason: "it says that it is segment 7")) {
            try file.checkHeader()
        }
    }

    @Test("events come back as given, short and long")
    func events() throws {
        for count in [0, 1, 511, 512, 513, 70_000] {
            for byte in [UInt8(0x20), 0] {
                var generator = SeededGenerator(seed: UInt64(count))
                let document = (0..<count).map { _ in
                    byte == 0 ? UInt8.random(in: 0...255, using: &generator) : byte
                }
                let event = Event(name: "naïve", document: document)
                let payload = bytes { event.write(into: &$0) }
                #expect(try payload.withUnsafeBytes { try Event.read($0) } == event)
            }
        }
    }

    @Test("no damage to a directory or an event makes its reader trap")
    func damagedDirectories() throws {
        let directory = bytes { try? Self.sample().directory.write(into: &$0) }
        let event = bytes { Event(name: "n", document: [UInt8](repeating: 9, count: 700)).write(into: &$0) }
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<4000 {
            var damaged = directory
            damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                in: 0...255, using: &generator)
            _ = try? damaged.withUnsafeBytes { try SegmentDirectory.read($0) }
            damaged = event
            damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^= UInt8.random(
                in: 1...255, using: &generator)
            #expect(throws: BytesError.self) { try damaged.withUnsafeBytes { try Event.read($0) } }
        }
    }

    @Test("after a failed append or sync the writer says how far the file is durable")
    func failedWriter() throws {
        let disk = SimulatedFileSystem()
        var builder = try SegmentBuilder(on: disk)
        try builder.writer.sync()
        try builder.append([.event(Event(name: "a", document: []))], commit: 1)
        try builder.writer.sync()
        let durable = builder.writer.durableByteCount
        #expect(durable == builder.writer.byteCount)
        try builder.append([.event(Event(name: "b", document: []))], commit: 2)
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount))
        #expect(throws: SegmentError.self) { try builder.writer.sync() }
        #expect(builder.writer.durableByteCount == durable)
        disk.crash { $0.upperBound }
        let segments = try disk.list("").compactMap { FileName.segmentNumber($0) }
        #expect(segments == [7])
        #expect(try builder.file().scanned(upTo: durable).commits == [1])
    }
}
