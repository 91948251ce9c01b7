// Which segments are the log, in order.
//
// Invariants:
//  * The manifest is replaced by rename, never edited: a crash leaves the old one or the new one.
//  * A segment is in the manifest before a commit in it is acknowledged.
//  * `nextSegmentNumber` is above every number ever used, so no name comes twice.
//  * Segments stand in the order of the log. Their numbers say only when a file was begun: a rewritten
//    segment takes the place of those it was made of under a number of its own.
//
// Format: EventLog.docc/ManifestFormat.md

import Bytes
import Disk
import Segments

/// The list, as it was read or is to be written.
package struct Manifest: Hashable, Sendable {
    package enum State: UInt8, Hashable, Sendable {
        /// Written to until the process ended; its tail may be torn.
        case active = 0
        /// Given up after a failed write: valid for the stated number of bytes, without a footer.
        case closed = 1
        /// Ended by its footer.
        case sealed = 2
    }

    package struct Entry: Hashable, Sendable {
        package var number: UInt64
        package var state: State
        /// Valid bytes of a closed or sealed segment; 0 for the active one, and for a closed one whose file was
        /// not there: what comes back of it is valid as far as it is whole.
        package var byteCount: Int

        /// The same, with the bytes of the file where the manifest has none of a closed segment.
        package func closed(as segment: SegmentFile) throws(SegmentError) -> Entry {
            var entry = self
            if state == .closed, byteCount == 0 { entry.byteCount = try segment.byteCount() }
            return entry
        }
    }

    /// Goes up whenever a file is begun, whatever becomes of that.
    package var nextSegmentNumber: UInt64 = 1
    /// In the order of the log, each number once.
    package var entries: [Entry] = []

    static let magic: UInt64 = 0x314E_414D_474F_4C41  // "ALOGMAN1"
    static let version: UInt16 = 1
    static let entryCountMax = 1 << 24
    /// A longer file is none: it is not read before it is known to be one.
    package static let byteCountMax = 26 + 17 * entryCountMax

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Manifest.magic)
        writer.write(Manifest.version)
        writer.write(nextSegmentNumber)
        writer.write(UInt32(entries.count))
        for entry in entries {
            writer.write(entry.number)
            writer.write(entry.state.rawValue)
            writer.write(UInt64(entry.byteCount))
        }
        writer.write(Checksum.crc32c(writer.bytes))
        return writer.bytes
    }

    /// Has the disk fetch the manifest, if there is one, for whoever opens the log soon.
    package static func willRead(_ configuration: LogConfiguration, on files: any FileSystem) {
        guard let file = try? files.open(configuration.path(FileName.manifest)) else { return }
        // Longer ones follow by the system's own reading ahead.
        file.willRead(at: 0, byteCount: 4096)
    }

    /// Reads the manifest; nil where the store has none yet.
    package static func read(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(LogError) -> Manifest? {
        let name = configuration.path(FileName.manifest)
        let file: any ReadableFile
        let byteCount: Int
        do throws(DiskError) {
            file = try files.open(name)
            byteCount = try file.byteCount
        } catch {
            if error.kind == .notFound { return nil }
            throw .disk(error)
        }
        guard (5...byteCountMax).contains(byteCount) else {
            throw .manifest(file: name, reason: "\(byteCount) bytes are no manifest")
        }
        let bytes: [UInt8]
        do throws(DiskError) { bytes = try file.read(at: 0, byteCount: byteCount) } catch {
            throw .disk(error)
        }
        do throws(BytesError) {
            return try bytes.withUnsafeBufferPointer { (buffer) throws(BytesError) -> Manifest in
                let raw = UnsafeRawBufferPointer(buffer)
                let content = UnsafeRawBufferPointer(rebasing: raw[..<(raw.count - 4)])
                var cursor = ByteCursor(content)
                guard try cursor.read(UInt64.self) == magic else {
                    throw .malformed(offset: 0, reason: "not a manifest")
                }
                let version: UInt16 = try cursor.read()
                guard version == Manifest.version else {
                    throw .malformed(
                        offset: 8, reason: "manifest version \(version); this build reads \(Manifest.version)"
                    )
                }
                var tail = ByteCursor(raw, at: raw.count - 4)
                guard try tail.read(UInt32.self) == Checksum.crc32c(content) else {
                    throw .malformed(offset: raw.count - 4, reason: "its checksum does not match")
                }
                var manifest = Manifest()
                manifest.nextSegmentNumber = try cursor.read()
                guard manifest.nextSegmentNumber <= FileName.segmentNumberMax else {
                    throw .overLimit(
                        offset: 10, found: manifest.nextSegmentNumber, limit: FileName.segmentNumberMax)
                }
                let count = Int(try cursor.read(UInt32.self))
                guard count <= entryCountMax else {
                    throw .overLimit(offset: 18, found: UInt64(count), limit: UInt64(entryCountMax))
                }
                for _ in 0..<count {
                    let number: UInt64 = try cursor.read()
                    let code: UInt8 = try cursor.read()
                    guard let state = State(rawValue: code) else {
                        throw .unknownCode(
                            offset: cursor.offset - 1, kind: "a segment's state", found: UInt64(code))
                    }
                    let byteCount: UInt64 = try cursor.read()
                    guard number > 0, number < manifest.nextSegmentNumber else {
                        throw .malformed(offset: cursor.offset, reason: "segment \(number) is not begun")
                    }
                    manifest.entries.append(
                        Entry(number: number, state: state, byteCount: Int(clamping: byteCount)))
                }
                guard cursor.remaining == 0 else {
                    throw .trailing(offset: cursor.offset, byteCount: cursor.remaining)
                }
                // Sorted, as making the first set of a process takes longer than reading most manifests.
                let numbers = manifest.entries.map(\.number).sorted()
                for (number, next) in zip(numbers, numbers.dropFirst()) where number == next {
                    throw .malformed(offset: cursor.offset, reason: "segment \(number) is named twice")
                }
                return manifest
            }
        } catch {
            throw .manifest(file: name, reason: error.description)
        }
    }

    /// The version that the manifest says it has, where that is another than this build reads; nil for any other
    /// file, or none. All versions have it in the same place, and nothing else is known of them.
    package static func otherVersion(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) -> UInt16? {
        guard
            let bytes = try? files.open(configuration.path(FileName.manifest)).read(at: 0, byteCount: 10)
        else { return nil }
        return bytes.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            guard let found = try? cursor.read(UInt64.self), found == magic,
                let version = try? cursor.read(UInt16.self), version != Manifest.version
            else { return nil }
            return version
        }
    }

    /// Makes this the manifest. When it returns, it is, whatever happens to the power.
    package func replace(_ configuration: LogConfiguration, on files: any FileSystem) throws(LogError) {
        let newName = configuration.path(FileName.newManifest)
        do throws(DiskError) {
            do throws(DiskError) { try files.remove(newName) } catch {
                if error.kind != .notFound { throw error }
            }
            let file = try files.create(newName)
            try file.append(encoded())
            try file.sync()
            try files.rename(newName, to: configuration.path(FileName.manifest))
            try files.syncDirectory(configuration.directory)
        } catch { throw .disk(error) }
    }

    /// Removes a segment's file, unless the manifest that stands in the directory names it, or cannot be read: a
    /// switch that failed may have come as far as that, and is then found after a power cut. Where the file
    /// stays, the next opening removes it.
    static func removeUnnamed(_ number: UInt64, _ configuration: LogConfiguration, on files: any FileSystem) {
        do throws(LogError) {
            guard let named = try read(configuration, on: files),
                !named.entries.contains(where: { $0.number == number })
            else { return }
        } catch { return }
        do throws(DiskError) {
            try files.remove(configuration.path(FileName.segment(number)))
        } catch {}
    }
}
