// CRC-32C of a run of bytes (RFC 3720 B.4): the one checksum in the house.

import CChecksum

/// Tells damage, and nobody's intent: whoever wants to can make other bytes with the same checksum.
package enum Checksum {
    /// The CRC-32C of `bytes`, continuing from `previous` (0 at the start of a message).
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return assaylog_crc32c(previous, base, bytes.count)
    }

    /// The CRC-32C of a whole message; 0 for an empty one.
    package static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { crc32c($0) }
    }
}
