// A part of a body of Arrow, which knows where in the body it lies.
//
// Invariants:
//  * No read looks past the part, whatever offsets and lengths the part itself states: they are
//    compared by subtraction, so that no sum of them can overflow.
//  * Every refusal names its place in the whole body.
//
// ByteCursor reads in order; Arrow's metadata is read by offsets, forwards and back.

/// Bytes of a body and their place in it.
///
/// It holds an unsafe buffer because a stored `RawSpan` is not expressible in the language yet; parts
/// live inside the `withUnsafeBytes` that owns the body, or as long as the ArrowMemory they lie in.
struct ArrowBytes {
    let raw: UnsafeRawBufferPointer
    /// Where the first byte lies in the body; for inflated bytes, where their frame does.
    let place: Int

    static var none: ArrowBytes { ArrowBytes(raw: UnsafeRawBufferPointer(start: nil, count: 0), place: 0) }

    var count: Int { raw.count }

    /// The integer at `offset`, which need not be aligned.
    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Integer.Type = Integer.self
    ) throws(ArrowError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard offset >= 0, offset <= count, size <= count - offset else {
            throw malformed(at: offset, "\(size) bytes are wanted here, past the end")
        }
        return Integer(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// `count` bytes from `offset` on.
    func part(at offset: Int64, count byteCount: Int64, _ what: String) throws(ArrowError) -> ArrowBytes {
        guard offset >= 0, offset <= count, byteCount >= 0, byteCount <= Int64(count) - offset else {
            throw malformed(
                at: 0,
                "\(what) is said to lie at \(offset) for \(byteCount) bytes, of \(count) that are there")
        }
        return ArrowBytes(
            raw: UnsafeRawBufferPointer(rebasing: raw[Int(offset)..<Int(offset + byteCount)]),
            place: place + Int(offset))
    }

    /// All bytes from `offset` on.
    func rest(from offset: Int) throws(ArrowError) -> ArrowBytes {
        try part(at: Int64(offset), count: Int64(max(0, count - offset)), "the rest")
    }

    func malformed(at offset: Int, _ problem: String, field: String? = nil) -> ArrowError {
        .malformed(byteOffset: place + max(0, min(offset, count)), field: field, problem: problem)
    }
}
