// Every byte of one segment. What it adds to what was known of the log so far: StoreCheck+Numbers.swift.
//
// Invariants:
//  * A segment with a readable footer is looked at behind a damaged envelope too, block by block, so
//    that one flipped bit is one finding at its column and not a silence about the rest.

import Bytes
import EventLog
import JSON
import Records
import Segments

/// One pass over one segment.
private struct SegmentScan {
    let segment: SegmentFile
    let reader = BlockReader()
    let decompressor = ZstdDecompressor()
    /// As the scan sees it: what the footer must say.
    var directory = SegmentDirectory()
    var header = SegmentHeader()
    /// Where those of a rewritten segment end.
    var tombstones: [(address: PartitionAddress, end: UInt64, place: SegmentPlace)] = []
    var indexes: LogScan.RewrittenIndexes = [:]

    init(segment: SegmentFile) { self.segment = segment }
}

extension StoreCheck {
    mutating func checkSegment(
        _ segment: SegmentFile, _ entry: Manifest.Entry, _ scan: inout LogScan, _ report: (Int) -> Void
    ) throws(SegmentError) {
        let file = scan.prefix + segment.name
        let entry = try entry.closed(as: segment)
        let fileByteCount = try segment.byteCount()
        let header = try segment.checkHeader()
        var footer: SegmentFile.Footer?
        if entry.state == .sealed {
            do throws(SegmentError) { footer = try segment.footer() } catch {
                find(error, in: scan.prefix, segment.name)
                scan.hasGap = true
            }
            if fileByteCount != entry.byteCount {
                find(file, nil, "has \(fileByteCount) bytes, and the manifest says \(entry.byteCount)")
            }
        } else if entry.state == .closed, fileByteCount < entry.byteCount {
            find(file, fileByteCount, "ends here, and \(entry.byteCount) bytes of it were durable")
        }
        let limit: Int? =
            switch entry.state {
            case .sealed: footer?.offset ?? entry.byteCount
            case .closed: entry.byteCount
            case .active: nil
            }
        var pass = SegmentScan(segment: segment)
        pass.header = header
        let end = try scanEnvelopes(&pass, upTo: limit, &scan, report)
        if header.origin == .rewritten {
            checkIndexes(pass.indexes, &scan)
            for (address, end, place) in pass.tombstones { scan.note(tombstoneTo: end, address, place) }
            checkCommits(footer?.directory, file, &scan)
        }
        byteCount += max(0, fileByteCount - end.validByteCount)
        report(byteCount)
        switch entry.state {
        case .sealed:
            guard let footer else {
                // The scan must end somewhere, as nobody knows where the footer begins; but at the last one.
                if let tear = end.tear, try segment.holdsEnvelope(after: end.validByteCount) {
                    find(file, end.validByteCount, tear)
                }
                return
            }
            if end.tear == nil, end.validByteCount == footer.offset {
                compare(pass.directory, footer.directory, file, pass.header)
            } else {
                find(file, end.validByteCount, end.tear ?? "the envelopes end before the footer")
                scan.hasGap = true
                checkBlocks(footer.directory, from: end.validByteCount, pass, in: scan.prefix)
            }
        case .closed:
            guard end.tear != nil || end.validByteCount != entry.byteCount else { return }
            find(file, end.validByteCount, end.tear ?? "the envelopes end before byte \(entry.byteCount)")
            scan.hasGap = true
        case .active:
            guard let tear = end.tear else { return }
            if try segment.isDamaged(at: end) {
                find(file, end.validByteCount, "\(tear), and whole ones lie behind it")
                scan.hasGap = true
            } else {
                notes.append(
                    "\(file) ends at byte \(end.validByteCount) (\(tear)); what follows "
                        + (scan.mayLackCommits
                            ? "is worked out again when it is asked for" : "was never acknowledged"))
            }
        }
    }

