// Checked: that numbers which are whole by their checksum, and which no writer makes, are refused before
// anything is added to them or made of them (SegmentFormat.swift), and that their greatest legal ones are read.

import Bytes
import Records
import Testing

@testable import Segments

@Suite struct SegmentBoundsTests {
    @Test("a directory that names a place beyond any file is refused, as lengths are added to places")
    func placesBeyondAnyFile() {
        let block = BlockEntry(
            topic: "t", partition: "p", offset: 40, byteCount: 10, headByteCount: 5, kind: .columns,
            firstIndex: 0, rowCount: 1, timeMin: 0, timeMax: 0, firstCommit: 1, lastCommit: 1)
        let event = EventEntry(name: "e", offset: 40, byteCount: 10, commit: 1)
        let keys = KeyBlockEntry(offset: 40, byteCount: 10, commit: 1, timeMax: 0)
        func isRead(_ offset: Int, _ change: (inout SegmentDirectory, Int) -> Void) -> Bool {
            var directory = SegmentDirectory()
            (directory.blocks, directory.events, directory.keys) = (BlockList([block]), [event], [keys])
            change(&directory, offset)
            let written = bytes { directory.write(into: &$0) }
            return (try? written.withUnsafeBytes { try SegmentDirectory.read($0) }) == directory
        }
        for change in [
            { (directory, offset) in directory.changeBlock(0) { $0.offset = offset } },
            { $0.events[0].offset = $1 }, { $0.keys[0].offset = $1 },
        ] as [(inout SegmentDirectory, Int) -> Void] {
            #expect(isRead(SegmentFormat.offsetLimit, change))
            #expect(!isRead(SegmentFormat.offsetLimit + 1, change))
            #expect(!isRead(.max, change))
        }
    }

    @Test(
        "an index to which row counts cannot be added is refused, in directory, head and key",
        arguments: [0, 1] as [UInt64])
    func indexesBeyondAll(past: UInt64) {
        let index = UInt64(SegmentFormat.indexLimit) + past
        func isRead<Read>(_ written: [UInt8], _ read: (UnsafeRawBufferPointer) throws -> Read) -> Bool {
            (try? written.withUnsafeBytes(read)) != nil
        }
        var directory = SegmentDirectory()
        directory.blocks.append(
            BlockEntry(
                topic: "t", partition: "p", offset: 40, byteCount: 10, headByteCount: 5, kind: .columns,
                firstIndex: index, rowCount: 1, timeMin: 0, timeMax: 0, firstCommit: 1, lastCommit: 1))
        #expect(isRead(bytes { directory.write(into: &$0) }, SegmentDirectory.read) == (past == 0))
        let block = BlockEncoder().encode(RecordBatch(times: [1], fields: []), topic: "t", partition: "p")
        let head = bytes { _ = block.write(firstIndex: index, commitRuns: [], into: &$0) }
        let place = SegmentPlace(file: "f", byteOffset: 0)
        #expect(isRead(head) { try BlockHead.read($0, at: place) } == (past == 0))
        let key = KeyEntry(
            topic: "t", partition: "p", key: "k", request: Fingerprint(first: 1, second: 2),
            firstIndex: index, rowCount: 1, time: 0)
        #expect(isRead(bytes { KeyBlock.write([key], into: &$0) }, KeyBlock.read) == (past == 0))
    }

    @Test(
        "a commit to which one cannot be added is refused, in directory, head and envelope",
        arguments: [0, 1, UInt64.max - (1 << 62)])
    func commitsBeyondAll(past: UInt64) throws {
        let commit = UInt64(SegmentFormat.commitLimit) + past
        let block = BlockEntry(
            topic: "t", partition: "p", offset: 40, byteCount: 10, headByteCount: 5, kind: .columns,
            firstIndex: 0, rowCount: 1, timeMin: 0, timeMax: 0, firstCommit: 1, lastCommit: 1)
        for change in [
            { $0.note(commit: $1) },
            {
                $0.note(commit: 1)
                $0.note(commit: $1)
            },
            { (directory, commit) in directory.changeBlock(0) { $0.lastCommit = commit } },
            { (directory, commit) in
                directory.changeBlock(0) { ($0.firstCommit, $0.lastCommit) = (commit, commit) }
            },
            { $0.events.append(EventEntry(name: "e", offset: 40, byteCount: 10, commit: $1)) },
            { $0.keys.append(KeyBlockEntry(offset: 40, byteCount: 10, commit: $1, timeMax: 0)) },
        ] as [(inout SegmentDirectory, UInt64) -> Void] {
            var directory = SegmentDirectory()
            directory.blocks.append(block)
            change(&directory, commit)
            let written = bytes { directory.write(into: &$0) }
            let read = try? written.withUnsafeBytes { try SegmentDirectory.read($0) }
            #expect(read == (past == 0 ? directory : nil))
        }
        let encoded = BlockEncoder().encode(RecordBatch(times: [1], fields: []), topic: "t", partition: "p")
        let head = bytes {
            _ = encoded.write(
                firstIndex: 0, commitRuns: [CommitRun(commit: commit, rowCount: 1)], into: &$0)
        }
        let place = SegmentPlace(file: "f", byteOffset: 0)
        #expect(((try? head.withUnsafeBytes { try BlockHead.read($0, at: place) }) != nil) == (past == 0))
        let header = bytes {
            EnvelopeHeader(commit: commit, bodyByteCount: 0, blockCount: 0, bodyChecksum: 0, segmentTag: 7)
                .write(into: &$0)
        }
        let found = header.withUnsafeBytes { EnvelopeHeader.read($0, segment: 7) }
        #expect(found?.commit == (past == 0 ? commit : nil))
    }

    @Test(
        "times that end before they begin are refused, in directory, head and excerpt; any others are read",
        arguments: [
            (.min, .max, true), (.min, .min, true), (.max, .max, true), (-5, 5, true), (7, 7, true),
            (5, -5, false), (1, 0, false), (.max, .min, false), (.min + 1, .min, false),
        ] as [(Int64, Int64, Bool)])
    func timeBounds(least: Int64, greatest: Int64, isRead: Bool) throws {
        var directory = SegmentDirectory()
        directory.blocks.append(
            BlockEntry(
                topic: "t", partition: "p", offset: 40, byteCount: 10, headByteCount: 5, kind: .columns,
                firstIndex: 0, rowCount: 1, timeMin: least, timeMax: greatest, firstCommit: 1, lastCommit: 1))
        let written = bytes { directory.write(into: &$0) }
        let read = try? written.withUnsafeBytes { try SegmentDirectory.read($0) }
        #expect(read == (isRead ? directory : nil))
        let prefix = BlockHead.Prefix(
            topic: "t", partition: "p", firstIndex: 0, rowCount: 1, timeMin: least, timeMax: greatest,
            timesAscend: true, commitRuns: [])
        let block = BlockEncoder().encode(RecordBatch(times: [1], fields: []), topic: "t", partition: "p")
        let head = bytes {
            _ = BlockHead.write(prefix, directory: block.directory, columns: block.columns, into: &$0)
        }
        let place = SegmentPlace(file: "f", byteOffset: 0)
        let found = try? head.withUnsafeBytes { try BlockHead.read($0, at: place) }
        #expect(found?.timeMin == (isRead ? least : nil) && found?.timeMax == (isRead ? greatest : nil))
        let excerpt = try? head.withUnsafeBytes { head in
            try Array("f".utf8).withUnsafeBytes {
                try BlockExcerpt(head, at: place, kind: .columns, field: $0, element: nil)
            }
        }
        #expect((excerpt != nil) == isRead)
    }
}
