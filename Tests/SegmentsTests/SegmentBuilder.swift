// Segments on a simulated disk, written and read as the log does.

import Bytes
import Disk
import Records
import Simulation
import TestSupport

@testable import Segments

/// One thing of an envelope.
enum Content: Hashable {
    /// Kind, topic and partition, first index, commit runs, rows.
    case records(BlockKind, String, String, UInt64, [CommitRun], RecordBatch)
    case event(Event)
    case keys([KeyEntry])
}

struct SegmentBuilder {
    let disk: SimulatedFileSystem
    let number: UInt64
    let writer: SegmentWriter
    private(set) var directory = SegmentDirectory()
    private let encoder = BlockEncoder()

    init(number: UInt64 = 7, on disk: SimulatedFileSystem = SimulatedFileSystem()) throws {
        self.disk = disk
        self.number = number
        writer = try SegmentWriter(creating: number, in: "", on: disk)
    }

    mutating func append(_ contents: [Content], commit: UInt64) throws {
        var envelope = EnvelopeWriter()
        let start = writer.byteCount
        directory.note(commit: commit)
        for content in contents {
            switch content {
            case .records(let kind, let topic, let partition, let first, let runs, let batch):
                let block = encoder.encode(batch, topic: topic, partition: partition, kind: kind)
                let written = envelope.append(block, as: kind, firstIndex: first, commitRuns: runs)
                guard kind != .small else { continue }
                directory.blocks.append(
                    BlockEntry(
                        topic: topic, partition: partition, offset: start + written.offset,
                        byteCount: written.byteCount, headByteCount: written.headByteCount, kind: kind,
                        firstIndex: first, rowCount: block.rowCount, timeMin: block.timeMin,
                        timeMax: block.timeMax, firstCommit: runs.first?.commit ?? commit,
                        lastCommit: runs.last?.commit ?? commit))
            case .event(let event):
                let written = envelope.append(event)
                directory.events.append(
                    EventEntry(
                        name: event.name, offset: start + written.offset, byteCount: written.byteCount,
                        commit: commit))
            case .keys(let keys):
                let written = envelope.append(keys)
                directory.keys.append(
                    KeyBlockEntry(
                        offset: start + written.offset, byteCount: written.byteCount, commit: commit,
                        timeMax: keys.map(\.time).max() ?? .min))
            }
        }
        _ = try writer.append(envelope.finish(commit: commit, segment: number))
    }

    func file() throws -> SegmentFile { try SegmentFile(opening: number, in: "", on: disk) }
    var bytes: [UInt8] { disk.bytes(of: FileName.segment(number)) ?? [] }
}

extension SegmentFile {
    /// A segment of these bytes, on a disk of its own.
    init(_ bytes: [UInt8], number: UInt64 = 7) throws {
        let disk = SimulatedFileSystem()
        try disk.create(FileName.segment(number)).append(bytes)
        try self.init(opening: number, in: "", on: disk)
    }

    /// Every envelope that a scan hands over, decoded: its commit and contents.
    func scanned(upTo limit: Int? = nil) throws -> (envelopes: [[Content]], commits: [UInt64], end: ScanEnd) {
        var envelopes: [[Content]] = []
        var commits: [UInt64] = []
        let reader = BlockReader()
        let decompressor = ZstdDecompressor()
        let end = try scan(upTo: limit) { (header, offset, blocks) throws(SegmentError) in
            var contents: [Content] = []
            let bodyOffset = offset + SegmentFormat.envelopeHeaderByteCount
            for (position, block) in blocks.enumerated() {
                let place = place(bodyOffset + block.offset)
                switch block.kind {
                case .event: contents.append(.event(try block.event(at: place)))
                case .keys: contents.append(.keys(try block.keys(at: place)))
                case .small:
                    let (head, batch) = try block.smallBatch(at: place, with: reader, decompressor)
                    contents.append(
                        .records(.small, head.topic, head.partition, head.firstIndex, head.commitRuns, batch))
                case .group: break
                case .grouped:
                    let head = try block.head(at: place)
                    let group = blocks[position...].first { $0.kind == .group }!
                    let entry = try BlockEntry(
                        block, head, at: place, commit: header.commit, group: bodyOffset + group.offset)
                    contents.append(try self.contents(entry))
                case .columns, .rolled:
                    let head = try block.head(at: place)
                    let batch = try reader.batch(head, at: place) { (from, count) throws(SegmentError) in
                        try self.read(at: place.byteOffset + from, byteCount: count)
                    }
                    contents.append(
                        .records(
                            block.kind, head.topic, head.partition, head.firstIndex, head.commitRuns, batch))
                }
            }
            envelopes.append(contents)
            commits.append(header.commit)
        }
        return (envelopes, commits, end)
    }

    /// The records of a block that the directory names.
    func contents(_ entry: BlockEntry) throws(SegmentError) -> Content {
        let (head, batch) = try batch(entry, with: BlockReader())
        return .records(entry.kind, head.topic, head.partition, head.firstIndex, head.commitRuns, batch)
    }
}
