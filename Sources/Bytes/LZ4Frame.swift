// One LZ4 frame inflated (lz4_Frame_format.md of the LZ4 project), by liblz4. Nothing of ours is
// compressed so; files of Arrow that others wrote often are.
//
// Invariants:
//  * A frame inflates to exactly the size its reader states beforehand, or is refused.
//  * A frame decides over no memory but the library's window on it, which is below 9 MiB.

import CLZ4

/// Inflates frames; one object is used by one thread at a time and reused.
package final class LZ4Decompressor {
    private let context: OpaquePointer

    package init() {
        var context: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context
        else {
            preconditionFailure("LZ4 has no memory for a context.")
        }
        self.context = context
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    /// Inflates `frame` into `output`, which it must fill exactly. Bytes behind the frame's end are refused
    /// too.
    package func decompress(
        _ frame: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(BytesError) {
        LZ4F_resetDecompressionContext(context)
        var read = 0
        var written = 0
        while true {
            var taken = frame.count - read
            var given = output.count - written
            let hint = LZ4F_decompress(
                context, output.baseAddress.map { $0 + written }, &given,
                frame.baseAddress.map { $0 + read }, &taken, nil)
            if LZ4F_isError(hint) != 0 {
                throw .badFrame(offset: read, reason: String(cString: LZ4F_getErrorName(hint)))
            }
            read += taken
            written += given
            // The frame has ended.
            if hint == 0 { break }
            guard taken > 0 || given > 0 else {
                throw .badFrame(
                    offset: read,
                    reason: read == frame.count
                        ? "ends before its end" : "inflates to more than the \(output.count) bytes stated")
            }
        }
        guard written == output.count, read == frame.count else {
            throw .badFrame(
                offset: read,
                reason: "inflates to \(written) bytes, \(output.count) were stated; "
                    + "\(frame.count - read) bytes follow it")
        }
    }
}
