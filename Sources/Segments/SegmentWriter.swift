// Appends envelopes to the active segment and seals it.
//
// Invariants:
//  * When `sync` returned, every envelope appended before it survives a crash.
//  * An envelope is written by one append and is whole or, after recovery, not present.
//  * A sealed segment is never written again; its footer and all before it are durable.
//  * After a failed append or sync nothing more is appended to this file: what it holds past the
//    last good sync is for recovery to leave behind.
//
// Format: Segments.docc/SegmentFormat.md

import Bytes
import Disk

/// Writes one segment; used by one thread at a time. It is given up by letting it go.
package final class SegmentWriter {
    package let number: UInt64
    private let file: any WritableFile
    /// Bytes appended so far.
    package private(set) var byteCount: Int
    /// Bytes known durable.
    package private(set) var durableByteCount = 0
    private var hasFailed = false

    /// Makes the file and writes its header, which the first `sync` makes durable; its name is
    /// durable when the caller has synced the directory.
    package init(
        creating number: UInt64, in directory: String, on files: any FileSystem,
        as origin: SegmentHeader = SegmentHeader()
    ) throws(SegmentError) {
        self.number = number
        let name = FileName.segment(number)
        var header = ByteWriter(reserving: SegmentFormat.segmentHeaderByteCount)
        header.write(SegmentFormat.segmentMagic)
        header.write(SegmentFormat.version)
        header.write(origin.origin.rawValue)
        header.write(number)
        header.write(origin.cut)
        header.write(Checksum.crc32c(header.bytes))
        byteCount = header.count
        do throws(DiskError) {
            file = try files.create(FileName.path(name, in: directory))
            try file.append(header.bytes)
        } catch { throw .disk(error) }
    }

    package var name: String { FileName.segment(number) }

    /// Appends a finished envelope and returns where it starts in the file. After a failure, of this or of
    /// `sync`, any further call stops the process.
    package func append(_ envelope: [UInt8]) throws(SegmentError) -> Int {
        precondition(!hasFailed, "Nothing is appended after a failure.")
        let start = byteCount
        do throws(DiskError) { try file.append(envelope) } catch {
            hasFailed = true
            throw .disk(error)
        }
        byteCount += envelope.count
        return start
    }

    /// Makes durable what was appended before the call.
    package func sync() throws(SegmentError) {
        precondition(!hasFailed, "Nothing is synced after a failure.")
        let reached = byteCount
        do throws(DiskError) { try file.sync() } catch {
            hasFailed = true
            throw .disk(error)
        }
        durableByteCount = reached
    }

    /// Writes the footer and makes the whole file durable. The writer is done with.
    package func seal(_ directory: SegmentDirectory) throws(SegmentError) {
        var footer = ByteWriter()
        directory.write(into: &footer)
        let footerByteCount = footer.count
        let checksum = Checksum.crc32c(footer.bytes)
        footer.write(UInt64(byteCount))
        footer.write(UInt32(footerByteCount))
        footer.write(checksum)
        footer.write(SegmentFormat.sealMagic)
        _ = try append(footer.bytes)
        try sync()
    }
}
