// Invariants checked: the one at the head of SHA256.swift: the vectors of FIPS 180-4 and NIST's
// examples, whatever the cuts between updates.

import Bytes
import Testing

@Suite struct SHA256Tests {
    private static let vectors: [(String, String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ]

    @Test("the vectors of the standard, with every single cut and in single bytes")
    func vectors() {
        for (message, digest) in Self.vectors {
            let bytes = Array(message.utf8)
            #expect(SHA256.hexDigest(bytes) == digest)
            for cut in 0...bytes.count {
                var hash = SHA256()
                bytes[..<cut].withUnsafeBytes { hash.update($0) }
                bytes[cut...].withUnsafeBytes { hash.update($0) }
                #expect(hash.hexDigest() == digest, "cut at \(cut)")
            }
            var hash = SHA256()
            for byte in bytes { withUnsafeBytes(of: byte) { hash.update($0) } }
            #expect(hash.hexDigest() == digest)
        }
    }

    @Test("a million times a, in parts of many sizes")
    func million() {
        let digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        let part = [UInt8](repeating: 0x61, count: 4096)
        for size in [64, 1000, 4096] {
            var hash = SHA256()
            var rest = 1_000_000
            while rest > 0 {
                let count = min(size, rest)
                part[..<count].withUnsafeBytes { hash.update($0) }
                rest -= count
            }
            #expect(hash.hexDigest() == digest, "parts of \(size)")
        }
    }

    @Test("messages about the padding's edge differ from each other and not from themselves")
    func padding() {
        var digests: Set<String> = []
        for count in 0...200 {
            let bytes = [UInt8](repeating: 0, count: count)
            let digest = SHA256.hexDigest(bytes)
            #expect(digest.utf8.count == 64)
            var hash = SHA256()
            bytes[..<(count / 2)].withUnsafeBytes { hash.update($0) }
            bytes[(count / 2)...].withUnsafeBytes { hash.update($0) }
            #expect(hash.hexDigest() == digest)
            digests.insert(digest)
        }
        #expect(digests.count == 201)
    }
}
