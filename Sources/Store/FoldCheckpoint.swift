// The fold of the log as of some commit, in one file: an opening puts it in and folds what came since, rather
// than every decision that was ever made. It is written when the log is closed, and now and then while it is not
// (CheckpointProgress.swift).
//
//     u64           "ALOGFLD1"
//     u16, u16      version of this file, of what the book writes (Assays: AssayBook+Checkpoint.swift)
//     varint        how many events of the log it stands for
//     varint, u32   commit and CRC-32C (name, document) of the last of them
//     varint        how many of them are folded but no decisions: creations, switches, pins, statuses …
//       varint        each one's position, as its distance from the one before (the first: from 0)
//     …             what decisions made of the book
//     u32           CRC-32C of all before
//
// Those other events are few, and are read from the log itself; the file holds what is packed of decisions.
// It is derived, as its directory is: never an authority, and deleting it costs one slow opening. Readers beside
// a server and `check` and `rebuild` do not ask it: they judge what the log says.
//
// Invariants:
//  * A fold that began with it equals the fold of all events.
//  * One that is missing, damaged, of another version or of another log is not believed, and the report of the
//    opening says so; then all events are folded.
//  * It is replaced by rename: a crash leaves the old one, the new one or none. An old one stays right, for the
//    log only grows.
//  * One that could not be written leaves none of its bytes on the disk: they may be the last that were free.
//  * It goes to the disk in pieces: a sync of the log that comes meanwhile waits for one of them, not for the file.

import Assays
import Bytes
import Disk
import EventLog
import Records
import Segments

struct FoldCheckpoint {
    static let magic: UInt64 = 0x3144_4C46_474F_4C41  // "ALOGFLD1"
    static let version: UInt16 = 1

    /// The events that it stands for are the log's first.
    var eventCount: Int
    /// What the last of them is.
    var last: (commit: CommitNumber, checksum: UInt32)
    /// Where the folded events lie that are no decisions, ascending.
    var others: [Int]
    /// What decisions made of the book: `AssayBook.writeDecided`.
    var decided: [UInt8]

    static func checksum(_ event: Event) -> UInt32 {
        let name = Array(event.name.utf8)
        return event.document.withUnsafeBytes {
            Checksum.crc32c($0, continuing: Checksum.crc32c(name))
        }
    }

    // MARK: As bytes

    /// The bytes in three parts: what decisions made of the book may be hundreds of megabytes, and is not copied.
    var pieces: [[UInt8]] {
        var writer = ByteWriter(reserving: others.count * 2 + 64)
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(AssayBook.decidedVersion)
        writer.writeVarint(eventCount)
        writer.writeVarint(last.commit)
        writer.write(last.checksum)
        writer.writeVarint(others.count)
        var before = 0
        for position in others {
            writer.writeVarint(position - before)
            before = position
        }
        let start = Checksum.crc32c(writer.bytes)
        var end = ByteWriter()
        end.write(decided.withUnsafeBytes { Checksum.crc32c($0, continuing: start) })
        return [writer.bytes, decided, end.bytes]
    }

    init(eventCount: Int, last: (commit: CommitNumber, checksum: UInt32), others: [Int], decided: [UInt8]) {
        self.eventCount = eventCount
        self.last = last
        self.others = others
        self.decided = decided
    }

