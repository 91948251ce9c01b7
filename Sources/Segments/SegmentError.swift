// The ways in which a segment can fail its reader.

import Bytes
import Disk

/// A byte of a file.
package struct SegmentPlace: Hashable, Sendable, CustomStringConvertible {
    /// As it is called in its directory.
    package var file: String
    package var byteOffset: Int

    package init(file: String, byteOffset: Int) {
        self.file = file
        self.byteOffset = byteOffset
    }

    package var description: String { "\(file) at byte \(byteOffset)" }
}

/// Why a segment, or a part of it, could not be written or read. Its text names the place.
package enum SegmentError: Error, Hashable, Sendable {
    /// The disk refused; nothing is known to be wrong with the bytes.
    case disk(DiskError)
    /// Not the bytes that were written.
    case checksumMismatch(SegmentPlace, expected: UInt32, found: UInt32)
    /// Ours, whole, and from another time.
    case unsupportedVersion(SegmentPlace, found: UInt16)
    /// Not a segment, or one whose parts contradict each other.
    case malformed(SegmentPlace, reason: String)
}

extension SegmentError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .disk(let error): error.description
        case .checksumMismatch(let place, let expected, let found):
            "\(place): checksum \(String(found, radix: 16)), "
                + "\(String(expected, radix: 16)) was written; run `assaylog check`"
        case .unsupportedVersion(let place, let found):
            "\(place): segment format version \(found); "
                + "this build reads version \(SegmentFormat.version); use the build of assaylog that wrote it"
        case .malformed(let place, let reason): "\(place): \(reason); run `assaylog check`"
        }
    }
}

extension SegmentError {
    init(_ error: BytesError, in place: SegmentPlace) {
        self = .malformed(place, reason: error.description)
    }

    /// The file that it is about, as it is called in its directory.
    package var file: String {
        switch self {
        case .disk(let error): String(error.file.split(separator: "/").last ?? "")
        case .unsupportedVersion(let place, _), .checksumMismatch(let place, _, _), .malformed(let place, _):
            place.file
        }
    }

    /// Whether the disk or this build would not read what may well be whole; otherwise the bytes are
    /// wrong, or gone.
    package var isRefusal: Bool {
        switch self {
        case .disk(let error): error.kind != .notFound && error.kind != .pastEnd
        case .unsupportedVersion: true
        case .checksumMismatch, .malformed: false
        }
    }
}
