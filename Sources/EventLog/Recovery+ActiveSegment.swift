// What becomes of the segment that was written to when the process ended: what is valid in it is copied and goes on,
// or it is closed where it is.
//
// Invariant, of Recovery.swift's: before a writer's log is served, what it shows of that segment is durable, whatever
// the page cache had.

import Disk
import Segments

extension Recovery {
    /// Copies what is valid in a segment that was active when the process ended to a new one, or keeps it
    /// where a full disk does not let it.
    mutating func moveActive(
        _ number: UInt64, at position: Int, into outcome: inout Outcome
    ) throws(LogError) {
        let (indexBefore, keyBlockCount, reportBefore, unseenBefore) = (
            index, keyBlocks.count, report, unseen
        )
        do throws(LogError) { try copyActive(number, at: position, into: &outcome) } catch {
            guard error.isOutOfSpace, position == outcome.manifest.entries.count - 1 else { throw error }
            index = indexBefore
            keyBlocks.removeLast(keyBlocks.count - keyBlockCount)
            (report, unseen) = (reportBefore, unseenBefore)
            try keepActive(number, error, in: &outcome)
        }
    }

    /// Copies what is valid in a segment that was active when the process ended to a new one, which
    /// is then active: durable before anything is served from it.
    private mutating func copyActive(
        _ number: UInt64, at position: Int, into outcome: inout Outcome
    ) throws(LogError) {
        var next = outcome.manifest
        var copy: SegmentWriter?
        var directory = SegmentDirectory()
        let (indexBefore, keyBlockCount, unseenBefore) = (index, keyBlocks.count, unseen)
        var isDamaged = false
        var byteCount = 0
        do throws(SegmentError) {
            let segment = try open(number)
            byteCount = try segment.byteCount()
            var end = SegmentFile.ScanEnd(validByteCount: 0, tear: "the file header is cut")
            if byteCount >= SegmentFormat.segmentHeaderByteCount {
                // The header was synced before the manifest named the segment: what is wrong with
                // it is damage, and no torn tail.
                try segment.checkHeader()
                let newNumber = next.nextSegmentNumber
                end = try segment.scan { (header, offset, blocks) throws(SegmentError) in
                    if copy == nil {
                        copy = try SegmentWriter(
                            creating: newNumber, in: configuration.directory, on: files)
                    }
                    let bytes = EnvelopeWriter.copy(blocks, commit: header.commit, segment: newNumber)
                    let start = try copy!.append(bytes)
                    try take(header, start, blocks, of: segment, as: newNumber, into: &directory)
                }
            }
            // An envelope is appended when the one before it is durable: one behind a tear says that
            // the tear is damage.
            if end.tear != nil { isDamaged = try segment.holdsEnvelope(after: end.validByteCount) }
            try copy?.sync()
            if let tear = end.tear, !isDamaged {
                report.repairs.append(
                    "\(segment.name) ended at byte \(end.validByteCount) (\(tear)); what follows was never "
                        + (configuration.answersBeforeSync ? "synced" : "acknowledged"))
            }
            if let copy, !isDamaged {
                report.repairs.append("\(segment.name) was active; its commits are in \(copy.name) now")
            }
        } catch {
            if error.isRefusal { throw .segment(error) }
            isDamaged = true
        }
        if copy != nil { next.nextSegmentNumber += 1 }
        if isDamaged {
            (index, unseen) = (indexBefore, unseenBefore)
            keyBlocks.removeLast(keyBlocks.count - keyBlockCount)
            return try keepDamaged(number, byteCount, at: position, next, in: &outcome)
        }
        next.entries.remove(at: position)
        if let copy {
            next.entries.append(Manifest.Entry(number: copy.number, state: .active, byteCount: 0))
        }
        do throws(DiskError) { try files.syncDirectory(configuration.directory) } catch { throw .disk(error) }
        try next.replace(configuration, on: files)
        do throws(DiskError) { try files.remove(configuration.path(FileName.segment(number))) } catch {
            report.repairs.append("\(FileName.segment(number)) stays behind unused: \(error)")
        }
        outcome.manifest = next
        outcome.active = copy
        outcome.directory = directory
    }

    /// Takes a segment that was active as one that is closed behind its last whole envelope, without a copy:
    /// the disk is made to have what it holds, and asked what it has. No byte is written; the writer tells
    /// the manifest when it can.
    private mutating func keepActive(
        _ number: UInt64, _ refusal: LogError, in outcome: inout Outcome
    ) throws(LogError) {
        // What was begun of a copy takes room that is wanted. A switch that failed late may have named it.
        let copyNumber = outcome.manifest.nextSegmentNumber
        Manifest.removeUnnamed(copyNumber, configuration, on: files)
        outcome.manifest.nextSegmentNumber += 1
        // The manifest that was read may have been renamed just before the process ended.
        do throws(DiskError) { try files.syncDirectory(configuration.directory) } catch { throw .disk(error) }
        var entry = Manifest.Entry(number: number, state: .closed, byteCount: 0)
        do throws(SegmentError) {
            let segment = try open(number)
            do throws(DiskError) { try segment.file.settle() } catch { throw .disk(error) }
            entry.byteCount = try endOfActive(segment)
            if entry.byteCount > SegmentFormat.segmentHeaderByteCount {
                try readScanned(segment, upTo: entry.byteCount)
            }
        } catch {
            if error.isRefusal { throw .segment(error) }
            // What the manifest names and nobody finds is no empty segment.
            if entry.byteCount == 0 { throw refusal }
            noteNotSeen(entry, error)
        }
        report.repairs.append(
            "\(FileName.segment(number)) was active, and the disk has no room for a copy: it is read where it "
                + "is, and appends are refused until there is room (\(refusal))")
        outcome.unsettled = (entry, refusal)
    }

    /// Where the last envelope of a segment ends that was active; the end of the file where it is damaged
    /// before that.
    private func endOfActive(_ segment: SegmentFile) throws(SegmentError) -> Int {
        let byteCount = try segment.byteCount()
        // A header that is cut was never named by a manifest with something behind it.
        guard byteCount >= SegmentFormat.segmentHeaderByteCount else { return 0 }
        do throws(SegmentError) {
            try segment.checkHeader()
            let end = try segment.scan { _, _, _ in }
            // As in a copy: an envelope behind a tear says that the tear is damage.
            if end.tear != nil, try segment.holdsEnvelope(after: end.validByteCount) { return byteCount }
            return end.validByteCount
        } catch {
            if error.isRefusal || byteCount == SegmentFormat.segmentHeaderByteCount { throw error }
            return byteCount
        }
    }

    /// Closes a segment that was active and is damaged inside: it stays as it is, for whoever can mend
    /// it, and is seen up to the damage. A copy that was begun is a stray for the next opening.
    private mutating func keepDamaged(
        _ number: UInt64, _ byteCount: Int, at position: Int, _ manifest: Manifest, in outcome: inout Outcome
    ) throws(LogError) {
        var next = manifest
        next.entries[position] = Manifest.Entry(number: number, state: .closed, byteCount: byteCount)
        try next.replace(configuration, on: files)
        outcome.manifest = next
        do throws(SegmentError) {
            let segment = try open(number)
            try readScanned(segment, upTo: byteCount)
        } catch {
            if error.isRefusal { throw .segment(error) }
            noteNotSeen(next.entries[position], error)
        }
    }
}
