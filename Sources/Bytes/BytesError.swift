// What can be wrong with bytes that claim to be numbers.
//
// Invariant: every case says where, counted from the start of the buffer that was read.

/// The bytes are not what they claim to be.
package enum BytesError: Error, Hashable, Sendable {
    /// `wanted` more bytes were needed at `offset`, `available` were left.
    case ranOut(offset: Int, wanted: Int, available: Int)
    /// A variable-length integer at `offset` runs past 64 bits.
    case varintTooLong(offset: Int)
    /// A count, a length or a place at `offset` is `found`, above the bound `limit`.
    case overLimit(offset: Int, found: UInt64, limit: UInt64)
    /// A compressed frame at `offset` does not inflate to its stated size.
    case badFrame(offset: Int, reason: String)
    /// The code of `kind` at `offset` is `found`, which stands for nothing in this version.
    case unknownCode(offset: Int, kind: String, found: UInt64)
    /// All was read at `offset`, and `byteCount` bytes are left.
    case trailing(offset: Int, byteCount: Int)
    /// What was read up to `offset`, or begins there, cannot be true: of bytes that are whole, a contradiction.
    case malformed(offset: Int, reason: String)
}

extension BytesError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ranOut(let offset, let wanted, let available):
            "ran out of bytes at \(offset): wanted \(wanted), \(available) left"
        case .varintTooLong(let offset): "a variable-length integer at \(offset) is over 64 bits"
        case .overLimit(let offset, let found, let limit):
            "a number at \(offset) is \(found), above the limit of \(limit)"
        case .badFrame(let offset, let reason): "bad compressed frame at \(offset): \(reason)"
        case .unknownCode(let offset, let kind, let found):
            "\(kind) at \(offset) has the code \(found), which this build does not know"
        case .trailing(let offset, let byteCount): "\(byteCount) bytes at \(offset), behind the end"
        case .malformed(let offset, let reason): "\(reason) (at \(offset))"
        }
    }
}
