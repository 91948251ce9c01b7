// Invariant checked: small bodies that are read together make the batch that one body of their rows makes,
// or are not read together at all.

import Bytes
import JSON
import Records
import Testing

@testable import Wire

@Suite struct RecordParserTogetherTests {
    private static func together(
        _ texts: [String], _ kind: RecordText = .array, float32Fields: Set<ExactText> = []
    ) -> (records: ParsedRecords, rowCounts: [Int])? {
        RecordParser.parse(together: texts.map { Array($0.utf8) }, as: kind, float32Fields: float32Fields)
    }

    private static func isSettled(_ batch: RecordBatch) -> Bool {
        batch.fields.allSatisfy { field in
            switch field.values {
            case .list, .json: false
            default: true
            }
        }
    }

    @Test("random rows, cut into bodies anywhere, are the batch of the whole body")
    func asOneBody() throws {
        var readCount = 0
        for seed in UInt64(0)..<600 {
            var rows = PostedRows(seed: seed)
            let whole = rows.body(rowCount: Int(seed % 9) + 2, lines: true)
            let lines = whole.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }.map(
                String.init)
            // One to three rows a body.
            var bodies: [[String]] = []
            for (position, line) in lines.enumerated() {
                if position % 3 == 0 || (seed + UInt64(position)) % 2 == 0 { bodies.append([]) }
                bodies[bodies.count - 1].append(line)
            }
            let fields: Set<ExactText> = seed % 2 == 0 ? [] : ["in.a", "out.a"]
            let array = Self.together(
                bodies.map { "[" + $0.joined(separator: ",") + "]" }, float32Fields: fields)
            let ndjson = Self.together(
                bodies.map { $0.joined(separator: "\n") }, .lines, float32Fields: fields)
            let expected: ParsedRecords?
            do throws(RecordParseError) {
                expected = try RecordParser.parse(Array(whole.utf8), as: .lines, float32Fields: fields)
            } catch { expected = nil }
            guard let expected, Self.isSettled(expected.batch) else {
                #expect(array == nil && ndjson == nil, "seed \(seed)")
                continue
            }
            readCount += 1
            #expect(array?.records == expected, "seed \(seed)")
            #expect(ndjson?.records == expected, "seed \(seed)")
            #expect(array?.rowCounts == bodies.map(\.count), "seed \(seed)")
        }
        #expect(readCount > 20, "too few bodies were read together to say anything")
    }

    @Test(
        "what one of them alone is refused for refuses none of the others",
        arguments: [
            "{\"x\":1}", "[{\"x\":1}", "[{\"x\":1,}]", "[{\"x\":1}] 2", "[{\"x\":1,\"x\":2}]",
            "[{\"time\":\"a\"}]",
        ])
    func refused(bad: String) {
        #expect(Self.together(["[{\"x\":1}]", bad, "[{\"x\":2}]"]) == nil)
        #expect(Self.together(["[{\"x\":1}]", "[{\"x\":2}]"])?.rowCounts == [1, 1])
    }

    @Test("a body does not go on in the next one")
    func bounds() {
        #expect(Self.together(["[{\"x\":1", "2}]"]) == nil)
        #expect(Self.together(["{\"x\":1}\n{\"x\":", "2}"], .lines) == nil)
        #expect(Self.together(["{\"x\":1}", "{\"x\":2}"], .lines)?.rowCounts == [1, 1])
    }

    @Test(
        "a value of another kind does not change what the others' column is",
        arguments: ["\"a\"", "[1,2]", "{}", "[[1]]", "true"])
    func unlike(other: String) {
        #expect(Self.together(["[{\"x\":[1]}]", "[{\"x\":\(other)}]"]) == nil)
    }
}
