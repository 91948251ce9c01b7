// Invariants checked: the three at the head of PageToken.swift; that pages by token are stable stands in
// RecordReadingTests.swift.

import EventLog
import Records
import TestSupport
import Testing

@testable import Queries

@Suite struct PageTokenTests {
    private let question = PageToken.Question(
        topic: "fraud", window: .always, filter: RecordFilter(partitions: ["a", "größe"], modelName: "m"),
        newestFirst: false)

    private let tokens = [
        PageToken(cut: 0, place: .address([:])),
        PageToken(cut: 2, place: .address(["a": 0, "größe": .max, "": 7])),
        PageToken(cut: 3, place: .behind(RecordKey(time: -5, partition: "größe", index: 12))),
        PageToken(cut: 1, place: .behind(RecordKey(time: .max, partition: "", index: 0))),
    ]

    private func model() throws -> QueryModel {
        var model = try QueryModel()
        for time in 0..<3 { try model.append([ModelRecord(time: Int64(time), fields: [:])]) }
        return model
    }

    @Test("a token comes back as it was given")
    func roundTrip() throws {
        let snapshot = try model().snapshot
        for token in tokens {
            #expect(try PageToken(parsing: token.text(for: question), for: question, in: snapshot) == token)
        }
    }

    @Test("a token that was changed or cut anywhere is refused")
    func changed() throws {
        let snapshot = try model().snapshot
        for token in tokens {
            let text = Array(token.text(for: question).utf8)
            var changed = (0..<text.count).map { Array(text[..<$0]) } + [text + Array("00".utf8)]
            for place in text.indices {
                for digit in "0f".utf8 where text[place] != digit {
                    var other = text
                    other[place] = digit
                    changed.append(other)
                }
            }
            changed += [
                Array("~".utf8), Array("zz".utf8), text.map { $0 == UInt8(ascii: "a") ? 0x41 : $0 } + [0x41],
            ]
            for bytes in changed {
                #expect(throws: PageToken.Refusal.malformed) {
                    try PageToken(
                        parsing: String(decoding: bytes, as: UTF8.self), for: question, in: snapshot)
                }
            }
        }
    }

    @Test("a token of another question, or of another log, is refused")
    func foreign() throws {
        let snapshot = try model().snapshot
        let text = tokens[1].text(for: question)
        var others = [PageToken.Question](repeating: question, count: 7)
        others[0].topic = "churn"
        others[1].window = TimeWindow(0, 5)
        others[2].filter.modelName = nil
        others[3].filter.partitions = ["a"]
        others[4].newestFirst = true
        others[5].filter.pipelineVersion = ""
        others[6].filter.partitions = nil
        for other in others {
            #expect(throws: PageToken.Refusal.otherQuestion) {
                try PageToken(parsing: text, for: other, in: snapshot)
            }
        }
        #expect(throws: PageToken.Refusal.laterCut(4)) {
            try PageToken(
                parsing: PageToken(cut: 4, place: .address([:])).text(for: question), for: question,
                in: snapshot)
        }
    }
}