    /// Checks envelope after envelope, up to `limit` or the first that is not whole.
    private mutating func scanEnvelopes(
        _ pass: inout SegmentScan, upTo limit: Int?, _ scan: inout LogScan, _ report: (Int) -> Void
    ) throws(SegmentError) -> SegmentFile.ScanEnd {
        let segment = pass.segment
        var isFirst = true
        return try segment.scan(upTo: limit) { (header, offset, blocks) throws(SegmentError) in
            envelopeCount += 1
            byteCount += SegmentFormat.envelopeHeaderByteCount + header.bodyByteCount
            report(byteCount)
            if pass.header.origin == .committed {
                let isAhead = header.commit > scan.lastCommit
                let mayBeAhead =
                    isFirst && scan.mayLackCommits || isLeap(blocks, at: segment.place(offset))
                isFirst = false
                if header.commit != scan.lastCommit + 1, !scan.hasGap, !(isAhead && mayBeAhead) {
                    find(
                        scan.prefix + segment.name, offset,
                        "commit \(header.commit) follows commit \(scan.lastCommit)")
                }
                scan.lastCommit = max(scan.lastCommit, header.commit)
            }
            pass.directory.note(commit: header.commit)
            let bodyOffset = offset + SegmentFormat.envelopeHeaderByteCount
            for (position, block) in blocks.enumerated() {
                let place = segment.place(bodyOffset + block.offset)
                let group = blocks[position...].first { $0.kind == .group }
                do throws(SegmentError) {
                    try check(block, group, bodyOffset, header, at: place, &pass, &scan)
                } catch {
                    find(error, in: scan.prefix, segment.name)
                    scan.hasGap = true
                }
            }
        }
    }

    /// Whether numbers leap in this envelope.
    private func isLeap(_ blocks: [FoundBlock], at place: SegmentPlace) -> Bool {
        blocks.contains { $0.kind == .event && (try? $0.event(at: place))?.name == Leap.eventName }
    }

    // MARK: Blocks

    private mutating func check(
        _ block: FoundBlock, _ group: FoundBlock?, _ bodyOffset: Int, _ header: EnvelopeHeader,
        at place: SegmentPlace, _ pass: inout SegmentScan, _ scan: inout LogScan
    ) throws(SegmentError) {
        switch block.kind {
        case .event: try checkEvent(block, header, at: place, &pass, &scan)
        case .keys:
            let keys = try block.keys(at: place)
            keyCount += keys.count
            pass.directory.keys.append(
                KeyBlockEntry(
                    offset: place.byteOffset, byteCount: block.payload.count, commit: header.commit,
                    timeMax: keys.map(\.time).max() ?? .min))
            if pass.header.origin == .committed {
                checkKeys(keys, at: place, scan)
            } else {
                scan.keys.append((keys, place))
            }
        case .small:
            let (head, batch) = try block.smallBatch(at: place, with: pass.reader, pass.decompressor)
            try checkRows(head, batch, at: place)
            recordCount += head.rowCount
            checkAddress(head, .small, at: place, &scan)
        case .group: break  // Read with its heads.
        case .grouped:
            guard let group, pass.header.origin == .rewritten else {
                throw .malformed(place, reason: "a grouped block where none belongs")
            }
            let head = try block.head(at: place)
            guard head.byteCount == block.payload.count else {
                throw .malformed(
                    place, reason: "its head ends at byte \(head.byteCount) of \(block.payload.count)")
            }
            let groupPlace = pass.segment.place(bodyOffset + group.offset)
            let batch = try pass.reader.batch(head, at: groupPlace) {
                (offset, byteCount) throws(SegmentError) in
                try group.bytes(at: groupPlace, offset, byteCount)
            }
            try checkRows(head, batch, at: place)
            recordCount += head.rowCount
            let entry = try BlockEntry(
                block, head, at: place, commit: header.commit, group: bodyOffset + group.offset)
            pass.directory.blocks.append(entry)
            let address = PartitionAddress(topic: head.topic, partition: head.partition)
            pass.indexes[address, default: []].append((entry.indexes, place))
        case .columns, .rolled:
            let head = try block.head(at: place)
            guard head.blockByteCount == block.payload.count else {
                throw .malformed(
                    place, reason: "its columns end at byte \(head.blockByteCount) of \(block.payload.count)")
            }
            let batch = try pass.reader.batch(head, at: place) { (offset, byteCount) throws(SegmentError) in
                Array(block.payload[offset..<offset + byteCount])
            }
            try checkRows(head, batch, at: place)
            // Rolled records were counted where they came from.
            if block.kind == .columns { recordCount += head.rowCount }
            checkAddress(head, block.kind, at: place, &scan)
            pass.directory.blocks.append(
                BlockEntry(
                    topic: head.topic, partition: head.partition, offset: place.byteOffset,
                    byteCount: block.payload.count, headByteCount: head.byteCount, kind: block.kind,
                    firstIndex: head.firstIndex, rowCount: head.rowCount, timeMin: head.timeMin,
                    timeMax: head.timeMax, firstCommit: head.commitRuns.first?.commit ?? header.commit,
                    lastCommit: head.commitRuns.last?.commit ?? header.commit))
        }
    }

