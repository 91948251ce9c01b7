// Where a string of JSON ends, and what is space between values, for whoever looks for brackets byte by byte, in pieces
// as they are read.

/// The bytes of a string, one after the other.
struct JSONStringBytes {
    /// Whether the next byte belongs to a string.
    private(set) var isOpen = false
    private var isEscaped = false

    /// Comes at the quote that begins a string.
    mutating func open() { isOpen = true }

    /// Takes the next byte of the string; the quote that ends it is the last.
    mutating func take(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isOpen = false
        }
    }
}

extension UInt8 {
    /// Whether it may stand between two values of JSON and means nothing.
    var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}
