// Where a string of JSON ends, for whoever looks for brackets byte by byte, in pieces as they are read.

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