    private mutating func checkEvent(
        _ block: FoundBlock, _ header: EnvelopeHeader, at place: SegmentPlace, _ pass: inout SegmentScan,
        _ scan: inout LogScan
    ) throws(SegmentError) {
        eventCount += 1
        let event = try block.event(at: place)
        pass.directory.events.append(
            EventEntry(
                name: event.name, offset: place.byteOffset, byteCount: block.payload.count,
                commit: header.commit))
        do {
            if let tombstone = try Tombstone(event) {
                scan.letGo(by: tombstone)
                for (partition, ranges) in tombstone.ranges {
                    let address = PartitionAddress(topic: tombstone.topic, partition: partition)
                    // A rewritten segment's records came before its tombstones, and are looked at behind them.
                    if pass.header.origin == .rewritten {
                        pass.tombstones.append((address, ranges.end, place))
                    } else {
                        scan.note(tombstoneTo: ranges.end, address, place)
                    }
                }
            } else if let leap = try Leap(event) {
                scan.leaps.insert(leap.index)
            } else if scan.prefix.isEmpty {
                try scan.folded.apply(event, commit: header.commit)
                if ResultPlaces.isUnprovenMark(event.name) { unprovenResultCount += 1 }
            } else {
                _ = try JSONValue(parsing: event.document)
            }
        } catch {
            find(
                scan.prefix + place.file, place.byteOffset,
                "the event \"\(event.name)\" cannot be read: \(error)")
        }
    }

    /// What a head says of its rows must be true of them.
    private mutating func checkRows(
        _ head: BlockHead, _ batch: RecordBatch, at place: SegmentPlace
    ) throws(SegmentError) {
        blockCount += 1
        guard batch.times.min() == head.timeMin, batch.times.max() == head.timeMax else {
            throw .malformed(place, reason: "its records' times are not those that its head says")
        }
        let ascend = zip(batch.times, batch.times.dropFirst()).allSatisfy { $0 <= $1 }
        guard ascend == head.timesAscend else {
            throw .malformed(place, reason: "its head says wrongly whether times ascend")
        }
    }

    // MARK: Footers

    private mutating func compare(
        _ found: SegmentDirectory, _ footer: SegmentDirectory, _ file: String, _ header: SegmentHeader
    ) {
        if header.origin == .committed ? found.commits != footer.commits : !footer.covers(found) {
            find(file, nil, "its footer says other commits than it holds")
        }
        if found.blocks != footer.blocks {
            let place = zip(found.blocks, footer.blocks).first { $0 != $1 }?.0.offset
            find(file, place, "its footer lists other blocks than it holds")
        }
        if found.events != footer.events {
            let place = zip(found.events, footer.events).first { $0 != $1 }?.0.offset
            find(file, place, "its footer lists other events than it holds")
        }
        if found.keys != footer.keys {
            let place = zip(found.keys, footer.keys).first { $0 != $1 }?.0.offset
            find(file, place, "its footer lists other keys than it holds")
        }
    }

    /// Checks the blocks that a footer lists from a byte on, where the envelopes cannot be followed.
    private mutating func checkBlocks(
        _ directory: SegmentDirectory, from start: Int, _ pass: SegmentScan, in prefix: String
    ) {
        for entry in directory.blocks where entry.offset >= start {
            do throws(SegmentError) {
                let (head, batch) = try pass.segment.batch(entry, with: pass.reader)
                try checkRows(head, batch, at: pass.segment.place(entry.offset))
            } catch { find(error, in: prefix, pass.segment.name) }
        }
        for entry in directory.events where entry.offset >= start {
            do throws(SegmentError) { _ = try pass.segment.event(entry) } catch {
                find(error, in: prefix, pass.segment.name)
            }
        }
        for entry in directory.keys where entry.offset >= start {
            do throws(SegmentError) { try pass.segment.keys([entry]) { _ in } } catch {
                find(error, in: prefix, pass.segment.name)
            }
        }
    }
}

extension SegmentDirectory {
    /// Whether the commits that were met are among those that this one says.
    fileprivate func covers(_ found: SegmentDirectory) -> Bool {
        guard let met = found.commits else { return true }
        guard let commits else { return false }
        return commits.lowerBound <= met.lowerBound && met.upperBound <= commits.upperBound
    }
}
