// What is done to a log in a test, and what it must then hold.
//
// Invariants:
//  * A history is a function of its seed.
//  * `LogModel` is the plain array that the log is compared with; it knows no file and no block.

import Records
import Segments
import Simulation
import TestSupport

@testable import EventLog

/// One thing of a commit, encoded once for all runs of its history.
struct Part {
    let item: AppendItem
    /// Topic and partition; nil for an event.
    let key: String?
    let texts: [String]

    init(_ event: Event) {
        item = .event(event)
        key = nil
        texts = ["\(event.name) \(String(decoding: event.document, as: UTF8.self))"]
    }

    /// Records as a column block, or as a small one.
    init(_ records: [ModelRecord], topic: String, partition: String, isSmall: Bool) {
        let batch = RecordBatch(records)
        let block = BlockEncoder().encode(
            batch, topic: topic, partition: partition, kind: isSmall ? .small : .columns)
        item = isSmall ? .small(block, batch) : .columns(block)
        key = "\(topic)/\(partition)"
        texts = records.map(\.text)
    }
}

enum Step {
    case commit([Part])
    /// Seals, lets the writer go, and opens again.
    case close
    /// Lets the writer go as a killed process does, and opens again.
    case kill
}

struct LogModel: Hashable {
    var records: [String: [String]] = [:]
    var events: [String] = []

    mutating func apply(_ parts: [Part]) {
        for part in parts {
            if let key = part.key { records[key, default: []] += part.texts } else { events += part.texts }
        }
    }

    func applying(_ parts: [Part]) -> LogModel {
        var next = self
        next.apply(parts)
        return next
    }

    /// How `contents` differs, in a sentence; nil where it does not.
    func difference(_ contents: LogContents) -> String? {
        if let contradiction = contents.contradictions.first { return contradiction }
        for key in Set(records.keys).union(contents.records.keys).sorted() {
            let expected = records[key] ?? []
            let found = contents.records[key] ?? []
            if expected.count != found.count {
                return "\(key) holds \(found.count) records, \(expected.count) were acknowledged"
            }
            for index in expected.indices where expected[index] != found[index] {
                return "\(key) \(index) is \(found[index]), \(expected[index]) was acknowledged"
            }
        }
        if events != contents.events { return "events are \(contents.events), acknowledged were \(events)" }
        return nil
    }
}

extension SeededGenerator {
    mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
        Int.random(in: 0..<denominator, using: &self) < numerator
    }

    /// A commit of one to four parts, mostly single records.
    mutating func parts(at number: Int) -> [Part] {
        let partCount = chance(1, in: 2) ? 1 : Int.random(in: 2...4, using: &self)
        return (0..<partCount).map { position in
            let topic = chance(3, in: 4) ? "fraud" : "churn"
            let partition = chance(3, in: 4) ? "engine" : "edge-1"
            let time = 1_700_000_000_000 + Int64(number) * 20
            switch Int.random(in: 0..<10, using: &self) {
            case 0:
                let text = String(repeating: "x", count: chance(1, in: 3) ? 900 : 3)
                return Part(
                    Event(
                        name: "assay.defined",
                        document: Array("{\"id\":\(number).\(position),\"t\":\"\(text)\"}".utf8)))
            case 1...2:
                let count = Int.random(in: 3...12, using: &self)
                return Part(
                    records(count: count, near: time), topic: topic, partition: partition, isSmall: false)
            default:
                let count = chance(3, in: 4) ? 1 : Int.random(in: 2...4, using: &self)
                return Part(
                    records(count: count, near: time), topic: topic, partition: partition, isSmall: true)
            }
        }
    }

    /// Commits, closings and kills.
    mutating func history(stepCount: Int) -> [Step] {
        (0..<stepCount).map { number in
            switch Int.random(in: 0..<16, using: &self) {
            case 0: .close
            case 1: .kill
            default: .commit(parts(at: number))
            }
        }
    }
}
