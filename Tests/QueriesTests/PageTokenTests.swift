// Invariants checked: the four at the head of PageToken.swift; that pages by token are stable stands in
// RecordReadingTests.swift.

import Bytes
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
        PageToken(cut: 0, place: .address(AddressPlace(partition: "a", positions: [:]))),
        PageToken(
            cut: 2,
            place: .address(AddressPlace(partition: "", positions: ["a": 0, "größe": .max, "": 7]))),
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
                parsing: PageToken(cut: 4, place: tokens[0].place).text(for: question), for: question,
                in: snapshot)
        }
    }

    // Two checksums of one text, begun differently, differ by what its length says alone: half of the bits said nothing.
    @Test("no half of a question's fingerprint follows from the other")
    func fingerprint() throws {
        let halves = try ["fraud", "churn", "other", "fraue"].map { topic in
            var other = question
            other.topic = topic
            // Behind version and checksum.
            let bytes = try #require([UInt8](hexadecimal: tokens[0].text(for: other)))[5..<13]
            return zip(bytes.prefix(4), bytes.suffix(4)).map { $0 ^ $1 }
        }
        #expect(Set(halves).count == halves.count)
    }

    @Test("a token with a list of all partitions, as it was given before, is refused as such")
    func outdated() throws {
        let snapshot = try model().snapshot
        // Its kind is in the byte behind version, checksum, fingerprint and a short cut.
        var bytes = try #require([UInt8](hexadecimal: tokens[0].text(for: question)))
        try #require(bytes[14] == 2)
        bytes[14] = 0
        let checksum = Checksum.crc32c(Array(bytes[5...]))
        for place in 0..<4 { bytes[1 + place] = UInt8(truncatingIfNeeded: checksum >> (8 * place)) }
        #expect(throws: PageToken.Refusal.outdated) {
            try PageToken(parsing: bytes.hexadecimalText, for: question, in: snapshot)
        }
    }

    // It named the next index of every partition: of 3,000 132 kB, which our own server refused.
    @Test(
        "a token is as long with a thousand partitions as with one, and goes on where a client had begun",
        arguments: [true, false])
    func manyPartitions(newestFirst: Bool) throws {
        var model = try QueryModel()
        for number in 0..<300 {
            try model.append(
                [0, 1].map { ModelRecord(time: $0, fields: ["in.x": .int64(Int64(number * 2) + $0)]) },
                partition: "partition-\(1000 + number)", isSmall: true)
        }
        let snapshot = model.snapshot
        // The client had seen one record of each of these.
        var positions = ["partition-1150": 1, "partition-1299": 1, "partition-1000": 1] as [String: UInt64]
        let wanted = model.rows.filter { row in
            positions[row.partition].map { newestFirst ? row.index < $0 : row.index >= $0 } ?? true
        }.map(\.record.text)
        var partition: String?
        var texts: [String] = []
        for _ in 0..<200 {
            let page = try RecordScan(snapshot).page(
                topic: "fraud", positions: positions, from: partition, cut: snapshot.cut, limit: 7,
                newestFirst: newestFirst)
            texts += page.rows.texts
            guard page.isFull, let place = page.place else { break }
            let token = PageToken(cut: snapshot.cut, place: .address(place))
            #expect(token.text(for: question).utf8.count < 250)
            (positions, partition) = (place.positions, place.partition)
        }
        #expect(texts == (newestFirst ? wanted.reversed() : wanted))
    }
}