    init(_ bytes: [UInt8]) throws(BytesError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(BytesError) -> FoldCheckpoint in
            let raw = UnsafeRawBufferPointer(buffer)
            guard raw.count > 4 else {
                throw .ranOut(offset: 0, wanted: 4, available: raw.count)
            }
            let content = UnsafeRawBufferPointer(rebasing: raw[..<(raw.count - 4)])
            var tail = ByteCursor(raw, at: raw.count - 4)
            guard try tail.read(UInt32.self) == Checksum.crc32c(content) else {
                throw .malformed(offset: raw.count - 4, reason: "its checksum does not match")
            }
            var cursor = ByteCursor(content)
            let magic: UInt64 = try cursor.read()
            let version: UInt16 = try cursor.read()
            let decidedVersion: UInt16 = try cursor.read()
            guard magic == Self.magic, version == Self.version, decidedVersion == AssayBook.decidedVersion
            else { throw .malformed(offset: 0, reason: "it is of another version") }
            let eventCount = try cursor.readCount(limit: .max)
            let last = (commit: CommitNumber(try cursor.readVarint()), checksum: try cursor.read(UInt32.self))
            let count = try cursor.readCount(limit: Swift.min(cursor.remaining, eventCount))
            var others: [Int] = []
            others.reserveCapacity(count)
            var before = 0
            for number in 0..<count {
                let place = cursor.offset
                let distance = try cursor.readCount(limit: eventCount - 1 - before)
                guard distance > 0 || number == 0 else {
                    throw .malformed(offset: place, reason: "an event stands in it twice")
                }
                before += distance
                others.append(before)
            }
            return FoldCheckpoint(
                eventCount: eventCount, last: last, others: others,
                decided: Array(try cursor.readBytes(cursor.remaining)))
        }
    }

    // MARK: On disk

    /// What is there; nil where nothing is.
    static func read(on files: any FileSystem) throws -> FoldCheckpoint? {
        let bytes: [UInt8]
        do throws(DiskError) {
            let file = try files.open(FileName.foldCheckpoint)
            bytes = try file.read(at: 0, byteCount: try file.byteCount)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
        return try FoldCheckpoint(bytes)
    }

    /// So much is synced at once: some hundredths of a second of a slow disk.
    static let pieceByteCount = 4 << 20

    /// Makes this the one that is there. When it returns, it is, whatever happens to the power.
    ///
    /// - Parameter pace: called after each piece with its size; may wait.
    func replace(on files: any FileSystem, pace: (_ byteCount: Int) -> Void = { _ in }) throws(DiskError) {
        do throws(DiskError) { try files.remove(FileName.newFoldCheckpoint) } catch {
            if error.kind != .notFound { throw error }
        }
        do throws(DiskError) {
            let file = try files.create(FileName.newFoldCheckpoint)
            var unsynced = 0
            for bytes in pieces {
                for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
                    let end = min(start + Self.pieceByteCount, bytes.count)
                    try bytes.withUnsafeBufferPointer { (buffer) throws(DiskError) in
                        try file.append(
                            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[start..<end]))
                    }
                    unsynced += end - start
                    guard unsynced >= Self.pieceByteCount else { continue }
                    try file.sync()
                    pace(unsynced)
                    unsynced = 0
                }
            }
            try file.sync()
            try files.rename(FileName.newFoldCheckpoint, to: FileName.foldCheckpoint)
            try files.syncDirectory(FileName.derivedDirectory)
        } catch {
            try? files.remove(FileName.newFoldCheckpoint)
            throw error
        }
    }

    // MARK: The fold it stands for

    /// Its fold, of a log that begins as it says; nil where the log does not.
    func folded(in snapshot: LogSnapshot) throws -> InferenceStore.Folded? {
        guard eventCount > 0, eventCount <= snapshot.index.events.count else { return nil }
        let place = snapshot.index.events[eventCount - 1]
        guard place.entry.commit == last.commit,
            FoldCheckpoint.checksum(try snapshot.event(place)) == last.checksum
        else { return nil }
        var folded = InferenceStore.Folded()
        try snapshot.forEachEvent(at: others) { try folded.apply($1, commit: $0.entry.commit) }
        return try decided.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            try folded.book.readDecided(from: &cursor)
            guard cursor.remaining == 0 else {
                throw BytesError.trailing(offset: cursor.offset, byteCount: cursor.remaining)
            }
            return folded
        }
    }

    /// Of a log and its fold, which has just these events; nil where the two do not go together.
    ///
    /// - Parameter progress: has looked through all of the log's events.
    init?(_ book: AssayBook, of snapshot: LogSnapshot, _ progress: CheckpointProgress) throws {
        let events = snapshot.index.events
        precondition(progress.eventCount == events.count, "A checkpoint is of a log that was looked through.")
        guard !events.isEmpty, progress.goesWith(book) else { return nil }
        var writer = ByteWriter()
        book.writeDecided(into: &writer)
        let place = events[events.count - 1]
        self.init(
            eventCount: events.count,
            last: (place.entry.commit, FoldCheckpoint.checksum(try snapshot.event(place))),
            others: progress.others, decided: writer.bytes)
    }
}

extension InferenceStore {
    /// What an opening folded, and what the next checkpoint needs to know of it.
    struct OpeningFold {
        var folded: Folded
        /// How many events that were, and which of them are folded but no decisions.
        var eventCount: Int
        var others: [Int]
        /// How many of them a checkpoint stood for.
        var checkpointEventCount = 0
        /// Why a checkpoint that is there was not used; nil where it was, or there is none.
        var refusal: String?
    }

    /// Folds all events of a snapshot, from the checkpoint on where there is one that fits.
    static func fold(_ snapshot: LogSnapshot, on files: any FileSystem) throws -> OpeningFold {
        var start = OpeningFold(folded: Folded(), eventCount: 0, others: [])
        do {
            if let checkpoint = try FoldCheckpoint.read(on: files) {
                if let folded = try checkpoint.folded(in: snapshot) {
                    start = OpeningFold(
                        folded: folded, eventCount: checkpoint.eventCount, others: checkpoint.others,
                        checkpointEventCount: checkpoint.eventCount)
                } else {
                    start.refusal = "it stands for another log"
                }
            }
        } catch { start.refusal = "\(error)" }
        try snapshot.forEachEvent(named: EventName.folded, from: start.eventCount) { position, place, event in
            let isOther = try start.folded.apply(event, commit: place.entry.commit)
            if isOther { start.others.append(position) }
        }
        start.eventCount = snapshot.index.events.count
        return start
    }
}
