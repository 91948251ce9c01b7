// One zstd frame in, one out (RFC 8878), by libzstd.
//
// Invariants:
//  * A frame inflates to exactly the size its reader states beforehand, or is refused.
//  * No byte of a frame decides how much memory is allocated: the caller does.

import CZstd
import Synchronization

/// Compresses runs of bytes; one object is used by one thread at a time and reused, because
/// making a context costs more than compressing a small column.
package final class ZstdCompressor {
    private let context: OpaquePointer
    private let level: Int32
    private var scratch: [UInt8] = []

    /// - Parameter level: zstd's own. Frames of any level are read alike.
    package init(level: Int32 = 1) {
        guard let context = ZSTD_createCCtx() else {
            preconditionFailure("zstd has no memory for a context.")
        }
        self.context = context
        self.level = level
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The compressed frame, or nil where it would not be smaller than `bytes`; 16 bytes and fewer are not
    /// tried.
    package func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        withFrame(of: bytes) { Array($0) }
    }

    /// Lends the compressed frame to `body`, whose it is until that returns; nil, without a call, where it
    /// would not be smaller than `bytes`. Memory as large as the largest run so far stays with this object.
    package func withFrame<Result>(
        of bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        guard bytes.count > 16 else { return nil }
        let bound = ZSTD_compressBound(bytes.count)
        if scratch.count < bound { scratch = [UInt8](repeating: 0, count: bound) }
        return scratch.withUnsafeMutableBytes { scratch in
            let written = ZSTD_compressCCtx(
                context, scratch.baseAddress, scratch.count, bytes.baseAddress, bytes.count, level)
            precondition(ZSTD_isError(written) == 0, "zstd compresses any bytes into its own bound.")
            guard written < bytes.count else { return nil }
            return body(UnsafeRawBufferPointer(rebasing: scratch[..<written]))
        }
    }
}

/// Inflates frames; one object is used by one thread at a time and reused.
///
/// Contexts at rest are kept for the next object: making one costs as much as inflating a column, and
/// a query makes an object of its own.
package final class ZstdDecompressor {
    private let context: OpaquePointer

    /// A context is used by the one object that took it out of the list.
    private struct RestingContexts: @unchecked Sendable { var contexts: [OpaquePointer] = [] }
    private static let resting = Mutex(RestingContexts())
    /// As many as threads inflate at once on a large machine; each takes 160 KB.
    private static let restingCountMax = 16

    package init() {
        let kept = ZstdDecompressor.resting.withLock { $0.contexts.popLast() }
        guard let context = kept ?? ZSTD_createDCtx() else {
            preconditionFailure("zstd has no memory for a context.")
        }
        self.context = context
    }

    deinit {
        let box = RestingContexts(contexts: [context])
        let isKept = ZstdDecompressor.resting.withLock { resting in
            guard resting.contexts.count < ZstdDecompressor.restingCountMax else { return false }
            resting.contexts += box.contexts
            return true
        }
        if !isKept { ZSTD_freeDCtx(context) }
    }

    /// Inflates `frame` into `output`, which it must fill exactly.
    package func decompress(
        _ frame: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(BytesError) {
        let written = ZSTD_decompressDCtx(
            context, output.baseAddress, output.count, frame.baseAddress, frame.count)
        if ZSTD_isError(written) != 0 {
            throw .badFrame(offset: 0, reason: String(cString: ZSTD_getErrorName(written)))
        }
        guard written == output.count else {
            throw .badFrame(offset: 0, reason: "inflates to \(written) bytes, \(output.count) were stated")
        }
    }

    /// Inflates `frame` to `byteCount` bytes.
    package func decompress(_ frame: UnsafeRawBufferPointer, byteCount: Int) throws(BytesError) -> [UInt8] {
        var failure: BytesError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(BytesError) {
                try decompress(frame, into: UnsafeMutableRawBufferPointer(buffer))
                count = byteCount
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
