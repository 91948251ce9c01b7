// Invariants checked: the one at the head of HMAC.swift, and the two of Base64.swift.

import Testing

@testable import Bytes

@Suite struct HMACTests {
    /// Test cases 1, 2, 3, 6 and 7 of RFC 4231.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array(
                ("This is a test using a larger than block-size key and a larger than block-size data. The key "
                    + "needs to be hashed before being used by the HMAC algorithm.").utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func the_vectors_of_RFC_4231(key: [UInt8], message: [UInt8], expected: String) {
        let hex = HMAC.sha256(message, key: key).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        #expect(hex == expected)
    }

    /// The vectors of RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64_is_that_of_RFC_4648(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test func every_byte_comes_back_from_base64_and_nothing_else_is_read() {
        for count in [1, 2, 3, 256] {
            let bytes = (0..<count).map { UInt8($0 & 255) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        for text in ["Zg", "Zg=", "Zh==", "Zm9v=", "Z", "Zm 9v", "Zm9v\n", "Zm_v", "=", "===="] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
    }
}
