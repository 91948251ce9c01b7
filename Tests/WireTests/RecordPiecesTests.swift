// Invariants checked: the two at the head of RecordPieces.swift.

import JSON
import Records
import Testing

@testable import Wire

@Suite struct RecordPiecesTests {
    /// The pieces of a text that comes `step` bytes at a time.
    private static func pieces(
        _ text: String, _ kind: RecordText = .array, of byteCount: Int = 48, step: Int = 7
    ) -> [RecordPiece] {
        let bytes = Array(text.utf8)
        var cutter = RecordCutter(kind, byteCount: byteCount)
        var pieces: [RecordPiece] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            let end = min(bytes.count, start + step)
            if let piece = bytes[start..<end].withUnsafeBytes({ cutter.add($0) }) { pieces.append(piece) }
        }
        return pieces + [cutter.finish()]
    }

    private static func joined(
        _ text: String, _ kind: RecordText = .array, of byteCount: Int = 48, step: Int = 7,
        float32Fields: Set<String> = []
    ) -> ParsedRecords? {
        let read = pieces(text, kind, of: byteCount, step: step).map { RecordParser.parse($0, as: kind) }
        let found = read.compactMap { $0 }
        return found.count == read.count ? ParsedRecords(joining: found, float32Fields: float32Fields) : nil
    }

    private static func whole(
        _ text: String, _ kind: RecordText = .array, float32Fields: Set<String> = []
    ) -> ParsedRecords? {
        try? RecordParser.parse(Array(text.utf8), as: kind, float32Fields: float32Fields)
    }

    @Test(
        "random bodies in pieces are what they are as a whole, or nothing",
        arguments: [RecordText.array, .lines])
    func randomBodies(kind: RecordText) {
        var joinedCount = 0
        for seed in UInt64(0)..<400 {
            var rows = PostedRows(seed: seed)
            let text = rows.body(rowCount: Int(seed % 5) + 2, lines: kind == .lines)
            let fields: Set<String> = seed % 2 == 0 ? [] : ["in.a", "out.a"]
            let (size, step) = (16 << Int(seed % 3), Int(seed % 31) + 9)
            let pieces = Self.pieces(text, kind, of: size, step: step)
            #expect(pieces.first?.isFirst == true && pieces.dropFirst().allSatisfy { !$0.isFirst })
            guard pieces.count > 1,
                let joined = Self.joined(text, kind, of: size, step: step, float32Fields: fields)
            else { continue }
            joinedCount += 1
            #expect(joined == Self.whole(text, kind, float32Fields: fields), "seed \(seed): \(text)")
        }
        #expect(joinedCount > 20, "too few bodies were read in pieces to say anything")
    }

    @Test("what looks like the end of a row and is none is found out")
    func falseCuts() {
        let inText = "[" + (0..<9).map { "{\"x\":\"a},{b\",\"n\":\($0)}" }.joined(separator: ",") + "]"
        let inList =
            "[" + (0..<9).map { "{\"x\":[{\"a\":1},{\"a\":2}],\"n\":\($0)}" }.joined(separator: ",") + "]"
        for text in [inText, inList] {
            for step in 1...60 {
                let joined = Self.joined(text, of: 20, step: step)
                #expect(joined == nil || joined == Self.whole(text), "\(step)")
            }
        }
        #expect(Self.joined(inText, of: 20, step: 1) == nil)
    }

    @Test("a body that is refused is not had in pieces")
    func refused() {
        let rows = (0..<12).map { "{\"x\":\($0),\"yyyyyyyyyyyy\":\($0).5}" }
        let list = rows.joined(separator: ",")
        for text in [
            list, "[\(list)", "[\(list),]", "[\(list)]]", "[\(list)] x", "[\(list)],{\"x\":1}", "[,\(list)]",
            "[\(list),,\(list)]", "[\(list)],[\(list)]", "[\(list),{\"x\":1,\"x\":1},\(list)]",
            "[\(list) \(list)]", "[\(list)]\n[\(list)]", "{\"a\":[\(list)]}",
        ] {
            #expect(Self.whole(text) == nil)
            for step in [1, 7, 50, 1000] { #expect(Self.joined(text, step: step) == nil, "\(text)") }
        }
        let lines = rows.joined(separator: "\n")
        for text in [list, "\(lines),\(lines)", "\(lines) \(lines)", "\(lines)\n,\n\(lines)", "\(lines)\n{"] {
            #expect(Self.whole(text, .lines) == nil)
            for step in [1, 7, 50, 1000] { #expect(Self.joined(text, .lines, step: step) == nil, "\(text)") }
        }
    }

    @Test("rows without a time keep their places")
    func timeAbsent() throws {
        let text =
            "[" + (0..<40).map { $0 % 3 == 0 ? "{\"x\":1.5}" : "{\"time\":\($0)}" }.joined(separator: " , ")
            + "]"
        let joined = try #require(Self.joined(text))
        #expect(Self.pieces(text).count > 4)
        #expect(joined == Self.whole(text))
        #expect(joined.timeAbsent.count == 14)
    }
}
