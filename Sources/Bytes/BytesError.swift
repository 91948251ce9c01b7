// What can be wrong with bytes that claim to be numbers.
//
// Invariant: every case says where, counted from the start of the buffer that was read.

/// The bytes are not what they claim to be.
package enum BytesError: Error, Hashable, Sendable {
    /// `wanted` more bytes were needed at `offset`, `available` were left.
    case ranOut(offset: Int, wanted: Int, available: Int)
    /// A variable-length integer at `offset` runs past 64 bits.
    case varintTooLong(offset: Int)
    /// A count or length at `offset` is `found`, above the bound `limit`.
    case overLimit(offset: Int, found: UInt64, limit: UInt64)
    /// A compressed frame at `offset` does not inflate to its stated size.
    case badFrame(offset: Int, reason: String)
}

extension BytesError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .ranOut(let offset, let wanted, let available):
            "ran out of bytes at \(offset): wanted \(wanted), \(available) left"
        case .varintTooLong(let offset): "a variable-length integer at \(offset) is over 64 bits"
        case .overLimit(let offset, let found, let limit):
            "a length at \(offset) is \(found), above the limit of \(limit)"
        case .badFrame(let offset, let reason): "bad compressed frame at \(offset): \(reason)"
        }
    }
}
