// HMAC-SHA256 (RFC 2104): what proves to a receiver that a message came from who knows the key.
//
// Only made here, never checked against a stranger's, so nothing has to be compared in constant time.
//
// Invariant: equal to the test vectors of RFC 4231.

package enum HMAC {
    private static let blockByteCount = 64

    /// The 32 bytes that go with `message` under `key`.
    package static func sha256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var padded = key.count > blockByteCount ? digest(key, []) : key
        padded += Array(repeating: 0, count: blockByteCount - padded.count)
        return digest(padded.map { $0 ^ 0x5C }, digest(padded.map { $0 ^ 0x36 }, message))
    }

    private static func digest(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        first.withUnsafeBytes { hash.update($0) }
        second.withUnsafeBytes { hash.update($0) }
        return hash.digest()
    }
}
