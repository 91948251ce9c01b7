// Checked: the bytes of every codec and of every flag of a leaf, both ways. The format is frozen, and a change that
// encoder and decoder share would pass every round trip.
//
// The bytes were put together by Segments.docc/SegmentFormat.md, not by the code under test. Words and bars only
// part what belongs together. Where a build may choose other bytes (a zstd frame), what is written is taken apart
// instead, and frames put together by RFC 8878 are read.

import Bytes
import Records
import Testing

@testable import Segments

@Suite struct GoldenCodingTests {
    /// A leaf and its bytes.
    struct Golden: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var leaf: Leaf
        var bytes: [UInt8]

        init(_ name: String, _ leaf: Leaf, _ hex: String) {
            testDescription = name
            self.leaf = leaf
            bytes = SegmentsTests.bytes(ofHex: hex)
        }
    }

    private static func doubles(_ bits: [UInt64]) -> Elements {
        .float64(bits.map { Double(bitPattern: $0) })
    }

    private static func singles(_ bits: [UInt32]) -> Elements { .float32(bits.map { Float(bitPattern: $0) }) }

    private let compressor = ZstdCompressor()
    private let decompressor = ZstdDecompressor()

    // MARK: Whole numbers

    private static let integers: [Golden] = [
        Golden("no integers", Leaf(.int64([])), "00 | 01"),
        Golden("constant integers", Leaf(.int64([-7, -7, -7, -7])), "00 | 01 0d"),
        Golden(
            "packed integers", Leaf(.int64([3, -2, 7, 0, 12])), "00 | 02 03 04 | 05290e 0000000000000000"),
        Golden(
            "integers packed in 64 bits", Leaf(.int64([.min, 0, .max])),
            """
            00 | 02 ffffffffffffffffff01 40
            | 0000000000000000 0000000000000080 ffffffffffffffff 0000000000000000
            """),
        Golden("differences", Leaf(.int64([10, 20, 31, 39])), "00 | 03 14 10 02 | 0e 0000000000000000"),
        Golden("a difference that wraps", Leaf(.int64([.min, .max])), "00 | 03 ffffffffffffffffff01 01 00"),
        Golden(
            "differences that wrap, in 63 bits", Leaf(.int64([.max, 0, .min, .max, -1])),
            """
            00 | 03 feffffffffffffffff01 ffffffffffffffffff01 3f
            | 0100000000000000 00000000000000c0 ffffffffffffff1f 0000000000000000 0000000000000000
            """),
        Golden(
            "integers with nulls", Leaf(.int64([5, 0, 6, 0]), nulls: [1, 3]),
            "01 | 02 01 02 | 02 00 03 | 8501 0000000000000000"),
        Golden(
            "bools with nulls",
            Leaf(.bool([true, false, false, true, true, false, false, false, true]), nulls: [2, 6]),
            "01 | 02 02 04 | 02 00 01 | 1901 0000000000000000"),
    ]

    // MARK: float64

    private static let float64s: [Golden] = [
        Golden("no float64", Leaf(.float64([])), "00 | 00"),
        Golden(
            "raw float64",
            Leaf(
                doubles([
                    0x4009_21FB_5444_2D18, 0x3FE6_2E42_FEFA_39EF, 0x7FF8_1234_5678_9ABC,
                    0xC005_BF0A_8B14_5769,
                ])),
            "00 | 00 | 182d4454fb210940 ef39fafe422ee63f bc9a78563412f87f 6957148b0abf05c0"),
        Golden("constant float64", Leaf(.float64([-0.0, -0.0, -0.0])), "00 | 01 | 0000000000000080"),
        Golden(
            "decimal float64 with two exceptions",
            Leaf(
                .float64([
                    1.25, 1.5, 2, 0.30000000000000004, -3.75, 8.41, 100, 0.01, -0.0, 0.99, 10, -0.5,
                ])),
            """
            00 | 02 02 | 02 ed05 0e | f44183f023fc080000307188e205788176f0551405 0000000000000000
            | 02 03 343333333333d33f 05 0000000000000080
            """),
        Golden(
            "float64 with nulls, texts and bare whole numbers",
            Leaf(
                .float64([1, 2.5, 0, 3, 1000, -3]), nulls: [2],
                texts: [NumberText(position: 1, text: "2.50"), NumberText(position: 4, text: "1e3")],
                wholeNumbersAreBare: true),
            """
            07 | 01 02 | 02 01 04 322e3530 03 03 316533
            | 02 01 | 02 3b 0e | 28c00de001f0002e270000 0000000000000000 | 00
            """),
    ]

    // MARK: float32

    private static let float32s: [Golden] = [
        Golden("no float32", Leaf(.float32([])), "00 | 00"),
        Golden(
            "raw float32", Leaf(singles([0x4049_0FDB, 0x3F31_7218, 0x7FC1_2345, 0xC02D_F854])),
            "00 | 00 | db0f4940 1872313f 4523c17f 54f82dc0"),
        Golden("constant float32", Leaf(.float32([0.1, 0.1, 0.1])), "00 | 01 | cdcccc3d"),
        Golden(
            "decimal float32",
            Leaf(.float32([0.01, 47.6, -1.5, 3.25, 0.99, 0, 17, 8.41, 2.5, -0.07, 6.1, 0.12])),
            """
            00 | 02 02 | 02 ab02 0d | 97c0650280ed900f2c81cef91e90e111e00b5100 0000000000000000 | 00
            """),
        Golden(
            "a dictionary of float32",
            Leaf(.float32([0.1, -0.0, 2.5, 0.1, -0.0, 2.5, 0.1, -0.0, 2.5, 0.1, -0.0, 2.5])),
            "00 | 03 03 cdcccc3d 00000080 00002040 | 02 244992 0000000000000000"),
        Golden(
            "exponents of three kinds",
            Leaf(
                singles([
                    0xBFBC_6EF3, 0x3FF8_DDE6, 0x4035_4CDA, 0xBE71_BBCD, 0x3FAE_2AC0, 0x406A_99B4,
                    0xBFA7_08A7, 0x3FE3_779B, 0x401F_E68E, 0xBE5C_5581, 0x3F98_C475, 0x4055_3368,
                    0xBF91_A25B, 0x3FCE_114F, 0x400A_8042, 0xBE46_EF36, 0x3F83_5E29, 0x403F_CD1C,
                    0xBFFC_3C10, 0x3FB8_AB03, 0x4075_19F7, 0xBE31_88EA, 0x3FED_F7DD, 0x402A_66D1,
                ])),
            // 124 to 128, codes of 2, 0, 0, 1 and 2 bits: 124 is 10, 127 is 0 and 128 is 11.
            """
            00 | 06 7c 80 021002 | 03 03 9c39039c3903
            | e7dd78 ccbbf1 b4996a 9b77e3 80555c 6833d5 4f114e 36efc6 1ccd3f 03abb8 ea8831 d066aa
              b74423 9e229c 840015 6dde8d 52bc06 389a7f 2178f8 065671 ee33ea d51163 baefdb a2cd54
            """),
        Golden(
            "exponents of one kind",
            Leaf(
                singles([
                    0xBFBC_6EF3, 0x3FF8_DDE6, 0x3FB5_4CDA, 0x3FF1_BBCD, 0x3FAE_2AC0, 0xBFEA_99B4,
                    0x3FA7_08A7, 0x3FE3_779B, 0x3F9F_E68E, 0x3FDC_5581, 0xBF98_C475, 0x3FD5_3368,
                    0x3F91_A25B, 0x3FCE_114F, 0x3F8A_8042, 0xBFC6_EF36, 0x3F83_5E29, 0x3FBF_CD1C,
                    0x3FFC_3C10, 0x3FB8_AB03, 0xBFF5_19F7, 0x3FB1_88EA, 0x3FED_F7DD, 0x3FAA_66D1,
                ])),
            """
            00 | 06 7f 7f 00
            | e7dd78 ccbbf1 b4996a 9a77e3 80555c 6933d5 4e114e 36efc6 1ccd3f 02abb8 eb8831 d066aa
              b64423 9e229c 840015 6dde8d 52bc06 389a7f 2078f8 065671 ef33ea d41163 baefdb a2cd54
            """),
        Golden(
            "float32 with nulls, texts and bare whole numbers",
            Leaf(
                .float32([1, 1.5, 0, 1, 4, 4, 1, 4]), nulls: [2],
                texts: [NumberText(position: 1, text: "1.50"), NumberText(position: 5, text: "4.0")],
                wholeNumbersAreBare: true),
            """
            07 | 01 02 | 02 01 04 312e3530 04 03 342e30
            | 03 04 0000803f 0000c03f 00000000 00008040 | 02 24cf 0000000000000000
            """),
    ]

    // MARK: Texts

    private static let texts: [Golden] = [
        Golden("no texts", Leaf(.text(TextColumn())), "00 | 01"),
        Golden("constant texts", Leaf(.text(TextColumn(["cat", "cat", "cat"]))), "00 | 01 03 636174"),
        Golden(
            "a dictionary of texts with nulls",
            Leaf(
                .text(TextColumn(["cat", "", "hé", "cat", "cat", "", "hé", "cat", "cat"])), nulls: [1, 5]),
            "01 | 02 01 04 | 02 03 03 636174 00 03 68c3a9 | 2424 00 0000000000000000"),
        Golden(
            "plain texts", Leaf(.text(TextColumn(["a", "bb", "", "ccc", "dé"]))),
            "00 | 03 | 02 00 02 c903 0000000000000000 | 09 09 | 61 6262 636363 64c3a9"),
    ]

    // MARK: With a frame

    /// 1 to 12 times 2^-30.
    private static let shuffled = Leaf(.float64((1...12).map { Double($0) / 1_073_741_824 }))
    /// All lowest bytes, all second ones, and so on: the upper two alone are not zero.
    private static let planes =
        [UInt8](repeating: 0, count: 72) + bytes(ofHex: "10 20 28 30 34 38 3c 40 42 44 46 48")
        + [UInt8](repeating: 0x3E, count: 12)

    private static let distinctTexts = ["1", "2", "3"].map { String(repeating: "a", count: 24) + "b\($0)" }

    /// What is read and, as it stands here, not written: the frames are of blocks that repeat a byte or are raw.
    private static let readOnly: [Golden] = [
        Golden(
            "shuffled float64", shuffled,
            """
            00 | 05 25 | 28b52ffd 20 60 | 420200 00
            | c10000 1020283034383c4042444648 3e3e3e3e3e3e3e3e3e3e3e3e
            """),
        Golden(
            "shuffled float64 as a build wrote it", shuffled,
            "00 | 05 20 | 28b52ffd2060bd00007800001020283034383c40424446483e0200c0f883022c"),
        Golden(
            "planes",
            Leaf(
                singles([
                    0x3FBC_6EF3, 0xBFF8_DDE6, 0x3FB5_4CDA, 0xBFF1_BBCD, 0x3FAE_2AC0, 0xBFEA_99B4,
                    0x4027_08A7, 0xC063_779B, 0x401F_E68E, 0xC05C_5581, 0x4018_C475, 0xC055_3368,
                    0x4011_A25B, 0xC04E_114F, 0x400A_8042, 0xC046_EF36,
                ])),
            """
            00 | 04 0e | 28b52ffd 20 10 | 320000 7f | 530000 80
            | e6dd78 cdbbf1 b4996a 9b77e3 80555c 6933d5 4e114e 37efc6 1ccd3f 03abb8 ea8831 d166aa
              b64423 9f229c 840015 6dde8d
            """),
        Golden(
            "decimal float32 with an exception", Leaf(.float32([5, 5, 0.1, 5])),
            "00 | 02 00 | 01 0a | 01 02 9a9999999999b93f"),
        Golden(
            "texts in a frame", Leaf(.text(TextColumn(distinctTexts))),
            """
            00 | 03 | 01 34 | 4e 21 | 28b52ffd 20 4e | c20000 61 | 100000 6231 | c20000 61 | 100000 6232
            | c20000 61 | 110000 6233
            """),
        Golden(
            "texts in a frame as a build wrote it", Leaf(.text(TextColumn(distinctTexts))),
            "00 | 03 | 01 34 | 4e 1c | 28b52ffd204e9d00005061616231616232616233031000f5a8878205"),
    ]

    private static let written: [Golden] = integers + float64s + float32s + texts

    private func encoded(_ leaf: Leaf) -> [UInt8] {
        bytes { LeafCoding.encode(leaf, 0..<leaf.count, with: compressor, into: &$0) }
    }

    @Test("a leaf has these bytes", arguments: written)
    func isWritten(golden: Golden) {
        #expect(encoded(golden.leaf) == golden.bytes)
    }

    @Test("these bytes are this leaf, read whole or its numbers alone", arguments: written + readOnly)
    func isRead(golden: Golden) throws {
        let (type, count) = (ElementType(golden.leaf.elements), golden.leaf.count)
        let leaf = try golden.bytes.withUnsafeBytes {
            try LeafCoding.decode($0, type: type, count: count, with: decompressor)
        }
        #expect(leaf.isExactly(golden.leaf), "\(leaf)")
        var output = [Double](repeating: 777, count: count)
        let areNumbers = try golden.bytes.withUnsafeBytes { bytes in
            try output.withUnsafeMutableBufferPointer {
                try LeafCoding.decodeNumbers(bytes, type: type, with: decompressor, into: $0)
            }
        }
        let numbers = areNumbers ? output : nil
        #expect(numbers?.map(\.bitPattern) == golden.leaf.plainNumbers?.map(\.bitPattern))
    }

    @Test("what is written with a frame is a codec, a length, and a frame of the bytes that the format says")
    func frames() throws {
        let numbers = encoded(Self.shuffled)
        try check(numbers, begin: "00 05", frameOf: Self.planes)
        let column = TextColumn(Self.distinctTexts)
        let texts = encoded(Leaf(.text(column)))
        try check(texts, begin: "00 03 01 34 4e", frameOf: column.bytes)
    }

    private func check(_ written: [UInt8], begin beginning: String, frameOf plain: [UInt8]) throws {
        let expected = bytes(ofHex: beginning)
        #expect(written.starts(with: expected))
        // Both are short: a length is one byte.
        let rest = written.dropFirst(expected.count)
        let frame = Array(rest.dropFirst())
        #expect(rest.first.map { Int($0) } == frame.count)
        let found = try frame.withUnsafeBytes { try decompressor.decompress($0, byteCount: plain.count) }
        #expect(found == plain)
    }
}

extension Leaf {
    /// Whether the elements are the same bits, and what stands beside them is the same.
    fileprivate func isExactly(_ other: Leaf) -> Bool {
        guard nulls == other.nulls, texts == other.texts, wholeNumbersAreBare == other.wholeNumbersAreBare
        else { return false }
        switch (elements, other.elements) {
        case (.float64(let left), .float64(let right)):
            return left.map(\.bitPattern) == right.map(\.bitPattern)
        case (.float32(let left), .float32(let right)):
            return left.map(\.bitPattern) == right.map(\.bitPattern)
        default: return elements == other.elements
        }
    }
}
