// What is done to a log in a test, and what it must then hold.
//
// Invariants:
//  * A history is a function of its seed.
//  * `LogModel` is the plain array that the log is compared with; it knows no file and no block.

import Bytes
import EventLog
import Records
import Segments
import Simulation
import TestSupport

/// One thing of a commit, encoded once for all runs of its history.
package struct Part {
    package let item: AppendItem
    /// Topic and partition; nil for an event.
    package let key: String?
    package let texts: [String]
    private(set) var records: [ModelRecord] = []
    /// What a retry of it would be told by.
    package var requestKey: RequestKey?

    package init(_ event: Event) {
        item = .event(event)
        key = nil
        texts = ["\(event.name) \(String(decoding: event.document, as: UTF8.self))"]
    }

    /// Records as a column block, or as a small one.
    package init(_ records: [ModelRecord], topic: String, partition: String, isSmall: Bool) {
        let batch = RecordBatch(records)
        item =
            isSmall
            ? .small(batch, AppendSource(topic: topic, partition: partition))
            : .columns(BlockEncoder().encode(batch, topic: topic, partition: partition))
        key = "\(topic)/\(partition)"
        texts = records.map(\.text)
        self.records = records
    }
}

package enum Step {
    case commit([Part])
    /// Seals, lets the writer go, and opens again.
    case close
    /// Lets the writer go as a killed process does, and opens again.
    case kill
    /// Lets some sealed or unsealed blocks go, as retention does; which, the number says.
    case letGo(UInt64)
    case delete(topic: String)
    case redact(topic: String, field: String)
    /// Rewrites what is due; all that is sealed where it regroups.
    case compact(regroups: Bool)
    /// Copies the log to a directory beside it, while the writer commits these and rewrites.
    case snapshot([Part])
}

package struct LogModel: Hashable {
    package var records: [String: [String]] = [:]
    package var events: [String] = []
    /// Idempotency keys, with the records they stand for.
    package var keys: [String: AppendedSpan] = [:]
    /// Records by their texts: a text is that of one record.
    private var known: [String: ModelRecord] = [:]

    mutating func apply(_ tombstone: Tombstone) {
        events.append("\(Tombstone.eventName) \(String(decoding: tombstone.event.document, as: UTF8.self))")
        for (partition, ranges) in tombstone.ranges {
            for range in ranges.ranges {
                for index in range {
                    records["\(tombstone.topic)/\(partition)"]?[Int(index)] = LogContents.letGo
                }
            }
        }
        guard let field = tombstone.field else { return }
        for key in records.keys where key.hasPrefix(tombstone.topic + "/") {
            for index in records[key]!.indices {
                guard var record = known[records[key]![index]] else { continue }
                record.fields[field] = nil
                known[record.text] = record
                records[key]![index] = record.text
            }
        }
    }

    package mutating func apply(_ parts: [Part]) {
        for part in parts {
            for (record, text) in zip(part.records, part.texts) { known[text] = record }
            if let key = part.requestKey, let span = span(part), keys[key.text] == nil {
                keys[key.text] = span
            }
            if let key = part.key { records[key, default: []] += part.texts } else { events += part.texts }
        }
    }

    /// The addresses that a part's records get next; nil for an event.
    func span(_ part: Part) -> AppendedSpan? {
        guard let key = part.key else { return nil }
        let names = key.split(separator: "/").map(String.init)
        let first = UInt64(records[key]?.count ?? 0)
        return AppendedSpan(
            topic: names[0], partition: names[1], firstIndex: first,
            endIndex: first + UInt64(part.texts.count))
    }

    package func applying(_ parts: [Part]) -> LogModel {
        var next = self
        next.apply(parts)
        return next
    }

    /// How what a writer remembers of keys differs, in a sentence; nil where it does not.
    package func difference(_ memory: KeyMemory) -> String? {
        for (key, span) in keys {
            let found = memory.span(topic: span.topic, key: key, at: SeededGenerator.historyTime)
            if found != span {
                return
                    "the key \(key) stands for \(String(describing: found)), it was acknowledged with \(span)"
            }
        }
        return memory.count == keys.count
            ? nil : "\(memory.count) keys are remembered, \(keys.count) were acknowledged"
    }

    /// How `contents` differs, in a sentence; nil where it does not.
    package func difference(_ contents: LogContents) -> String? {
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
    package mutating func chance(_ numerator: Int, in denominator: Int) -> Bool {
        Int.random(in: 0..<denominator, using: &self) < numerator
    }

    package static let historyTime: Int64 = 1_700_000_000_000

    /// A commit of one to four parts, mostly single records.
    package mutating func parts(at number: Int) -> [Part] {
        let partCount = chance(1, in: 2) ? 1 : Int.random(in: 2...4, using: &self)
        return (0..<partCount).map { position in
            let topic = chance(3, in: 4) ? "fraud" : "churn"
            let partition = chance(3, in: 4) ? "engine" : "edge-1"
            let time = SeededGenerator.historyTime + Int64(number) * 20
            var part = part(at: number, position, topic, partition, time)
            if part.key != nil, chance(1, in: 3) {
                part.requestKey = RequestKey(
                    topic: topic, text: "key-\(number).\(position)", request: Fingerprint("\(number)"),
                    time: time)
            }
            return part
        }
    }

    private mutating func part(
        at number: Int, _ position: Int, _ topic: String, _ partition: String, _ time: Int64
    ) -> Part {
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

    /// Mostly commits, and everything else that changes a log's files or copies them.
    package mutating func history(stepCount: Int) -> [Step] {
        (0..<stepCount).map { number in
            switch Int.random(in: 0..<24, using: &self) {
            case 0: .close
            case 1: .kill
            case 2: .letGo(UInt64.random(in: 0...999, using: &self))
            case 3: .compact(regroups: true)
            case 4: .compact(regroups: false)
            case 5:
                if chance(1, in: 3) {
                    .delete(topic: chance(1, in: 2) ? "fraud" : "churn")
                } else {
                    .redact(
                        topic: chance(1, in: 2) ? "fraud" : "churn",
                        field: chance(1, in: 2) ? "in.tensor" : "out.score")
                }
            case 6: .snapshot(parts(at: number))
            default: .commit(parts(at: number))
            }
        }
    }
}
